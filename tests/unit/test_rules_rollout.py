"""A share of the members as a fact: the same number for ever, recorded with each decision."""

import copy
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from licensing import decisions, rules, terms
from licensing.domain.license import AcquireLicense
from licensing.domain.member import Member
from licensing.domain.values import Moment

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DEMO = Path(__file__).parents[2] / "licensing" / "demo"
DOCUMENT = json.loads((DEMO / "rules_1.json").read_text())


def document(path: str = "rollout.autumn", cell: Any = None) -> dict[str, Any]:
    """Downloads are withdrawn from some members, by their number."""
    made = copy.deepcopy(DOCUMENT)
    made["facts"]["share"] = {"path": path, "label": "Share"}
    withdrawn = made["tables"][3]
    withdrawn["inputs"].append("share")
    withdrawn["rows"].append(
        {"id": "w-share", "label": "Some", "when": {"share": cell or {"lt": 500}},
         "then": {"allow": False}, "reason": "TITLE_WITHDRAWN", "source": "test", "owner": "test"}
    )  # fmt: skip
    return made


def asked(member_id: str, made: dict[str, Any]) -> Any:
    compiled = rules.Compiled(rules.parse(made))
    published = rules.PublishedRules("t", 1, rules.hash_of(made), NOON, NOON, compiled)
    command = AcquireLicense("t1", "d1", "l1", {"studio": "Warner Bros."})
    return terms.for_acquisition(published, Member(member_id), command, Moment(NOON, NOON))


@pytest.mark.parametrize(
    ("member_id", "salt", "number"),
    [("m-1", "autumn", 9192), ("m-2", "autumn", 7245), ("m-1", "winter", 506)],
)
def test_a_members_number_never_changes(member_id: str, salt: str, number: int) -> None:
    """Golden: another number would move members in and out of what was rolled out to them."""
    assert rules.share(member_id, salt) == number


def test_five_in_a_hundred_are_about_that_and_another_salt_shuffles() -> None:
    ids = [f"m-{number}" for number in range(20_000)]
    autumn = {name for name in ids if rules.share(name, "autumn") < 500}
    winter = {name for name in ids if rules.share(name, "winter") < 500}
    assert 900 < len(autumn) < 1100
    assert len(autumn & winter) < 120


def test_the_number_decides_and_is_recorded() -> None:
    made = document()
    for name in (f"m-{number}" for number in range(200)):
        number = rules.share(name, "autumn")
        offered = asked(name, made)
        assert (offered.reason == "TITLE_WITHDRAWN") is (number < 500)
        assert decisions.packed(offered.record)["facts"]["share"] == number
    assert any(rules.share(f"m-{number}", "autumn") < 500 for number in range(200))


def test_nobody_else_sees_a_number_that_no_rule_asks_for() -> None:
    assert "share" not in asked("m-1", DOCUMENT).record["facts"]


@pytest.mark.parametrize("path", ["rollout", "rollout.", "rollout.a.b"])
def test_a_rollout_has_one_salt(path: str) -> None:
    assert any("rollout.<salt>" in fault for fault in rules.faults(document(path)))


def test_a_rollout_is_a_number() -> None:
    made = document(cell={"in": ["five"]})
    assert any("share" in fault for fault in rules.faults(made))
    made["facts"]["share"]["type"] = "string"
    assert any("is an integer" in fault for fault in rules.faults(made))


def test_nobody_can_ask_for_another_number() -> None:
    """What would have a download allowed never says: be another member."""
    name = next(f"m-{n}" for n in range(99) if rules.share(f"m-{n}", "autumn") < 500)
    made = document()
    compiled = rules.Compiled(rules.parse(made))
    published = rules.PublishedRules("t", 1, rules.hash_of(made), NOON, NOON, compiled)
    command = AcquireLicense("t1", "d1", "l1", {"studio": "Warner Bros."})
    turns = terms.nearest(published, Member(name), command, Moment(NOON, NOON))
    assert all(part.name != "share" for turn in turns for part in turn.parts)
