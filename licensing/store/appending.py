"""Appends the events of one command to one stream, in one round trip."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import psycopg
from psycopg.pq import TransactionStatus
from psycopg.types.json import Jsonb
from psycopg.types.numeric import Int4

from licensing.store import reading, statements
from licensing.store.integrity import canonical, check_storable, content_hash
from licensing.store.messages import (
    ANY,
    EXISTS,
    Appended,
    AppendNotAlone,
    CommandIdReused,
    CommandRecord,
    NewEvent,
    RecordedEvent,
    StreamErased,
    WrongExpectedVersion,
    bucket_of,
)

_decode = msgspec.json.Decoder(dict[str, Any]).decode


def append(
    conn: psycopg.Connection[Any],
    stream_id: str,
    events: Sequence[NewEvent],
    command: CommandRecord,
    *,
    expected: int = ANY,
    recorded_at: datetime | None = None,
) -> Appended:
    """Records a command with its events, or answers a repeated one as it was answered first.

    Nothing is left behind by an error. A lock that cannot be had within the function's time limit
    is psycopg's LockNotAvailable.
    """
    if not conn.autocommit or conn.info.transaction_status != TransactionStatus.IDLE:
        raise AppendNotAlone
    arguments = arguments_of(stream_id, events, command, expected=expected, recorded_at=recorded_at)
    (row,) = statements.rows(conn, "append_events", arguments)
    return _answer(conn, stream_id, events, command, expected, row)


def arguments_of(
    stream_id: str,
    events: Sequence[NewEvent],
    command: CommandRecord,
    *,
    expected: int = ANY,
    recorded_at: datetime | None = None,
) -> dict[str, Any]:
    """What the append function is given; refuses what the store could not keep unchanged."""
    if expected < EXISTS:
        raise ValueError(f"no such expected version: {expected}")
    if recorded_at is not None:
        _check_offset(recorded_at, "recorded_at")
    check_storable(stream_id, "stream_id")
    check_storable(msgspec.structs.asdict(command) | {"data_hash": None}, "command")
    for index, event in enumerate(events):
        _check_event(event, f"events[{index}]")
    columns: dict[str, list[Any]] = {
        "event_ids": [event.event_id for event in events],
        "types": [event.type for event in events],
        "schema_versions": [event.schema_version for event in events],
        "data": [_jsonb(event.data) for event in events],
        "metadata": [_jsonb(event.metadata) for event in events],
        "occurred_at": [event.occurred_at for event in events],
        "contents": [
            content_hash(e.event_id, e.type, e.schema_version, e.data, e.metadata) for e in events
        ],
    }
    return {
        "bucket": Int4(bucket_of(stream_id)),
        "stream_id": stream_id,
        "expected": Int4(expected),
        "recorded_at": recorded_at,
        "command_id": command.command_id,
        "command_name": command.name,
        "command_data": _jsonb(command.data),
        "data_hash": command.data_hash,
        "outcome": _jsonb(command.outcome),
        # An empty list has no element type to send in binary; NULL fits every array.
        **{name: column or None for name, column in columns.items()},
    }


def _check_event(event: NewEvent, path: str) -> None:
    check_storable(event.type, f"{path}.type")
    check_storable(event.data, f"{path}.data")
    check_storable(event.metadata, f"{path}.metadata")
    _check_offset(event.occurred_at, f"{path}.occurred_at")


def _check_offset(instant: datetime, path: str) -> None:
    if instant.utcoffset() is None:
        raise ValueError(f"{path}: an instant needs an offset")


def _answer(
    conn: psycopg.Connection[Any],
    stream_id: str,
    events: Sequence[NewEvent],
    command: CommandRecord,
    expected: int,
    row: tuple[Any, ...],
) -> Appended:
    status, version, position, recorded_at, appended_at, outcome, first, last, hashes = row
    match status:
        case "appended":
            recorded = tuple(
                RecordedEvent(
                    bucket_of(stream_id),
                    stream_id,
                    first + index,
                    position + index,
                    event.event_id,
                    event.type,
                    event.schema_version,
                    _as_stored(event.data),
                    _as_stored(event.metadata),
                    event.occurred_at.astimezone(UTC),
                    recorded_at.astimezone(UTC),
                    appended_at.astimezone(UTC),
                    bytes(digest),
                )
                for index, (event, digest) in enumerate(zip(events, hashes, strict=True))
            )
            return Appended("appended", _as_stored(command.outcome), version, recorded)
        case "stored":
            return Appended("stored", _as_stored(command.outcome), version, ())
        case "repeated":
            again = reading.read_stream(conn, stream_id, after=first - 1, until=last)
            return Appended("repeated", _decode(outcome), version, tuple(again))
        case "command id reused":
            raise CommandIdReused(stream_id, command.command_id)
        case "erased":
            raise StreamErased(stream_id)
        case "conflict":
            raise WrongExpectedVersion(stream_id, expected, version)
        case _:
            raise AssertionError(f"append_events answered {status!r}")


def _as_stored(document: dict[str, Any]) -> dict[str, Any]:
    # The first answer is made of what was stored, as every later one is.
    return _decode(canonical(document))


def _jsonb(document: dict[str, Any]) -> Jsonb:
    return Jsonb(document, dumps=canonical)
