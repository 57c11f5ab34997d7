"""Licenses as bars: each with its tense, or many that would lie on each other as one."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from timeline.presenters import clock
from timeline.presenters.axis import Window, percent
from timeline.presenters.moments import Bar

ROW = 19  # pixels from one bar to the next
WIDE, NARROW = 11.0, 3.6  # pixels of a percent on a large screen and on a phone, about
LETTER, INSET = 5.6, 12  # pixels of a letter, and of the space around a label
FEWEST = 5  # letters that a shortened title keeps, or else it is left out
MOST_BARS = 64


class BarShape(msgspec.Struct, frozen=True):
    """A drawn license, or `many` of them. `tense` is live, rest (over) or later."""

    version: int
    studio: str
    words: str
    tense: str
    begins_ms: int
    ends_ms: int
    x: str
    y: int
    width: str
    label: str
    label_width: str
    studio_fits: bool
    small: bool  # whether the label fits on a phone too
    granted_width: str
    renewed_x: str
    renewed_width: str
    cap: str  # "", "clock" or "released"
    end_x: str
    many: int = 1
    live: int = 0


Group = Sequence[Bar]


def merged(bars: Sequence[Bar], view: Window) -> list[Group]:
    """Each bar alone, or neighbors of a lane together, so that not too many are drawn."""
    ordered = sorted(bars, key=lambda bar: (bar.start, bar.key))
    if len(ordered) <= MOST_BARS:
        return [[bar] for bar in ordered]
    near = 0.15
    while True:
        groups: dict[str, list[list[Bar]]] = {}
        ends: dict[str, float] = {}
        for bar in ordered:
            left, right = view.clipped(bar.start), view.clipped(bar.end)
            lane = groups.setdefault(bar.lane, [])
            if lane and left - ends[bar.lane] < near:
                lane[-1].append(bar)
                ends[bar.lane] = max(ends[bar.lane], right)
            else:
                lane.append([bar])
                ends[bar.lane] = right
        if sum(map(len, groups.values())) <= MOST_BARS:
            return [group for lane in groups.values() for group in lane]
        near *= 2


def tense(start: datetime, end: datetime, at: datetime) -> str:
    """Valid at this instant, over, or not begun."""
    if at < start:
        return "later"
    return "live" if at < end else "rest"


def row(rows: list[float], left: float, right: float) -> int:
    """The y of the first row with room; the row is taken."""
    for place, free in enumerate(rows):
        if left >= free:
            rows[place] = right
            return place * ROW + 1
    rows.append(right)
    return (len(rows) - 1) * ROW + 1


def shape(group: Group, lane: str, view: Window, at: datetime, rows: list[float]) -> BarShape:
    """One drawn bar; `lane` is what its device is called."""
    first = group[0]
    start, end = first.start, max(bar.end for bar in group)
    granted = first.granted_until if len(group) == 1 else end
    left, right = view.clipped(start), view.clipped(end)
    seam = min(max(view.clipped(granted), left), right)
    live = sum(bar.start <= at < bar.end for bar in group)
    title, studio = first.title, first.studio
    until = f"{clock.moment(start)} to {clock.moment(end)}"
    if len(group) > 1:
        title, studio = f"{len(group)} licenses", ""
        words = f"{title} on {lane}, merged: {until}"
    else:
        words = f"{title} on {lane}, {until}, {_ENDINGS[first.ending]}"
    width = right - left
    cap = first.ending if len(group) == 1 and view.start <= end <= view.end else ""
    room = max(width - (0.9 if cap == "clock" else 0.3), 0)
    return BarShape(
        version=first.version,
        studio=studio,
        words=words,
        tense=("live" if live else tense(start, end, at))
        if len(group) == 1
        else _many(live, start, at),
        begins_ms=clock.millis(start),
        ends_ms=clock.millis(end),
        x=percent(left),
        y=row(rows, left, right + 1.6),
        width=percent(width),
        label=_label(title, room),
        label_width=percent(room),
        studio_fits=letters(min(room, seam - left), WIDE) > len(f"{title}  {studio}"),
        small=len(title) <= letters(room, NARROW),
        granted_width=percent(max(seam - left, 0)),
        renewed_x=percent(seam),
        renewed_width=percent(right - seam) if right - seam > 0.05 else "",
        cap=cap,
        end_x=percent(right),
        many=len(group),
        live=live,
    )


def letters(room: float, scale: float) -> int:
    """How many letters stand in so many percent."""
    return int((room * scale - INSET) / LETTER)


def _label(title: str, room: float) -> str:
    most = letters(room, WIDE)
    if len(title) <= most:
        return title
    return f"{title[: most - 1].rstrip()}…" if most > FEWEST else ""


def _many(live: int, start: datetime, at: datetime) -> str:
    return "live" if live else "later" if at < start else "rest"


_ENDINGS = {"": "still valid", "clock": "expired by the clock", "released": "released"}
