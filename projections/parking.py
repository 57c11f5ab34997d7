"""Streams that a projection could not apply: parked by reference, so that everyone else goes on."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from celery.exceptions import SoftTimeLimitExceeded
from django.db import (
    InterfaceError,
    InternalError,
    OperationalError,
    ProgrammingError,
    connection,
    transaction,
)
from django.db.backends.utils import CursorWrapper

from projections import checkpoints, feed
from projections.feed import Event
from projections.projector import Projector
from projections.sql import statement

# Faults of the database, the schema or the worker's time, not of an event: the whole batch is
# tried again, and nobody is parked for them.
OUTAGES = (
    InterfaceError,
    InternalError,
    OperationalError,
    ProgrammingError,
    SoftTimeLimitExceeded,
)

log = structlog.get_logger(__name__)

DELAYS = (timedelta(seconds=5), timedelta(seconds=30), timedelta(minutes=5), timedelta(hours=1))


@dataclass(frozen=True)
class Parked:
    """One parked stream: from which version on, and why. No next attempt: it waits for a person."""

    bucket: int
    projection: str
    stream_id: str
    version: int
    error: str
    attempts: int
    parked_at: datetime
    next_attempt_at: datetime | None

    def as_dict(self) -> dict[str, Any]:
        """For the API."""
        return asdict(self)


def streams(cursor: CursorWrapper, bucket: int, names: Sequence[str]) -> set[tuple[str, str]]:
    """The (projection, stream) pairs that are parked in a bucket."""
    cursor.execute(statement("parked_streams"), {"bucket": bucket, "names": list(names)})
    return {(projection, stream_id) for projection, stream_id in cursor.fetchall()}


def park(cursor: CursorWrapper, projection: str, event: Event, error: Exception) -> None:
    """Park the event's stream from this event on."""
    log.warning("stream parked", projection=projection, stream=event.stream_id, error=repr(error))
    key = _key(event.bucket, projection, event.stream_id)
    parked: dict[str, Any] = {"version": event.version, "error": _text(error), "delay": DELAYS[0]}
    cursor.execute(statement("park"), {**key, **parked})


def listing(limit: int = 100) -> list[Parked]:
    """The streams that are parked now, newest first."""
    with connection.cursor() as cursor:
        cursor.execute(statement("parked_open"), {"limit": limit})
        return [Parked(*row) for row in cursor.fetchall()]


def retry_due(projectors: Sequence[Projector]) -> int:
    """Try the parked streams whose time has come again; returns how many were resolved."""
    by_name = {projector.name: projector for projector in projectors}
    with connection.cursor() as cursor:
        cursor.execute(statement("parked_due"), {"names": list(by_name)})
        due = cursor.fetchall()
    return sum(
        retry(by_name[projection], bucket, stream_id) for bucket, projection, stream_id in due
    )


def retry(projector: Projector, bucket: int, stream_id: str, *, by: str = "runner") -> bool:
    """Apply a parked stream from where it stands; returns whether it is level again."""
    return _resume(projector, bucket, stream_id, "applied", by, None)


def skip(projector: Projector, bucket: int, stream_id: str, *, by: str, reason: str) -> bool:
    """Leave out the event that is in the way, and go on behind it. The row keeps who and why."""
    return _resume(projector, bucket, stream_id, "skipped", by, reason)


def resolve_bucket(cursor: CursorWrapper, projection: str, bucket: int) -> None:
    """A rebuilt bucket starts with nothing parked."""
    resolved = {"resolution": "rebuilt", "by": "runner", "reason": None}
    cursor.execute(statement("parked_resolve"), {**_key(bucket, projection, None), **resolved})


def _resume(
    projector: Projector, bucket: int, stream_id: str, how: str, by: str, reason: str | None
) -> bool:
    key = _key(bucket, projector.name, stream_id)
    with transaction.atomic(), connection.cursor() as cursor:
        # The checkpoint's lock keeps runners from applying newer events of the stream meanwhile.
        claims = checkpoints.claim(cursor, bucket, [projector])
        cursor.execute(statement("parked_lock"), key)
        parked = cursor.fetchone()
        if not claims or parked is None:
            return False
        version, attempts = parked
        first = version + (how == "skipped")
        for event in feed.read_stream(stream_id, first, claims[0].position):
            error = attempt(cursor, projector, event)
            if error is not None:
                if how == "skipped":
                    resolved = {"resolution": how, "by": by, "reason": reason}
                    cursor.execute(statement("parked_resolve"), {**key, **resolved})
                    park(cursor, projector.name, event, error)
                else:
                    _failed(cursor, key, event, error, attempts)
                return False
        resolved = {"resolution": how, "by": by, "reason": reason}
        cursor.execute(statement("parked_resolve"), {**key, **resolved})
    return True


def attempt(cursor: CursorWrapper, projector: Projector, event: Event) -> Exception | None:
    """Apply one event in a savepoint of its own; what it raises is returned."""
    if not projector.wants(event):
        return None
    return attempt_all(cursor, projector, [event])


def attempt_all(
    cursor: CursorWrapper, projector: Projector, events: Sequence[Event]
) -> Exception | None:
    """Apply events in one savepoint; the event's fault is returned, the database's is raised."""
    try:
        with transaction.atomic():
            projector.apply(cursor, events[0].bucket, events)
    except OUTAGES:
        raise
    except Exception as error:
        return error
    return None


def _failed(
    cursor: CursorWrapper, key: dict[str, Any], event: Event, error: Exception, attempts: int
) -> None:
    delay = DELAYS[attempts] if attempts < len(DELAYS) else None
    failed: dict[str, Any] = {"version": event.version, "error": _text(error), "delay": delay}
    cursor.execute(statement("parked_failed"), {**key, **failed})


def _key(bucket: int, projection: str, stream_id: str | None) -> dict[str, Any]:
    return {"bucket": bucket, "projection": projection, "stream_id": stream_id}


def _text(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:2000]
