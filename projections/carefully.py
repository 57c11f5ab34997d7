"""Applies events one stream at a time, each try in a savepoint: for batches that were refused."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from celery.exceptions import SoftTimeLimitExceeded
from django.db import (
    InterfaceError,
    InternalError,
    OperationalError,
    ProgrammingError,
    connection,
    transaction,
)

from projections import rows, sides
from projections.checkpoints import Checkpoint
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


def lock(checkpoint: Checkpoint) -> bool:
    """Lock a checkpoint until the transaction ends, if it stands where it was found."""
    asked: dict[str, Any] = {
        "bucket": checkpoint.bucket,
        "projection": checkpoint.projection,
        "generation": checkpoint.generation,
        "turn": checkpoint.turn,
    }
    with connection.cursor() as cursor:
        cursor.execute(statement("lock_checkpoint"), asked)
        return cursor.fetchone() is not None


def move(checkpoint: Checkpoint, to: int) -> None:
    """Move a locked checkpoint; even one that stays where it is gets another turn."""
    asked: dict[str, Any] = {
        "bucket": checkpoint.bucket,
        "projection": checkpoint.projection,
        "generation": checkpoint.generation,
        "to": to,
    }
    with connection.cursor() as cursor:
        cursor.execute(statement("move_checkpoint"), asked)


def refused(
    checkpoint: Checkpoint, projector: Projector, events: Sequence[Event]
) -> Iterator[tuple[Event, Exception]]:
    """Apply events of one bucket; each stream's first event that is refused, with the error."""
    if not events or attempt(checkpoint, projector, events) is None:
        return
    by_stream = groupby(sorted(events, key=_stream_order), key=lambda event: event.stream_id)
    for _, of_stream in by_stream:
        for event in of_stream:
            error = attempt(checkpoint, projector, [event])
            if error is not None:
                yield event, error
                break


def attempt(
    checkpoint: Checkpoint, projector: Projector, events: Sequence[Event]
) -> Exception | None:
    """Apply events in one savepoint; the event's fault is returned, the database's is raised."""
    side = {projector.name: checkpoint.side}
    try:
        with (
            transaction.atomic(),
            connection.wrap_database_errors,
            connection.cursor() as cursor,
        ):
            known = projector.known(rows.reading(projector.name, checkpoint.side), events)
            for put in projector.effects(known, events):
                if put.rows:
                    cursor.execute(sides.on(put.text, side), rows.encoded(put.rows))
    except OUTAGES:
        raise
    except Exception as error:
        return error
    return None


def clear(checkpoint: Checkpoint, projector: Projector) -> None:
    """Forget what an older build left in the bucket."""
    with connection.cursor() as cursor:
        for text in clearing(projector, checkpoint.side):
            cursor.execute(text, {"bucket": checkpoint.bucket})


def clearing(projector: Projector, side: str) -> list[str]:
    """The statements that forget one bucket of a side."""
    text = statement("clear_bucket")
    tables = [text.replace("{table}", table) for table in projector.tables]
    return [sides.on(each, {projector.name: side}) for each in tables]


def _stream_order(event: Event) -> tuple[str, int]:
    return event.stream_id, event.version
