"""How far the projections were in the last hour, sampled twice a minute: sparklines and rates."""

from datetime import datetime

import msgspec
from django.db import connection

from projections import builds, rows
from projections.lag import lag
from projections.registry import PROJECTORS
from projections.sql import statement


class Sample(msgspec.Struct, frozen=True):
    """One projection at one instant."""

    projection: str
    sampled_at: datetime
    events: int
    seconds: float
    position: int


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
