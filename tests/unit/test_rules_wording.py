"""Cells are read as they are said, and what cannot be read is told in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licensing.rules import wording
from licensing.rules.facts import Type
from licensing.rules.tables import ANYTHING, Cell
from licensing.rules.wording import Unreadable

TEXTS = st.one_of(
    st.sampled_from(
        [
            "any",
            "not given",
            "in x",
            "not a",
            "",
            " ",
            "a,b",
            "a;b",
            '"',
            "\\",
            "5",
            "5 to 7",
            "> 3",
        ]
    ),
    st.text(max_size=12),
)
VALUES: dict[Type, st.SearchStrategy[object]] = {
    "string": TEXTS, "integer": st.integers(-(10**14), 10**14), "boolean": st.booleans(),
}  # fmt: skip


@st.composite
def cells(draw: st.DrawFn) -> tuple[Cell, Type]:
    """A cell that says at least something of a type."""
    kind = draw(st.sampled_from(sorted(VALUES)))
    some = st.lists(VALUES[kind], max_size=4).map(tuple)
    number = st.none() | st.integers(-999, 999)
    bounds = {}
    if kind == "integer":
        bounds = {name: draw(number) for name in ("gt", "lt")}
        low, high = draw(number), draw(number)
        if low is not None and high is not None:
            low, high = min(low, high), max(low, high)
        bounds |= {"ge": low, "le": high}
    cell = Cell(
        in_=draw(st.none() | some), not_in=draw(st.none() | some),
        list=draw(st.none() | st.text(min_size=1, max_size=8)),
        is_null=draw(st.none() | st.booleans()), **bounds,
    )  # fmt: skip
    return cell, kind


@given(cells())
def test_what_is_said_is_read_as_it_was(told: tuple[Cell, Type]) -> None:
    cell, kind = told
    assert wording.read(wording.said(cell), kind) == cell


@pytest.mark.parametrize(
    ("text", "kind", "cell"),
    [
        ("", "string", ANYTHING),
        (" Any ", "string", ANYTHING),
        ("basic, premium", "string", Cell(in_=("basic", "premium"))),
        ("not JP, KR", "string", Cell(not_in=("JP", "KR"))),
        ('"Universal, Inc", Toho', "string", Cell(in_=("Universal, Inc", "Toho"))),
        ('not "in x", b', "string", Cell(not_in=("in x", "b"))),
        ("in EEA", "string", Cell(list="EEA")),
        (">= 16", "integer", Cell(ge=16)),
        ("at most 3", "integer", Cell(le=3)),
        ("12..48", "integer", Cell(ge=12, le=48)),
        ("> 3; < 9; not 5", "integer", Cell(gt=3, lt=9, not_in=(5,))),
        ("Yes", "boolean", Cell(in_=(True,))),
        ("not given", "integer", Cell(is_null=True)),
        ("5", "string", Cell(in_=("5",))),
        ("nothing", "integer", Cell(in_=())),
        ("Yes, Minister", "string", Cell(in_=("Yes", "Minister"))),
    ],
)
def test_people_write_in_several_ways(text: str, kind: Type, cell: Cell) -> None:
    assert wording.read(text, kind) == cell


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("twelve", "integer", "not a whole number"),
        ("maybe", "boolean", "not yes or no"),
        ("> 3", "string", "Only numbers"),
        ("9 to 3", "integer", "holds nothing"),
        ('"open', "string", "quotation mark"),
        ("a,,b", "string", "between two commas"),
        ("> 3; > 4", "integer", "twice"),
        ("x" * 5000, "string", "longer than"),
        ("1" * 30, "integer", "not a whole number"),
    ],
)
def test_what_says_no_cell_is_told(text: str, kind: Type, words: str) -> None:
    with pytest.raises(Unreadable, match=words):
        wording.read(text, kind)


@given(st.text(), st.sampled_from(sorted(VALUES)))
def test_any_text_is_read_or_refused(text: str, kind: Type) -> None:
    try:
        cell = wording.read(text, kind)
    except Unreadable:
        return
    assert wording.read(wording.said(cell), kind) == cell
