"""Trials: the same comes to the same end, a change shows where it begins, nothing is written."""

import copy
import json
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from licensing import history, service, simulation, store
from licensing.connection import opened
from licensing.domain.commands import (
    AcquireLicense,
    ChangePlan,
    GrantAllowance,
    RecordPlayback,
    ReleaseLicense,
    RenewLicense,
)
from licensing.domain.member import Member
from tests.conftest import new_id

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = START + timedelta(days=40)
DEMO = Path(__file__).parents[2] / "licensing" / "demo"
DOCUMENT = json.loads((DEMO / "rules_1.json").read_text())
STUDIO = {"studio": "Warner Bros."}


def ask(member: str, command: Any, hours: float = 0, *, job: bool = False, **more: Any) -> Any:
    now = START + timedelta(hours=hours)
    actor = service.Actor("job", "renew") if job else service.Actor("api", "tests")
    return service.handle(
        member, command, command_id=new_id("c"), actor=actor, now=now, recorded_at=now, **more
    )


@pytest.fixture
def member() -> str:
    """A life: three devices asked for and two allowed, playbacks, a release reported late."""
    member = new_id("m")
    ask(member, ChangePlan("standard", "NL"))
    for number in (1, 2):
        title = AcquireLicense(f"t{number}", f"d{number}", f"l{number}", STUDIO)
        ask(member, title, number)
    ask(member, AcquireLicense("t3", "d3", "l3", STUDIO), 3)  # refused: two devices
    ask(member, AcquireLicense("t3", "d3", "l3", STUDIO), 3.05)  # the same refusal, only counted
    ask(member, RecordPlayback("l1", "start"), 4)
    ask(member, RecordPlayback("l1", "start"), 4.1)  # unchanged
    ask(member, ReleaseLicense("l2"), 9, at=START + timedelta(hours=5))  # reported late
    ask(member, AcquireLicense("t4", "d3", "l4", STUDIO), 10)
    ask(member, RenewLicense("l4"), 11)  # refused: too early
    return member


def lived(member: str, change: simulation.Change | None = None) -> simulation.Branch:
    items = simulation.recorded(member)
    return simulation.live_again(
        Member(member), items, change or simulation.Change(), until=items[-1].moment.now
    )


def published(change: Any) -> Any:
    document = copy.deepcopy(DOCUMENT)
    change(document)
    return simulation.rules_of(None, document, START)


def roomy(document: dict[str, Any]) -> None:
    for row in document["tables"][0]["rows"]:
        row["then"]["max_devices"] = 9


def test_nothing_changed_comes_to_the_same_end(member: str) -> None:
    branch = lived(member)
    assert branch.divergence is None
    assert len(branch.deeds) == 10
    assert branch.member == history.current(member)


def test_other_rules_diverge_where_they_first_decide_otherwise(member: str) -> None:
    trial = simulation.what_if(member, from_version=0, now=LATER, rules_in_force=published(roomy))
    first = trial.branch.divergence
    assert first is not None
    assert (first.name, first.outcome_then, first.outcome) == (
        "AcquireLicense", "refused", "accepted",
    )  # fmt: skip
    assert "l3" in trial.tried.licenses
    assert "l3" not in trial.real.licenses
    repeated = [deed for deed in trial.branch.deeds if deed.name == "AcquireLicense"][3]
    assert (repeated.outcome_then, repeated.outcome) == ("refused", "unchanged")


def test_from_a_version_on_what_was_before_stays(member: str) -> None:
    refused = next(
        step.version for step in history.load(member).steps
        if step.recorded.type == "AcquisitionRefused"
    )  # fmt: skip
    trial = simulation.what_if(
        member, from_version=refused, now=LATER, rules_in_force=published(roomy)
    )
    first = trial.branch.deeds[0]
    assert (first.name, first.outcome_then, first.outcome) == (
        "AcquireLicense",
        "refused",
        "accepted",
    )  # the same request again, a little later
    told = [deed.version for deed in trial.branch.deeds if deed.version is not None]
    assert min(told) > refused


def test_without_a_step_what_rests_on_it_is_unknown_or_otherwise(member: str) -> None:
    steps = history.load(member).steps
    issued = next(step.version for step in steps if step.recorded.type == "LicenseIssued")
    trial = simulation.what_if(member, from_version=0, now=LATER, drop=issued)
    kinds = {deed.kind for deed in trial.branch.deeds}
    assert "left out" in kinds
    played = next(deed for deed in trial.branch.deeds if deed.name == "RecordPlayback")
    assert (played.outcome_then, played.outcome) == ("accepted", "unknown")
    third = [deed for deed in trial.branch.deeds if deed.name == "AcquireLicense"][2]
    assert third.outcome == "accepted"  # there is room for the device now
    assert "l1" not in trial.tried.licenses


