"""What one pass over a history yields: rows, bars, marks, bands and notes, of members and rules."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from licensing import decisions
from timeline.presenters.phrases import Phrase

CLOCK = "ByClock"  # the type of a row that no event made


class Tag(msgspec.Struct, frozen=True, gc=False):
    """A short remark beside a sentence; `kind` picks its color."""

    text: str
    kind: str = ""


class Moment(msgspec.Struct, frozen=True, gc=False):
    """A row of the list. Rows without a version were made by the clock, after step `anchor`.

    `place` counts the steps up to it in the order of the story. `about` names what it changed, as
    `license:<id>`, `device:<id>`, `title:<id>`; `outcomes` are words of `filters.OUTCOMES`.
    """

    version: int | None
    place: int
    anchor: int
    at: datetime
    kind: str
    type: str
    phrase: Phrase
    tags: tuple[Tag, ...] = ()
    outcomes: tuple[str, ...] = ()
    actor: str = ""
    about: tuple[str, ...] = ()


class Bar(msgspec.Struct, frozen=True):
    """The validity of one license: granted until `granted_until`, renewed from there to `end`."""

    key: str
    lane: str
    version: int
    title: str
    studio: str
    start: datetime
    granted_until: datetime
    end: datetime
    ending: str = ""  # "", "clock" or "released"


class Mark(msgspec.Struct, frozen=True):
    """A playback, a refusal or a late end on a lane, at the instant `at` when it happened.

    `known_at` is when a late one was reported, `since` when the order of the story has it.
    """

    kind: str
    lane: str
    title: str
    version: int
    at: datetime
    since: datetime
    known_at: datetime | None = None
    reason: str = ""


class Band(msgspec.Struct, frozen=True):
    """From `start` on, decisions were made with this limit."""

    start: datetime
    limit: str
    max: int
    plan: str


class LaneAbout(msgspec.Struct, frozen=True):
    """What a lane is called. `retired_at` is when its device was deactivated."""

    name: str
    icon: str = "device"
    retired_at: datetime | None = None
    word: str = "in use"


class NoteAbout(msgspec.Struct, frozen=True):
    """A remark pinned to a step by the event `version`."""

    version: int
    text: str
    at: datetime
    by: str


class Story(msgspec.Struct, frozen=True):
    """Everything that one pass over a history yields."""

    moments: list[Moment]
    bars: dict[str, Bar]
    marks: list[Mark]
    bands: list[Band]
    lanes: dict[str, LaneAbout]
    labels: dict[str, str]  # what to call each `about`
    notes: dict[int, list[NoteAbout]]
    as_of: datetime
    next_end: datetime | None = None  # when the clock will end the next license


EMPTY = Story([], {}, [], [], {}, {}, {}, datetime.min.replace(tzinfo=UTC))


def refused_limit(metadata: Mapping[str, Any]) -> dict[str, Any] | None:
    """The first limit without room in a recorded decision."""
    for limit in decision_limits(metadata):
        if limit.get("ok") is False:
            return limit
    return None


def decision_limits(metadata: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The limits of a recorded decision that have a value and a maximum."""
    decision = metadata.get("decision")
    return limits_of(decisions.full(decision)) if isinstance(decision, Mapping) else []


def limits_of(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The limits of a full record that have a value and a maximum."""
    limits = record.get("limits")
    if not isinstance(limits, list):
        return []
    return [x for x in limits if isinstance(x, dict) and "value" in x and "max" in x]


_SHORT = {
    "max_downloads": "downloads",
    "studio_year_max": "from this studio",
    "title_year_max": "of this title",
}


def limit_words(limit: Mapping[str, Any]) -> str:
    """`2 of 2 devices`; a value beyond its limit as `30 hours left, at most 24`."""
    value, most = limit["value"], limit["max"]
    label = _SHORT.get(str(limit.get("limit")), str(limit.get("label", "")))
    if isinstance(value, int) and isinstance(most, int) and value > most:
        return f"{value} {label}, at most {most}"
    return f"{value} of {most} {label}".rstrip()


def actor_kind(metadata: Mapping[str, Any]) -> str:
    """Who asked: device, staff, job, api or import; empty when nobody is named."""
    actor = metadata.get("actor")
    kind = actor.get("kind") if isinstance(actor, Mapping) else None
    return kind if isinstance(kind, str) else ""


def limit_at(story: Story, name: str, at: datetime) -> int | None:
    """The limit that decisions had last been made with by `at`."""
    found = None
    for band in story.bands:
        if band.limit == name and band.start <= at:
            found = band.max
    return found
