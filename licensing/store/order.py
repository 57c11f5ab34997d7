"""Places a stream's events in time without reading what they say."""

from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg.types.numeric import Int4

from licensing.store.messages import bucket_of
from licensing.store.statements import rows


def known_until(conn: psycopg.Connection[Any], stream_id: str, instant: datetime) -> int:
    """The version of the last event that had been recorded by `instant`; 0 for none."""
    found = rows(conn, "known_until", _stream(stream_id) | {"instant": instant})
    return int(found[0][0]) if found else 0


def read_order(
    conn: psycopg.Connection[Any], stream_id: str
) -> list[tuple[int, datetime, datetime]]:
    """(version, occurred_at, recorded_at) of each event, in recorded order; instants in UTC."""
    return [
        (version, occurred_at.astimezone(UTC), recorded_at.astimezone(UTC))
        for version, occurred_at, recorded_at in rows(conn, "read_order", _stream(stream_id))
    ]


def _stream(stream_id: str) -> dict[str, Any]:
    return {"bucket": Int4(bucket_of(stream_id)), "stream_id": stream_id}
