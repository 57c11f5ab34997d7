"""Reads streams, feeds and the command log."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import starmap
from typing import Any, TypeVar
from uuid import UUID

import msgspec
import psycopg
from psycopg.types.numeric import Int4, Int8

from licensing.store import arrays
from licensing.store.messages import (
    BUCKETS,
    CommandRow,
    Fact,
    Head,
    Passed,
    PastCommand,
    PastFact,
    RecordedEvent,
    bucket_of,
)
from licensing.store.statements import rows

LAST = 2**31 - 1

T = TypeVar("T", RecordedEvent, Fact, Passed)

_decode = msgspec.json.Decoder(dict[str, Any]).decode


def read_stream(
    conn: psycopg.Connection[Any],
    stream_id: str,
    *,
    after: int = 0,
    until: int | None = None,
    limit: int | None = None,
) -> list[RecordedEvent]:
    """The stream's events with `after < version <= until`, in order."""
    parameters = _part(stream_id, after, until, limit)
    return _told(RecordedEvent, rows(conn, "read_stream", parameters))


def read_facts(
    conn: psycopg.Connection[Any],
    stream_id: str,
    *,
    after: int = 0,
    until: int | None = None,
    limit: int | None = None,
) -> list[Fact]:
    """As `read_stream`, but only what a fold needs: half the time."""
    parameters = _part(stream_id, after, until, limit)
    return _told(Fact, rows(conn, "read_facts", parameters))


def read_facts_of(
    conn: psycopg.Connection[Any], after: Mapping[str, int], limit_each: int
) -> dict[str, list[Fact]]:
    """As `read_facts`, of several streams in one query, each after a version of its own."""
    if not after:
        return {}
    parameters = {
        "buckets": [Int4(bucket_of(stream_id)) for stream_id in after],
        "streams": list(after),
        "after": [Int4(version) for version in after.values()],
        "limit": Int8(limit_each),
    }
    found = rows(conn, "read_facts_of", parameters)
    facts = _told(Fact, [row[1:] for row in found])
    by_stream: dict[str, list[Fact]] = {}
    for row, fact in zip(found, facts, strict=True):
        by_stream.setdefault(row[0], []).append(fact)
    return by_stream


def read_event(conn: psycopg.Connection[Any], stream_id: str, version: int) -> RecordedEvent | None:
    """One event of a stream, or None."""
    found = read_stream(conn, stream_id, after=version - 1, until=version)
    return found[0] if found else None


def find_event(conn: psycopg.Connection[Any], event_id: UUID) -> RecordedEvent | None:
    """An event by its id, or None; for people who have nothing else."""
    parameters = {"buckets": list(range(BUCKETS)), "event_id": event_id}
    found = rows(conn, "find_event", parameters)
    return _told(RecordedEvent, found)[0] if found else None


def stream_head(conn: psycopg.Connection[Any], stream_id: str) -> Head | None:
    """Where a stream stands; None for a stream without events."""
    for version, last_hash, recorded_at, erased_at in rows(conn, "stream_head", _stream(stream_id)):
        return Head(version, bytes(last_hash), _instant(recorded_at), _instant(erased_at))
    return None


def read_feed(
    conn: psycopg.Connection[Any], bucket: int, after: int, limit: int
) -> list[RecordedEvent]:
    """A bucket's next events after a position; none that became visible can be skipped."""
    parameters = {"bucket": Int4(bucket), "after": Int8(after), "limit": Int8(limit)}
    return _told(RecordedEvent, rows(conn, "read_feed", parameters))


def read_feeds(
    conn: psycopg.Connection[Any], positions: Sequence[tuple[int, int]], limit_each: int
) -> list[RecordedEvent]:
    """The next events of several buckets, each after its own position, in one query."""
    if not positions:
        return []
    parameters = {
        "buckets": [Int4(bucket) for bucket, _ in positions],
        "after": [Int8(after) for _, after in positions],
        "limit": Int8(limit_each),
    }
    return _told(RecordedEvent, rows(conn, "read_feeds", parameters))


def read_spans(
    conn: psycopg.Connection[Any],
    spans: Sequence[tuple[int, int, int]],
    *,
    types: Sequence[str] | None = None,
    metadata: bool = True,
) -> list[Passed]:
    """The events with `after < position <= until` of spans (bucket, after, until), in order.

    Positions have no gaps, so a reader has read a span whole, whichever types it asked for.
    """
    if not spans:
        return []
    parameters = {
        "buckets": arrays.integers([bucket for bucket, _, _ in spans]),
        "after": arrays.bigints([after for _, after, _ in spans]),
        "until": arrays.bigints([until for _, _, until in spans]),
        "types": None if types is None else arrays.texts(types),
        "metadata": metadata,
    }
    return _told(Passed, rows(conn, "read_spans", parameters))


