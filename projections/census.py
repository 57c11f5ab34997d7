"""The event catalogue: which events there are, how many, how large, and how long histories grow.

Too many or too fine events are what makes an event store slow, so it shows. Counted onward from
where it was counted to, so that looking at it never reads the log.
"""

from datetime import datetime

import msgspec
from django.db import connection, transaction

from projections import rows
from projections.sql import statement

AT_ONCE = 2_000
BUCKETS_AT_ONCE = 64
MOST_ROUNDS = 40
MEASURED_FOR = 600.0
"""Seconds for which a measurement of all streams is good enough."""


class Kind(msgspec.Struct, frozen=True):
    """One event type in one schema version; `bytes` are those of its data as JSON."""

    category: str
    type: str
    schema_version: int
    count: int
    bytes: int
    largest: int
    first_at: datetime
    last_at: datetime

    @property
    def mean_bytes(self) -> int:
        """The mean size of its data."""
        return round(self.bytes / self.count) if self.count else 0


class Streams(msgspec.Struct, frozen=True):
    """How many events the streams of a category hold: half of them at most `p50`, and so on."""

    category: str
    measured_at: datetime
    streams: int
    events: int
    p50: int
    p95: int
    longest: int
    bands: list[int]
    age_seconds: float

    @property
    def mean(self) -> float:
        """Events per stream."""
        return self.events / self.streams if self.streams else 0.0


def count(rounds: int = MOST_ROUNDS) -> int:
    """Count what is new, some buckets at a time; returns how many events that were."""
    counted = 0
    for _ in range(rounds):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement("census_lock"))
            if not cursor.fetchone()[0]:
                break
            asked = {"limit": AT_ONCE, "buckets": BUCKETS_AT_ONCE}
            cursor.execute(statement("census_count"), asked)
            (new,) = cursor.fetchone()
        counted += new
        if not new:
            break
    return counted


def kinds() -> list[Kind]:
    """Every type and schema version that was counted."""
    with connection.cursor() as cursor:
        return rows.select(cursor, "census_kinds", Kind, {})


def behind() -> int:
    """How many events are not counted yet."""
    with connection.cursor() as cursor:
        cursor.execute(statement("census_behind"))
        return int(cursor.fetchone()[0])


def measure(older_than: float = MEASURED_FOR) -> bool:
    """Measure all streams, unless that was done lately; whether it was done now."""
    known = streams()
    if known and min(each.age_seconds for each in known) < older_than:
        return False
    with connection.cursor() as cursor:
        cursor.execute(statement("census_measure"))
    return True


def streams() -> list[Streams]:
    """Each category as it was last measured."""
    with connection.cursor() as cursor:
        return rows.select(cursor, "census_streams", Streams, {})
