"""Handles a command: load, decide, append; a stored outcome answers a repeat.

The same code decides for real and for the dry run of `explain`.
"""

import hashlib
import itertools
import random
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from licensing import (
    codec,
    connection,
    deciding,
    decisions,
    history,
    naming,
    obligations,
    rulebook,
    rules,
    sealing,
    store,
    terms,
)
from licensing.actors import Actor, event_id
from licensing.deciding import Decided
from licensing.domain.commands import AcquireLicense, Command
from licensing.domain.values import (
    DomainError,
    InvalidCommand,
    LicenseIdTaken,
    Moment,
    UnknownDevice,
    UnknownLicense,
)
from licensing.history import UnreadableStream
from licensing.rulebook import NoRules

__all__ = [
    "Actor",
    "Answer",
    "CommandError",
    "InvalidCommand",
    "LicenseIdTaken",
    "NoRules",
    "RulesMoved",
    "UnknownDevice",
    "UnknownLicense",
    "UnreadableStream",
    "explain",
    "handle",
]

CommandError = DomainError
JOB = "job"
TRY_FOR_S = 1.5
LONGEST_PAUSE_S = 0.1


class RulesMoved(Exception):
    """Other rules are in force than the caller saw; nothing was written."""


class Answer(msgspec.Struct, frozen=True):
    """What came of a command. `version` is the stream's head after it."""

    outcome: str
    version: int
    events: tuple[store.RecordedEvent, ...]
    decision: dict[str, Any] | None
    license_id: str | None
    same_as: int | None = None


def handle(
    member_id: str,
    command: Command,
    *,
    command_id: str,
    actor: Actor,
    now: datetime,
    at: datetime | None = None,
    expected: int = store.ANY,
    data_hash: bytes | None = None,
    recorded_at: datetime | None = None,
    correlation_id: str | None = None,
    causation_id: str | None = None,
    rules: str | None = None,
    about: Mapping[str, str] | None = None,
    foreseen: bool = False,
) -> Answer:
    """Decide `command` on the member's stream and write what it causes, once.

    `now` is when it is decided; `at` is when a report says it happened. `recorded_at` is for the
    demo and imports only. `foreseen` says that the member was just folded (history.foresee), so
    that the first try need not look for news: the append does. Raises CommandError (nothing
    written), UnreadableStream, NoRules, and the store's WrongExpectedVersion (for an `expected`
    that the caller named, or after losing every race of its member for 1.5 s), CommandIdReused
    and StreamErased. `rules` is the hash that a decision must be made by, or RulesMoved is raised;
    `about` goes into the events' metadata.
    """
    if obligations.is_reserved(command_id) and actor.kind != JOB:
        raise InvalidCommand("command_id", f"ids that begin with {obligations.RESERVED} are jobs'")
    stream = history.stream_of(member_id)
    data_hash = data_hash or _hash(command)  # as received, before defaults
    command = naming.named(command, stream, command_id, now)
    moment = Moment(now=now, at=(at if isinstance(command, deciding.REPORTS) and at else now))
    envelope: dict[str, Any] = {
        "command_id": command_id,
        "command": type(command).__name__,
        "actor": msgspec.to_builtins(actor),
        "correlation_id": correlation_id or command_id,
        "causation_id": causation_id or command_id,
        **(about or {}),
    }
    data = msgspec.to_builtins(command)
    if moment.at != now:
        data["occurred_at"] = moment.at.isoformat()  # a late report, to be told from one made then
    until = time.monotonic() + TRY_FOR_S
    for attempt in itertools.count():
        try:
            member = history.current(member_id, look=attempt > 0 or not foreseen)
            if member.erased_at is not None:
                raise store.StreamErased(stream)
            decided = deciding.decide(command, member, moment, rulebook.current)
        except DomainError:
            repeated = _stored_answer(stream, command_id, data_hash)
            if repeated is None:
                raise
            return repeated
        if rules is not None and decided.decision and decided.decision["rules"]["hash"] != rules:
            raise RulesMoved
        record = store.CommandRecord(
            command_id=command_id,
            name=type(command).__name__,
            data=_sealed(stream, type(command).__name__, data),
            data_hash=data_hash,
            outcome=_outcome(decided),
        )
        try:
            appended = store.append(
                connection.opened(),
                stream,
                _new_events(stream, command_id, decided, envelope, moment),
                record,
                expected=member.version if expected == store.ANY else expected,
                recorded_at=recorded_at,
            )
        except store.WrongExpectedVersion:
            history.forget(member_id)
            if expected != store.ANY or time.monotonic() > until:
                raise
            # Another command of this member won; the decision is pure, so it is made again.
            pause = min(LONGEST_PAUSE_S, 0.004 * 2**attempt)
            time.sleep(random.uniform(0, pause))  # noqa: S311 (jitter, no secret)
            continue
        if foreseen and appended.status == "appended":
            history.grown(member, appended.events)
        return _answer(appended)
    raise AssertionError("unreachable: each try returns, raises or is made again")


