"""What the panel beside the list says about one step: head, changes, state, comparison, raw."""

import json
from collections import Counter
from datetime import datetime
from typing import Any

import msgspec

from licensing.domain import member as members
from licensing.domain.license import License
from licensing.domain.member import Member
from licensing.history import History, Step
from timeline.presenters import clock, diff, moments, sentences
from timeline.presenters.sentences import Names, Phrase

TABS = (
    ("changed", "What changed"),
    ("state", "State"),
    ("why", "Why"),
    ("compare", "Compare"),
    ("raw", "Raw"),
)
MOST_ROWS = 60
_ACTORS = {
    "device": "asked by the device",
    "staff": "by staff",
    "job": "by a job",
    "api": "over the API",
    "import": "imported",
}


class Cursor(msgspec.Struct, frozen=True):
    """Where the playhead stands: after step `version`, with the clock at `at`."""

    version: int
    at: datetime
    carried: bool  # the clock has gone on past the step


class Heading(msgspec.Struct, frozen=True):
    """The title of a step and the remarks under it."""

    kind: str
    phrase: Phrase
    meta: tuple[str, ...]


class Seen(msgspec.Struct, frozen=True):
    """The two states around a step, with the clock applied, and what to call things."""

    before: Member  # after the step before, at its own instant
    waiting: Member  # the same, with the clock just before the step
    landed: Member  # after the step, at its own instant
    shown: Member  # the state that the page shows
    names: Names


def see(history: History, cursor: Cursor) -> Seen:
    """Fold the states that a step is described with."""
    was, now = history.before_and_after(cursor.version)
    own = history.instant(cursor.version) or cursor.at
    previous = history.instant(cursor.version - 1) or own
    names = Names.of(now)
    if cursor.version:
        recorded = history.steps[cursor.version - 1].recorded
        names.learn(recorded.type, recorded.data)
    return Seen(
        members.as_of(was, previous),
        members.as_of(was, own),
        members.as_of(now, own),
        members.as_of(now, cursor.at),
        names,
    )


def heading(step: Step | None, cursor: Cursor, names: Names, expired: list[str]) -> Heading:
    """The title of the panel; a step carried on by the clock says what the clock did."""
    if step is None:
        return Heading("account", Phrase("Before the first event", "", ""), ("Step 0",))
    recorded = step.recorded
    kind, phrase = sentences.kind_of(recorded.type), None
    if cursor.carried and len(expired) == 1:
        kind, phrase = "expired", sentences.expired(expired[0], names)
    meta = [
        f"Step {step.version}",
        clock.stamp(recorded.recorded_at),
        "as known then",
        _ACTORS.get(moments.actor_kind(recorded.metadata), ""),
        _lag(step),
    ]
    if cursor.carried:
        meta = [f"Step {step.version}, carried on to {clock.stamp(cursor.at)}", "by the clock"]
    return Heading(
        kind,
        phrase or sentences.phrase(recorded.type, recorded.data, names),
        tuple(word for word in meta if word),
    )


def _lag(step: Step) -> str:
    delay = step.recorded.recorded_at - step.recorded.occurred_at
    if delay.total_seconds() < 0.05:
        return ""
    word = "reported" if moments.is_late(step) else "recorded"
    return f"{word} {clock.duration(delay)} later"


# -- What changed --


class Changed(msgspec.Struct, frozen=True):
    """The changes of a step, and apart from them what the clock did around it."""

    groups: tuple[diff.Group, ...]
    by_clock: tuple[diff.Group, ...]
    count: int
    unchanged: int
    note: str


