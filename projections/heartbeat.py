"""Signs of life: a row per process, since a broker cannot be asked who is listening."""

import os
import socket
from collections.abc import Sequence
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


def row_of(program: str) -> str:
    """The row of this process: another of the same program has its own, on this host too."""
    return f"{program}, {host()}:{os.getpid()}"


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


def follow(program: str) -> None:
    """Drop this program's processes on this host that run no more: this one is in their place."""
    here = f"{program}, {host()}:"
    forget([each.name for each in heartbeats() if each.name.startswith(here) and _gone(each.pid)])


def forget(names: Sequence[str]) -> None:
    """Drop processes that nobody is to miss."""
    if names:
        asked: dict[str, Any] = {"names": list(names)}
        with connection.cursor() as cursor:
            cursor.execute(statement("heartbeats_drop"), asked)


def _gone(pid: int | None) -> bool:
    """Whether no process of this number runs here; one of somebody else's does."""
    try:
        os.kill(pid or 0, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def forget_old() -> None:
    """Drop the processes that were gone for an hour."""
    with connection.cursor() as cursor:
        asked: dict[str, Any] = {"age": MISSED_FOR}
        cursor.execute(statement("heartbeats_forget"), asked)
