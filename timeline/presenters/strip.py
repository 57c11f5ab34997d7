"""The shared time scale: windows, axis, and how many events happened when."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from timeline.presenters import clock
from timeline.presenters.moments import Moment, Story

STRIP_BUCKETS = 120
OVERVIEW_BUCKETS = 180
BARS_THAT_FIT = 48

SPANS = (
    ("2w", timedelta(days=14), "2 weeks"),
    ("6w", timedelta(days=42), "6 weeks"),
    ("3m", timedelta(days=92), "3 months"),
    ("1y", timedelta(days=366), "1 year"),
)
ALL = "all"
_TICKS = (
    timedelta(hours=1), timedelta(hours=6), timedelta(days=1), timedelta(days=2),
    timedelta(days=7), timedelta(days=14), timedelta(days=28), timedelta(days=91),
    timedelta(days=182), timedelta(days=365),
)  # fmt: skip


class Window(msgspec.Struct, frozen=True):
    """The stretch of time that a picture shows."""

    start: datetime
    end: datetime

    def at(self, when: datetime) -> float:
        """Where an instant stands, in percent; outside instants lie outside 0..100."""
        return (when - self.start) / (self.end - self.start) * 100

    def shows(self, start: datetime, end: datetime) -> bool:
        """Whether anything between the two instants is inside."""
        return start <= self.end and end >= self.start

    def clipped(self, when: datetime) -> float:
        """Like `at`, kept inside the picture."""
        return min(100.0, max(0.0, self.at(when)))


class Column(msgspec.Struct, frozen=True):
    """A bucket with events: x and height are ready for SVG, `ms` is where the bucket begins."""

    x: str
    y: str
    height: str
    kind: str
    ms: int
    later: bool = False


class Strip(msgspec.Struct, frozen=True):
    """The density of events over a window."""

    columns: tuple[Column, ...]
    crosses: tuple[Column, ...]
    width: str
    words: str


class Tick(msgspec.Struct, frozen=True):
    """A labelled line of the time axis."""

    x: str
    label: str
    anchor: str = "middle"
    alt: bool = False


class Zoom(msgspec.Struct, frozen=True):
    """The window's size in words, and the sizes next to it (None at the ends)."""

    key: str
    label: str
    closer: str | None
    wider: str | None


def percent(value: float) -> str:
    """A percentage for an SVG attribute."""
    return f"{value:.2f}".rstrip("0").rstrip(".") + "%"


def whole(story: Story, now: datetime) -> Window:
    """From a little before the first step to now, or to the end of a story long over."""
    first = min((moment.at for moment in story.moments), default=now - timedelta(days=1))
    first = min([first, *(bar.start for bar in story.bars.values())])
    first = min([first, *(mark.at for mark in story.marks)])
    ends = [bar.end for bar in story.bars.values()]
    last = max([moment.at for moment in story.moments] + ends, default=now)
    life = max(last - first, timedelta(hours=1))
    end = max(min(last, now + life * 0.25), now if now - last < life * 0.5 else last)
    pad = max((end - first) * 0.02, timedelta(minutes=10))
    return Window(first - pad, end + pad)


