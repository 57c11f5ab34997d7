"""Compares the two sides of a read model row by row, a slice of the buckets at a time."""

import time
from collections.abc import Callable
from typing import Any

import msgspec

from licensing import connection
from projections import leases, sides
from projections.projector import Projector
from projections.sql import statement

SAMPLES = 5
TRIES = 20
PAUSE_S = 0.1


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
    """How far the comparison of two generations came: `done` slices, those of a table together.

    `buckets` has a figure for each table that was begun; the rest is as in `Comparison`.
    """

    old: int
    new: int
    done: int = 0
    buckets: list[int] = []
    rows: int = 0
    only_live: int = 0
    only_new: int = 0
    live_samples: list[dict[str, Any]] = []
    new_samples: list[dict[str, Any]] = []


Build = tuple[int, str]
"""Generation and side."""


def compare(
    projector: Projector,
    live: Build,
    new: Build,
    begun: Progress | None = None,
    keep: Callable[[Progress], None] | None = None,
) -> Comparison:
    """Compare two builds, each table and each slice in one statement's snapshot.

    Goes on where `begun` ended, if that was about the same two; `keep` is told after each slice.
    """
    progress = Progress(live[0], new[0])
    if begun is not None and (begun.old, begun.new) == (progress.old, progress.new):
        progress = begun
    for done in range(progress.done, len(projector.tables) * leases.SLICES):
        table = projector.tables[done // leases.SLICES]
        found = _slice(_text(projector, table, live[1], new[1]), projector, done, progress)
        progress = _further(progress, done, table, found)
        if keep is not None:
            keep(progress)
    return Comparison(
        min(progress.buckets, default=0),
        progress.rows,
        progress.only_live,
        progress.only_new,
        progress.live_samples,
        progress.new_samples,
    )


def _text(projector: Projector, table: str, live: str, new: str) -> str:
    text = statement("compare_table").replace("{old}", sides.on(table, {projector.name: live}))
    return text.replace("{new}", sides.on(table, {projector.name: new}))


def _further(progress: Progress, done: int, table: str, found: Any) -> Progress:
    """The progress with what one slice of a table gave."""
    level, olds, news, only_live, only_new, live_rows, new_rows = found
    name = table.replace("{", "").replace("}", "")
    before = progress.buckets
    earlier, begun = (before[:-1], before[-1]) if done % leases.SLICES else (before, 0)
    return Progress(
        progress.old,
        progress.new,
        done + 1,
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


def _slice(text: str, projector: Projector, done: int, progress: Progress) -> Any:
    """One slice, when as many of its buckets as can be had are at the same place in both."""
    asked = {
        "name": projector.name,
        "slice": done % leases.SLICES,
        "old": progress.old,
        "new": progress.new,
    }
    found: Any = None
    for _ in range(TRIES):
        (now,) = connection.select(text, asked, planned=False)
        if found is None or len(now[0] or ()) > len(found[0] or ()):
            found = now
        if len(found[0] or ()) == 1024 // leases.SLICES:
            break
        time.sleep(PAUSE_S)
    return found
