"""Two people change one version: nothing of either is lost, and clashes are named."""

import copy
import json
from pathlib import Path
from typing import Any

from licensing.rules import drafting
from licensing.rules.merging import merged

DEMO = Path(__file__).parents[2] / "licensing" / "demo"
BASE: dict[str, Any] = json.loads((DEMO / "rules_2.json").read_text())


def ids(document: dict[str, Any], table_id: str) -> list[str]:
    return [row["id"] for row in drafting.table(document, table_id)["rows"]]


def row(row_id: str) -> dict[str, Any]:
    return {"id": row_id, "when": {}, "then": {"studio_year_max": 3}}


def test_changes_of_different_places_are_both_made() -> None:
    mine = drafting.edited(BASE, "st-warner", {"then.studio_year_max": 9})
    mine = drafting.added(mine, "studio", row("mine"), after="st-universal")
    mine = drafting.declared(mine, "lists", "majors", ["Toho"])
    theirs = drafting.edited(BASE, "b-basic", {"then.max_devices": 2})
    theirs = drafting.added(theirs, "studio", row("theirs"))
    theirs = drafting.removed(theirs, "st-title-paramount")
    both = merged(BASE, mine, theirs)
    assert both.clashes == ()
    assert ids(both.document, "studio") == ["st-universal", "mine", "st-warner", "theirs"]
    assert drafting.row(both.document, "st-warner")[1]["then"]["studio_year_max"] == 9
    assert drafting.row(both.document, "b-basic")[1]["then"]["max_devices"] == 2
    assert both.document["lists"] == {"majors": ["Toho"]}


def test_a_clash_is_named_and_theirs_counts_unless_mine_is_chosen() -> None:
    mine = drafting.edited(BASE, "b-basic", {"then.max_devices": 3})
    theirs = drafting.edited(BASE, "b-basic", {"then.max_devices": 2})
    both = merged(BASE, mine, theirs)
    (clash,) = both.clashes
    assert (clash.mine.after, clash.theirs[0].after) == (3, 2)
    assert both.document == theirs
    assert merged(BASE, mine, theirs, [clash.path]).document == mine


def test_the_same_change_is_no_clash() -> None:
    mine = drafting.edited(BASE, "b-basic", {"then.max_devices": 3})
    assert merged(BASE, mine, copy.deepcopy(mine)).clashes == ()
    assert merged(BASE, mine, copy.deepcopy(mine)).document == mine


def test_an_edit_of_a_row_that_they_removed_is_a_clash_and_makes_no_stump() -> None:
    mine = drafting.edited(BASE, "st-warner", {"then.studio_year_max": 9, "label": "W"})
    theirs = drafting.removed(BASE, "st-warner")
    both = merged(BASE, mine, theirs)
    assert len(both.clashes) == 2
    kept = merged(BASE, mine, theirs, [each.path for each in both.clashes])
    assert both.document == kept.document == theirs


def test_a_row_that_i_removed_and_they_edited_is_a_clash() -> None:
    mine = drafting.removed(BASE, "st-warner")
    theirs = drafting.edited(BASE, "st-warner", {"then.studio_year_max": 9})
    both = merged(BASE, mine, theirs)
    assert [clash.path[-1] for clash in both.clashes] == ["st-warner"]
    assert "st-warner" in ids(both.document, "studio")
    kept = merged(BASE, mine, theirs, [both.clashes[0].path])
    assert "st-warner" not in ids(kept.document, "studio")
