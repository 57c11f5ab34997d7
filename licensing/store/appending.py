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


class _Content(msgspec.Struct, frozen=True):
    """An event's two JSON documents, encoded once for the hash's sake and for the wire."""

    data: bytes
    metadata: bytes
    hash: bytes


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
    if expected < EXISTS:
        raise ValueError(f"no such expected version: {expected}")
    if not conn.autocommit or conn.info.transaction_status != TransactionStatus.IDLE:
        raise AppendNotAlone
    contents = [_content(event, f"events[{index}]") for index, event in enumerate(events)]
    parameters = _command_parameters(stream_id, command, expected, recorded_at)
    parameters |= _event_parameters(events, contents)
    (row,) = statements.rows(conn, "append_events", parameters)
    return _answer(conn, stream_id, events, contents, command, expected, row)


def _content(event: NewEvent, path: str) -> _Content:
    check_storable(event.data, f"{path}.data")
    check_storable(event.metadata, f"{path}.metadata")
    _require_offset(event.occurred_at, f"{path}.occurred_at")
    digest = content_hash(
        event.event_id, event.type, event.schema_version, event.data, event.metadata
    )
    return _Content(canonical(event.data), canonical(event.metadata), digest)


def _command_parameters(
    stream_id: str, command: CommandRecord, expected: int, recorded_at: datetime | None
) -> dict[str, Any]:
    check_storable(command.data, "command.data")
    check_storable(command.outcome, "command.outcome")
    if recorded_at is not None:
        _require_offset(recorded_at, "recorded_at")
    return {
        "bucket": Int4(bucket_of(stream_id)),
        "stream_id": stream_id,
        "expected": Int4(expected),
        "recorded_at": recorded_at,
        "command_id": command.command_id,
        "command_name": command.name,
        "command_data": _jsonb(canonical(command.data)),
        "data_hash": command.data_hash,
        "outcome": _jsonb(canonical(command.outcome)),
    }


def _event_parameters(
    events: Sequence[NewEvent], contents: Sequence[_Content]
) -> dict[str, list[Any] | None]:
    columns: dict[str, list[Any]] = {
        "event_ids": [event.event_id for event in events],
        "types": [event.type for event in events],
        "schema_versions": [event.schema_version for event in events],
        "data": [_jsonb(content.data) for content in contents],
        "metadata": [_jsonb(content.metadata) for content in contents],
        "occurred_at": [event.occurred_at for event in events],
        "contents": [content.hash for content in contents],
    }
    # An empty list has no element type to send in binary; NULL fits every array.
    return {name: column or None for name, column in columns.items()}


def _answer(
    conn: psycopg.Connection[Any],
    stream_id: str,
    events: Sequence[NewEvent],
    contents: Sequence[_Content],
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
                    _decode(content.data),
                    _decode(content.metadata),
                    event.occurred_at.astimezone(UTC),
                    recorded_at.astimezone(UTC),
                    appended_at.astimezone(UTC),
                    bytes(digest),
                )
                for index, (event, content, digest) in enumerate(
                    zip(events, contents, hashes, strict=True)
                )
            )
            return Appended("appended", _copy(command.outcome), version, recorded)
        case "stored":
            return Appended("stored", _copy(command.outcome), version, ())
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


def _copy(outcome: dict[str, Any]) -> dict[str, Any]:
    # The first answer is made of what was stored, as every later one is.
    return _decode(canonical(outcome))


def _jsonb(document: bytes) -> Jsonb:
    return Jsonb(document, dumps=_as_is)


def _as_is(document: Any) -> bytes:
    encoded: bytes = document
    return encoded


def _require_offset(instant: datetime, path: str) -> None:
    if instant.utcoffset() is None:
        raise ValueError(f"{path}: an instant needs an offset")
