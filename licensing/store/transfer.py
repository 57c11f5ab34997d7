"""Takes past events in bulk: chunks of one bucket, several streams at once, all or nothing."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from psycopg.pq import TransactionStatus
from psycopg.types.json import Jsonb
from psycopg.types.numeric import Int4

from licensing.store import arrays, statements
from licensing.store.integrity import as_stored, canonical, check_storable, hash_of_parts
from licensing.store.messages import (
    AppendNotAlone,
    CommandRow,
    NewEvent,
    StoreError,
    StreamErased,
    WrongExpectedVersion,
    bucket_of,
)

CHUNK = 500
"""Events of one call: a bucket's writers wait for that many at most."""


class OutOfOrder(StoreError):
    """An event was recorded before one that the stream already has."""

    def __init__(self, stream_id: str) -> None:
        super().__init__(f"{stream_id}: recorded_at goes back")
        self.stream_id = stream_id


class EventIdTaken(StoreError):
    """One of these event ids is in use in the bucket."""


class PastEvent(msgspec.Struct, frozen=True):
    """An event as it was, with the instant at which it was recorded."""

    event: NewEvent
    recorded_at: datetime


class PastRun(msgspec.Struct, frozen=True):
    """The next events of one stream, which is at version `expected`."""

    stream_id: str
    expected: int
    events: Sequence[PastEvent]


def import_events(conn: psycopg.Connection[Any], runs: Sequence[PastRun]) -> None:
    """Append these runs, each of another stream and all of one bucket, or none of them.

    Raises WrongExpectedVersion, OutOfOrder or StreamErased for the first stream that is not as
    expected. No command is logged: the events pass as given, and their ids tell repeats.
    """
    if not conn.autocommit or conn.info.transaction_status != TransactionStatus.IDLE:
        raise AppendNotAlone
    runs = sorted(runs, key=lambda run: run.stream_id)
    events = [past.event for run in runs for past in run.events]
    data, metadata, contents = [], [], []
    for index, event in enumerate(events):
        check_storable(event.type, f"events[{index}].type")
        said, _ = as_stored(event.data, f"events[{index}].data")
        about, _ = as_stored(event.metadata, f"events[{index}].metadata")
        data.append(said)
        metadata.append(about)
        contents.append(
            hash_of_parts(event.event_id, event.type, event.schema_version, said, about)
        )
    parameters = {
        "bucket": Int4(bucket_of(runs[0].stream_id)),
        "streams": arrays.texts([run.stream_id for run in runs]),
        "expected": arrays.integers([run.expected for run in runs]),
        "counts": arrays.integers([len(run.events) for run in runs]),
        "event_ids": arrays.uuids([event.event_id for event in events]),
        "types": arrays.texts([event.type for event in events]),
        "schema_versions": arrays.smallints([event.schema_version for event in events]),
        "data": arrays.jsons(data),
        "metadata": arrays.jsons(metadata),
        "occurred_at": arrays.instants([event.occurred_at for event in events]),
        "recorded_at": arrays.instants([past.recorded_at for run in runs for past in run.events]),
        "contents": arrays.hashes(contents),
    }
    try:
        ((status, stream_id, version),) = statements.rows(conn, "import_events", parameters)
    except psycopg.errors.UniqueViolation as error:
        raise EventIdTaken(str(error.diag.message_detail)) from None
    match status:
        case "imported":
            return
        case "erased":
            raise StreamErased(stream_id)
        case "out of order":
            raise OutOfOrder(stream_id)
        case "conflict":
            expected = next(run.expected for run in runs if run.stream_id == stream_id)
            raise WrongExpectedVersion(stream_id, expected, version)
        case _:
            raise AssertionError(f"import_events answered {status!r}")


def import_commands(
    conn: psycopg.Connection[Any], stream_id: str, commands: Sequence[CommandRow]
) -> int:
    """Put old answers back in a stream's log; how many were not there yet.

    Raises WrongExpectedVersion when an answer speaks of events that the stream does not have.
    """
    parameters = {
        "bucket": Int4(bucket_of(stream_id)),
        "stream_id": stream_id,
        "command_ids": [each.command_id for each in commands],
        "names": [each.name for each in commands],
        "data": [Jsonb(each.data, dumps=canonical) for each in commands],
        "data_hashes": [each.data_hash for each in commands],
        "outcomes": [Jsonb(each.outcome, dumps=canonical) for each in commands],
        "first_versions": [Int4(each.first_version) for each in commands],
        "last_versions": [Int4(each.last_version) for each in commands],
        "decided_at": [each.decided_at for each in commands],
    }
    ((status, imported),) = statements.rows(conn, "import_commands", parameters)
    if status == "conflict":
        last = max(each.last_version for each in commands)
        raise WrongExpectedVersion(stream_id, last, -1)
    return int(imported)


def stream_heads(
    conn: psycopg.Connection[Any], bucket: int, stream_ids: Sequence[str]
) -> dict[str, tuple[int, datetime]]:
    """(version, recorded_at) of those of these streams of one bucket that have events."""
    parameters = {"bucket": Int4(bucket), "streams": list(stream_ids)}
    found = statements.rows(conn, "stream_heads", parameters)
    return {stream_id: (version, recorded_at) for stream_id, version, recorded_at in found}


class ImportBatch(msgspec.Struct, frozen=True):
    """Where imported history came from; without `finished_at` it is under way or was cut off."""

    id: UUID
    source: str
    sha256: bytes
    imported_by: str
    started_at: datetime
    finished_at: datetime | None = None
    lines: int = 0
    events: int = 0
    commands: int = 0
    already: int = 0
    rejected: int = 0


def put_import_batch(conn: psycopg.Connection[Any], batch: ImportBatch) -> None:
    """Write down a batch, or how far it has come."""
    statements.rows(conn, "put_import_batch", msgspec.structs.asdict(batch))


def import_batches(conn: psycopg.Connection[Any]) -> list[ImportBatch]:
    """Every batch, the latest first."""
    return [ImportBatch(*row) for row in statements.rows(conn, "import_batches", {})]
