"""A decision record is kept small, and comes back in full with the rules that it names."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from licensing import decisions, rules, terms
from licensing.domain.allowance import AllowanceGranted
from licensing.domain.commands import AcquireLicense
from licensing.domain.license import LicenseIssued
from licensing.domain.membership import PlanChanged
from licensing.domain.values import Moment
from tests.spec import GRANT, Given, hours

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DEMO = Path(__file__).parents[2] / "licensing" / "demo"
COMPILED = rules.Compiled(rules.parse(json.loads((DEMO / "rules_2.json").read_text())))
PUBLISHED = rules.PublishedRules("download-license", 2, "sha256:" + "d" * 64, NOON, NOON, COMPILED)
PLAN = (NOON, PlanChanged("standard", "NL"))
TITLE = {"studio": "Warner Bros.", "name": "Casablanca"}
ASK = AcquireLicense("casablanca", "NFCDIE-03-7Q2K5XGH1W8R4T6", "l9", TITLE, {"type": "tablet"})


def issued(device: str) -> tuple[datetime, LicenseIssued]:
    end = NOON + hours(336)
    return NOON, LicenseIssued(f"l-{device}", "t", device, {}, {}, {}, end, GRANT)


def record(*past: Any) -> dict[str, Any]:
    member = Given(*past).member
    return terms.for_acquisition(PUBLISHED, member, ASK, Moment(NOON, NOON)).record


GRANTED = record(PLAN)
REFUSED = record(PLAN, issued("a"), issued("b"))
ALLOWED = record(
    PLAN, issued("a"), issued("b"),
    (NOON, AllowanceGranted("g1", "max_devices", 1, NOON + hours(9), "Moving", label="devices")),
)  # fmt: skip


def test_a_record_comes_back_in_full() -> None:
    assert REFUSED["reason"] == "DEVICE_LIMIT"
    assert ALLOWED["limits"][0]["allowances"] == ("g1",)
    for whole in (GRANTED, REFUSED, ALLOWED):
        plain = json.loads(msgspec.json.encode(whole))
        kept = json.loads(msgspec.json.encode(decisions.packed(whole)))
        assert decisions.full(kept, COMPILED.ruleset) == plain
        # What stands between the two forms never happens twice.
        assert decisions.full(plain) == plain


def test_a_typical_record_takes_at_most_five_hundred_bytes() -> None:
    for whole in (GRANTED, REFUSED, ALLOWED):
        assert len(msgspec.json.encode(decisions.packed(whole))) <= 500


def test_without_the_rules_a_limit_is_called_by_its_name_unless_it_failed() -> None:
    limits = decisions.full(decisions.packed(REFUSED))["limits"]
    labels = {limit["limit"]: limit["label"] for limit in limits}
    assert labels["max_devices"] == "devices"
    assert labels["max_downloads"] == "max_downloads"
