"""Drafts are changed one thing at a time, and tables go to sheets and come back as they were."""

import copy
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from licensing import rules
from licensing.rules import drafting, sheets
from licensing.rules.edits import between
from licensing.rules.ruleset import RuleSet, hash_of
from licensing.rules.sheets import Faulty

DEMO = Path(__file__).parents[2] / "licensing" / "demo"
DOCUMENT: dict[str, Any] = json.loads((DEMO / "rules_2.json").read_text())
BEFORE = copy.deepcopy(DOCUMENT)


@pytest.fixture(autouse=True)
def _nothing_is_changed_in_place() -> Any:
    yield
    assert DOCUMENT == BEFORE


def lines(document: dict[str, Any], table_id: str) -> list[list[str]]:
    ruleset = msgspec.convert(document, RuleSet)
    table = next(each for each in ruleset.tables if each.id == table_id)
    return sheets.sheet(ruleset, table)


def paths(after: dict[str, Any]) -> list[tuple[str, ...]]:
    return [edit.path for edit in between(DOCUMENT, after)]


@pytest.mark.parametrize("table_id", ["base", "studio", "device", "withdrawn"])
def test_a_table_comes_back_as_it_went(table_id: str) -> None:
    made = sheets.taken(DOCUMENT, table_id, lines(DOCUMENT, table_id))
    assert hash_of(made) == hash_of(DOCUMENT)


def test_a_rich_row_comes_back_as_it_went() -> None:
    rich = drafting.edited(
        DOCUMENT,
        "st-warner",
        {
            "when.country": {"not_in": ["JP", "any"]},
            "from": "2026-12-01T00:00:00Z",
            "to": "2027-01-01T08:30:00Z",
            "label": "=cmd|' /C calc'!A0",
            "disabled": True,
            "source": None,
        },
    )
    assert hash_of(sheets.taken(rich, "studio", lines(rich, "studio"))) == hash_of(rich)
    assert rules.faults(rich) is not None


def test_a_sheet_adds_changes_reorders_and_removes_rows_and_keeps_ids() -> None:
    header, universal, paramount, _ = lines(DOCUMENT, "studio")
    label = header.index("label")
    universal[label] = "Universal, by the year"
    new = ["", "Toho", "Toho", "JP", "5", *[""] * (len(header) - 5)]
    made = sheets.taken(DOCUMENT, "studio", [header, paramount, universal, new, [""] * 3])
    rows = drafting.table(made, "studio")["rows"]
    assert [row["id"] for row in rows] == ["st-title-paramount", "st-universal", "studio-new"]
    assert rows[1]["label"] == "Universal, by the year"
    assert rows[2]["when"] == {"studio": {"in": ["Toho"]}, "country": {"in": ["JP"]}}
    assert rows[2]["then"] == {"studio_year_max": 5}


def test_columns_that_a_sheet_lacks_are_kept() -> None:
    made = sheets.taken(DOCUMENT, "device", [["row", "then max_downloads"], ["dv-tv", "4"]])
    assert paths(made) == [("tables", "device", "rows", "dv-tv", "then", "max_downloads")]


@pytest.mark.parametrize(
    ("sheet", "line", "column", "words"),
    [
        ([], 1, "", "empty"),
        ([["row", "when planet"]], 1, "when planet", "no such column. Did you mean when plan?"),
        ([["row", "row"]], 1, "row", "twice"),
        ([["row", "when plan"], ["b-basic", "premum"]], 2, "when plan", "Did you mean premium?"),
        ([["row", "then max_devices"], ["b-basic", "two"]], 2, "then max_devices", "whole number"),
        ([["row"], ["b-basic"], ["b-basic"]], 3, "row", "Two lines"),
        ([["row"], ["dv-tv"]], 2, "row", "table device has a row"),
        ([["row"], ["no spaces"]], 2, "row", "made of letters"),
        ([["row", "from"], ["b-basic", "soon"]], 2, "from", "is no date"),
        ([["row", "reason"], ["b-basic", "DEVICE"]], 2, "reason", "no reason DEVICE"),
        ([["row", "when plan"], ["b-basic", "in EEA"]], 2, "when plan", "no list EEA"),
        ([["row"], *[[f"r{n}"] for n in range(10_001)]], 10_002, "", "at most 10,000"),
    ],
)
def test_what_cannot_be_taken_is_told_with_its_place(
    sheet: list[list[str]], line: int, column: str, words: str
) -> None:
    with pytest.raises(Faulty) as caught:
        sheets.taken(DOCUMENT, "base", sheet)
    (fault,) = caught.value.faults
    assert (fault.line, fault.column) == (line, column)
    assert words in fault.message


