"""The lanes: validity bars, refusals and playbacks of each device, as geometry for SVG."""

from datetime import datetime

import msgspec

from timeline.presenters import clock
from timeline.presenters.moments import Band, Bar, Mark, Story
from timeline.presenters.sentences import reason_words
from timeline.presenters.strip import Window, percent

ROW = 19  # pixels from one bar to the next
BAR = 16
MOST_BARS = 500
ROOM_FOR_WORDS = 7.5  # percent
CLOSE = 0.35
ICONS = {"phone": "phone", "tablet": "tablet", "laptop": "laptop", "tv": "tv"}


class BarShape(msgspec.Struct, frozen=True):
    """A drawn license. `tense` is live, rest (over) or later."""

    version: int
    title: str
    studio: str
    words: str
    tense: str
    begins_ms: int
    ends_ms: int
    x: str
    y: int
    width: str
    label_width: str
    label: bool
    studio_fits: bool
    granted_width: str
    renewed_x: str
    renewed_width: str
    cap: str  # "", "clock" or "released"
    end_x: str


class MarkShape(msgspec.Struct, frozen=True):
    """A drawn refusal or playback; `tie_x` is where a late one became known."""

    version: int
    kind: str
    words: str
    count: int
    ms: int
    later: bool
    x: str
    y: int
    tie_x: str = ""
    tie_words: str = ""


class Lane(msgspec.Struct, frozen=True):
    """One device."""

    device_id: str
    name: str
    icon: str
    in_use: int
    height: int
    bars: tuple[BarShape, ...]
    refusals: tuple[MarkShape, ...]
    plays: tuple[MarkShape, ...]
    play_y: int


class BandShape(msgspec.Struct, frozen=True):
    """A stretch with one device limit."""

    x: str
    width: str
    max: int
    plan: str
    roomy: bool


class Lanes(msgspec.Struct, frozen=True):
    """All lanes of a window; `folded` counts the devices that show nothing in it."""

    lanes: tuple[Lane, ...]
    folded: int
    bands: tuple[BandShape, ...]
    left_out: int


def draw(story: Story, view: Window, at: datetime) -> Lanes:
    """Lay out every device that shows anything in the window at `at`."""
    by_device: dict[str, list[Bar]] = {}
    shown = [bar for bar in story.bars.values() if view.shows(bar.start, bar.end)]
    for bar in _worth_drawing(shown, at):
        by_device.setdefault(bar.device_id, []).append(bar)
    marks: dict[str, list[Mark]] = {}
    for mark in story.marks:
        if view.shows(mark.at, mark.known_at or mark.at):
            marks.setdefault(mark.device_id, []).append(mark)
    devices = list(dict.fromkeys([*story.devices, *by_device, *marks]))
    lanes = [
        _lane(story, view, at, device, by_device.get(device, []), marks.get(device, []))
        for device in devices
        if device in by_device or device in marks
    ]
    return Lanes(
        tuple(lanes),
        len(devices) - len(lanes),
        tuple(_bands(story, view)),
        max(0, len(shown) - MOST_BARS),
    )


def _worth_drawing(bars: list[Bar], at: datetime) -> list[Bar]:
    """All of them, or those valid now and the longest of the others."""
    if len(bars) <= MOST_BARS:
        return bars
    return sorted(bars, key=lambda x: (x.start <= at < x.end, x.end - x.start))[-MOST_BARS:]


def _lane(
    story: Story, view: Window, at: datetime, device_id: str, bars: list[Bar], marks: list[Mark]
) -> Lane:
    rows: list[float] = []  # where each row is free again, in percent
    shapes = [
        _bar(story, view, at, bar, _row(rows, view.clipped(bar.start), view.clipped(bar.end) + 1.6))
        for bar in sorted(bars, key=lambda bar: bar.start)
    ]
    refused = [
        _mark(
            story, view, at, group, _row(rows, view.clipped(group[0].at) - 1, _right(view, group))
        )
        for group in _near([mark for mark in marks if mark.kind == "refused"], view)
    ]
    play_y = max(1, len(rows)) * ROW + 2 if rows else 2
    plays = _plays(story, view, at, marks, play_y)
    height = max(len(rows) * ROW + 1, ROW + 1) if rows else 2
    return Lane(
        device_id=device_id,
        name=story.names.device(device_id),
        icon=ICONS.get(story.names.types.get(device_id, ""), "device"),
        in_use=sum(1 for shape in shapes if shape.tense == "live"),
        height=height + (12 if plays else 0),
        bars=tuple(shapes),
        refusals=tuple(refused),
        plays=tuple(plays),
        play_y=play_y,
    )


