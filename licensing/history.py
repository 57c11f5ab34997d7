"""Asks the past: a member's events, and the state as at a version or an instant."""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import cached_property, partial
from threading import Lock
from typing import Literal

from licensing import connection, fold, keyframes, store
from licensing.domain import member as members
from licensing.domain.member import Member
from licensing.fold import (
    Fact,
    Step,
    UnreadableStream,
    apply,
    batches,
    decision_of,
    decoded,
    stream_of,
)

__all__ = [
    "History",
    "NotYet",
    "Order",
    "Step",
    "UnreadableStream",
    "apply",
    "around",
    "at_version",
    "current",
    "decision_of",
    "decoded",
    "foresee",
    "forget",
    "frame",
    "grown",
    "head",
    "load",
    "same_refusals",
    "state_as_at",
    "stream_of",
]

KEYFRAME_EVERY = 50
FAR = 2 * KEYFRAME_EVERY  # from which on a keyframe is fetched, rather than folding on
REMEMBERED = 500
FORESEEN = 20  # events
_remembered: OrderedDict[str, Member] = OrderedDict()
_remembering = Lock()


class NotYet(Exception):
    """The version asked for lies past the head of the stream."""

    code = "VERSION_NOT_FOUND"


Order = Literal["known", "happened"]
"""Recorded order, what the system could know; or the order of occurrence, late events in place."""


class History:
    """A member's steps in one order, and the state after each.

    A place is how many steps come up to and with a step: in recorded order its version. States
    are folded on demand from the nearest state known, so that no step costs much: the last one that
    was asked for, a keyframe met on the way, or one that is `kept` at or before a version. Until
    something stands in another place than it was recorded in, those hold for both orders.
    """

    def __init__(
        self,
        member_id: str,
        steps: Iterable[Step],
        order: Order = "known",
        kept: Callable[[int], Member | None] | None = None,
    ) -> None:
        self.member_id, self.order = member_id, order
        self.steps = tuple(steps)
        self.kept = kept
        unreadable = (place for place, step in enumerate(self.steps, 1) if step.event is None)
        self.readable_until = next(unreadable, len(self.steps) + 1) - 1
        self._keyframes: dict[int, Member] = {0: Member(member_id)}
        self._last = self._keyframes[0]
        self._places: dict[int, int] = {}

    @property
    def head(self) -> int:
        """The place of the last step; 0 for a member never heard of."""
        return len(self.steps)

    def as_it_happened(self) -> "History":
        """The same steps in the order of occurrence; what happened at once stays as recorded."""
        steps = sorted(self.steps, key=lambda step: (step.occurred_at, step.version))
        return History(self.member_id, steps, "happened", self.kept)

    @cached_property
    def recorded_until(self) -> int:
        """Up to which place the steps stand as they were recorded."""
        moved = (place for place, step in enumerate(self.steps, 1) if step.version != place)
        return next(moved, len(self.steps) + 1) - 1

    def step_at(self, place: int) -> Step:
        """The step at a place, from 1."""
        return self.steps[place - 1]

    def version_at(self, place: int) -> int:
        """The version of the step at a place; 0 before the first."""
        return self.steps[place - 1].version if place > 0 else 0

    def place_of(self, version: int) -> int:
        """Where the step of a version stands; 0 for version 0."""
        if self.order == "known":
            return version
        if not self._places:
            self._places = {step.version: place for place, step in enumerate(self.steps, 1)}
        return self._places.get(version, 0)

    def state(self, place: int) -> Member:
        """The member after the step at `place`, as far as the steps can be read."""
        place = min(place, self.readable_until)
        start = self._nearest(place)
        for step in self.steps[start.version : place]:
            start = apply(start, step)
            if start.version % KEYFRAME_EVERY == 0:
                self._keyframes[start.version] = start
        self._last = start
        return start

    def _nearest(self, place: int) -> Member:
        """The latest state known at or before a place."""
        start = self._last if self._last.version <= place else self._keyframes[0]
        frame = place - place % KEYFRAME_EVERY
        while frame > start.version and frame not in self._keyframes:
            frame -= KEYFRAME_EVERY
        if frame > start.version:
            start = self._keyframes[frame]
        until = min(place, self.recorded_until)
        if self.kept is not None and until - start.version > FAR:
            found = self.kept(until)
            if found is not None and found.version > start.version:
                return found
        return start

    def before_and_after(self, place: int) -> tuple[Member, Member]:
        """The member just before and just after a step; the clock is not applied."""
        return self.state(max(place - 1, 0)), self.state(place)

    def instant(self, place: int) -> datetime | None:
        """The clock of a step: when it was recorded, or when it happened. None before the first."""
        if not 0 < place <= self.head:
            return None
        step = self.steps[place - 1]
        return step.recorded_at if self.order == "known" else step.occurred_at


def load(member_id: str) -> History:
    """A member's whole history; empty for a member never heard of."""
    steps = store.read_stream(connection.opened(), stream_of(member_id))
    return History(member_id, map(decoded, steps), kept=partial(keyframes.nearest, member_id))


def head(member_id: str) -> int:
    """The version of the member's last event; 0 for a member never heard of."""
    found = store.stream_head(connection.opened(), stream_of(member_id))
    return found.version if found else 0


def current(member_id: str, *, keep: bool = True, look: bool = True) -> Member:
    """The member now, for deciding; raises UnreadableStream.

    The last fold is remembered, so only what is newer is read; without `look`, not even that. A
    fold that is wrong for any reason cannot decide: the append names its version, and a conflict
    forgets it. Without `keep` no keyframe is left behind on the way.
    """
    start = _remembered.get(member_id)
    if start is not None and not look:
        return start
    start = start or keyframes.nearest(member_id)
    member, unreadable = _forward(start or Member(member_id), keep=keep)
    if unreadable is not None:
        raise UnreadableStream(unreadable.unreadable)
    _remember(member)
    return member


