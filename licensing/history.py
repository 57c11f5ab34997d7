"""Asks the past: a member's events, and the state as at a version or an instant."""

from collections import OrderedDict
from collections.abc import Iterable
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

import msgspec

from licensing import codec, connection, store
from licensing.domain import member as members
from licensing.domain.member import Member

LATE = timedelta(minutes=5)
KEYFRAME_EVERY = 50
REMEMBERED = 500
_remembered: OrderedDict[str, Member] = OrderedDict()
_remembering = Lock()


class UnreadableStream(Exception):
    """The stream holds an event that this build cannot read; nothing is decided on a guess."""

    code = "STREAM_UNREADABLE"


class NotYet(Exception):
    """The version asked for lies past the head of the stream."""

    code = "VERSION_NOT_FOUND"


class Step(msgspec.Struct, frozen=True):
    """One recorded event with its domain event (None where it cannot be read)."""

    version: int
    recorded: store.RecordedEvent
    event: members.Event | None
    unreadable: str | None = None

    @property
    def late(self) -> timedelta | None:
        """How long after it happened it was recorded, where that is more than five minutes."""
        delay = self.recorded.recorded_at - self.recorded.occurred_at
        return delay if delay > LATE else None


class History:
    """A member's steps in recorded order, and the state after each.

    States are folded on demand from the nearest keyframe, so neighboring steps cost little.
    """

    def __init__(self, member_id: str, steps: Iterable[Step]) -> None:
        self.member_id = member_id
        self.steps = tuple(steps)
        unreadable = (step.version for step in self.steps if step.event is None)
        self.readable_until = next(unreadable, len(self.steps) + 1) - 1
        self._keyframes: dict[int, Member] = {0: Member(member_id)}
        self._last = self._keyframes[0]

    @property
    def head(self) -> int:
        """The version of the last step; 0 for a member never heard of."""
        return len(self.steps)

    def state(self, version: int) -> Member:
        """The member after step `version`, as far as the stream can be read."""
        version = min(version, self.readable_until)
        start = self._last
        if start.version > version:
            frame = version - version % KEYFRAME_EVERY
            while frame not in self._keyframes:
                frame -= KEYFRAME_EVERY
            start = self._keyframes[frame]
        for step in self.steps[start.version : version]:
            start = apply(start, step)
            if start.version % KEYFRAME_EVERY == 0:
                self._keyframes[start.version] = start
        self._last = start
        return start

    def before_and_after(self, version: int) -> tuple[Member, Member]:
        """The member just before and just after a step; the clock is not applied."""
        return self.state(max(version - 1, 0)), self.state(version)

    def instant(self, version: int) -> datetime | None:
        """When a step was recorded: the clock of "as known then". None before the first."""
        return self.steps[version - 1].recorded.recorded_at if 0 < version <= self.head else None


def stream_of(member_id: str) -> str:
    """The stream of a member."""
    return f"member-{member_id}"


def decoded(recorded: store.RecordedEvent) -> Step:
    """The recorded event as a step."""
    try:
        event = codec.decode(recorded.type, recorded.schema_version, recorded.data)
    except codec.UnreadableEvent as error:
        return Step(recorded.version, recorded, None, str(error))
    return Step(recorded.version, recorded, event)


def apply(member: Member, step: Step) -> Member:
    """The member after one readable step."""
    if step.event is None:
        raise UnreadableStream(step.unreadable or "An event cannot be read.")
    recorded = step.recorded
    return members.evolve(
        member,
        step.event,
        recorded.occurred_at,
        decided_at=recorded.recorded_at,
        rules=decision_of(recorded).get("rules", {}).get("hash"),
    )


def decision_of(recorded: store.RecordedEvent) -> dict[str, Any]:
    """The decision record of an event; empty where no rule decided."""
    found: dict[str, Any] = recorded.metadata.get("decision") or {}
    return found


def load(member_id: str) -> History:
    """A member's whole history; empty for a member never heard of."""
    recorded = store.read_stream(connection.opened(), stream_of(member_id))
    return History(member_id, map(decoded, recorded))


def current(member_id: str) -> Member:
    """The member now, for deciding; raises UnreadableStream.

    The last fold is remembered, so only what is newer is read. A fold that is wrong for any
    reason cannot decide: the append names its version, and a conflict forgets it.
    """
    member = _remembered.get(member_id) or Member(member_id)
    conn = connection.opened()
    for recorded in store.read_stream(conn, stream_of(member_id), after=member.version):
        member = apply(member, decoded(recorded))
    with _remembering:
        _remembered[member_id] = member
        _remembered.move_to_end(member_id)
        while len(_remembered) > REMEMBERED:
            _remembered.popitem(last=False)
    return member


def forget(member_id: str) -> None:
    """Fold this member from the start next time."""
    with _remembering:
        _remembered.pop(member_id, None)


def state_as_at(
    member_id: str,
    *,
    version: int | None = None,
    at: datetime | None = None,
    known_at: datetime | None = None,
) -> tuple[Member, int, datetime | None]:
    """The state, the last version in it, and the instant of its clock.

    By `version`: recorded order. By `at`: all known today that occurred by then, in the order it
    happened; with `known_at`, only what had been recorded by then. `known_at` alone: recorded
    order, with its clock. Nothing given: the head. Raises NotYet past the head.
    """
    history = load(member_id)
    if version is not None:
        if version > history.head:
            raise NotYet(f"{member_id} has {history.head} versions; there is no {version}.")
        return _clocked(history.state(version), version, history.instant(version))
    if at is not None:
        return _as_it_happened(history, at, known_at)
    if known_at is not None:
        known = sum(1 for step in history.steps if step.recorded.recorded_at <= known_at)
        return _clocked(history.state(known), known, known_at)
    return _clocked(history.state(history.head), history.head, history.instant(history.head))


def _clocked(
    member: Member, version: int, instant: datetime | None
) -> tuple[Member, int, datetime | None]:
    return (members.as_of(member, instant) if instant else member), version, instant


def _as_it_happened(
    history: History, at: datetime, known_at: datetime | None
) -> tuple[Member, int, datetime | None]:
    chosen = [
        step
        for step in history.steps[: history.readable_until]
        if step.recorded.occurred_at <= at
        and (known_at is None or step.recorded.recorded_at <= known_at)
    ]
    member = Member(history.member_id)
    for step in sorted(chosen, key=lambda step: (step.recorded.occurred_at, step.version)):
        member = apply(member, step)
    last = max((step.version for step in chosen), default=0)
    return _clocked(member, last, at)


def same_refusals(member_id: str) -> dict[int, int]:
    """How often each refusal's request came again within minutes, by the refusal's version."""
    seen: dict[int, int] = {}
    for command in store.read_commands(connection.opened(), stream_of(member_id)):
        version = command.outcome.get("same_as")
        if isinstance(version, int):
            seen[version] = seen.get(version, 0) + 1
    return seen
