"""Signs of life: a row per process, since a broker cannot be asked who is listening."""

import socket
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from django.db import connection

from projections.sql import statement

WORKER = "worker"
"""The name under which a heartbeat through the broker is kept: it shows beat, broker and worker."""

QUEUE, PROCESS, BEAT = "queue", "worker", "beat"
STALE = 30.0
MISSED_FOR = timedelta(hours=1)


@dataclass(frozen=True)
class Heartbeat:
    """When a process was last alive, by the database's clock.

    `kind` is queue (a beat that came through the broker), worker or beat (from the process
    itself). `took_at` is when a worker last took a message.
    """

    name: str
    kind: str
    beat_at: datetime
    age_seconds: float
    pid: int | None
    started_at: datetime | None
    took_at: datetime | None
    took_age_seconds: float | None

    @property
    def alive(self) -> bool:
        """Whether it was heard of in the last half minute."""
        return self.age_seconds < STALE


@cache
def host() -> str:
    """Where this process runs."""
    return socket.gethostname()[:60]


def beat(
    name: str = WORKER,
    kind: str = QUEUE,
    *,
    pid: int | None = None,
    started_at: datetime | None = None,
    took_at: datetime | None = None,
) -> None:
    """Note that a process of this name is alive now."""
    row = {
        "name": name[:200], "kind": kind, "pid": pid, "started_at": started_at,
        "took_at": took_at,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(statement("beat"), row)


def heartbeats() -> list[Heartbeat]:
    """Every process that was alive in the last hour."""
    with connection.cursor() as cursor:
        cursor.execute(statement("heartbeats"))
        return [Heartbeat(*row) for row in cursor.fetchall()]


def forget_old() -> None:
    """Drop the processes that were gone for an hour."""
    with connection.cursor() as cursor:
        asked: dict[str, Any] = {"age": MISSED_FOR}
        cursor.execute(statement("heartbeats_forget"), asked)
