"""The lanes: what each device held and was refused, as geometry for SVG."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from timeline.presenters import bars, clock, marks
from timeline.presenters.axis import Window, percent
from timeline.presenters.bars import BarShape, Group
from timeline.presenters.marks import MarkShape
from timeline.presenters.moments import Band, Bar, LaneAbout, Mark, Story
from timeline.presenters.sentences import reason_words

MOST_REFUSALS = 40


class Lane(msgspec.Struct, frozen=True):
    """One device. `dots` are playbacks too many to be drawn one by one."""

    key: str
    name: str
    icon: str
    word: str
    in_use: int
    height: int
    bars: tuple[BarShape, ...]
    refusals: tuple[MarkShape, ...]
    plays: tuple[MarkShape, ...]
    dots: str
    dots_y: int


class BandShape(msgspec.Struct, frozen=True):
    """A stretch with one device limit."""

    x: str
    width: str
    max: int
    plan: str
    roomy: bool


class Lanes(msgspec.Struct, frozen=True):
    """All lanes of a window; `retired` and `empty` count those that are folded away."""

    lanes: tuple[Lane, ...]
    retired: int
    empty: int
    bands: tuple[BandShape, ...]
    merged: int


def draw(story: Story, view: Window, at: datetime, *, everyone: bool = False) -> Lanes:
    """Lay out every device that shows anything in the window at `at`, or `everyone`."""
    shown = [bar for bar in story.bars.values() if view.shows(bar.start, bar.end)]
    groups = bars.merged(shown, view)
    by_lane: dict[str, list[Group]] = {}
    for group in groups:
        by_lane.setdefault(group[0].lane, []).append(group)
    marked: dict[str, list[Mark]] = {}
    for mark in story.marks:
        if view.shows(mark.at, mark.known_at or mark.at):
            marked.setdefault(mark.lane, []).append(mark)
    refused = sum(mark.kind == "refused" for of in marked.values() for mark in of)
    played = sum(mark.kind != "refused" for of in marked.values() for mark in of)
    near = marks.NEAR * max(1, refused / MOST_REFUSALS)
    names = list(dict.fromkeys([*story.lanes, *by_lane, *marked]))
    lanes, retired, empty = [], 0, 0
    for name in names:
        about = story.lanes.get(name) or LaneAbout(name)
        is_retired = about.retired_at is not None and about.retired_at <= view.start
        if not everyone and (is_retired or not (name in by_lane or name in marked)):
            gone = about.retired_at is not None and about.retired_at <= at
            retired, empty = retired + gone, empty + (not gone)
            continue
        of = marked.get(name, [])
        crowded = played > marks.MOST_PLAYS
        lanes.append(_lane(name, about, by_lane.get(name, []), of, view, at, near, crowded))
    merged = sum(len(group) for group in groups if len(group) > 1)
    return Lanes(tuple(lanes), retired, empty, tuple(_bands(story, view)), merged)


def _lane(
    key: str,
    about: LaneAbout,
    groups: Sequence[Group],
    found: Sequence[Mark],
    view: Window,
    at: datetime,
    near: float,
    crowded: bool,
) -> Lane:
    rows: list[float] = []  # where each row is free again, in percent
    shapes = [bars.shape(group, about.name, view, at, rows) for group in groups]
    refused = [mark for mark in found if mark.kind == "refused"]
    reports = [mark for mark in found if mark.kind != "refused"]
    crosses = marks.refusals(refused, view, at, rows, near)
    y = max(1, len(rows)) * bars.ROW + 2 if rows else 2
    drawn = [mark for mark in reports if mark.known_at] if crowded else reports
    height = max(len(rows) * bars.ROW + 1, bars.ROW + 1) if rows else 2
    return Lane(
        key=key,
        name=about.name,
        icon=about.icon,
        word=about.word,
        in_use=sum(shape.live for shape in shapes),
        height=height + (12 if reports else 0),
        bars=tuple(shapes),
        refusals=tuple(crosses),
        plays=tuple(marks.plays(drawn[-marks.MOST_PLAYS :], view, at, y)),
        dots=marks.dots(reports, view) if crowded else "",
        dots_y=y,
    )


def _bands(story: Story, view: Window) -> list[BandShape]:
    bands = [band for band in story.bands if band.limit == "max_devices"]
    shapes: list[BandShape] = []
    for place, band in enumerate(bands):
        end = bands[place + 1].start if place + 1 < len(bands) else view.end
        shape = _band(view, band, end)
        if shape is not None:
            shapes.append(shape)
    return shapes


def _band(view: Window, band: Band, end: datetime) -> BandShape | None:
    if not view.shows(band.start, end):
        return None
    left, right = view.clipped(band.start), view.clipped(end)
    return BandShape(
        percent(left), percent(right - left), band.max, band.plan.capitalize(), right - left > 9
    )


# -- As a table --


class Period(msgspec.Struct, frozen=True):
    """A license or a refusal in words, for the table; `tense` as in the picture."""

    version: int
    kind: str
    tense: str
    lane: str
    title: str
    studio: str
    start: str
    end: str
    ending: str


MOST_PERIODS = 60
_KINDS = {"": "granted", "clock": "expired", "released": "ended"}
_ENDINGS = {"": "not ended", "clock": "expired by the clock", "released": "released"}


def table(story: Story, view: Window, at: datetime) -> tuple[list[Period], int]:
    """Licenses and refusals of a window in words, latest first, and how many more there are."""
    shown: list[tuple[datetime, int, Bar | Mark]] = [
        (bar.start, bar.version, bar)
        for bar in story.bars.values()
        if view.shows(bar.start, bar.end)
    ]
    shown += [
        (mark.at, mark.version, mark)
        for mark in story.marks
        if mark.kind == "refused" and view.shows(mark.at, mark.at)
    ]
    shown.sort(key=lambda each: each[:2], reverse=True)
    periods = [_period(story, what, at) for _, _, what in shown[:MOST_PERIODS]]
    return periods, max(0, len(shown) - MOST_PERIODS)


def _period(story: Story, what: Bar | Mark, at: datetime) -> Period:
    lane = (story.lanes.get(what.lane) or LaneAbout(what.lane)).name
    if isinstance(what, Mark):
        tense, when = "later" if what.at > at else "rest", clock.moment(what.at)
        why = f"refused: {reason_words(what.reason)}"
        return Period(what.version, "refused", tense, lane, what.title, "", when, "", why)
    tense = bars.tense(what.start, what.end, at)
    return Period(
        what.version,
        _KINDS[what.ending] if tense == "rest" else "granted",
        tense,
        lane,
        what.title,
        what.studio,
        clock.moment(what.start),
        clock.moment(what.end),
        _ENDINGS[what.ending],
    )