def test_one_more_command_is_decided_where_it_is_put(member: str) -> None:
    grant = GrantAllowance("max_devices", 1, LATER, "why not", allowance_id="a")
    trial = simulation.what_if(
        member, from_version=0, now=LATER, add=grant, add_at=START + timedelta(hours=2.5)
    )
    added = next(deed for deed in trial.branch.deeds if deed.kind == "added")
    assert added.outcome == "accepted"
    third = [deed for deed in trial.branch.deeds if deed.name == "AcquireLicense"][2]
    assert third.outcome == "accepted"
    at_head = simulation.what_if(
        member, from_version=history.head(member), now=START + timedelta(hours=12),
        add=AcquireLicense("t9", "d1", title=STUDIO),
    )  # fmt: skip
    assert [deed.kind for deed in at_head.branch.deeds] == ["added"]
    assert "what-if" in at_head.tried.licenses


def test_the_calendar_is_asked_anew(member: str) -> None:
    """What the branch has and history lacked falls due in the branch, and once."""
    trial = simulation.what_if(member, from_version=0, now=LATER, rules_in_force=published(roomy))
    derived = [deed for deed in trial.branch.deeds if deed.kind == "derived"]
    assert {deed.name for deed in derived} == {"RenewLicense"}
    renewed = [deed for deed in derived if deed.outcome == "accepted"]
    ids = {event.license_id for deed in renewed for event in deed.now}
    assert "l3" in ids
    most = trial.tried.licenses["l3"].terms["renew_max"]
    assert trial.tried.licenses["l3"].renewals <= most


def test_what_the_jobs_did_is_not_done_twice() -> None:
    member = new_id("m")
    ask(member, ChangePlan("standard", "NL"))
    held = ask(member, AcquireLicense("t1", "d1", "l1", STUDIO))
    terms = held.events[-1].data["terms"]
    due = terms["license_h"] - terms["renew_window_h"]
    assert ask(member, RenewLicense("l1"), due + 0.5, job=True).outcome == "accepted"
    branch = lived(member)
    assert branch.divergence is None
    assert [deed.kind for deed in branch.deeds] == ["decided"] * 3
    longer = published(
        lambda d: [row["then"].update(license_h=600) for row in d["tables"][0]["rows"]]
    )
    branch = simulation.what_if(member, from_version=0, now=LATER, rules_in_force=longer).branch
    kinds = [(deed.kind, deed.name) for deed in branch.deeds]
    assert ("left out", "RenewLicense") in kinds  # its time had not come yet in the branch
    assert ("derived", "RenewLicense") in kinds


def test_an_end_that_became_known_after_a_renewal_did_not_keep_it_from_being_asked_for() -> None:
    """A device played offline, and says so when the license was renewed long since."""
    member = new_id("m")
    ask(member, ChangePlan("standard", "NL"))
    terms = ask(member, AcquireLicense("t1", "d1", "l1", STUDIO)).events[-1].data["terms"]
    due = terms["license_h"] - terms["renew_window_h"]
    assert ask(member, RenewLicense("l1"), due + 0.1, job=True).outcome == "accepted"
    played = START + timedelta(hours=due - terms["playback_h"] - 1)
    late = ask(member, RecordPlayback("l1", "start"), due + 9, at=played)
    assert late.events[-1].data["expires_at"] is not None
    branch = lived(member)
    assert branch.divergence is None
    assert [deed.kind for deed in branch.deeds] == ["decided"] * 4


def test_imported_events_are_givens(member: str) -> None:
    stream = history.stream_of(member)
    conn = opened()
    head = history.head(member)
    given = store.NewEvent(
        uuid.uuid4(), "PlanChanged", 2,
        {"plan": "premium", "country": "NL", "previous_plan": "standard", "previous_country": "NL"},
        {}, START + timedelta(hours=12),
    )  # fmt: skip
    past = store.PastEvent(given, START + timedelta(hours=12))
    store.import_events(conn, [store.PastRun(stream, head, [past])])
    history.forget(member)
    branch = lived(member)
    assert (branch.divergence, branch.not_redecided) == (None, 1)
    assert branch.member == history.current(member)


def everything() -> list[Any]:
    """A digest of every row of every table."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name FROM information_schema.tables"
            " WHERE table_schema = 'public' AND table_type = 'BASE TABLE' ORDER BY 1"
        )
        found = []
        for (name,) in cursor.fetchall():
            rows = f'SELECT count(*), sum(hashtextextended(t::text, 0)) FROM "{name}" AS t'
            cursor.execute(rows)
            found.append((name, cursor.fetchone()))
    return found


def test_a_trial_writes_nothing(member: str) -> None:
    before = everything()
    assert len(before) > 10
    simulation.what_if(member, from_version=0, now=LATER, rules_in_force=published(roomy), drop=3)
    assert everything() == before
