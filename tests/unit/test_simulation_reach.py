"""What a change of rules does not reach comes out as it did, whatever was counted."""

import copy
import json
import random
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from licensing import rules
from licensing.simulation.first_order import FirstOrder
from licensing.simulation.reach import EVERYWHERE, Pattern, Reach, reach

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DEMO = Path(__file__).parents[2] / "licensing" / "demo"
DOCUMENT = json.loads((DEMO / "rules_2.json").read_text())
PLANS, COUNTRIES = ["basic", "standard", "premium"], ["NL", "BR", "US", "JP", None]
STUDIOS = ["Warner Bros.", "Toho", "Walt Disney", "Universal Pictures", "Nobody's", None]
TITLES, DEVICES = ["metropolis", "ran", "t1"], ["tv", "phone", None]
CELLS = {
    "plan": PLANS, "country": COUNTRIES, "studio": STUDIOS, "title": TITLES,
    "device_type": DEVICES,
}  # fmt: skip


def compiled(document: dict[str, Any]) -> rules.Compiled:
    return rules.Compiled(rules.parse(document))


def changed(change: Callable[[dict[str, Any]], Any], document: Any = DOCUMENT) -> rules.Compiled:
    made = copy.deepcopy(document)
    change(made)
    return compiled(made)


def some_change(dice: random.Random) -> dict[str, Any]:
    """The demo's rules with up to three rows altered, added, moved, disabled or taken out."""
    document = copy.deepcopy(DOCUMENT)
    for number in range(dice.randint(1, 3)):
        table = dice.choice(document["tables"])
        if table["hit"] == "collect" and (dice.random() < 0.4 or not table["rows"]):
            names = dice.sample([n for n in table["inputs"] if n in CELLS], k=1)
            kind = dice.choice(["in", "in", "not_in"])
            when = {
                name: {kind: dice.sample([v for v in CELLS[name] if v], k=dice.randint(1, 2))}
                for name in names
            }
            outputs = [name for name in table["outputs"] if name != "allow"]
            then = {name: dice.randint(1, 200) for name in outputs[:1]} or {"allow": False}
            row = {"id": f"new-{number}", "label": "New", "when": when, "then": then}
            table["rows"].insert(dice.randint(0, len(table["rows"])), row)
        elif table["rows"]:
            row = dice.choice(table["rows"])
            name = dice.choice(list(row["then"]))
            if name != "allow":
                row["then"][name] += dice.choice([-1, 1])
            if table["hit"] == "collect" and dice.random() < 0.3:
                row["disabled"] = True
            if dice.random() < 0.2:
                dice.shuffle(table["rows"])
    return document


def recorded(dice: random.Random) -> dict[str, Any]:
    facts = {
        "plan": dice.choice(PLANS), "country": dice.choice(COUNTRIES),
        "studio": dice.choice(STUDIOS), "title": dice.choice(TITLES),
        "device_type": dice.choice(DEVICES),
    }  # fmt: skip
    return {name: value for name, value in facts.items() if value is not None}


def met(found: Reach, facts: Pattern) -> bool:
    return any(pattern.items() <= facts.items() for pattern in found.patterns)


def test_what_is_not_reached_comes_out_as_it_did() -> None:
    dice, spared, reached, everywhere = random.Random(11), 0, 0, 0
    old = compiled(DOCUMENT)
    for _ in range(150):
        new = compiled(some_change(dice))
        first = FirstOrder(new, "new", {"old": old})
        for purpose in ("acquire", "renew"):
            found = reach(old, new, purpose)
            assert first.reached["old", purpose] == found
            everywhere += found == EVERYWHERE
            for _ in range(40):
                facts = recorded(dice)
                if met(found, facts):
                    reached += 1
                    continue
                spared += 1
                record = json.dumps({"facts": facts})
                assert first.alike(purpose, "old", record, NOON, (), "m"), (facts, new.ruleset)
    assert spared > 3_000 < reached
    assert 0 < everywhere < 100


def restricted(**cells: Any) -> Callable[[dict[str, Any]], Any]:
    row = {"id": "more", "label": "M", "when": cells, "then": {"max_downloads": 1}}
    table = {
        "id": "more", "title": "M", "hit": "collect", "inputs": list(cells),
        "outputs": ["max_downloads"], "merge": {"max_downloads": "min"}, "rows": [row],
    }  # fmt: skip
    return lambda document: document["tables"].append(table)


def test_a_row_reaches_what_it_names_and_nothing_else() -> None:
    new = changed(restricted(studio={"in": ["Toho", "A24"]}, country={"in": ["BR"]}))
    expected = ({"studio": "Toho", "country": "BR"}, {"studio": "A24", "country": "BR"})
    found = reach(compiled(DOCUMENT), new, "acquire")
    assert sorted(found.patterns, key=str) == sorted(expected, key=str)
    # How many downloads somebody may have is no question of a renewal.
    assert reach(compiled(DOCUMENT), new, "renew") == Reach(())
    back = reach(new, compiled(DOCUMENT), "acquire")
    assert sorted(back.patterns, key=str) == sorted(expected, key=str)


@pytest.mark.parametrize(
    "cell", [{"not_in": ["Toho"]}, {"is_null": True}, {}], ids=["not in", "null", "anything"]
)
def test_a_row_that_names_nothing_reaches_everything(cell: dict[str, Any]) -> None:
    assert met(reach(compiled(DOCUMENT), changed(restricted(studio=cell)), "acquire"), {})


def without_a_fact(document: dict[str, Any]) -> None:
    del document["facts"]["device_type"]
    document["tables"] = [each for each in document["tables"] if each["id"] != "device"]


def required(document: dict[str, Any]) -> None:
    document["facts"]["country"]["required"] = True


def another_base(document: dict[str, Any]) -> None:
    base = copy.deepcopy(document["tables"][0])
    for row in base["rows"]:
        row["id"] += "-2"
    document["tables"].append({**base, "id": "base-2"})


@pytest.mark.parametrize("change", [without_a_fact, required, another_base])
def test_what_is_no_change_of_rows_reaches_everything(change: Any) -> None:
    assert reach(compiled(DOCUMENT), changed(change), "acquire") == EVERYWHERE


def test_a_new_fact_of_the_title_is_in_order_only_with_its_type() -> None:
    def change(document: dict[str, Any]) -> None:
        document["facts"]["quality"] = {"path": "title.quality", "label": "Quality"}
        restricted(quality={"in": ["4K"]}, studio={"in": ["Toho"]})(document)

    found = reach(compiled(DOCUMENT), changed(change), "acquire")
    assert found == Reach(({"studio": "Toho"},), (("title.quality", "string"),))


def test_a_new_fact_that_the_device_says_may_be_anything() -> None:
    def change(document: dict[str, Any]) -> None:
        document["facts"]["app"] = {"path": "context.app", "label": "App"}
        restricted(app={"in": ["old"]}, studio={"in": ["Toho"]})(document)

    assert reach(compiled(DOCUMENT), changed(change), "acquire") == EVERYWHERE


def test_another_meaning_of_a_limit_reaches_the_rows_that_set_it() -> None:
    def change(document: dict[str, Any]) -> None:
        document["counters"]["downloads_in_use"]["live"] = False

    found = reach(compiled(DOCUMENT), changed(change), "acquire")
    assert all(met(found, {"plan": plan}) for plan in PLANS)
    assert met(found, {"device_type": "tv"})
    assert not met(found, {"studio": "Warner Bros."})
