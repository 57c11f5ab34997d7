"""Versions and rows on a time axis, as percentages that a picture can be drawn from."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from licensing.rules.ruleset import RuleSet
from licensing.rules.tables import Row, Table
from timeline.presenters import clock
from timeline.presenters.rules import grid

LANE = 20
MOST_BARS = 24
_STEPS = (1, 2, 3, 6, 12, 24, 60)
MOST_TICKS = 9
NEAR = 8.0  # percent of the width that a word takes on a phone


class Bar(msgspec.Struct, frozen=True):
    """A stretch of time in a lane: `x` and `width` in percent, `y` in pixels."""

    x: str
    width: str
    y: int
    look: str
    name: str
    words: str
    href: str = ""


class Tick(msgspec.Struct, frozen=True):
    """A line with a word under it."""

    x: str
    words: str
    anchor: str
    now: bool = False


class Picture(msgspec.Struct, frozen=True):
    """All that is drawn."""

    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    now_x: str
    height: int
    more: int
    words: str

    @property
    def axis_y(self) -> int:
        """Where the words of the axis stand."""
        return self.height - 4

    @property
    def lines_y(self) -> int:
        """Where its lines end."""
        return self.height - 20


class Span(msgspec.Struct, frozen=True):
    """From when to when something is drawn."""

    start: datetime
    end: datetime

    def at(self, instant: datetime) -> float:
        """An instant in percent, kept inside."""
        share = (instant - self.start) / (self.end - self.start)
        return 100 * min(max(share, 0.0), 1.0)


def _percent(number: float) -> str:
    return f"{number:.2f}%"


def _bar(
    span: Span, start: datetime, end: datetime, lane: int, look: str, name: str, words: str,
    href: str = "",
) -> Bar:  # fmt: skip
    x = span.at(start)
    width = max(span.at(end) - x, 0.6)
    return Bar(_percent(min(x, 99.4)), _percent(width), 1 + LANE * lane, look, name, words, href)


def _ticks(span: Span, now: datetime) -> tuple[Tick, ...]:
    """The months, and today; a month too near to today keeps its line and loses its word."""
    today = span.at(now)
    months = (span.end.year - span.start.year) * 12 + span.end.month - span.start.month
    step = next((each for each in _STEPS if months / each <= MOST_TICKS), 120)
    found = []
    first = span.start.astimezone(UTC)
    count = first.year * 12 + first.month - 1
    count += -count % step
    while (at := datetime(count // 12, count % 12 + 1, 1, tzinfo=UTC)) <= span.end:
        if at >= span.start:
            x = span.at(at)
            words = f"{at:%b}" if step < 12 and at.month != 1 else f"{at:%b %Y}"
            near = abs(x - today) < NEAR
            found.append(Tick(_percent(x), "" if near else words, _anchor(x)))
        count += step
    return (*found, Tick(_percent(today), "today", _anchor(today), now=True))


def _anchor(x: float) -> str:
    return "start" if x < 4 else "end" if x > 96 else "middle"


def rows(
    ruleset: RuleSet, table: Table, now: datetime, new: frozenset[str] = frozenset()
) -> Picture | None:
    """When each row of a table is in force; None for a table in which no row has dates."""
    dates = [at for row in table.rows for at in (row.valid_from, row.valid_to) if at]
    if not dates:
        return None
    start = min(*dates, now) - timedelta(days=30)
    end = max(*dates, now) + timedelta(days=30)
    span = Span(start, end)
    bars = [
        _bar(
            span, row.valid_from or start, row.valid_to or end, lane, _look(row, now, new), row.id,
            grid.row_words(ruleset, table, row),
        )
        for lane, row in enumerate(table.rows[:MOST_BARS])
    ]  # fmt: skip
    height = LANE * len(bars) + 24
    more = max(0, len(table.rows) - MOST_BARS)
    words = f"When each row is in force, {clock.date(start)} to {clock.date(end)}"
    return Picture(tuple(bars), _ticks(span, now), _percent(span.at(now)), height, more, words)


def _look(row: Row, now: datetime, new: frozenset[str]) -> str:
    tense = grid.tense_of(row, now)
    if row.id in new:
        return "rv-new"
    if tense != "in force":
        return "rv-gone"
    dated = row.valid_from is not None or row.valid_to is not None
    return "rv-live" if dated else "rv-rest"


class Reign(msgspec.Struct, frozen=True):
    """A version from when it came into force until the next one did; `end` None for the last."""

    number: int
    hash: str
    start: datetime
    end: datetime | None
    suspended: bool
    title: str
    href: str


def versions(reigns: Sequence[Reign], now: datetime) -> Picture | None:
    """The versions of a rule set, each in a lane below the one before."""
    if not reigns:
        return None
    shown = reigns[-MOST_BARS:]
    first = min(each.start for each in shown)
    last = max([now, *(each.start for each in shown)])
    spare = max((last - first) / 12, timedelta(days=14))
    span = Span(first - spare / 4, last + spare)
    bars = []
    for lane, reign in enumerate(shown):
        end = reign.end or span.end
        if reign.suspended or end <= reign.start:
            look, end = "rv-gone", max(end, reign.start)
        elif reign.start > now:
            look = "rv-new"
        else:
            look = "rv-live" if reign.end is None or reign.end > now else "rv-rest"
        name = f"v{reign.number}"
        bars.append(_bar(span, reign.start, end, lane, look, name, reign.title, reign.href))
    words = f"The versions on a time axis, {clock.date(span.start)} to {clock.date(span.end)}"
    return Picture(
        tuple(bars), _ticks(span, now), _percent(span.at(now)), LANE * len(bars) + 24,
        len(reigns) - len(shown), words,
    )  # fmt: skip
