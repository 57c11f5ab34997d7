"""Streams that a build could not apply: parked by reference, so that everyone else goes on.

Nothing of an event is copied: a retry reads it again from the store, and lifts it to today's
shape again.
"""

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import connection, transaction

from licensing import connection as stores
from projections import carefully, checkpoints, feed
from projections.carefully import OUTAGES
from projections.checkpoints import Checkpoint
from projections.feed import Event
from projections.projector import Projector
from projections.sql import statement

__all__ = [
    "OUTAGES",
    "NotParked",
    "Parked",
    "advance",
    "erased",
    "history",
    "listing",
    "retry",
    "retry_all",
    "retry_due",
    "skip",
    "streams",
]

log = structlog.get_logger(__name__)

DELAYS = (timedelta(seconds=5), timedelta(seconds=30), timedelta(minutes=5), timedelta(hours=1))
"""Between the attempts that the runners make by themselves; after the last a person is awaited."""

PATIENCE_S = 2.0
"""How long a person's retry or skip waits for the runners who have the bucket just then."""

ERASED = {"resolution": "skipped", "by": "runner", "reason": "the member was erased"}


class NotParked(Exception):
    """The stream is not parked there, or no more at this event; the message says so, for people."""


@dataclass(frozen=True)
class Parked:
    """One parked stream of a build: from which version on, and why.

    `waiting` is how many of its events wait. Without a `next_attempt_at` it waits for a person.
    The last four say how it ended; they are None while it is parked.
    """

    bucket: int
    projection: str
    generation: int
    stream_id: str
    version: int
    waiting: int
    error: str
    attempts: int
    parked_at: datetime
    next_attempt_at: datetime | None
    resolved_at: datetime | None
    resolution: str | None
    resolved_by: str | None
    reason: str | None

    def as_dict(self) -> dict[str, Any]:
        """For the API."""
        return asdict(self)


@dataclass(frozen=True)
class Attempt:
    """Who tries a parked stream again and how; `version` is the event that may be left out."""

    how: str
    by: str
    reason: str | None = None
    version: int | None = None


def streams(
    buckets: Sequence[int], runs: Sequence[tuple[str, int]]
) -> dict[tuple[str, int], set[str]]:
    """The streams that are parked in some buckets, by build."""
    asked = {
        "buckets": list(buckets),
        "names": [name for name, _ in runs],
        "generations": [generation for _, generation in runs],
    }
    found: dict[tuple[str, int], set[str]] = {}
    for projection, generation, stream_id in stores.select(statement("parked_streams"), asked):
        found.setdefault((projection, generation), set()).add(stream_id)
    return found


Place = tuple[datetime, str, str, int]
"""Where a page of parked streams ended: when it was parked, projection, stream, generation."""


def listing(
    projection: str | None = None, limit: int = 100, after: Place | None = None
) -> list[Parked]:
    """The streams that are parked now, of one projection or of all, newest first."""
    return _open(projection, limit, after=after)


def standing(projection: str, stream_id: str, version: int | None = None) -> list[Parked]:
    """Where a stream is parked now, at any event or at this one: in one build, or in several."""
    found = _open(projection, None, only=stream_id)
    return [row for row in found if version in (None, row.version)]


def _open(
    projection: str | None,
    limit: int | None,
    *,
    after: Place | None = None,
    only: str | None = None,
) -> list[Parked]:
    names = ("parked_at", "after", "stream_id", "generation")
    place: dict[str, Any] = dict(zip(names, after or (None,) * len(names), strict=True))
    asked = {"projection": projection, "only": only, "limit": limit, **place}
    with connection.cursor() as cursor:
        cursor.execute(statement("parked_open"), asked)
        return [Parked(*row) for row in cursor.fetchall()]


def history(projection: str | None = None, limit: int = 100) -> list[Parked]:
    """The streams that were parked and are no more, with who did what and why, newest first."""
    with connection.cursor() as cursor:
        cursor.execute(statement("parked_resolved"), {"projection": projection, "limit": limit})
        return [Parked(*row) for row in cursor.fetchall()]


def advance(checkpoint: Checkpoint, to: int, projector: Projector) -> int:
    """Bring a build one page further in a bucket, parking the streams that are at fault.

    Returns how many events it passed.
    """
    with transaction.atomic():
        if not carefully.lock(checkpoint):
            return 0
        if checkpoint.fresh:
            carefully.clear(checkpoint, projector)
        aside = streams([checkpoint.bucket], [checkpoint.run]).get(checkpoint.run, set())
        events = [
            event
            for event in feed.read([(checkpoint.bucket, checkpoint.position, to)])
            if projector.wants(event) and (event.stream_id not in aside or projector.forgets(event))
        ]
        for event, error in carefully.refused(checkpoint, projector, events):
            _park(checkpoint, event, error)
        for event in events:
            # Whatever was in the way before it, there is nothing left to make of this stream.
            if (
                projector.forgets(event)
                and carefully.attempt(checkpoint, projector, [event]) is None
            ):
                _write("parked_resolve", checkpoint, event.stream_id, **ERASED)
        carefully.move(checkpoint, to)
    return to - checkpoint.position


