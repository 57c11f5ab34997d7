"""Compares the two sides of a read model row by row, a slice of the buckets at a time."""

import time
from typing import Any

import msgspec

from licensing import connection
from projections import leases, sides
from projections.projector import Projector
from projections.sql import statement

SAMPLES = 5
TRIES = 5
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


Build = tuple[int, str]
"""Generation and side."""


def compare(projector: Projector, live: Build, new: Build) -> Comparison:
    """Compare two builds, each table and each bucket in one statement's snapshot."""
    compared, rows, gone, came = 0, 0, 0, 0
    samples: dict[str, list[dict[str, Any]]] = {"live": [], "new": []}
    for table in projector.tables:
        text = statement("compare_table").replace(
            "{old}", sides.on(table, {projector.name: live[1]})
        )
        text = text.replace("{new}", sides.on(table, {projector.name: new[1]}))
        buckets = 0
        for number in range(leases.SLICES):
            found = _slice(text, projector, number, live[0], new[0])
            level, olds, news, only_live, only_new, live_rows, new_rows = found
            buckets += len(level or ())
            rows, gone, came = rows + max(olds, news), gone + only_live, came + only_new
            for kind, told in (("live", live_rows), ("new", new_rows)):
                for row in msgspec.json.decode(told) if told else ():
                    samples[kind].append({"table": table.replace("{", "").replace("}", ""), **row})
        compared = min(compared or buckets, buckets)
    return Comparison(
        compared, rows, gone, came, samples["live"][:SAMPLES], samples["new"][:SAMPLES]
    )


def _slice(text: str, projector: Projector, number: int, old: int, new: int) -> Any:
    """One slice, when as many of its buckets as can be had are at the same place in both."""
    asked = {"name": projector.name, "slice": number, "old": old, "new": new}
    found: Any = None
    for _ in range(TRIES):
        (now,) = connection.select(text, asked, planned=False)
        if found is None or len(now[0] or ()) > len(found[0] or ()):
            found = now
        if len(found[0] or ()) == 1024 // leases.SLICES:
            break
        time.sleep(PAUSE_S)
    return found
