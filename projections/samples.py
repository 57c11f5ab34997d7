"""How far the projections were in the last hour, sampled twice a minute: sparklines and rates."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
from django.db import connection

from projections import builds, rows
from projections.lag import lag
from projections.registry import PROJECTORS
from projections.sql import statement

PARTS = 24


class Sample(msgspec.Struct, frozen=True):
    """One projection at one instant."""

    projection: str
    sampled_at: datetime
    events: int
    seconds: float
    position: int


def by_part(found: Sequence[Sample], now: datetime) -> list[int | None]:
    """How far behind one was at worst in each part of the last hour, oldest first.

    None where nobody looked.
    """
    each = timedelta(hours=1) / PARTS
    worst: list[int | None] = [None] * PARTS
    for sample in found:
        part = PARTS - 1 - int((now - sample.sampled_at) / each)
        if 0 <= part < PARTS:
            worst[part] = max(worst[part] or 0, sample.events)
    return worst


def take() -> None:
    """Keep where every projection stands now; a build that moves no more is told its rate so."""
    builds.sample(PROJECTORS)
    now = [
        {
            "projection": item["name"],
            "events": item["lag"]["events"],
            "seconds": item["lag"]["seconds"],
            "position": item["position"],
        }
        for item in lag()
    ]
    with connection.cursor() as cursor:
        cursor.execute(statement("sample_lag"), {"rows": msgspec.json.encode(now).decode()})


def last_hour() -> dict[str, list[Sample]]:
    """By projection, oldest first."""
    with connection.cursor() as cursor:
        found = rows.select(cursor, "lag_samples", Sample, {})
    by_name: dict[str, list[Sample]] = {}
    for sample in found:
        by_name.setdefault(sample.projection, []).append(sample)
    return by_name
