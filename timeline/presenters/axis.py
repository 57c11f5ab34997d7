"""The shared time scale: how much time a picture shows, and where in it an instant stands."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import msgspec

from timeline.presenters import clock
from timeline.presenters.moments import Story

BARS_THAT_FIT = 20
IDLE = timedelta(days=30)
IDLE_MARGIN = timedelta(days=1)
IDLE_WIDTH = 3.2  # percent
MOST_IDLE = 10
LATELY = timedelta(hours=6)  # a story that ended no longer ago is shown up to now
BESIDE_NOW = 22  # percent within which a small screen has no room for a label beside "now"

SPANS = (
    ("2w", timedelta(days=14), "2 weeks"),
    ("6w", timedelta(days=42), "6 weeks"),
    ("3m", timedelta(days=92), "3 months"),
    ("1y", timedelta(days=366), "1 year"),
)
ALL = "all"
_TICKS = (
    timedelta(minutes=10), timedelta(hours=1), timedelta(hours=6), timedelta(days=1),
    timedelta(days=2), timedelta(days=7), timedelta(days=14), timedelta(days=28),
    timedelta(days=91), timedelta(days=182), timedelta(days=365),
)  # fmt: skip

Gap = tuple[datetime, datetime]


class Window(msgspec.Struct, frozen=True):
    """The stretch of time that a picture shows; `knots` place instants where it is not even."""

    start: datetime
    end: datetime
    knots: tuple[tuple[datetime, float], ...] = ()

    def at(self, when: datetime) -> float:
        """Where an instant stands, in percent; outside instants lie outside 0..100."""
        if not self.knots or not self.start <= when <= self.end:
            return (when - self.start) / (self.end - self.start) * 100
        place = bisect_right(self.knots, when, key=lambda knot: knot[0])
        place = min(max(place, 1), len(self.knots) - 1)
        (left, x), (right, until) = self.knots[place - 1], self.knots[place]
        return x + (until - x) * ((when - left) / (right - left))

    def shows(self, start: datetime, end: datetime) -> bool:
        """Whether anything between the two instants is inside."""
        return start <= self.end and end >= self.start

    def clipped(self, when: datetime) -> float:
        """Like `at`, kept inside the picture."""
        return min(100.0, max(0.0, self.at(when)))

    @property
    def scale(self) -> str:
        """The knots for the script: milliseconds and percent, `1000:0 2000:100`."""
        knots = self.knots or ((self.start, 0.0), (self.end, 100.0))
        return " ".join(f"{clock.millis(at)}:{x:.3f}" for at, x in knots)


class Zoom(msgspec.Struct, frozen=True):
    """How much time the window shows, and the neighboring sizes."""

    key: str
    label: str
    closer: str | None
    wider: str | None


class Tick(msgspec.Struct, frozen=True):
    """A line of the time axis."""

    x: str
    label: str
    anchor: str = "middle"
    alt: bool = False


class Break(msgspec.Struct, frozen=True):
    """Idle time that is drawn narrow."""

    x: str
    width: str
    words: str


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
    lately = now - last < max(life * 0.5, LATELY)
    end = max(min(last, now + life * 0.25), now if lately else last)
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


# -- Idle time --


def idle(view: Window, instants: Iterable[datetime]) -> list[Gap]:
    """The longest stretches of more than 30 days in the window in which nothing happened."""
    inside = sorted({at for at in instants if view.shows(at, at)})
    found = [
        (was + IDLE_MARGIN, now - IDLE_MARGIN) for was, now in pairwise(inside) if now - was > IDLE
    ]
    return sorted(sorted(found, key=lambda gap: gap[0] - gap[1])[:MOST_IDLE])


def folded(view: Window, gaps: Sequence[Gap], instants: Iterable[datetime]) -> Window:
    """The same window with the idle time drawn narrow, and no more room than `instants` need."""
    inside = [at for at in instants if view.shows(at, at)]
    if not gaps or not inside:
        return view
    lost = sum((end - start for start, end in gaps), timedelta())
    pad = max((max(inside) - min(inside) - lost) * 0.03, timedelta(hours=1))
    first, last = max(view.start, min(inside) - pad), min(view.end, max(inside) + pad)
    width = (last - first - lost) / (100 - IDLE_WIDTH * len(gaps))
    knots, x, at = [(first, 0.0)], 0.0, first
    for start, end in gaps:
        x += (start - at) / width
        knots += [(start, x), (end, x + IDLE_WIDTH)]
        x, at = x + IDLE_WIDTH, end
    return Window(first, last, (*knots, (last, 100.0)))


def breaks(view: Window, gaps: Sequence[Gap]) -> list[Break]:
    """The folded stretches as they are drawn."""
    return [
        Break(
            percent(view.at(start)),
            percent(view.at(end) - view.at(start)),
            f"{round((end - start) / timedelta(days=1))} d",
        )
        for start, end in gaps
    ]


# -- Ticks --


def ticks(view: Window, now: datetime) -> list[Tick]:
    """The lines of the time axis: round steps, at most eight, and now."""
    span = view.end - view.start
    step = next((tick for tick in _TICKS if span / tick <= 8), _TICKS[-1])
    found: list[Tick] = []
    shows_now = view.start <= now <= view.end
    last = -10.0
    for place, at in enumerate(_round(view, step)):
        x = view.at(at)
        if x < 1.5 or (shows_now and abs(x - view.at(now)) < 7) or x > 97 or x - last < 5:
            continue
        last = x
        label = clock.moment(at) if step < timedelta(days=1) else clock.day(at)
        if step >= timedelta(days=91) or at.timetuple().tm_yday <= step.days:
            label = f"{at:%b %Y}" if step >= timedelta(days=28) else clock.date(at)
        crowded = shows_now and abs(x - view.at(now)) < BESIDE_NOW
        found.append(Tick(percent(x), label, "middle", bool(place % 2) or crowded))
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