def zoom(story: Story, everything: Window, asked: str | None) -> Zoom:
    """The asked size, or the largest one whose bars can still be told apart."""
    life = everything.end - everything.start
    sizes = [(key, span, label) for key, span, label in SPANS if span < life]
    keys = [key for key, _, _ in sizes] + [ALL]
    labels = {**{key: label for key, _, label in sizes}, ALL: "Everything"}
    key = asked if asked in keys else None
    if key is None:
        crowd = max(1, len(story.bars), len(story.moments) // 6)
        fits = [k for k, span, _ in sizes if crowd * (span / life) <= BARS_THAT_FIT]
        key = ALL if crowd <= BARS_THAT_FIT else (fits[-1] if fits else keys[0])
    place = keys.index(key)
    return Zoom(
        key,
        labels[key],
        keys[place - 1] if place else None,
        keys[place + 1] if place + 1 < len(keys) else None,
    )


def window(everything: Window, size: Zoom, at: datetime) -> Window:
    """The window of that size around an instant; it pages by halves, so steps do not shake it."""
    span = next((span for key, span, _ in SPANS if key == size.key), None)
    if span is None:
        return everything
    page = (at - everything.start) // (span / 2)
    start = everything.start + page * (span / 2) - span / 4
    start = max(everything.start, min(start, everything.end - span))
    return Window(start, start + span)


def density(
    moments: Sequence[Moment],
    view: Window,
    at: datetime,
    *,
    buckets: int,
    height: float,
    headroom: float = 3,
) -> Strip:
    """Columns of a strip; a refusal is never averaged away. `headroom` stays free above them."""
    span = (view.end - view.start) / buckets
    counts: dict[int, list[int]] = {}
    for moment in moments:
        place = int((moment.at - view.start) / span)
        if 0 <= place < buckets:
            count = counts.setdefault(place, [0, 0, 0])
            count[{"refused": 1}.get(moment.kind, 0 if moment.version else 2)] += 1
    most = max((sum(count) for count in counts.values()), default=1)
    scale = (height - headroom) / max(most, 4)
    columns: list[Column] = []
    crosses: list[Column] = []
    for place, count in sorted(counts.items()):
        starts = view.start + place * span
        later, ms = starts > at, clock.millis(starts)
        x, top = percent(place / buckets * 100), height
        for kind, number in zip(("plain", "ref", "clock"), count, strict=True):
            if number:
                tall = max(1.5, number * scale)
                top -= tall
                columns.append(Column(x, f"{top:.1f}", f"{tall:.1f}", kind, ms, later))
        if count[1]:
            crosses.append(Column(x, f"{max(top - 7, 0):.1f}", "", "ref", ms, later))
    return Strip(tuple(columns), tuple(crosses), percent(0.76 / buckets * 100), _per(span))


def _per(span: timedelta) -> str:
    hours = span / timedelta(hours=1)
    if hours < 1:
        return f"Events per {max(1, round(hours * 60))} min"
    return f"Events per {round(hours)} h" if hours < 48 else f"Events per {round(hours / 24)} d"


def ticks(view: Window, now: datetime) -> list[Tick]:
    """The lines of the time axis: round steps, at most eight, and now."""
    span = view.end - view.start
    step = next((tick for tick in _TICKS if span / tick <= 8), _TICKS[-1])
    found: list[Tick] = []
    shows_now = view.start <= now <= view.end
    for place, at in enumerate(_round(view, step)):
        x = view.at(at)
        if x < 1.5 or (shows_now and abs(x - view.at(now)) < 7) or x > 97:
            continue
        label = clock.moment(at) if step < timedelta(days=1) else clock.day(at)
        if step >= timedelta(days=91) or at.timetuple().tm_yday <= step.days:
            label = f"{at:%b %Y}" if step >= timedelta(days=28) else clock.date(at)
        found.append(Tick(percent(x), label, "middle", bool(place % 2)))
    if shows_now:
        x = view.at(now)
        found.append(Tick(percent(x), f"now, {clock.day(now)}", "end" if x > 94 else "middle"))
    return found


def _round(view: Window, step: timedelta) -> Iterable[datetime]:
    if step >= timedelta(days=91):
        months = max(3, round(step.days / 30.5 / 3) * 3)
        year, month = view.start.year, 1
        while (at := datetime(year, month, 1, tzinfo=UTC)) <= view.end:
            if at >= view.start:
                yield at
            year, month = year + (month - 1 + months) // 12, (month - 1 + months) % 12 + 1
        return
    monday = datetime(2024, 1, 1, tzinfo=UTC)
    at = monday + -((monday - view.start) // step) * step
    while at <= view.end:
        if at >= view.start:
            yield at
        at += step