def changed(seen: Seen, cursor: Cursor, step: Step | None) -> Changed:
    """The difference that the step made, and that time made before and after it."""
    groups = diff.groups(seen.waiting, seen.landed, seen.names)
    clocked = [
        diff.by_clock(seen.before, seen.waiting, seen.names, f"step {cursor.version - 1}"),
        diff.by_clock(seen.landed, seen.shown, seen.names, f"step {cursor.version}"),
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


# -- State --


class LicenseRow(msgspec.Struct, frozen=True):
    """One license in the state table."""

    kind: str
    title: str
    device: str
    status: str
    expires: str
    renewals: str
    plays: int
    id: str


class StateView(msgspec.Struct, frozen=True):
    """The state in tables."""

    facts: tuple[tuple[str, str], ...]
    active: tuple[LicenseRow, ...]
    ended: tuple[LicenseRow, ...]
    ended_more: int
    devices: tuple[tuple[str, str, str, int], ...]
    titles: tuple[tuple[str, str, int, int], ...]
    titles_more: int


def state_view(member: Member, names: Names) -> StateView:
    """The state as a reader wants it: valid licenses first, then what is over."""
    live, over = members.live(member), len(member.licenses) - len(member.active)
    ended = sorted(
        (x for x in member.licenses.values() if x.status != "active"),
        key=lambda x: (x.issued_at, x.license_id),
        reverse=True,
    )
    downloads, devices = diff.in_use(member)
    held = Counter(license.device_id for license in live)
    titles = sorted(member.downloads.values(), key=lambda x: (-len(x.issued), x.name or x.title_id))
    return StateView(
        facts=(
            ("Plan", (member.plan or "not known").capitalize()),
            ("Country", member.country or "not known"),
            ("Since", clock.date(member.since) if member.since else "not yet"),
            ("Downloads in use", str(downloads)),
            ("Devices with downloads", str(devices)),
        ),
        active=tuple(_license_row(x, names) for x in live),
        ended=tuple(_license_row(x, names) for x in ended[:MOST_ROWS]),
        ended_more=max(0, over - MOST_ROWS),
        devices=tuple(
            (
                names.device(x.device_id),
                x.type or "not known",
                x.device_id,
                held[x.device_id],
            )
            for x in member.devices.values()
        ),
        titles=tuple(
            (x.name or x.title_id, x.studio or "", len(x.issued), len(x.played))
            for x in titles[:MOST_ROWS]
        ),
        titles_more=max(0, len(titles) - MOST_ROWS),
    )


_KIND = {"active": "granted", "expired": "expired", "released": "ended", "revoked": "ended"}


def _license_row(license: License, names: Names) -> LicenseRow:
    most = license.terms.get("renew_max")
    kind = "renewed" if license.status == "active" and license.renewals else _KIND[license.status]
    return LicenseRow(
        kind,
        names.title(license.license_id),
        names.device(license.device_id),
        license.status,
        clock.moment(license.ended_at or license.expires_at, None),
        f"{license.renewals} of {most}" if most is not None else str(license.renewals),
        license.plays,
        license.license_id,
    )


# -- Compare --


class Between(msgspec.Struct, frozen=True):
    """A step that lies between the two compared ones."""

    version: int
    kind: str
    phrase: Phrase


class Comparison(msgspec.Struct, frozen=True):
    """The net difference from step `a` to the shown one."""

    a: int
    groups: tuple[diff.Group, ...]
    count: int
    between: tuple[Between, ...]
    between_more: int


def compare(history: History, cursor: Cursor, a: int, seen: Seen) -> Comparison:
    """What differs between two steps, and the steps between them."""
    a = min(max(a, 0), history.head)
    instant = history.instant(a)
    other = history.state(a)
    other = members.as_of(other, instant) if instant else other
    names = seen.names if a <= cursor.version else Names.of(other)
    groups = diff.groups(other, seen.shown, names)
    low, high = sorted((a, cursor.version))
    steps = history.steps[low:high]
    return Comparison(
        a,
        tuple(groups),
        sum(group.count for group in groups),
        tuple(_between(step, seen.names) for step in steps[:MOST_ROWS]),
        max(0, len(steps) - MOST_ROWS),
    )


def _between(step: Step, names: Names) -> Between:
    recorded = step.recorded
    names.learn(recorded.type, recorded.data)
    return Between(
        step.version,
        sentences.kind_of(recorded.type),
        sentences.phrase(recorded.type, recorded.data, names),
    )


# -- Raw --


def raw(step: Step) -> str:
    """The event as it stands in the store."""
    return json.dumps(envelope(step), indent=2, ensure_ascii=False)


def envelope(step: Step) -> dict[str, Any]:
    """The stored event as plain values."""
    whole: dict[str, Any] = msgspec.to_builtins(step.recorded)
    whole["hash"] = step.recorded.hash.hex()
    return whole
