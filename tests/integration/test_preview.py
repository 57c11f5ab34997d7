"""A preview does what the command would do, and leaves the whole database as it was."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from licensing import history, keyframes, service, simulation
from licensing.domain.commands import (
    AcquireLicense,
    AddNote,
    ChangePlan,
    Command,
    DeactivateDevice,
    ExtendLicense,
    GrantAllowance,
    RecordPlayback,
    ReleaseLicense,
    RevokeLicense,
    WithdrawAllowance,
    WithdrawExtension,
)
from licensing.domain.values import DomainError
from tests.conftest import new_id

START = datetime(2026, 5, 1, 9, tzinfo=UTC)
STAFF = service.Actor("staff", "tests")


class Someone:
    """A member to whom commands are sent."""

    def __init__(self) -> None:
        self.id, self.count, self.now = new_id(), 0, START

    def does(self, command: Command, **more: Any) -> service.Answer:
        self.count += 1
        self.now += timedelta(minutes=1)
        return service.handle(
            self.id, command, command_id=f"c{self.count}", actor=STAFF, now=self.now,
            recorded_at=self.now, **more,
        )  # fmt: skip

    def downloads(self, film: str, device: str = "ipad") -> str:
        license_id = f"{self.id}-{film}"
        command = AcquireLicense(film, device, license_id, {"name": film, "studio": "Toho"})
        assert self.does(command).outcome == "accepted"
        return license_id

    def previews(self, command: Command, command_id: str = "trial") -> simulation.Preview:
        return simulation.preview(self.id, command, command_id=command_id, now=self.now)


@pytest.fixture
def someone() -> Someone:
    made = Someone()
    made.does(ChangePlan("standard", "NL"))
    return made


def everything() -> dict[str, str]:
    """A hash of each table of the database."""
    found = {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT schemaname || '.' || quote_ident(tablename) FROM pg_tables"
            " WHERE schemaname = 'public'"
        )
        for (table,) in cursor.fetchall():
            cursor.execute(f"SELECT t::text FROM {table} t ORDER BY 1")
            text = "\n".join(row[0] for row in cursor.fetchall())
            found[table] = hashlib.sha256(text.encode()).hexdigest()
    return found


def commands(license_id: str, soon: datetime) -> list[Command]:
    return [
        ReleaseLicense(license_id),
        RevokeLicense(license_id, "fraud"),
        ExtendLicense(license_id, 24, "was ill"),
        ExtendLicense(license_id, 5_000, "was ill"),
        GrantAllowance("max_devices", 1, soon, "moved house"),
        DeactivateDevice("ipad", "sold"),
        AddNote("called twice", 1),
        WithdrawExtension(license_id, "no such", "never was"),
        WithdrawAllowance("no such", "never was"),
        AcquireLicense("rashomon", "ipad", title={"studio": "Toho"}),
        RevokeLicense("nobody's", "what"),
    ]


def test_a_preview_writes_nothing_at_all(someone: Someone) -> None:
    license_id = someone.downloads("ran")
    for _ in range(keyframes.EVERY):  # far enough that a fold would leave a keyframe behind
        someone.does(RecordPlayback(license_id, "start"))
        someone.does(RecordPlayback(license_id, "stop"))
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM snapshot WHERE stream_id = %s", [f"member-{someone.id}"])
    history.forget(someone.id)
    before = everything()
    assert len(before) > 10
    for command in commands(license_id, someone.now + timedelta(days=3)):
        someone.previews(command)
        assert everything() == before, command


@pytest.mark.parametrize("number", range(10))
def test_what_is_confirmed_is_what_was_previewed(someone: Someone, number: int) -> None:
    license_id = someone.downloads("ran")
    command = commands(license_id, someone.now + timedelta(days=3))[number]
    someone.now += timedelta(minutes=1)
    trial = simulation.preview(someone.id, command, command_id="it", now=someone.now)
    if trial.decided is None:
        with pytest.raises(DomainError):
            someone.does(command)
        return
    answer = service.handle(
        someone.id, command, command_id="it", actor=STAFF, now=someone.now,
        expected=trial.version, rules=trial.in_force.hash, recorded_at=someone.now,
    )  # fmt: skip
    assert answer.outcome == trial.decided.outcome
    step_events = history.load(someone.id).steps[trial.version :]
    assert tuple(step.event for step in step_events) == trial.events
    assert history.state_as_at(someone.id)[0] == trial.after


def test_an_extension_is_bound_by_the_longest_life(someone: Someone) -> None:
    license_id = someone.downloads("ran")
    granted = history.current(someone.id).licenses[license_id]
    life, most = granted.terms["license_h"], granted.terms["renew_life_h"]
    fits = someone.previews(ExtendLicense(license_id, most - life, "to the brim"))
    assert fits.decided is not None
    assert fits.decided.outcome == "accepted"
    assert fits.turns == ()
    over = someone.previews(ExtendLicense(license_id, most - life + 1, "one more"))
    assert over.decided is not None
    assert (over.decided.outcome, over.events[0].reason) == ("refused", "LICENSE_LIFE")  # type: ignore[union-attr]
    fewer, room = over.turns
    assert (fewer.kind, fewer.parts[0].to) == ("fact", most - life)
    assert (room.kind, room.parts[0].by) == ("room", 1)
    (check,) = over.decided.decision["limits"]  # type: ignore[index]
    assert (check["limit"], check["value"], check["margin"]) == ("renew_life_h", most + 1, -1)


def test_an_allowance_of_life_lets_an_extension_go_further(someone: Someone) -> None:
    license_id = someone.downloads("ran")
    granted = history.current(someone.id).licenses[license_id]
    beyond = granted.terms["renew_life_h"] - granted.terms["license_h"] + 5
    soon = someone.now + timedelta(days=3)
    someone.does(GrantAllowance("renew_life_h", 5, soon, "long trip"))
    trial = someone.previews(ExtendLicense(license_id, beyond, "long trip"))
    assert trial.decided is not None
    assert trial.decided.outcome == "accepted"


def test_an_approval_lifts_the_life_and_nothing_else(someone: Someone) -> None:
    license_id = someone.downloads("ran")
    approved = ExtendLicense(license_id, 5_000, "was ill", approval="req-1")
    trial = someone.previews(approved)
    assert trial.decided is not None
    assert trial.decided.outcome == "accepted"
    assert trial.decided.decision is not None
    assert trial.decided.decision["verdict"] == "allowed"
    assert trial.decided.decision["limits"][0]["ok"] is False
    someone.does(ReleaseLicense(license_id))
    ended = someone.previews(approved)
    assert ended.events[0].reason == "LICENSE_ENDED"  # type: ignore[union-attr]


def test_the_same_refusal_again_is_counted_on_its_step(someone: Someone) -> None:
    license_id = someone.downloads("ran")
    first = someone.does(ExtendLicense(license_id, 5_000, "please"))
    again = someone.does(ExtendLicense(license_id, 5_000, "please"))
    assert (first.outcome, again.outcome) == ("refused", "refused")
    assert again.same_as == first.version
    assert not again.events


def test_other_rules_than_those_seen_are_not_decided_by(someone: Someone) -> None:
    license_id = someone.downloads("ran")
    with pytest.raises(service.RulesMoved):
        someone.does(ExtendLicense(license_id, 1, "why"), rules="sha256:other")
    assert history.head(someone.id) == 3
