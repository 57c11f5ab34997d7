"""What the panel beside the list says about one step: its head, what it changed, and raw."""

import json
from typing import Any

import msgspec

from licensing.domain import member as members
from licensing.domain.member import Member
from licensing.history import History, Order, Step
from timeline.presenters import clock, diff, sentences, telling
from timeline.presenters.cursor import Cursor
from timeline.presenters.moments import actor_kind
from timeline.presenters.phrases import Phrase
from timeline.presenters.sentences import Names

TABS = (
    ("changed", "What changed"),
    ("state", "State"),
    ("why", "Why"),
    ("compare", "Compare"),
    ("raw", "Raw"),
)
ORDER_WORDS: dict[Order, str] = {"known": "as known then", "happened": "as it happened"}
_ACTORS = {
    "device": "asked by the device",
    "staff": "by staff",
    "job": "by a job",
    "api": "over the API",
    "import": "imported",
}


class Heading(msgspec.Struct, frozen=True):
    """The title of a step and the remarks under it."""

    kind: str
    phrase: Phrase
    meta: tuple[str, ...]


class Seen(msgspec.Struct, frozen=True):
    """The states around a step, with the clock applied, and what to call things."""

    before: Member  # after the step before, at its own instant
    waiting: Member  # the same, with the clock just before the step
    landed: Member  # after the step, at its own instant
    shown: Member  # the state that the page shows
    names: Names
    previous: int  # the version of the step before


def see(history: History, cursor: Cursor) -> Seen:
    """Fold the states that a step is described with."""
    was, now = history.before_and_after(cursor.place)
    own = history.instant(cursor.place) or cursor.at
    previous = history.instant(cursor.place - 1) or own
    names = Names.of(now)
    if cursor.place:
        recorded = history.step_at(cursor.place).recorded
        names.learn(recorded.type, recorded.data)
    return Seen(
        members.as_of(was, previous),
        members.as_of(was, own),
        members.as_of(now, own),
        members.as_of(now, cursor.at),
        names,
        history.version_at(cursor.place - 1),
    )


def heading(
    step: Step | None, cursor: Cursor, order: Order, names: Names, expired: list[str]
) -> Heading:
    """The title of the panel; a step carried on by the clock says what the clock did."""
    if step is None:
        return Heading("account", Phrase("Before the first event", "", ""), ("Step 0",))
    recorded = step.recorded
    kind, phrase = sentences.kind_of(recorded.type), None
    if cursor.carried and len(expired) == 1:
        kind, phrase = "expired", sentences.expired(expired[0], names)
    own = recorded.recorded_at if order == "known" else recorded.occurred_at
    meta = [
        f"Step {step.version}",
        clock.stamp(own),
        ORDER_WORDS[order],
        _ACTORS.get(actor_kind(recorded.metadata), ""),
        _lag(step),
    ]
    if cursor.carried:
        carried = f"Step {step.version}, carried on to {clock.stamp(cursor.at)}"
        meta = [carried, "by the clock", ORDER_WORDS[order]]
    return Heading(
        kind,
        phrase or sentences.phrase(recorded.type, recorded.data, names),
        tuple(word for word in meta if word),
    )


def _lag(step: Step) -> str:
    delay = step.recorded.recorded_at - step.recorded.occurred_at
    if delay.total_seconds() < 0.05:
        return ""
    word = "reported" if telling.is_late(step) else "recorded"
    return f"{word} {clock.duration(delay)} later"


# -- What changed --


class Changed(msgspec.Struct, frozen=True):
    """The changes of a step, and apart from them what the clock did around it."""

    groups: tuple[diff.Group, ...]
    by_clock: tuple[diff.Group, ...]
    count: int
    unchanged: int
    note: str


def changed(seen: Seen, cursor: Cursor, step: Step | None, most: int = diff.MOST) -> Changed:
    """The difference that the step made, and that time made before and after it."""
    groups = diff.groups(seen.waiting, seen.landed, seen.names, most)
    clocked = [
        diff.by_clock(seen.before, seen.waiting, seen.names, f"step {seen.previous}", most),
        diff.by_clock(seen.landed, seen.shown, seen.names, f"step {cursor.version}", most),
    ]
    return Changed(
        tuple(groups),
        tuple(group for group in clocked if group is not None),
        sum(group.count for group in groups),
        diff.unchanged(seen.before, seen.shown),
        "" if groups else _nothing(step),
    )


def _nothing(step: Step | None) -> str:
    if step is None:
        return "Nothing has happened yet: the state is empty."
    if step.event is None:
        return "This event cannot be read by this version, so the state stops before it."
    if step.recorded.type == "LicenseExpired":
        return (
            "The clock had already ended this license. The job wrote it down, so that "
            "everybody who reads events learns of it."
        )
    if sentences.kind_of(step.recorded.type) == "refused":
        return "A refusal changes nothing in the state. It is kept, because members ask about it."
    return "This event changed nothing in the state."


# -- Raw --


def raw(step: Step) -> str:
    """The event as it stands in the store."""
    return json.dumps(envelope(step), indent=2, ensure_ascii=False)


def envelope(step: Step) -> dict[str, Any]:
    """The stored event as plain values."""
    whole: dict[str, Any] = msgspec.to_builtins(step.recorded)
    whole["hash"] = step.recorded.hash.hex()
    return whole