class Explained(msgspec.Struct, frozen=True):
    """A dry run: what would be answered after version `version`, and what would turn it."""

    decided: Decided
    version: int
    turns: tuple[rules.Turn, ...]


def explain(
    member_id: str, command: AcquireLicense, *, now: datetime, at: datetime | None = None
) -> Explained:
    """What `handle` would answer now, or would have answered at a past instant `at`, with what was
    known and in force then. The same code, a dry run: nothing is written. Raises StreamErased.
    """
    stream = history.stream_of(member_id)
    moment = Moment(now=at or now, at=at or now)
    named = naming.named(command, stream, "explain", moment.now)
    if at is None:
        member = history.current(member_id, keep=False)
    else:
        member, _, _ = history.state_as_at(member_id, known_at=at)
    if member.erased_at is not None:
        raise store.StreamErased(stream)
    in_force = rulebook.current(moment.now)
    decided = deciding.decide(named, member, moment, lambda at: in_force)
    turns: tuple[rules.Turn, ...] = ()
    if isinstance(named, AcquireLicense) and decided.outcome != "unchanged":
        turns = terms.nearest(in_force, member, named, moment)
    return Explained(decided, member.version, turns)


def _new_events(
    stream: str, command_id: str, decided: Decided, envelope: dict[str, Any], moment: Moment
) -> list[store.NewEvent]:
    new = []
    for ordinal, event in enumerate(decided.events):
        type_name, schema_version, data = codec.encode(event)
        is_last = ordinal == len(decided.events) - 1
        metadata = dict(envelope)
        if is_last and decided.decision is not None:
            metadata["decision"] = decisions.packed(decided.decision)
        new.append(
            store.NewEvent(
                event_id=event_id(stream, command_id, ordinal),
                type=type_name,
                schema_version=schema_version,
                data=_sealed(stream, type_name, data),
                metadata=metadata,
                occurred_at=deciding.occurred_at(event, moment),
            )
        )
    return new


def _sealed(stream: str, name: str, data: dict[str, Any]) -> dict[str, Any]:
    return sealing.seal(stream, name, data, rulebook.declared() if name in sealing.MAPS else ())


def _outcome(decided: Decided) -> dict[str, Any]:
    stored: dict[str, Any] = {"outcome": decided.outcome, "license_id": decided.license_id}
    if decided.same_as is not None:
        stored["same_as"] = decided.same_as
    if not decided.events and decided.decision is not None:
        # With events the record is in the last one's metadata; once is enough.
        stored["decision"] = decisions.packed(decided.decision)
    return stored


def _answer(appended: store.Appended) -> Answer:
    outcome = appended.outcome
    decision = outcome.get("decision")
    if appended.events:
        decision = appended.events[-1].metadata.get("decision")
    return Answer(
        outcome=outcome["outcome"],
        version=appended.version,
        events=tuple(map(sealing.opened_event, appended.events)),
        decision=rulebook.told(decision) if decision else None,
        license_id=outcome.get("license_id"),
        same_as=outcome.get("same_as"),
    )


def _stored_answer(stream: str, command_id: str, data_hash: bytes) -> Answer | None:
    """The stored answer to this command id, when it was the same command."""
    conn = connection.opened()
    found = store.find_command(conn, stream, command_id)
    if found is None:
        return None
    if found.data_hash != data_hash:
        raise store.CommandIdReused(stream, command_id)
    first, last = found.first_version, found.last_version
    events = tuple(store.read_stream(conn, stream, after=first - 1, until=last))
    return _answer(store.Appended("repeated", found.outcome, last, events))


def _hash(command: Command) -> bytes:
    name = type(command).__name__.encode()
    return hashlib.sha256(name + b"\n" + rules.canonical(msgspec.to_builtins(command))).digest()
