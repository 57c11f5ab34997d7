"""The hash chain of each stream: how its links are made, and the audit that recomputes them."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import msgspec
import psycopg

from licensing.store import reading, statements
from licensing.store.messages import NotStorable, RecordedEvent, bucket_of

# Instants are hashed as PostgreSQL sends them: microseconds since this one.
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
# What every JSON reader keeps exactly.
LARGEST_INTEGER = 2**53
PAGE = 500

_canonical = msgspec.json.Encoder(order="deterministic")


def canonical(value: object) -> bytes:
    """JSON with sorted keys, no spaces, in UTF-8: the one spelling of a value."""
    return _canonical.encode(value)


def check_storable(value: object, path: str) -> None:
    """Refuses what would not come back from the store exactly as it went in."""
    if isinstance(value, str):
        if "\x00" in value:
            raise NotStorable(path, "a NUL character")
        if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
            raise NotStorable(path, "a lone surrogate")
    elif isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise NotStorable(path, f"a key of type {type(key).__name__}")
            check_storable(key, path)
            check_storable(item, f"{path}.{key}")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            check_storable(item, f"{path}[{index}]")
    elif isinstance(value, int):
        if abs(value) > LARGEST_INTEGER:
            raise NotStorable(path, "an integer beyond 2^53")
    elif value is not None:
        raise NotStorable(path, f"a value of type {type(value).__name__}")


def content_hash(
    event_id: UUID, type: str, schema_version: int, data: dict[str, Any], metadata: dict[str, Any]
) -> bytes:
    """What an event says, without its place and its instants."""
    content = {
        "event_id": str(event_id),
        "type": type,
        "schema_version": schema_version,
        "data": data,
        "metadata": metadata,
    }
    return sha256(canonical(content)).digest()


def genesis(stream_id: str) -> bytes:
    """What a stream's first event is linked to: a chain moved to another stream shows."""
    return sha256(stream_id.encode()).digest()


def chain_link(
    previous: bytes,
    content: bytes,
    version: int,
    position: int,
    occurred_at: datetime,
    recorded_at: datetime,
) -> bytes:
    """One link of the chain; the SQL function of the same name agrees."""
    return sha256(
        previous
        + content
        + version.to_bytes(8, "big", signed=True)
        + position.to_bytes(8, "big", signed=True)
        + _microseconds(occurred_at)
        + _microseconds(recorded_at)
    ).digest()


def verify_stream(conn: psycopg.Connection[Any], stream_id: str) -> int | None:
    """The version of the stream's first bad event, or None when the whole chain holds."""
    key = {"bucket": bucket_of(stream_id), "stream_id": stream_id}
    ((claimed, last_hash, last),) = statements.rows(conn, "stream_ends", key)
    claimed, last = claimed or 0, last or 0
    version, previous = 0, genesis(stream_id)
    # Events appended since the ends were read are left to the next audit.
    while version < claimed:
        page = reading.read_stream(conn, stream_id, after=version, until=claimed, limit=PAGE)
        for event in page:
            previous = _relink(previous, event)
            if event.version != version + 1 or event.hash != previous:
                return version + 1
            version = event.version
        if not page:
            return version + 1
    if last > claimed:
        return claimed + 1
    if claimed and previous != last_hash:
        return claimed
    return None


def verify_feed(conn: psycopg.Connection[Any], bucket: int) -> int | None:
    """The first position at which a bucket's feed is not 1, 2, 3 ... up to its head, or None."""
    ((position,),) = statements.rows(conn, "feed_gap", {"bucket": bucket})
    return None if position is None else int(position)


def _relink(previous: bytes, event: RecordedEvent) -> bytes:
    content = content_hash(
        event.event_id, event.type, event.schema_version, event.data, event.metadata
    )
    return chain_link(
        previous, content, event.version, event.position, event.occurred_at, event.recorded_at
    )


def _microseconds(instant: datetime) -> bytes:
    return ((instant - EPOCH) // MICROSECOND).to_bytes(8, "big", signed=True)
