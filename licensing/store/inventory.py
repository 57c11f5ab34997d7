"""What sorts of events the store holds, and how many of each."""

from typing import Any

import msgspec
import psycopg

from licensing.store.messages import BUCKETS
from licensing.store.statements import rows


class EventKind(msgspec.Struct, frozen=True):
    """An event type in one schema version; `stream_id` is one stream that holds some."""

    type: str
    schema_version: int
    count: int
    stream_id: str


def event_kinds(conn: psycopg.Connection[Any]) -> list[EventKind]:
    """Every (type, schema version) in the store, in order. Reads every event once."""
    return [EventKind(*row) for row in rows(conn, "event_kinds", {"buckets": BUCKETS})]