def _plays(story: Story, view: Window, at: datetime, marks: list[Mark], y: int) -> list[MarkShape]:
    """The playbacks in a row; words stand beside a late one only where there is room for them."""
    played = sorted((mark for mark in marks if mark.kind == "played"), key=lambda mark: mark.at)
    free, last = 0.0, 0.0
    shapes: list[MarkShape] = []
    for mark in played:
        shape = _mark(story, view, at, [mark], y)
        left = view.clipped(mark.at)
        if shapes and left - last < CLOSE and not shape.tie_x:
            continue  # it would lie on the one before
        last = left
        if shape.tie_words and left - free < ROOM_FOR_WORDS:
            shape = msgspec.structs.replace(shape, tie_words="")
        free = max(free, view.clipped(mark.known_at or mark.at) + 0.6)
        shapes.append(shape)
    return shapes


def _row(rows: list[float], left: float, right: float) -> int:
    """The y of the first row with room; the row is taken."""
    for place, free in enumerate(rows):
        if left >= free:
            rows[place] = right
            return place * ROW + 1
    rows.append(right)
    return (len(rows) - 1) * ROW + 1


def tense(start: datetime, end: datetime, at: datetime) -> str:
    """Valid at this instant, over, or not begun."""
    if at < start:
        return "later"
    return "live" if at < end else "rest"


def _bar(story: Story, view: Window, at: datetime, bar: Bar, y: int) -> BarShape:
    left, right = view.clipped(bar.start), view.clipped(bar.end)
    seam = min(max(view.clipped(bar.granted_until), left), right)
    title = story.names.title(bar.license_id)
    studio = story.names.studios.get(bar.license_id, "")
    ending = {"clock": "expired by the clock", "released": "released"}.get(
        bar.ending, "still valid"
    )
    until = f"{clock.moment(bar.start)} to {clock.moment(bar.end)}"
    width = right - left
    return BarShape(
        version=bar.version,
        title=title,
        studio=studio,
        words=f"{title} on {story.names.device(bar.device_id)}, {until}, {ending}",
        tense=tense(bar.start, bar.end, at),
        begins_ms=clock.millis(bar.start),
        ends_ms=clock.millis(bar.end),
        x=percent(left),
        y=y,
        width=percent(width),
        label_width=percent(max(width - 0.4, 0)),
        label=width * 11 > 42,
        studio_fits=width * 11 > len(f"{title}  {studio}") * 5.6 + 14,
        granted_width=percent(max(seam - left, 0)),
        renewed_x=percent(seam),
        renewed_width=percent(right - seam) if right - seam > 0.05 else "",
        cap=bar.ending if view.start <= bar.end <= view.end else "",
        end_x=percent(right),
    )


def _near(marks: list[Mark], view: Window) -> list[list[Mark]]:
    """Refusals that would lie on each other, together."""
    groups: list[list[Mark]] = []
    for mark in sorted(marks, key=lambda mark: mark.at):
        if groups and view.at(mark.at) - view.at(groups[-1][-1].at) < 1.2:
            groups[-1].append(mark)
        else:
            groups.append([mark])
    return groups


def _right(view: Window, group: list[Mark]) -> float:
    return view.clipped(group[-1].at) + 1


def _mark(story: Story, view: Window, at: datetime, group: list[Mark], y: int) -> MarkShape:
    mark = group[-1]
    title = story.names.title(mark.license_id)
    if mark.kind == "refused":
        why = reason_words(mark.reason)
        words = f"{title} refused, {clock.moment(mark.at)}: {why}"
        if len(group) > 1:
            words = f"{len(group)} refused, the last: {words}"
    else:
        words = f"{title} played, {clock.moment(mark.at)}"
    late = mark.known_at
    return MarkShape(
        version=mark.version,
        kind=mark.kind,
        words=words + (f", reported {clock.duration(late - mark.at)} later" if late else ""),
        count=len(group),
        ms=clock.millis(late or mark.at),
        later=(late or mark.at) > at,
        x=percent(view.clipped(mark.at)),
        y=y,
        tie_x=percent(view.clipped(late)) if late else "",
        tie_words=f"{clock.rough(late - mark.at)} late" if late else "",
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
