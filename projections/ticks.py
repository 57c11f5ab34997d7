"""Ticks of the beat: one row per job, moved by whoever is first, so that more beats do no more."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from projections.sql import statement

CLOSE = 0.8
"""Two ticks nearer than this part of the interval are one: beats drift, a job comes no oftener."""


@dataclass(frozen=True)
class Tick:
    """When a job last ticked, how often, and how many ticks of further beats came too late."""

    job: str
    ticked_at: datetime
    ticks: int
    doubled: int
    age_seconds: float


def tick(job: str, every: float) -> bool:
    """Whether this tick, one every so many seconds, is ours to do."""
    asked: dict[str, Any] = {"job": job, "apart": timedelta(seconds=every * CLOSE)}
    with connection.cursor() as cursor:
        cursor.execute(statement("tick"), asked)
        row = cursor.fetchone()
    return bool(row and row[0])


def ticks() -> list[Tick]:
    """Every job that ever ticked."""
    with connection.cursor() as cursor:
        cursor.execute(statement("ticks"))
        return [Tick(*row) for row in cursor.fetchall()]
