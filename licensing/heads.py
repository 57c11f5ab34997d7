"""A signed list of every stream's head: kept elsewhere, it shows when a history's tail was cut.

A hash chain shows any change inside a stream, but a stream whose last events are gone, with a head
put back to match, looks whole. Against a list made before, it does not.
"""

from collections.abc import Iterator

import msgspec
from django.core import signing

from licensing import connection, store

_SALT = "playhead.heads"


class NotGenuine(Exception):
    """The list is not one that this installation signed."""


class Kept(msgspec.Struct, frozen=True):
    """A stream's head as it was listed: its version, and the hash of its last event in hex."""

    stream_id: str
    version: int
    hash: str


def listed() -> Iterator[bytes]:
    """The lines of a list of all heads now, the signature last."""
    conn, lines = connection.opened(), []
    for bucket in range(store.BUCKETS):
        for stream_id, _ in store.streams_of_bucket(conn, bucket):
            head = store.stream_head(conn, stream_id)
            if head is not None and head.version > 0:
                kept = Kept(stream_id, head.version, head.last_hash.hex())
                lines.append(msgspec.json.encode(kept) + b"\n")
                yield lines[-1]
    yield _signature(b"".join(lines)) + b"\n"


def read(text: bytes) -> list[Kept]:
    """The heads of a list; raises NotGenuine."""
    body, _, signature = text.removesuffix(b"\n").rpartition(b"\n")
    body = body + b"\n" if body else b""
    if signature != _signature(body):
        raise NotGenuine("the signature does not fit: changed, cut, or of another installation")
    return [msgspec.json.decode(line, type=Kept) for line in body.splitlines()]


def missing(kept: list[Kept]) -> str | None:
    """The first listed head that its stream no longer has, in words, or None."""
    conn = connection.opened()
    for head in kept:
        event = store.read_event(conn, head.stream_id, head.version)
        if event is None:
            return f"{head.stream_id}: version {head.version} is gone"
        if event.hash.hex() != head.hash:
            return f"{head.stream_id}: version {head.version} is another event"
    return None


def _signature(body: bytes) -> bytes:
    return signing.Signer(salt=_SALT).signature(body.decode()).encode()
