"""Late reports: what became known more than five minutes after it had happened."""

import math
from collections.abc import Sequence
from datetime import datetime

import msgspec
from django.db import connection

from licensing import fold as licensing_fold
from projections import rows
from projections.feed import Event, subject_of
from projections.projector import Projector, Put, nothing
from projections.sql import statement

# An expiry that a job writes down was never expected at its instant.
NEVER_LATE = "LicenseExpired"
HOUR_S, DAY_S, WEEK_S = 3600, 86_400, 7 * 86_400
BANDS: dict[str, tuple[int, int | None]] = {
    "hour": (0, HOUR_S),
    "day": (HOUR_S, DAY_S),
    "week": (DAY_S, WEEK_S),
    "longer": (WEEK_S, None),
}
"""How long after the fact, in seconds: more than the first, at most the second."""


class Late(msgspec.Struct, frozen=True):
    """The step `version` of a member, recorded `delay_s` seconds (rounded up) after it occurred."""

    bucket: int
    member_id: str
    version: int
    type: str
    occurred_at: datetime
    recorded_at: datetime
    delay_s: int


class Count(msgspec.Struct, frozen=True):
    """How many reports of a band came, and from how many members."""

    band: str
    reports: int
    members: int


class Hour(msgspec.Struct, frozen=True):
    """How many late reports came in the hour that begins at `hour`."""

    hour: datetime
    reports: int


def fold(event: Event) -> Late | None:
    """The event's row, if it was late."""
    delay = event.recorded_at - event.occurred_at
    if event.type == NEVER_LATE or delay <= licensing_fold.LATE:
        return None
    return Late(
        event.bucket,
        subject_of(event.stream_id),
        event.version,
        event.type,
        event.occurred_at,
        event.recorded_at,
        math.ceil(delay.total_seconds()),
    )


def apply(known: None, events: Sequence[Event]) -> list[Put]:
    """The rows of the late ones of the events."""
    late = [row for row in map(fold, events) if row is not None]
    return [Put(statement("late_report_put"), late)]


PROJECTOR = Projector(
    name="late_report",
    version=2,
    category="member",
    types=None,
    tables=("{late_report}",),
    load=nothing,
    fold=apply,
    personal=("{late_report}",),
)


def counts(since: datetime) -> list[Count]:
    """The reports since an instant in each band that has any."""
    asked = {"since": since, "hour": HOUR_S, "day": DAY_S, "week": WEEK_S}
    with connection.cursor() as cursor:
        return rows.select(cursor, "late_report_counts", Count, asked)


def hours(since: datetime) -> list[Hour]:
    """The reports since an instant by hour (UTC); an hour without any has no item."""
    with connection.cursor() as cursor:
        return rows.select(cursor, "late_report_hours", Hour, {"since": since})


def reports(
    since: datetime,
    limit: int = 50,
    *,
    band: str | None = None,
    after: tuple[datetime, str, int] | None = None,
) -> list[Late]:
    """The reports since an instant, newest first, of one of BANDS or of all.

    The next page is `after` the last one's (recorded_at, member_id, version).
    """
    least, most = BANDS[band] if band else (0, None)
    before, member_id, version = after or (None, "", 0)
    asked = {
        "since": since, "least": least, "most": most, "before": before,
        "member_id": member_id, "version": version, "limit": limit,
    }  # fmt: skip
    with connection.cursor() as cursor:
        return rows.select(cursor, "late_report_list", Late, asked)
