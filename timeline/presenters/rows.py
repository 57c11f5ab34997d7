"""The event list around a step, and the index from which the script moves the playhead."""

from collections.abc import Mapping
from typing import Any

import msgspec

from licensing.history import History
from timeline.presenters import clock, moments, sentences
from timeline.presenters.moments import Moment, Story, Tag
from timeline.presenters.panel import Cursor
from timeline.presenters.sentences import Phrase

WINDOW = 100
_LETTERS = {
    "granted": "g", "renewed": "r", "played": "p", "expired": "e", "ended": "x", "refused": "f",
    "account": "a",
}  # fmt: skip


class Row(msgspec.Struct, frozen=True):
    """One line of the list. `date` is set on the first line of a day."""

    version: int | None
    after: int
    kind: str
    phrase: Phrase
    tags: tuple[Tag, ...]
    date: str
    time: str
    iso: str
    current: bool


class Listing(msgspec.Struct, frozen=True):
    """The rows that are sent, and where to find the rest."""

    rows: tuple[Row, ...]
    matched: int
    events: int
    filtered: bool
    earlier: int | None
    later: int | None


def around(
    story: Story,
    cursor: Cursor,
    middle: int,
    q: str,
    kind: str,
    repeats: Mapping[int, int],
) -> Listing:
    """About a hundred rows around step `middle`, out of those that match the filter."""
    found = [moment for moment in story.moments if _matches(moment, story, q, kind)]
    place = next(
        (number for number in range(len(found) - 1, -1, -1) if _key(found[number]) <= (middle, 0)),
        0,
    )
    start = max(0, min(place - WINDOW // 2, len(found) - WINDOW))
    chosen = found[start : start + WINDOW]
    stands = _standing(found, cursor)
    rows: list[Row] = []
    day = ""
    year = cursor.at.year
    for moment in chosen:
        date = clock.day(moment.at) if moment.at.year == year else clock.date(moment.at)
        rows.append(_row(moment, story, repeats, date if date != day else "", moment is stands))
        day = date
    return Listing(
        tuple(rows),
        len(found),
        sum(1 for moment in story.moments if moment.version is not None),
        bool(q or kind),
        chosen[0].after - 1 if start > 0 else None,
        chosen[-1].after + 1 if start + WINDOW < len(found) else None,
    )


def _key(moment: Moment) -> tuple[int, int]:
    return (moment.after, 0 if moment.version is not None else 1)


def _standing(found: list[Moment], cursor: Cursor) -> Moment | None:
    """The row under the playhead: the step, or the last thing the clock did after it."""
    stands = None
    for moment in found:
        if moment.version == cursor.version:
            stands = moment
        elif moment.version is None and moment.after == cursor.version and cursor.carried:
            stands = moment if moment.at <= cursor.at else stands
    return stands


def _matches(moment: Moment, story: Story, q: str, kind: str) -> bool:
    if kind == "late":
        if moment.step is None or not moments.is_late(moment.step):
            return False
    elif kind and moment.kind != kind:
        return False
    if not q:
        return True
    words = moments.phrase(moment, story.names).text
    tags = " ".join(tag.text for tag in moments.tags(moment))
    event_type = moment.step.recorded.type if moment.step else ""
    return q.casefold() in f"{words} {tags} {moment.license_id or ''} {event_type}".casefold()


def _row(moment: Moment, story: Story, repeats: Mapping[int, int], date: str, current: bool) -> Row:
    return Row(
        moment.version,
        moment.after,
        moment.kind,
        moments.phrase(moment, story.names),
        tuple(moments.tags(moment, repeats)),
        date,
        clock.minute(moment.at),
        moment.at.isoformat(),
        current,
    )


# -- For the script and the slider --


def index(history: History, story: Story) -> dict[str, Any]:
    """When each step was (first in milliseconds, then the distances) and of which kind."""
    times = [clock.millis(step.recorded.recorded_at) for step in history.steps]
    deltas = [now - was for was, now in zip([0, *times], times, strict=False)]
    limits: dict[str, list[list[int]]] = {}
    for band in story.bands:
        if band.limit in ("max_devices", "max_downloads"):
            limits.setdefault(band.limit, []).append([clock.millis(band.start), band.max])
    return {
        "t": deltas,
        "k": "".join(_LETTERS[sentences.kind_of(step.recorded.type)] for step in history.steps),
        "limits": limits,
    }


def value_text(history: History, cursor: Cursor) -> str:
    """What the slider says aloud."""
    if not cursor.version:
        return "Before the first event"
    kind = sentences.kind_of(history.steps[cursor.version - 1].recorded.type)
    words = sentences.KIND_WORDS[kind]
    return f"Step {cursor.version} of {history.head}, {clock.stamp(cursor.at)}, {words}"
