"""Folds a member's events: one recorded event to a step, and a state forward over steps."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from licensing import codec, connection, sealing, store
from licensing.domain import member as members
from licensing.domain.member import Member

LATE = timedelta(minutes=5)
READ_AT_ONCE = 500


class UnreadableStream(Exception):
    """The stream holds an event that this build cannot read; nothing is decided on a guess."""

    code = "STREAM_UNREADABLE"


class Step(msgspec.Struct, frozen=True):
    """One recorded event with its domain event (None where it cannot be read)."""

    version: int
    recorded: store.RecordedEvent
    event: members.Event | None
    unreadable: str | None = None

    @property
    def occurred_at(self) -> datetime:
        """When it happened."""
        return self.recorded.occurred_at

    @property
    def recorded_at(self) -> datetime:
        """When it was recorded."""
        return self.recorded.recorded_at

    @property
    def rules(self) -> str | None:
        """The hash of the rule set that decided, if one did."""
        found: str | None = decision_of(self.recorded).get("rules", {}).get("hash")
        return found

    @property
    def late(self) -> timedelta | None:
        """How long after it happened it was recorded, where that is more than five minutes."""
        delay = self.recorded.recorded_at - self.recorded.occurred_at
        return delay if delay > LATE else None


class Fact(msgspec.Struct, frozen=True):
    """What of a step a fold needs; `hash` is that of the recorded event."""

    version: int
    event: members.Event | None
    occurred_at: datetime
    recorded_at: datetime
    rules: str | None
    hash: bytes
    unreadable: str | None = None


MEMBER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def stream_of(member_id: str) -> str:
    """The stream of a member."""
    return f"member-{member_id}"


def decoded(recorded: store.RecordedEvent) -> Step:
    """The recorded event as a step, its personal text opened."""
    recorded = sealing.opened_event(recorded)
    event, why = read(recorded.type, recorded.schema_version, recorded.data_json)
    return Step(recorded.version, recorded, event, why)


def apply(member: Member, step: Step | Fact) -> Member:
    """The member after one readable step; raises UnreadableStream."""
    if step.event is None:
        raise UnreadableStream(step.unreadable or "An event cannot be read.")
    return members.evolve(
        member, step.event, step.occurred_at, decided_at=step.recorded_at, rules=step.rules
    )


def decision_of(recorded: store.RecordedEvent) -> dict[str, Any]:
    """The decision record of an event; empty where no rule decided."""
    found: dict[str, Any] = recorded.metadata.get("decision") or {}
    return found


def batches(member_id: str, after: int, until: int | None = None) -> Iterator[list[Fact]]:
    """What is to be folded with `after < version <= until`, in order, some hundred at a time."""
    conn, stream = connection.opened(), stream_of(member_id)
    while True:
        read = store.read_facts(conn, stream, after=after, until=until, limit=READ_AT_ONCE)
        yield [_fact(stream, each) for each in read]
        if len(read) < READ_AT_ONCE:
            return
        after = read[-1].version


def batch_of_each(after: Mapping[str, int], limit_each: int) -> dict[str, list[Fact]]:
    """What is to be folded of several members after their versions, in one query, by member."""
    streams = {stream_of(member_id): member_id for member_id in after}
    asked = {stream: after[member_id] for stream, member_id in streams.items()}
    found = store.read_facts_of(connection.opened(), asked, limit_each)
    return {
        streams[stream]: [_fact(stream, each) for each in read] for stream, read in found.items()
    }


def _fact(stream: str, told: store.Fact) -> Fact:
    data = sealing.opened_json(stream, told.type, told.data)
    event, why = read(told.type, told.schema_version, data)
    return Fact(told.version, event, told.occurred_at, told.recorded_at, told.rules, told.hash, why)


def read(
    type_name: str, schema_version: int, data: str | bytes
) -> tuple[members.Event | None, str | None]:
    """The domain event of stored JSON, or why it cannot be read."""
    try:
        return codec.read(type_name, schema_version, data), None
    except codec.UnreadableEvent as error:
        return None, str(error)


def from_the_start(member_id: str, until: int) -> Member:
    """The member after step `until`, folded from the first event on."""
    member = Member(member_id)
    for steps in batches(member_id, 0, until):
        for step in steps:
            member = apply(member, step)
    return member
