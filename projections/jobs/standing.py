"""How it stands with the jobs: what is due, done, refused, failing and coming."""

from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.db import connection

from projections import rows
from projections.jobs.claiming import KINDS, PAGE
from projections.jobs.control import controls
from projections.sql import statement

HOURS = 24


class Kind(msgspec.Struct, frozen=True):
    """What one kind of job has before it; `in_hand` are being done, `failing` had an error.

    `given_up` are those that wait for a person now, however often that was before.
    """

    kind: str
    due: int
    tried: int
    in_hand: int
    failing: int
    next_due_at: datetime | None
    oldest_due_at: datetime | None
    given_up: int


class Attempt(msgspec.Struct, frozen=True):
    """How it stands with one obligation."""

    member_id: str
    license_id: str
    kind: str
    due_at: datetime
    attempts: int
    next_attempt_at: datetime
    outcome: str | None
    last_error: str | None
    finished_at: datetime | None
    lost: int
    worker: str | None


def status(now: datetime, limit: int = 50) -> dict[str, Any]:
    """`items`: each kind with what is due, its control and how the past ones ended; `attempts`:
    the latest."""
    with connection.cursor() as cursor:
        waiting = rows.select(cursor, "jobs_counts", Kind, {"now": now})
        cursor.execute(statement("jobs_outcomes"))
        ended = cursor.fetchall()
        cursor.execute(statement("jobs_latest"), {"now": now})
        latest = {kind: (at, count) for kind, at, count in cursor.fetchall()}
        attempts = rows.select(cursor, "jobs_recent", Attempt, {"limit": limit})
    held = controls()
    items = []
    for each in waiting:
        last_finished_at, last_minute = latest[each.kind]
        control = held[each.kind]
        items.append(
            msgspec.structs.asdict(each)
            | {
                "overdue_seconds": _seconds(now, each.oldest_due_at),
                "outcomes": {outcome: count for of, outcome, count in ended if of == each.kind},
                "last_finished_at": last_finished_at,
                "done_last_minute": last_minute,
                "paused": control.paused_at is not None,
                "paused_at": control.paused_at,
                "paused_by": control.paused_by,
                "pause_reason": control.reason,
                "per_second": control.per_second,
            }
        )
    return {"items": items, "attempts": [msgspec.structs.asdict(a) for a in attempts]}


def failing(limit: int = 50) -> list[Attempt]:
    """What fails and is tried again, and what was given up: a person may want to look."""
    with connection.cursor() as cursor:
        return rows.select(cursor, "jobs_failing", Attempt, {"limit": limit})


def failing_page(limit: int, after: tuple[datetime, str, str, str]) -> list[Attempt]:
    """The same by when they were due, oldest first, from a place on."""
    names = ("due_at", "member_id", "license_id", "kind")
    place: dict[str, Any] = dict(zip(names, after, strict=True))
    with connection.cursor() as cursor:
        return rows.select(cursor, "jobs_failing_page", Attempt, place | {"limit": limit})


def upcoming(now: datetime) -> dict[str, list[int]]:
    """By kind, how many obligations fall due in each of the next 24 hours."""
    until = now + timedelta(hours=HOURS)
    counted = {kind: [0] * HOURS for kind in KINDS}
    with connection.cursor() as cursor:
        rows.run(cursor, "jobs_upcoming", {"now": now, "until": until})
        for kind, hour, count in cursor.fetchall():
            counted[kind][min(hour, HOURS - 1)] += count
    return counted


def _seconds(now: datetime, oldest: datetime | None) -> float:
    return max((now - oldest).total_seconds(), 0.0) if oldest else 0.0


def crowded(now: datetime) -> bool:
    """Whether more is due than one sweep does in a moment."""
    with connection.cursor() as cursor:
        rows.run(cursor, "jobs_crowded", {"now": now, "many": 5 * PAGE})
        (many,) = cursor.fetchone()
    return bool(many)
