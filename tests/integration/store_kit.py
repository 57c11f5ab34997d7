"""What the store's tests share: a connection per role, events and commands without a meaning."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import psycopg

from licensing import store
from tests.conftest import new_id
from timeline.embedded import APP, OWNER, Addresses

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@contextmanager
def connected(addresses: Addresses, user: str = APP) -> Iterator[psycopg.Connection[Any]]:
    """A connection of the role's own, in autocommit."""
    with psycopg.connect(addresses.conninfo(user), autocommit=True) as conn:
        yield conn


@contextmanager
def edited_history(
    addresses: Addresses, edit: str, *values: Any
) -> Iterator[psycopg.Connection[Any]]:
    """The store after an edit by somebody with power over the triggers; undone afterwards."""
    with psycopg.connect(addresses.conninfo(OWNER)) as conn:
        conn.execute("ALTER TABLE event DISABLE TRIGGER append_only")
        assert conn.execute(edit, values).rowcount == 1
        yield conn
        conn.rollback()


def event(event_type: str = "Happened", **data: Any) -> store.NewEvent:
    """A new event."""
    return store.NewEvent(uuid.uuid4(), event_type, 1, data, {"by": "test"}, NOON)


def command(command_id: str | None = None, *, data_hash: bytes = b"same") -> store.CommandRecord:
    """A command with an answer of its own."""
    made = command_id or uuid.uuid4().hex
    return store.CommandRecord(made, "Do", {"what": 1}, data_hash, {"answer": made})


def streams_in(bucket: int, count: int) -> list[str]:
    """Fresh streams that share a bucket."""
    found: list[str] = []
    while len(found) < count:
        stream = new_id("test")
        if store.bucket_of(stream) == bucket:
            found.append(stream)
    return found


def decide_and_append(
    conn: psycopg.Connection[Any], stream: str, make: Callable[[int], list[store.NewEvent]]
) -> store.Appended:
    """Reads the version, decides on it, and tries again when another was faster."""
    record = command()
    while True:
        head = store.stream_head(conn, stream)
        version = head.version if head else store.NO_STREAM
        try:
            return store.append(conn, stream, make(version), record, expected=version)
        except store.WrongExpectedVersion:
            continue
