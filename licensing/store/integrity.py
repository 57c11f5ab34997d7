"""The hash chain of each stream: how its links are made, and the audit that recomputes them."""

import re
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, NoReturn
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
# A NUL, or digits enough for an integer beyond 2^53.
_suspect = re.compile(rb"\\u0000|[0-9]{16}").search


class _Fraction(Exception):
    """A number that is not an integer."""


def _no_fraction(text: str) -> NoReturn:
    raise _Fraction


_strict = msgspec.json.Decoder(dict[str, Any], float_hook=_no_fraction).decode


def canonical(value: object) -> bytes:
    """JSON with sorted keys, no spaces, in UTF-8: the one spelling of a value."""
    return _canonical.encode(value)


def as_stored(value: dict[str, Any], path: str) -> tuple[bytes, dict[str, Any]]:
    """The canonical JSON of an object, and the object as the store gives it back.

    Raises NotStorable, by its path, for what would not come back exactly as it went in.
    """
    # Reading back what was written is much faster than a look at every value, and only what
    # comes back otherwise, or holds what might not, is looked at value by value.
    try:
        encoded = _canonical.encode(value)
        decoded = _strict(encoded)
    except (_Fraction, TypeError, UnicodeEncodeError, msgspec.MsgspecError):
        encoded, decoded = b"", {}
    if decoded != value or _suspect(encoded):
        check_storable(value, path)
        encoded = _canonical.encode(value)
        decoded = msgspec.json.decode(encoded)
    return encoded, decoded


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
    return hash_of_parts(event_id, type, schema_version, canonical(data), canonical(metadata))


def hash_of_parts(
    event_id: UUID, type: str, schema_version: int, data: bytes, metadata: bytes
) -> bytes:
    """The content's hash, from data and metadata as canonical JSON.

    Hashes the canonical JSON of {data, event_id, metadata, schema_version, type}, put together of
    its parts so that what is large is written once.
    """
    return sha256(
        b'{"data":%b,"event_id":"%b","metadata":%b,"schema_version":%d,"type":%b}'
        % (data, str(event_id).encode(), metadata, schema_version, canonical(type))
    ).digest()


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
    appended_at: datetime,
) -> bytes:
    """One link of the chain; the SQL function of the same name agrees."""
    return sha256(
        previous
        + content
        + version.to_bytes(8, "big", signed=True)
        + position.to_bytes(8, "big", signed=True)
        + _microseconds(occurred_at)
        + _microseconds(recorded_at)
        + _microseconds(appended_at)
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
        previous,
        content,
        event.version,
        event.position,
        event.occurred_at,
        event.recorded_at,
        event.appended_at,
    )


def _microseconds(instant: datetime) -> bytes:
    return ((instant - EPOCH) // MICROSECOND).to_bytes(8, "big", signed=True)
