"""Keeps the key under which a stream's personal text is encrypted, until the stream is erased.

The keys come here wrapped: the store cannot open what it keeps.
"""

from datetime import UTC, datetime
from typing import Any

import msgspec
import psycopg
from psycopg.types.numeric import Int4

from licensing.store.messages import StreamErased, bucket_of
from licensing.store.statements import rows


class Erased(msgspec.Struct, frozen=True):
    """What the erasure of a stream did; `key` and `keyframes` tell what there was to destroy."""

    version: int
    erased_at: datetime
    key: bool
    keyframes: int


def read_key(conn: psycopg.Connection[Any], stream_id: str) -> bytes | None:
    """The wrapped key of a stream; None where there is none, or none any more."""
    for (wrapped,) in rows(conn, "read_stream_key", _stream(stream_id)):
        return bytes(wrapped)
    return None


def make_key(conn: psycopg.Connection[Any], stream_id: str, offered: bytes) -> bytes:
    """The wrapped key of a stream, which is `offered` if it had none; raises StreamErased."""
    ((wrapped,),) = rows(conn, "make_stream_key", _stream(stream_id) | {"offered": offered})
    if wrapped is None:
        raise StreamErased(stream_id)
    return bytes(wrapped)


def erase(conn: psycopg.Connection[Any], stream_id: str) -> Erased:
    """Close a stream for ever and destroy its key; what was appended stays, with its chain."""
    ((version, erased_at, key, keyframes),) = rows(conn, "erase_stream", _stream(stream_id))
    return Erased(version, erased_at.astimezone(UTC), key, keyframes)


def _stream(stream_id: str) -> dict[str, Any]:
    return {"bucket": Int4(bucket_of(stream_id)), "stream_id": stream_id}
