"""Appends the events of one command to one stream, in one round trip."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import psycopg
from psycopg.pq import TransactionStatus
from psycopg.types.numeric import Int4

from licensing.store import arrays, reading, statements
from licensing.store.integrity import as_stored, check_storable, hash_of_parts
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
    arguments, stored = arguments_of(
        stream_id, events, command, expected=expected, recorded_at=recorded_at
    )
    (row,) = statements.rows(conn, "append_events", arguments)
    return _answer(conn, stream_id, command, expected, row, stored)


class _AsStored(msgspec.Struct, frozen=True):
    """What is about to be written, as it will be read: an answer is made of what was stored."""

    outcome: dict[str, Any]
    events: list[tuple[NewEvent, bytes, bytes]]


def arguments_of(
    stream_id: str,
    events: Sequence[NewEvent],
    command: CommandRecord,
    *,
    expected: int = ANY,
    recorded_at: datetime | None = None,
) -> tuple[dict[str, Any], _AsStored]:
    """What the append function is given; refuses what the store could not keep unchanged."""
    if expected < EXISTS:
        raise ValueError(f"no such expected version: {expected}")
    if recorded_at is not None:
        _check_offset(recorded_at, "recorded_at")
    for text, name in (
        (stream_id, "stream_id"),
        (command.command_id, "command.command_id"),
        (command.name, "command.name"),
    ):
        check_storable(text, name)
    command_data, _ = as_stored(command.data, "command.data")
    outcome, outcome_stored = as_stored(command.outcome, "command.outcome")
    kept, data, metadata, contents = [], [], [], []
    for index, event in enumerate(events):
        path = f"events[{index}]"
        check_storable(event.type, f"{path}.type")
        _check_offset(event.occurred_at, f"{path}.occurred_at")
        said, _ = as_stored(event.data, f"{path}.data")
        about, _ = as_stored(event.metadata, f"{path}.metadata")
        kept.append((event, said, about))
        data.append(said)
        metadata.append(about)
        contents.append(
            hash_of_parts(event.event_id, event.type, event.schema_version, said, about)
        )
    arguments = {
        "bucket": Int4(bucket_of(stream_id)),
        "stream_id": stream_id,
        "expected": Int4(expected),
        "recorded_at": recorded_at,
        "command_id": command.command_id,
        "command_name": command.name,
        "command_data": arrays.Json(command_data),
        "data_hash": command.data_hash,
        "outcome": arrays.Json(outcome),
        "event_ids": arrays.uuids([event.event_id for event in events]),
        "types": arrays.texts([event.type for event in events]),
        "schema_versions": arrays.smallints([event.schema_version for event in events]),
        "data": arrays.jsons(data),
        "metadata": arrays.jsons(metadata),
        "occurred_at": arrays.instants([event.occurred_at for event in events]),
        "contents": arrays.hashes(contents),
    }
    return arguments, _AsStored(outcome_stored, kept)


def _check_offset(instant: datetime, path: str) -> None:
    if instant.utcoffset() is None:
        raise ValueError(f"{path}: an instant needs an offset")


def _answer(
    conn: psycopg.Connection[Any],
    stream_id: str,
    command: CommandRecord,
    expected: int,
    row: tuple[Any, ...],
    stored: _AsStored,
) -> Appended:
    status, version, position, recorded_at, appended_at, outcome, first, last, hashes = row
    match status:
        case "appended":
            bucket = bucket_of(stream_id)
            recorded_at, appended_at = recorded_at.astimezone(UTC), appended_at.astimezone(UTC)
            recorded = tuple(
                RecordedEvent(
                    bucket,
                    stream_id,
                    first + index,
                    position + index,
                    event.event_id,
                    event.type,
                    event.schema_version,
                    data,
                    metadata,
                    event.occurred_at.astimezone(UTC),
                    recorded_at,
                    appended_at,
                    bytes(digest),
                )
                for index, ((event, data, metadata), digest) in enumerate(
                    zip(stored.events, hashes, strict=True)
                )
            )
            return Appended("appended", stored.outcome, version, recorded)
        case "stored":
            return Appended("stored", stored.outcome, version, ())
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
