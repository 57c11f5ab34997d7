"""Compares the two sides of a read model row by row, a few buckets at a time."""

import time
from collections.abc import Callable
from typing import Any

import msgspec

from licensing import connection
from licensing.store import BUCKETS
from projections import sides
from projections.projector import Projector
from projections.sql import statement

SAMPLES = 5
TRIES = 20
PAUSE_S = 0.1

FEW, MANY = 8, 64
"""How many buckets are looked at first, and at most: fewer where a statement takes long."""

SHORT_S, LONG_S = 0.5, 2.0
"""Below the one more buckets are looked at next, above the other fewer: a task's time ends."""


class Comparison(msgspec.Struct, frozen=True):
    """What was found: `rows` of both sides were compared, `only_live` and `only_new` are in one.

    A row that was changed counts in both. Rows of buckets in which the two builds never stood at
    the same place are not compared; `buckets` says in how many they were. The samples are rows as
    JSON, each with its table.
    """

    buckets: int
    rows: int
    only_live: int
    only_new: int
    live_samples: list[dict[str, Any]]
    new_samples: list[dict[str, Any]]

    @property
    def equal(self) -> bool:
        """Whether no row differs."""
        return not self.only_live and not self.only_new


class Progress(msgspec.Struct, frozen=True):
    """How far the comparison of two generations came: `place` buckets, one table after the other.

    `buckets` has a figure for each table that was begun; the rest is as in `Comparison`.
    """

    old: int
    new: int
    place: int
    buckets: list[int] = []
    rows: int = 0
    only_live: int = 0
    only_new: int = 0
    live_samples: list[dict[str, Any]] = []
    new_samples: list[dict[str, Any]] = []

    def percent(self, projector: Projector) -> float:
        """How much of it is done, 0 to 100."""
        return 100.0 * self.place / (len(projector.tables) * BUCKETS)


Build = tuple[int, str]
"""Generation and side."""


def compare(
    projector: Projector,
    live: Build,
    new: Build,
    begun: Progress | None = None,
    keep: Callable[[Progress], None] | None = None,
    seconds: float | None = None,
) -> Comparison | None:
    """Compare two builds, a few buckets of a table in one statement's snapshot.

    Goes on where `begun` ended, if that was about the same two; `keep` is told after each
    statement. None when the time is over before the end.
    """
    until = None if seconds is None else time.monotonic() + seconds
    progress, size = Progress(live[0], new[0], 0), FEW
    if begun is not None and (begun.old, begun.new) == (progress.old, progress.new):
        progress = begun
    end = len(projector.tables) * BUCKETS
    while progress.place < end:
        number, first = divmod(progress.place, BUCKETS)
        table, buckets = projector.tables[number], range(first, min(first + size, BUCKETS))
        text = _text(projector, table, live[1], new[1])
        found, took = _piece(text, projector, buckets, progress)
        progress = _further(progress, buckets, table, found)
        size = _next(size, took)
        if keep is not None:
            keep(progress)
        if until is not None and progress.place < end and time.monotonic() >= until:
            return None
    return Comparison(
        min(progress.buckets, default=0),
        progress.rows,
        progress.only_live,
        progress.only_new,
        progress.live_samples,
        progress.new_samples,
    )


def _next(size: int, took: float) -> int:
    """How many buckets are looked at next, when so many took so long."""
    if took > LONG_S:
        return max(size // 2, 1)
    return min(size * 2, MANY) if took < SHORT_S else size


def _text(projector: Projector, table: str, live: str, new: str) -> str:
    text = statement("compare_table").replace("{old}", sides.on(table, {projector.name: live}))
    return text.replace("{new}", sides.on(table, {projector.name: new}))


def _further(progress: Progress, buckets: range, table: str, found: Any) -> Progress:
    """The progress with what a few buckets of a table gave."""
    level, olds, news, only_live, only_new, live_rows, new_rows = found
    name = table.replace("{", "").replace("}", "")
    before = progress.buckets
    earlier, begun = (before[:-1], before[-1]) if buckets.start else (before, 0)
    return Progress(
        progress.old,
        progress.new,
        progress.place + len(buckets),
        [*earlier, begun + len(level or ())],
        progress.rows + max(olds, news),
        progress.only_live + only_live,
        progress.only_new + only_new,
        _samples(progress.live_samples, name, live_rows),
        _samples(progress.new_samples, name, new_rows),
    )


def _samples(known: list[dict[str, Any]], table: str, told: str | None) -> list[dict[str, Any]]:
    rows = msgspec.json.decode(told) if told else ()
    return [*known, *({"table": table, **row} for row in rows)][:SAMPLES]


def _piece(
    text: str, projector: Projector, buckets: range, progress: Progress
) -> tuple[Any, float]:
    """A few buckets, when as many of them as can be had are at the same place in both.

    With what was found comes how long the longest statement took.
    """
    asked = {
        "name": projector.name,
        "first": buckets.start,
        "last": buckets.stop - 1,
        "old": progress.old,
        "new": progress.new,
    }
    found: Any = None
    took = 0.0
    for _ in range(TRIES):
        began = time.monotonic()
        (now,) = connection.select(text, asked, planned=False)
        took = max(took, time.monotonic() - began)
        if found is None or len(now[0] or ()) > len(found[0] or ()):
            found = now
        if len(found[0] or ()) == len(buckets):
            break
        time.sleep(PAUSE_S)
    return found, took
