"""Daily activity: what became known each day, by type, and how late."""

from collections.abc import Sequence
from datetime import UTC, date, timedelta

import msgspec
from django.db import connection
from msgspec.structs import replace

from projections import rows
from projections.feed import Event
from projections.projector import Projector, Put, nothing
from projections.sql import statement

LATE = timedelta(minutes=5)
"""An event that became known later than this after it happened is late, as on the timeline."""


class Counts(msgspec.Struct, frozen=True):
    """One bucket's part of a day: events of a type, and of these the late ones by their delay."""

    bucket: int
    day: date
    type: str
    events: int = 0
    late_hour: int = 0
    late_day: int = 0
    late_week: int = 0
    late_longer: int = 0


class Activity(msgspec.Struct, frozen=True):
    """A day's events of one type, and of these the late ones: each in one column only."""

    day: date
    type: str
    events: int
    late_hour: int
    late_day: int
    late_week: int
    late_longer: int


class Lateness(msgspec.Struct, frozen=True):
    """Events of some days, and of these the late ones: up to an hour, a day, a week, or longer."""

    events: int
    late_hour: int
    late_day: int
    late_week: int
    late_longer: int

    @property
    def late(self) -> int:
        """How many were late at all."""
        return self.late_hour + self.late_day + self.late_week + self.late_longer


def fold(row: Counts | None, event: Event) -> Counts:
    """The count of the event's day and type after it."""
    row = row or Counts(event.bucket, _day(event), event.type)
    delay = event.recorded_at - event.occurred_at
    late = delay > LATE
    hour, day, week = timedelta(hours=1), timedelta(days=1), timedelta(days=7)
    return replace(
        row,
        events=row.events + 1,
        late_hour=row.late_hour + (late and delay <= hour),
        late_day=row.late_day + (hour < delay <= day),
        late_week=row.late_week + (day < delay <= week),
        late_longer=row.late_longer + (delay > week),
    )


def apply(known: None, events: Sequence[Event]) -> list[Put]:
    """What the events add to the counts of their days."""
    counts: dict[tuple[date, str], Counts] = {}
    for event in events:
        key = _day(event), event.type
        counts[key] = fold(counts.get(key), event)
    return [Put(statement("daily_activity_put"), list(counts.values()))]


PROJECTOR = Projector(
    name="daily_activity",
    version=1,
    category="member",
    types=None,
    tables=("{daily_activity}",),
    load=nothing,
    fold=apply,
)


def days(since: date, until: date) -> list[Activity]:
    """What became known from one day (UTC) to another, both included, by day and type."""
    with connection.cursor() as cursor:
        return rows.select(
            cursor, "daily_activity_days", Activity, {"since": since, "until": until}
        )


def late(since: date, until: date) -> Lateness:
    """How many events became known late from one day (UTC) to another, both included."""
    asked = {"since": since, "until": until}
    with connection.cursor() as cursor:
        return rows.select(cursor, "daily_activity_late", Lateness, asked)[0]


def _day(event: Event) -> date:
    return event.recorded_at.astimezone(UTC).date()
