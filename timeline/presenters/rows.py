"""The event list around a step."""

from collections.abc import Mapping, Sequence

import msgspec

from timeline.presenters import clock
from timeline.presenters.cursor import Cursor
from timeline.presenters.moments import Moment, NoteAbout, Story, Tag
from timeline.presenters.phrases import Phrase

WINDOW = 100


class Row(msgspec.Struct, frozen=True):
    """One line of the list. `date` is set on the first line of a day."""

    version: int | None
    place: int
    anchor: int
    kind: str
    phrase: Phrase
    tags: tuple[Tag, ...]
    date: str
    time: str
    iso: str
    current: bool


class Listing(msgspec.Struct, frozen=True):
    """The rows that are sent, and the places around which to find the rest.

    `steps` and `clock` count the rows that match, of events and of the clock.
    """

    rows: tuple[Row, ...]
    steps: int
    clock: int
    events: int
    filtered: bool
    earlier: int | None
    later: int | None
    first: int  # the number of the first row among those that match, from 1
    matched: int


def around(
    story: Story,
    found: Sequence[Moment],
    cursor: Cursor,
    middle: int,
    repeats: Mapping[int, int],
) -> Listing:
    """About a hundred rows around the place `middle`, out of those `found` by the filter."""
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
    steps = sum(moment.version is not None for moment in found)
    return Listing(
        rows=tuple(rows),
        steps=steps,
        clock=len(found) - steps,
        events=sum(moment.version is not None for moment in story.moments),
        filtered=len(found) != len(story.moments),
        earlier=max(chosen[0].place - 1, 0) if start > 0 else None,
        later=chosen[-1].place + 1 if start + WINDOW < len(found) else None,
        first=start + 1,
        matched=len(found),
    )


def _key(moment: Moment) -> tuple[int, int]:
    return (moment.place, 0 if moment.version is not None else 1)


def _standing(found: Sequence[Moment], cursor: Cursor) -> Moment | None:
    """The row under the playhead: the step, or the last thing the clock did after it."""
    stands = None
    for moment in found:
        if moment.place != cursor.place:
            continue
        if moment.version is not None or (cursor.carried and moment.at <= cursor.at):
            stands = moment
    return stands


def _row(moment: Moment, story: Story, repeats: Mapping[int, int], date: str, current: bool) -> Row:
    tags, version = moment.tags, moment.version
    if version is not None:
        again, notes = repeats.get(version, 0), story.notes.get(version, ())
        if again:
            tags = (*tags, Tag(f"asked {again + 1} times"))
        if notes:
            tags = (*tags, Tag(_notes(notes), "note"))
    return Row(
        version,
        moment.place,
        moment.anchor,
        moment.kind,
        moment.phrase,
        tags,
        date,
        clock.minute(moment.at),
        moment.at.isoformat(),
        current,
    )


def _notes(notes: Sequence[NoteAbout]) -> str:
    return "note" if len(notes) == 1 else f"{len(notes)} notes"
