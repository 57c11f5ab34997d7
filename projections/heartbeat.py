"""Signs of life: a row per kind of process, since a broker cannot be asked who is listening."""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from projections.sql import statement

WORKER = "worker"


@dataclass(frozen=True)
class Heartbeat:
    """When a kind of process was last alive, by the database's clock."""

    name: str
    beat_at: datetime
    age_seconds: float


def beat(name: str = WORKER) -> None:
    """Note that a process of this name is alive now."""
    with connection.cursor() as cursor:
        cursor.execute(statement("beat"), {"name": name})


def heartbeats() -> list[Heartbeat]:
    """Every name that ever beat."""
    with connection.cursor() as cursor:
        cursor.execute(statement("heartbeats"))
        return [Heartbeat(*row) for row in cursor.fetchall()]