def test_a_block_is_laid_over_rows_and_reaches_beyond_them() -> None:
    block = [["Warner Bros.", "not JP"], ["Toho, Shochiku", "any"]]
    made = sheets.pasted(DOCUMENT, "studio", "st-warner", "when.studio", block)
    rows = drafting.table(made, "studio")["rows"]
    assert [row["id"] for row in rows][2:] == ["st-warner", "studio-new"]
    assert rows[2]["when"]["country"] == {"not_in": ["JP"]}
    assert rows[3]["when"] == {"studio": {"in": ["Toho", "Shochiku"]}}
    with pytest.raises(Faulty) as caught:
        sheets.pasted(DOCUMENT, "base", "b-basic", "then.max_devices", [["x", "y"], ["1", "z"]])
    assert [(each.line, each.column) for each in caught.value.faults] == [
        (1, "then max_devices"), (1, "then max_downloads"), (2, "then max_downloads"),
    ]  # fmt: skip
    with pytest.raises(Faulty, match="1 fault"):
        sheets.pasted(DOCUMENT, "base", "b-basic", "owner", [["a", "no", "b"]])


def test_rows_move_twice_and_away() -> None:
    made, twin = drafting.duplicated(DOCUMENT, "st-universal")
    assert twin == "st-universal-2"
    made = drafting.moved(made, twin, 99)
    made = drafting.moved(made, "st-warner", -99)
    made = drafting.removed(made, "st-title-paramount")
    ids = [row["id"] for row in drafting.table(made, "studio")["rows"]]
    assert ids == ["st-warner", "st-universal", "st-universal-2"]
    with pytest.raises(drafting.NoSuchPlace):
        drafting.moved(made, "st-title-paramount", 1)


def test_a_restriction_nobody_thought_of_is_declared() -> None:
    made = drafting.declared(
        DOCUMENT,
        "facts",
        "quality",
        {"path": "title.quality", "label": "Quality", "type": "string"},
    )
    counter = {
        "of": "downloads", "label": "4K today", "same": ["studio"],
        "window": {"calendar": "day"}, "where": {"title.quality": {"in": ["4K"]}},
    }  # fmt: skip
    made = drafting.declared(made, "counters", "studio_4k_today", counter)
    made = drafting.declared(made, "reasons", "STUDIO_4K_DAILY", "Enough for today.")
    limit = {"fact": "studio_4k_today", "reason": "STUDIO_4K_DAILY", "label": "4K downloads a day",
             "purposes": ["acquire"]}  # fmt: skip
    made = drafting.declared(made, "limits", "studio_4k_max", limit)
    table = {
        "id": "daily", "title": "Daily", "hit": "collect", "inputs": ["studio"],
        "outputs": ["studio_4k_max"], "merge": {"studio_4k_max": "min"}, "rows": [],
    }  # fmt: skip
    made = drafting.with_table(made, table)
    made = drafting.with_columns(
        made, "daily", ["studio", "country", "quality"], ["studio_4k_max"],
        {"studio_4k_max": "min"}, {},
    )  # fmt: skip
    made = drafting.added(made, "daily", {"id": "x", "when": {}, "then": {"studio_4k_max": 2}})
    made = drafting.edited(made, "x", {"when.country": {"in": ["BR"]}})
    made = drafting.with_case(made, {"id": "c", "given": {"plan": "basic"}, "expect": {}})
    assert rules.examine(made) == ()
    assert drafting.without_case(drafting.with_case(made, {"id": "c"}), "c")["cases"] == []
    assert rules.examine(drafting.undeclared(made, "reasons", "STUDIO_4K_DAILY")) != ()


def test_a_base_row_gets_a_value_for_a_new_column() -> None:
    base = drafting.table(DOCUMENT, "base")
    made = drafting.with_columns(
        DOCUMENT, "base", ["plan"], [*base["outputs"], "downgrade"], {}, {"downgrade": 1}
    )
    assert {row["then"]["downgrade"] for row in drafting.table(made, "base")["rows"]} == {1}
    made = drafting.with_columns(made, "base", [], base["outputs"], {}, {})
    assert all(row["when"] == {} for row in drafting.table(made, "base")["rows"])
    assert drafting.without_table(made, "base")["tables"][0]["id"] == "studio"