def foresee(member_ids: Iterable[str]) -> set[str]:
    """Fold several members as far as they are known now, in one query.

    Returns those for whom `current` need not look; who has much that is new is left to it.
    """
    starts = {name: _remembered.get(name) or Member(name) for name in member_ids}
    asked = {name: start.version for name, start in starts.items()}
    found = fold.batch_of_each(asked, FORESEEN + 1)
    seen = set()
    for name, start in starts.items():
        new = found.get(name, [])
        if len(new) > FORESEEN or any(fact.event is None for fact in new):
            continue
        for fact in new:
            start = apply(start, fact)
        _remember(start)
        seen.add(name)
    return seen


def grown(member: Member, new: Iterable[store.RecordedEvent]) -> None:
    """Remember the member with what was just appended, so that the next command need not look."""
    for recorded in new:
        step = decoded(recorded)
        if step.event is None or recorded.version != member.version + 1:
            return
        member = apply(member, step)
    _remember(member)


def _remember(member: Member) -> None:
    member_id = member.member_id
    with _remembering:
        _remembered[member_id] = member
        _remembered.move_to_end(member_id)
        while len(_remembered) > REMEMBERED:
            _remembered.popitem(last=False)


def at_version(member_id: str, version: int) -> Member:
    """The member after step `version`, as far as the stream can be read.

    Folded from the keyframe before it, so that the cost does not grow with the history.
    """
    start = keyframes.nearest(member_id, version) or Member(member_id)
    return _forward(start, version)[0]


def frame(member_id: str) -> None:
    """Write every keyframe that the member lacks."""
    start = keyframes.nearest(member_id) or Member(member_id)
    _forward(start, every=True)


def around(member_id: str, version: int) -> tuple[Member, Step, Member]:
    """A step, with the member just before and just after it; the clock is not applied.

    Raises NotYet when there is no such step.
    """
    recorded = store.read_event(connection.opened(), stream_of(member_id), version)
    if recorded is None:
        raise NotYet(f"{member_id} has no event {version}.")
    before, step = at_version(member_id, version - 1), decoded(recorded)
    readable = before.version == version - 1 and step.event is not None
    return before, step, apply(before, step) if readable else before


def _forward(
    member: Member, until: int | None = None, *, every: bool = False, keep: bool = True
) -> tuple[Member, Fact | None]:
    """The member after step `until` or the last one, and the unreadable step that ended it before.

    Leaves a keyframe behind in each batch that passed one, or `every` one: a long way is not
    made longer by writing what nobody may ask for.
    """
    for steps in batches(member.member_id, member.version, until):
        passed = None
        members.expect(member, [(x.event, x.occurred_at) for x in steps if x.event])
        for step in steps:
            if step.event is None:
                return member, step
            member = apply(member, step)
            if member.version % keyframes.EVERY == 0:
                passed = member, step.hash
                if every:
                    keyframes.keep(*passed)
        if passed is not None and not every and keep:
            keyframes.keep(*passed)
    return member, None


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
    last = head(member_id)
    if version is not None:
        if version > last:
            raise NotYet(f"{member_id} has {last} versions; there is no {version}.")
        return _recorded(member_id, version)
    if at is not None:
        return _as_it_happened(member_id, at, known_at)
    if known_at is not None:
        known = store.known_until(connection.opened(), stream_of(member_id), known_at)
        return members.as_of(at_version(member_id, known), known_at), known, known_at
    return _recorded(member_id, last)


def _recorded(member_id: str, version: int) -> tuple[Member, int, datetime | None]:
    """The state after a step, by the clock of the instant at which it was recorded."""
    member = at_version(member_id, version)
    recorded = store.read_event(connection.opened(), stream_of(member_id), version)
    if recorded is None:
        return member, version, None
    return members.as_of(member, recorded.recorded_at), version, recorded.recorded_at


def _as_it_happened(
    member_id: str, at: datetime, known_at: datetime | None
) -> tuple[Member, int, datetime | None]:
    order = store.read_order(connection.opened(), stream_of(member_id))
    chosen = [
        (occurred_at, version)
        for version, occurred_at, recorded_at in order
        if occurred_at <= at and (known_at is None or recorded_at <= known_at)
    ]
    chosen.sort()
    # What was recorded in the order it happened needs no sorting: fold on from a keyframe there.
    in_order = next(
        (place for place, (_, version) in enumerate(chosen) if version != place + 1), len(chosen)
    )
    member = at_version(member_id, in_order)
    last = member.version
    if last == in_order < len(chosen):
        late = _readable(member_id, in_order, max(version for _, version in chosen))
        for _, version in chosen[in_order:]:
            if version in late:
                member, last = apply(member, late[version]), max(last, version)
    return members.as_of(member, at), last, at


def _readable(member_id: str, after: int, until: int) -> dict[int, Fact]:
    """The steps with `after < version <= until`, up to the first that cannot be read."""
    found: dict[int, Fact] = {}
    for steps in batches(member_id, after, until):
        for step in steps:
            if step.event is None:
                return found
            found[step.version] = step
    return found


def same_refusals(member_id: str) -> dict[int, int]:
    """How often each refusal's request came again within minutes, by the refusal's version."""
    seen: dict[int, int] = {}
    for command in store.read_commands(connection.opened(), stream_of(member_id)):
        version = command.outcome.get("same_as")
        if isinstance(version, int):
            seen[version] = seen.get(version, 0) + 1
    return seen
