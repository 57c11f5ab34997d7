"""What differs between two documents, told in words."""

import copy
import json
from pathlib import Path
from typing import Any

import msgspec

from licensing.rules.edits import between
from licensing.rules.ruleset import RuleSet
from timeline.presenters.rules import difference

DEMO = Path(__file__).parents[2] / "licensing" / "demo"
RULES: dict[str, Any] = json.loads((DEMO / "rules_2.json").read_text())


def test_the_difference_tells_whole_tables_and_declarations() -> None:
    document = copy.deepcopy(RULES)
    row = {"id": "d-1", "when": {"country": {"in": ["BR"]}}, "then": {"max_devices": 2}}
    document["tables"].insert(1, {
        "id": "daily", "title": "Daily limits", "hit": "collect", "inputs": ["country"],
        "outputs": ["max_devices"], "merge": {"max_devices": "min"}, "rows": [row],
    })  # fmt: skip
    document["reasons"]["DAILY"] = "Not today."
    document["counters"]["today"] = {
        "of": "downloads", "same": ["studio"], "window": {"calendar": "day"}, "label": "Today",
    }  # fmt: skip
    document["cases"] = [
        {"id": "one", "given": {"plan": "basic"}, "expect": {"row": "b-basic", "out": {}}}
    ]
    before, after = (msgspec.convert(each, RuleSet) for each in (RULES, document))
    told = difference.told(between(RULES, document), before, after)
    assert {(each.group, each.place, each.how, each.after) for each in told} == {
        ("Daily limits", "Table Daily limits", "added", "a restriction"),
        ("Daily limits", "Row d-1", "added", "Country BR: max devices 2"),
        ("Reasons", "DAILY", "added", "Not today."),
        ("Counters", "today", "added",
         "Today: downloads with the same studio, in the calendar day"),
        ("Examples", "one", "added", "plan basic: granted by b-basic"),
    }  # fmt: skip
    back = difference.told(between(document, RULES), after, before)
    assert {each.how for each in back} == {"removed"}
    turned = copy.deepcopy(RULES)
    turned["tables"].reverse()
    (moved,) = difference.told(between(RULES, turned), before, before)
    assert (moved.group, moved.how) == ("Tables", "moved")
