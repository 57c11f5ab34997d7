"""Looks for what must never be: holes, heads that lie, a server that forgets."""

from typing import Any

import msgspec
import psycopg
from psycopg.types.numeric import Int4

from licensing.store.statements import rows


class FeedOff(msgspec.Struct, frozen=True):
    """A bucket whose head, last event and number of events do not agree."""

    bucket: int
    position: int
    last: int
    count: int


class HeadOff(msgspec.Struct, frozen=True):
    """A stream whose head, last event and number of events do not agree."""

    stream_id: str
    version: int
    last: int
    count: int


class Server(msgspec.Struct, frozen=True):
    """What this session's server promises, and what this session's role may do to history."""

    fsync: str
    full_page_writes: str
    synchronous_commit: str
    isolation: str
    version: int
    role: str
    superuser: bool
    owner: bool
    rights: list[str] | None
    triggers: int
    oldest_transaction_s: int
    standby: bool


def feeds_off(conn: psycopg.Connection[Any]) -> list[FeedOff]:
    """The buckets whose feed is not gapless up to its head. Reads an index of all events."""
    return [FeedOff(*row) for row in rows(conn, "feeds_off", {})]


def heads_off(conn: psycopg.Connection[Any], limit: int = 100) -> list[HeadOff]:
    """The streams whose head is not their last event. Reads an index of all events."""
    return [HeadOff(*row) for row in rows(conn, "heads_off", {"limit": Int4(limit)})]


def sample_streams(conn: psycopg.Connection[Any], count: int) -> list[str]:
    """Some streams by chance."""
    return [stream_id for (stream_id,) in rows(conn, "sample_streams", {"count": Int4(count)})]


def server(conn: psycopg.Connection[Any]) -> Server:
    """The settings and rights that history rests on."""
    (row,) = rows(conn, "server_settings", {})
    return Server(*row)
