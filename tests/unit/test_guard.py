"""What the guard lets in, and the place it names for what it does not."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from licensing import guard
from licensing.guard import MAX_INTEGER, Refused, check, check_fields, read_json
from tests import corpus


def brief(value: object) -> str:
    """A name of a case that fits a line."""
    return repr(value)[:40] if isinstance(value, bytes | str) else ""


@pytest.mark.parametrize(("data", "path"), corpus.INVALID, ids=brief)
def test_it_names_the_place_of_the_fault(data: bytes, path: str) -> None:
    with pytest.raises(Refused) as refused:
        read_json(data)
    assert (refused.value.code, refused.value.path) == ("invalid_input", path)


@pytest.mark.parametrize("data", corpus.MALFORMED, ids=brief)
def test_malformed_json_is_said_to_be_so(data: bytes) -> None:
    with pytest.raises(Refused) as refused:
        read_json(data)
    assert refused.value.code == "malformed_json"
    assert "line " in refused.value.message


@pytest.mark.parametrize("data", corpus.LARGE, ids=brief)
def test_a_large_body_is_refused_by_its_size(data: bytes) -> None:
    with pytest.raises(Refused) as refused:
        read_json(data)
    assert refused.value.code == "body_too_large"


def test_the_bounds_themselves_are_within() -> None:
    deepest = b'{"a":' + b"[" * 31 + b"]" * 31 + b"}"
    assert read_json(deepest)
    assert read_json(b'{"a": 9007199254740991, "b": -9007199254740991}')["a"] == MAX_INTEGER
    assert read_json(b'{"' + b"k" * 128 + b'": "' + b"s" * 4_096 + b'"}')


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"a": {"b": ["x" * 4_097]}}, "a.b[0]"),
        ({"a": [0] * 2_001}, "a[1999]"),
        ({"a": {"k" * 129: 1}}, "a." + "k" * 129),
        ({"a": "\x00"}, "a"),
    ],
)
def test_what_another_door_let_in_is_looked_at_again(value: dict[str, object], path: str) -> None:
    with pytest.raises(Refused) as refused:
        check(value)
    assert refused.value.path == path


def test_wider_bounds_are_wider_in_size_alone() -> None:
    wider = guard.Bounds(10**6, 10**4, 10**5)
    check({"a": ["x" * 4_097] * 2_001}, wider)
    with pytest.raises(Refused):
        check({"a": "\x00"}, wider)


@pytest.mark.parametrize(
    ("fields", "code", "path"),
    [
        ([("a", ["fine", "also\nfine", "é😀"])], "", ""),
        ([("a", ["x\x00"])], "invalid_input", "a"),
        ([("a\x00", ["x"])], "invalid_input", "a\\u0000"),
        ([("a", ["x"]), ("b", ["fine", "\ud83d"])], "invalid_input", "b"),
        ([("a" * 129, ["x"])], "invalid_input", "a" * 129),
        ([("a", ["x" * (1024 * 1024 + 1)])], "invalid_input", "a"),
        ([("a", ["x"] * 5_001)], "body_too_large", "a"),
        ([(str(n), ["x" * 1024 * 1024]) for n in range(3)], "body_too_large", "2"),
    ],
)
def test_the_fields_of_a_form(fields: list[tuple[str, list[str]]], code: str, path: str) -> None:
    found = ("", "")
    try:
        check_fields(fields)
    except Refused as refused:
        found = (refused.code, refused.path)
    assert found == (code, path)


@pytest.mark.parametrize("odd", corpus.TEXTS, ids=lambda odd: odd.about)
def test_an_odd_text_comes_through_whole_or_not_at_all(odd: corpus.Text) -> None:
    written = json.dumps({"a": [odd.text]}).encode()
    if not odd.banned:
        assert read_json(written) == {"a": [odd.text]}
        return
    with pytest.raises(Refused) as refused:
        read_json(written)
    assert refused.value.path == "a[0]"


def test_the_corpus_is_large_and_says_nothing_twice() -> None:
    assert len({*corpus.BODIES}) + len({odd.text for odd in corpus.TEXTS}) >= 200
    assert len({odd.about for odd in corpus.TEXTS}) == len(corpus.TEXTS)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-MAX_INTEGER, MAX_INTEGER)
    | st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=4)
    ),
    max_leaves=20,
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.text("abcdé☃", max_size=5), json_values, max_size=5))
def test_plain_json_comes_through_unchanged(value: dict[str, object]) -> None:
    assert read_json(json.dumps(value).encode()) == value


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200) | st.text('{}[]",:\\u0d8eE.-1a ', max_size=60).map(str.encode))
def test_nothing_but_a_refusal_comes_out(data: bytes) -> None:
    path = "as it should be"
    try:
        assert isinstance(read_json(data), dict)
    except Refused as refused:
        path = refused.path
    assert path.encode()
