"""Whatever is asked in whatever order, no decision exceeds a limit given what was recorded then.

Counted here by walking over all that happened, and not by the counters that decide.
"""

import copy
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from licensing import deciding, rules
from licensing.domain import license as licenses
from licensing.domain import member as members
from licensing.domain.commands import (
    AcquireLicense,
    CancelMembership,
    ChangePlan,
    Command,
    DeactivateDevice,
    ExpireLicense,
    GrantAllowance,
    RecordPlayback,
    ReleaseLicense,
    RenewLicense,
    RevokeLicense,
)
from licensing.domain.license import License, LicenseIssued, LicenseRenewed
from licensing.domain.member import Member
from licensing.domain.values import DomainError, Moment
from licensing.rules.tables import row_matches

DEMO = Path(__file__).parents[2] / "licensing" / "demo"
DOCUMENT = json.loads((DEMO / "rules_2.json").read_text())
START = datetime(2025, 12, 1, tzinfo=UTC)


def published(grace_h: int = 0) -> rules.PublishedRules:
    """The demo's rules; perhaps with some hours in which a license that is over can be renewed."""
    document = copy.deepcopy(DOCUMENT)
    if grace_h:
        document["tables"][0]["outputs"].append("renew_grace_h")
        for row in document["tables"][0]["rows"]:
            row["then"]["renew_grace_h"] = grace_h
    compiled = rules.Compiled(rules.parse(document))
    return rules.PublishedRules("r", 1, f"sha256:{grace_h}", START, START, compiled)


PUBLISHED = published()
GRACEFUL = published(grace_h=100)
STUDIOS = ["Universal Pictures", "Warner Bros.", "Toho"]

LICENSE = st.integers(0, 39).map(lambda number: f"l{number}")
ACQUIRE = st.builds(
    lambda n, device: AcquireLicense(
        f"t{n % 5}", f"d{device}", f"l{n}", {"studio": STUDIOS[n % 3]}, {"type": "tablet"}
    ),
    st.integers(0, 39),
    st.integers(0, 6),
)
COMMANDS = st.one_of(
    *[ACQUIRE] * 12,
    LICENSE.map(RenewLicense),
    LICENSE.map(ReleaseLicense),
    LICENSE.map(ExpireLicense),
    st.builds(RecordPlayback, LICENSE, st.sampled_from(["start", "stop"])),
    st.builds(RevokeLicense, LICENSE, st.just("why")),
    st.integers(0, 4).map(lambda n: DeactivateDevice(f"d{n}")),
    st.sampled_from(["basic", "standard", "premium"]).map(lambda plan: ChangePlan(plan, "NL")),
    st.just(CancelMembership()),
    st.builds(
        lambda limit, amount, days: GrantAllowance(
            limit, amount, START + timedelta(days=days), "why", allowance_id=f"a-{limit}"
        ),
        st.sampled_from(["max_devices", "max_downloads", "renew_max", "title_year_max"]),
        st.integers(1, 2),
        st.integers(1, 90),
    ),
)
# (command, hours since the last one, how many hours ago a report says that it happened)
HISTORIES = st.lists(
    st.tuples(COMMANDS, st.integers(0, 24 * 3), st.integers(0, 72)), min_size=20, max_size=60
)


class Seen:
    """Everything that was recorded, for counting by hand."""

    def __init__(self) -> None:
        self.issued: list[tuple[datetime, LicenseIssued]] = []

    def counts(self, member: Member, about: LicenseIssued, now: datetime) -> dict[str, int]:
        """What each limit counts, with the license that was just issued among it."""
        live = [
            license
            for license in member.licenses.values()
            if licenses.as_of(license, now).status == "active"
        ]
        this_year = [event for at, event in self.issued if at.year == now.year]
        return {
            "max_devices": len({license.device_id for license in live}),
            "max_downloads": len(live),
            "studio_year_max": sum(
                event.title.get("studio") == about.title["studio"] for event in this_year
            ),
            "title_year_max": sum(event.title_id == about.title_id for event in this_year),
        }


def most(
    member: Member, plan: str, about: LicenseIssued | License, now: datetime
) -> dict[str, int]:
    """The limits as the document says them, row by row, and what support has allowed."""
    found: dict[str, int] = {}
    facts = {
        "plan": plan, "country": "NL", "studio": about.title["studio"], "title": about.title_id,
        "device_type": "tablet",
    }  # fmt: skip
    for table in PUBLISHED.ruleset.tables:
        for row in table.rows:
            if row_matches(row, facts, now, PUBLISHED.ruleset.lists):
                for name, value in row.then.items():
                    if isinstance(value, int) and not isinstance(value, bool):
                        found[name] = min(found.get(name, value), value)
    for allowance in member.allowances.values():
        if now < allowance.expires_at and allowance.limit in found:
            found[allowance.limit] += allowance.amount
    return found


@settings(max_examples=150, deadline=None)
@given(HISTORIES, st.sampled_from([PUBLISHED, GRACEFUL]))
def test_no_decision_exceeds_a_limit(
    history: list[tuple[Command, int, int]], in_force: rules.PublishedRules
) -> None:
    member, now, seen = Member("ada"), START, Seen()
    for command, later, ago in history:
        now += timedelta(hours=later)
        at = now - timedelta(hours=ago) if isinstance(command, deciding.REPORTS) else now
        moment = Moment(now, at)
        try:
            decided = deciding.decide(command, member, moment, lambda at: in_force)
        except DomainError:
            continue
        before = member
        for event in decided.events:
            happened = deciding.occurred_at(event, moment)
            member = members.evolve(member, event, happened, decided_at=now)
            if isinstance(event, LicenseIssued):
                seen.issued.append((now, event))
        for event in decided.events:
            check(event, before, member, seen, now)


def check(event: Any, before: Member, after: Member, seen: Seen, now: datetime) -> None:
    if isinstance(event, LicenseIssued):
        plan = before.plan or "standard"  # the document's default
        allowed, counted = most(after, plan, event, now), seen.counts(after, event, now)
        for name, value in counted.items():
            assert name not in allowed or value <= allowed[name], (name, value, allowed)
        assert before.membership.cancelled_at is None
    if isinstance(event, LicenseRenewed):
        license = before.licenses[event.license_id]
        assert licenses.as_of(license, now).status == "active"
        allowed = most(before, before.plan or "standard", license, now)
        assert event.renewals <= allowed["renew_max"]
        life = event.expires_at - license.issued_at
        assert life <= timedelta(hours=allowed["renew_life_h"])
        assert event.expires_at > max(event.previous_expires_at, now)
