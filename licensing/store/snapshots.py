"""Keeps folded states beside the events: keyframes, and the pages that they share.

All of it is disposable. A keyframe belongs to the fold that made it, and a page is named by the
digest of its bytes, so that what is stale, damaged or gone is never taken for the truth.
"""

import zlib
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any

import msgspec
import psycopg
from psycopg.types.json import Jsonb
from psycopg.types.numeric import Int4, Int8

from licensing.store.messages import bucket_of
from licensing.store.reading import LAST
from licensing.store.statements import rows

DIGEST_BYTES = 16
INDEX = b"\0"  # what an index page begins with; the digests of the pages below follow


class Keyframe(msgspec.Struct, frozen=True):
    """The state of a stream after `version`, as JSON; `hash` is that of the event itself."""

    version: int
    state: bytes
    hash: bytes


def digest_of(content: bytes) -> bytes:
    """The name of a page: 16 bytes of BLAKE2b over its content."""
    return blake2b(content, digest_size=DIGEST_BYTES).digest()


def _packed(content: bytes) -> bytes:
    # Too small for PostgreSQL to compress, and they say the same few names again and again.
    return content if content.startswith(INDEX) else zlib.compress(content, 1)


def _unpacked(packed: bytes) -> bytes:
    if packed.startswith(INDEX):
        return packed
    try:
        return zlib.decompress(packed)
    except zlib.error:
        return b""


def nearest_keyframe(
    conn: psycopg.Connection[Any], stream_id: str, fold_version: str, until: int | None = None
) -> Keyframe | None:
    """The latest keyframe of this fold, or the latest at or before a version, or None."""
    parameters = _stream(stream_id) | {
        "fold_version": fold_version,
        "until": Int4(LAST if until is None else until),
    }
    found = rows(conn, "nearest_keyframe", parameters)
    for version, state, last_hash in found:
        return Keyframe(version, state.encode(), bytes(last_hash))
    return None


def keep_keyframe(
    conn: psycopg.Connection[Any],
    stream_id: str,
    fold_version: str,
    version: int,
    state: bytes,
    pages: Mapping[bytes, bytes],
) -> None:
    """Write a keyframe with the pages that are not stored yet; one that is there stays."""
    parameters = _stream(stream_id) | {
        "version": Int4(version),
        "fold_version": fold_version,
        "state": Jsonb(state, dumps=bytes),
        "digests": list(pages) or None,
        "contents": [_packed(content) for content in pages.values()] or None,
    }
    rows(conn, "keep_keyframe", parameters)


def read_pages(
    conn: psycopg.Connection[Any],
    stream_id: str,
    wanted: Iterable[tuple[bytes, int | None]],
    bits: int,
) -> dict[bytes, bytes]:
    """The contents of the pages that are stored and whole, by their digests.

    `wanted` are digests, each with a number to follow below an index page, `bits` of it for each
    level, the lowest first; so that what is far down comes in one answer too.
    """
    ways = list(wanted)
    parameters = _stream(stream_id) | {
        "digests": [digest for digest, _ in ways],
        "numbers": [Int8(-1 if number is None else number) for _, number in ways],
        "bits": Int4(bits),
    }
    found = {
        bytes(digest): _unpacked(bytes(packed))
        for digest, packed in rows(conn, "read_pages", parameters)
    }
    return {digest: content for digest, content in found.items() if digest_of(content) == digest}


def drop_keyframes(conn: psycopg.Connection[Any], stream_id: str) -> int:
    """Delete a stream's keyframes and pages of every fold; how many keyframes there were."""
    ((dropped,),) = rows(conn, "drop_keyframes", _stream(stream_id))
    return int(dropped)


def sample_keyframes(
    conn: psycopg.Connection[Any], fold_version: str, count: int
) -> list[tuple[str, int]]:
    """Some keyframes of this fold by chance: (stream id, version)."""
    parameters = {"fold_version": fold_version, "count": Int4(count)}
    return [
        (stream_id, version) for stream_id, version in rows(conn, "sample_keyframes", parameters)
    ]


def _stream(stream_id: str) -> dict[str, Any]:
    return {"bucket": Int4(bucket_of(stream_id)), "stream_id": stream_id}