def retry_due(projectors: Sequence[Projector]) -> int:
    """Try the parked streams whose time has come again; returns how many are level."""
    by_name = {projector.name: projector for projector in projectors}
    due = stores.select(statement("parked_due"), {"names": list(by_name)})
    level = 0
    for bucket, projection, generation, stream_id in due:
        attempt = Attempt("applied", "runner")
        with suppress(NotParked):  # another runner was faster
            level += bool(_resume(by_name[projection], bucket, stream_id, generation, attempt))
    return level


def retry(
    projector: Projector, bucket: int, stream_id: str, *, by: str = "runner",
    generation: int | None = None,
) -> bool:  # fmt: skip
    """Apply a parked stream from where it stands; returns whether it is level again.

    Of the live build, or of the one that is named. `by` is who asks. Raises NotParked.
    """
    return _patiently(projector, bucket, stream_id, generation, Attempt("applied", by))


def retry_all(projector: Projector, *, by: str, limit: int = 10_000) -> tuple[int, int]:
    """Try the parked streams of a projection; returns how many are level, and how many are not."""
    level = still = 0
    for row in listing(projector.name, limit):
        of = (row.bucket, row.stream_id, row.generation)
        with suppress(NotParked):  # a runner was faster
            if _resume(projector, *of, Attempt("applied", by)):
                level += 1
            else:
                still += 1
    return level, still


def skip(
    projector: Projector, bucket: int, stream_id: str, version: int, *, by: str, reason: str,
    generation: int | None = None,
) -> bool:  # fmt: skip
    """Leave out the event that is in the way, and go on behind it; whether the stream is level.

    `version` says which event: asked twice, nothing more is left out. The row keeps who and why.
    Raises ValueError without a reason, NotParked where no such event is in the way.
    """
    if not reason.strip():
        raise ValueError("to skip an event needs a reason")
    attempt = Attempt("skipped", by, reason, version)
    return _patiently(projector, bucket, stream_id, generation, attempt)


def erased(checkpoint: Checkpoint, event: Event) -> dict[str, Any]:
    """The parameters that close the books on the stream of an erased member."""
    return {**_key(checkpoint, event.stream_id), **ERASED}


def _park(checkpoint: Checkpoint, event: Event, error: Exception) -> None:
    """Park the event's stream from this event on."""
    log.warning(
        "stream parked",
        projection=checkpoint.projection,
        stream=event.stream_id,
        error=repr(error),
    )
    parked = {"version": event.version, "error": _text(error), "delay": DELAYS[0]}
    _write("park", checkpoint, event.stream_id, **parked)


def _patiently(
    projector: Projector, bucket: int, stream_id: str, generation: int | None, attempt: Attempt
) -> bool:
    """A runner that has the bucket is done in a moment: who asks once need not ask again."""
    until = time.monotonic() + PATIENCE_S
    while (level := _resume(projector, bucket, stream_id, generation, attempt)) is None:
        if time.monotonic() >= until:
            return False
        time.sleep(0.02)
    return level


def _resume(
    projector: Projector, bucket: int, stream_id: str, generation: int | None, attempt: Attempt
) -> bool | None:
    """Whether the stream is level again; None while somebody else has the bucket."""
    with transaction.atomic():
        # The checkpoint's lock keeps runners from applying newer events of the stream meanwhile.
        checkpoint = checkpoints.of(projector, bucket, generation)
        if checkpoint is None:
            raise NotParked(f"{stream_id} is not parked in {projector.name}.")
        if not carefully.lock(checkpoint):
            return None
        found = _write("parked_lock", checkpoint, stream_id)
        if not found:
            raise NotParked(f"{stream_id} is not parked in {projector.name}.")
        version, attempts = found[0]
        if attempt.version not in (None, version):
            at = f"at event {version}, not {attempt.version}"
            raise NotParked(f"{stream_id} is parked in {projector.name} {at}.")
        skips = attempt.how == "skipped"
        resolved = {"resolution": attempt.how, "by": attempt.by, "reason": attempt.reason}
        carefully.move(checkpoint, checkpoint.position)
        events = feed.read_stream(stream_id, version + skips, checkpoint.position)
        for event in events:
            error = projector.wants(event) and carefully.attempt(checkpoint, projector, [event])
            if not error:
                continue
            if skips:
                _write("parked_resolve", checkpoint, stream_id, **resolved)
                _park(checkpoint, event, error)
            else:
                delay = DELAYS[attempts] if attempts < len(DELAYS) else None
                failed = {"version": event.version, "error": _text(error), "delay": delay}
                _write("parked_failed", checkpoint, stream_id, **failed)
            return False
        _write("parked_resolve", checkpoint, stream_id, **resolved)
    return True


def _write(name: str, checkpoint: Checkpoint, stream_id: str, **values: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement(name), {**_key(checkpoint, stream_id), **values})
        return cursor.fetchall() if cursor.description else []


def _key(checkpoint: Checkpoint, stream_id: str) -> dict[str, Any]:
    return {
        "bucket": checkpoint.bucket,
        "projection": checkpoint.projection,
        "generation": checkpoint.generation,
        "stream_id": stream_id,
    }


def _text(error: Exception) -> str:
    # What PostgreSQL cannot keep may be in the very words of the error.
    return f"{type(error).__name__}: {error}".replace("\0", "\\0")[:2000]