def bucket_heads(conn: psycopg.Connection[Any]) -> dict[int, int]:
    """The last position of every bucket."""
    return dict(rows(conn, "bucket_heads", {}))


def read_commands(
    conn: psycopg.Connection[Any],
    stream_id: str,
    *,
    after_seq: int = 0,
    until_seq: int | None = None,
) -> list[CommandRow]:
    """The stream's commands with `after_seq < seq <= until_seq`, in the order of decision."""
    parameters = _stream(stream_id) | {
        "after": Int4(after_seq),
        "until": Int4(LAST if until_seq is None else until_seq),
    }
    return [_command(row) for row in rows(conn, "read_commands", parameters)]


def read_pasts(
    conn: psycopg.Connection[Any], streams: Sequence[str]
) -> list[tuple[list[PastFact], list[PastCommand]]]:
    """The events and the commands of several streams, each as `streams` has them, in order."""
    parameters = {
        "buckets": [Int4(bucket_of(stream_id)) for stream_id in streams],
        "streams": list(streams),
    }
    pasts: list[tuple[list[PastFact], list[PastCommand]]] = [([], []) for _ in streams]
    for number, *columns in in_utc(rows(conn, "read_past_facts", parameters)):
        pasts[number - 1][0].append(PastFact(*columns))
    for number, *columns in in_utc(rows(conn, "read_past_commands", parameters)):
        pasts[number - 1][1].append(PastCommand(*columns))
    return pasts


def find_command(
    conn: psycopg.Connection[Any], stream_id: str, command_id: str
) -> CommandRow | None:
    """A stream's command by its id, or None."""
    found = rows(conn, "find_command", _stream(stream_id) | {"command_id": command_id})
    return _command(found[0]) if found else None


def streams_of_bucket(conn: psycopg.Connection[Any], bucket: int) -> list[tuple[str, int]]:
    """The streams of a bucket and how many events each should have."""
    found = rows(conn, "streams_of_bucket", {"bucket": Int4(bucket)})
    return [(stream_id, version) for stream_id, version in found]


def read_heads(
    conn: psycopg.Connection[Any], prefix: str, after: tuple[int, str], limit: int
) -> list[tuple[int, str, int]]:
    """The next streams whose ids begin so: (bucket, id, version), in the order of the keys.

    `after` is (bucket, id); (0, "") is before the first.
    """
    parameters = {
        "prefix": prefix,
        "bucket": Int4(after[0]),
        "stream_id": after[1],
        "limit": Int8(limit),
    }
    return [
        (bucket, name, version) for bucket, name, version in rows(conn, "read_heads", parameters)
    ]


def count_streams(conn: psycopg.Connection[Any], prefix: str) -> int:
    """How many streams have ids that begin so."""
    ((count,),) = rows(conn, "count_streams", {"prefix": prefix})
    return int(count)


def count_events(conn: psycopg.Connection[Any], prefix: str) -> int:
    """How many events the streams have whose ids begin so."""
    ((count,),) = rows(conn, "count_events", {"prefix": prefix})
    return int(count)


def _stream(stream_id: str) -> dict[str, Any]:
    return {"bucket": Int4(bucket_of(stream_id)), "stream_id": stream_id}


def _part(stream_id: str, after: int, until: int | None, limit: int | None) -> dict[str, Any]:
    return _stream(stream_id) | {
        "after": Int4(after),
        "until": Int4(LAST if until is None else until),
        "limit": Int8(LAST if limit is None else limit),
    }


def _told(kind: type[T], found: list[tuple[Any, ...]]) -> list[T]:
    """The rows as messages whose fields stand in the order of the columns."""
    return list(starmap(kind, in_utc(found)))


def in_utc(found: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """The rows with every instant in UTC: that is what the store speaks."""
    # The session's time zone decides what comes back, for all rows alike.
    if found and any(isinstance(value, datetime) and value.tzinfo is not UTC for value in found[0]):
        return [
            tuple(_utc(value) if isinstance(value, datetime) else value for value in row)
            for row in found
        ]
    return found


def _command(row: tuple[Any, ...]) -> CommandRow:
    seq, command_id, name, data, outcome, first, last, decided_at, data_hash = row
    return CommandRow(
        seq,
        command_id,
        name,
        _decode(data),
        _decode(outcome),
        first,
        last,
        _utc(decided_at),
        bytes(data_hash),
    )


def _instant(value: datetime | None) -> datetime | None:
    return None if value is None else _utc(value)


def _utc(value: datetime) -> datetime:
    return value.astimezone(UTC)
