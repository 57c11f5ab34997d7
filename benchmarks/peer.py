"""The event store alone behind the interface of the peers' harness: one event, one commit.

To be named there as `--target benchmarks.peer:Project`, with this repository on PYTHONPATH.
"""

import itertools
import random
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import psycopg

import licensing
from licensing import store

SQL = Path(licensing.__file__).parent / "migrations" / "sql"
SCRIPTS = (
    "0001_functions", "0001_tables", "0001_append_events", "0001_rights",
    "0002_append_only_triggers", "0004_snapshot_page", "0005_import", "0006_lean_append",
)  # fmt: skip
MEMBERS = 100_000
AT_ONCE = 500  # events, as licensing.fold reads them
# About 300 bytes of JSON, the same that every store of the harness writes.
EVENT = {
    "license_id": "01J9ZK3Q8W5T6Y7X8C9V0B1N2M",
    "device_id": "NFCDIE-03-7Q2K5XGH1W8R4T6Y9P0LZVBN3M",
    "title_id": "81234567",
    "studio": "studio-0042",
    "country": "US",
    "license_type": "download",
    "issued_at": "2026-01-01T10:00:00.123456Z",
    "expires_at": "2026-01-31T10:00:00.123456Z",
    "rule": "studio-downloads-per-year",
    "rule_version": 7,
}
METADATA = {"request_id": "0190f7a4-5b7c-7c1e-8d4e-1f2a3b4c5d6e", "actor": "device"}
OUTCOME = {"outcome": "accepted"}
DATA_HASH = bytes(32)
START = datetime(2026, 1, 1, 10, tzinfo=UTC)


class Issued(msgspec.Struct, frozen=True):
    """The event, read."""

    license_id: str
    device_id: str
    title_id: str
    studio: str
    country: str
    license_type: str
    issued_at: str
    expires_at: str
    rule: str
    rule_version: int


_issued = msgspec.json.Decoder(Issued).decode


def _data(event: store.RecordedEvent) -> Issued:
    return _issued(event.data_json)


class State(msgspec.Struct, frozen=True):
    """What the harness folds events to."""

    count: int = 0
    last: str = ""

    def apply(self, event: Issued) -> "State":
        """One more."""
        return State(self.count + 1, event.license_id)


class Project:
    """The store, called as the command service calls it."""

    name = "playhead"

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.conns: list[psycopg.Connection[Any]] = []
        self.reader: psycopg.Connection[Any] | None = None

    def connect(self) -> psycopg.Connection[Any]:
        """One more connection, in autocommit."""
        # Django asks for UTC too.
        conn = psycopg.connect(self.dsn, autocommit=True, options="-c timezone=UTC")
        self.conns.append(conn)
        return conn

    def setup(self) -> None:
        """An empty store."""
        with self.connect() as conn:
            conn.execute(
                "DROP TABLE IF EXISTS event, bucket_head, stream_head, command_log, snapshot,"
                " snapshot_page, import_batch CASCADE"
            )
            conn.execute(
                "DROP FUNCTION IF EXISTS bucket_of, append_events, import_events, import_commands,"
                " refuse_rewriting CASCADE"
            )
            conn.execute("DROP FUNCTION IF EXISTS chain_link CASCADE")
            for name in SCRIPTS:
                conn.execute((SQL / f"{name}.sql").read_bytes())

    def open(self, threads: int) -> None:
        """Connections are opened by their clients."""

    def close(self) -> None:
        """Closes what was opened."""
        for conn in self.conns:
            conn.close()

    def client(self, number: int) -> Any:
        """A callable that appends one event, with heads, chain and command log."""
        conn, chance = self.connect(), random.Random()  # noqa: S311 (no secret)
        new, made = uuid.uuid4, store.NewEvent

        def append() -> None:
            event = made(new(), "LicenseIssued", 1, EVENT, METADATA, START)
            record = store.CommandRecord(new().hex, "AcquireLicense", EVENT, DATA_HASH, OUTCOME)
            store.append(conn, f"member-{chance.randrange(MEMBERS):08d}", [event], record)

        return append

    def seed(self, count: int) -> str:
        """A stream of so many events."""
        stream = f"member-{uuid.uuid4().hex}"
        conn = self.reader = self.reader or self.connect()
        for first in range(0, count, store.CHUNK):
            size = min(store.CHUNK, count - first)
            past = [
                store.PastEvent(
                    store.NewEvent(uuid.uuid4(), "LicenseIssued", 1, EVENT, METADATA, START),
                    START + timedelta(seconds=first + at),
                )
                for at in range(size)
            ]
            store.import_events(conn, [store.PastRun(stream, first, past)])
        return stream

    def load(self, stream: str) -> int:
        """Read, decode and fold one stream."""
        self.reader = self.reader or self.connect()
        state, read = State(), AT_ONCE
        while read == AT_ONCE:
            facts = store.read_facts(self.reader, stream, after=state.count, limit=AT_ONCE)
            for fact in facts:
                state = state.apply(_issued(fact.data))
            read = len(facts)
        return state.count

    def catch_up(self, decode: Callable[[Any], object] = _data) -> int:
        """Read and decode the feeds of all buckets, some hundred buckets a query."""
        self.reader = self.reader or self.connect()
        total = 0
        due = [(bucket, 0) for bucket in range(store.BUCKETS)]
        for chunk in itertools.batched(due, 64) if hasattr(itertools, "batched") else _batched(due):
            places = dict(chunk)
            while places:
                events = store.read_feeds(self.reader, list(places.items()), 200)
                total += sum(decode(event) is not None for event in events)
                read: dict[int, int] = {}
                last: dict[int, int] = {}
                for event in events:
                    read[event.bucket] = read.get(event.bucket, 0) + 1
                    last[event.bucket] = event.position
                places = {bucket: last[bucket] for bucket, count in read.items() if count == 200}
        return total


def _batched(items: list[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    return [items[at : at + 64] for at in range(0, len(items), 64)]
