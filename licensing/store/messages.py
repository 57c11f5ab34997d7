"""What goes into the store and what comes out of it, before and after it was recorded."""

from datetime import datetime
from hashlib import sha256
from typing import Any, Literal
from uuid import UUID

import msgspec

# Part of every primary key: may never change.
BUCKETS = 1024

# Expected versions that are not a number of events; an exact version is 1 or more.
ANY = -1
EXISTS = -2
NO_STREAM = 0


_decode = msgspec.json.Decoder(dict[str, Any]).decode


def bucket_of(stream_id: str) -> int:
    """The bucket of a stream, for ever; the SQL function of the same name agrees."""
    return int.from_bytes(sha256(stream_id.encode()).digest()[:4], "big") % BUCKETS


class NewEvent(msgspec.Struct, frozen=True):
    """An event that is not recorded yet."""

    event_id: UUID
    type: str
    schema_version: int
    data: dict[str, Any]
    metadata: dict[str, Any]
    occurred_at: datetime


# Not followed by the garbage collector: there are no cycles to be looked for while a long stream
# is read.
class RecordedEvent(msgspec.Struct, frozen=True, gc=False, eq=False):
    """An event as it stands in the store, with its place in the stream and in the feed.

    `data_json` and `metadata_json` are decoded each time they are asked for as `data` and
    `metadata`: most readers want one of them, and the folds want neither.
    """

    bucket: int
    stream_id: str
    version: int
    position: int
    event_id: UUID
    type: str
    schema_version: int
    data_json: str | bytes
    metadata_json: str | bytes
    occurred_at: datetime
    recorded_at: datetime
    appended_at: datetime
    hash: bytes

    @property
    def data(self) -> dict[str, Any]:
        """What the event says."""
        return _decode(self.data_json)

    @property
    def metadata(self) -> dict[str, Any]:
        """Who caused the event, and what decided."""
        return _decode(self.metadata_json)

    def __eq__(self, other: object) -> bool:
        # The same JSON has several spellings: PostgreSQL's, and the canonical one.
        return isinstance(other, RecordedEvent) and self._values() == other._values()

    __hash__ = None  # type: ignore[assignment]

    def _values(self) -> tuple[object, ...]:
        at = (self.occurred_at, self.recorded_at, self.appended_at)
        place = (self.bucket, self.stream_id, self.version, self.position, self.hash)
        return (
            *place, *at, self.event_id, self.type, self.schema_version, self.data, self.metadata
        )  # fmt: skip


class Fact(msgspec.Struct, frozen=True, gc=False):
    """What a fold needs of an event; `data` is JSON, `rules` the hash of the rules that decided."""

    version: int
    type: str
    schema_version: int
    data: str
    occurred_at: datetime
    recorded_at: datetime
    rules: str | None
    hash: bytes


class Passed(msgspec.Struct, frozen=True, gc=False):
    """An event as readers of the feed want it: its JSON undecoded, without id and hash."""

    bucket: int
    stream_id: str
    version: int
    position: int
    type: str
    schema_version: int
    data: str
    metadata: str
    occurred_at: datetime
    recorded_at: datetime
    appended_at: datetime


class PastFact(msgspec.Struct, frozen=True, gc=False):
    """What a trial needs of an event; `data` is JSON, the rest of it stands in the metadata.

    `actor` is the kind of who asked, `rules` the hash of the rules that decided and `row` their
    row.
    """

    version: int
    type: str
    schema_version: int
    data: str
    actor: str | None
    rules: str | None
    row: str | None
    occurred_at: datetime
    recorded_at: datetime


class PastCommand(msgspec.Struct, frozen=True, gc=False):
    """What a trial needs of a command; `data` is JSON.

    `occurred_at` is when a late report says that it happened, `row` the rules' row that decided
    where there are no events.
    """

    name: str
    data: str
    occurred_at: str | None
    outcome: str | None
    row: str | None
    first_version: int
    last_version: int
    decided_at: datetime


class CommandRecord(msgspec.Struct, frozen=True):
    """A command with its answer, to be kept beside the events that it caused."""

    command_id: str
    name: str
    data: dict[str, Any]
    data_hash: bytes
    outcome: dict[str, Any]


class CommandRow(msgspec.Struct, frozen=True):
    """A command as it stands in the log; without events, `first_version` is `last_version + 1`."""

    seq: int
    command_id: str
    name: str
    data: dict[str, Any]
    outcome: dict[str, Any]
    first_version: int
    last_version: int
    decided_at: datetime
    data_hash: bytes


class Head(msgspec.Struct, frozen=True):
    """Where a stream stands."""

    version: int
    last_hash: bytes
    recorded_at: datetime | None
    erased_at: datetime | None


class Appended(msgspec.Struct, frozen=True):
    """The store's answer to a command, the same for its repetitions but for the status."""

    status: Literal["appended", "stored", "repeated"]
    outcome: dict[str, Any]
    version: int
    events: tuple[RecordedEvent, ...]


class StoreError(Exception):
    """The store did not do what it was asked, and changed nothing."""


class NotStorable(StoreError):
    """A value that JSON in PostgreSQL cannot keep unchanged."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path}: {why}")
        self.path = path
        self.why = why


class AppendNotAlone(StoreError):
    """An append inside a transaction would hold its bucket for as long as that lasts."""

    def __init__(self) -> None:
        super().__init__("append needs a connection in autocommit with no transaction open")


class WrongExpectedVersion(StoreError):
    """The stream is not at the version that the caller decided on."""

    def __init__(self, stream_id: str, expected: int, actual: int) -> None:
        super().__init__(f"{stream_id}: expected {_expectation(expected)}, is at {actual}")
        self.stream_id = stream_id
        self.expected = expected
        self.actual = actual


class CommandIdReused(StoreError):
    """The stream knows this command id with other data."""

    def __init__(self, stream_id: str, command_id: str) -> None:
        super().__init__(f"{stream_id}: command id {command_id!r} was used with other data")
        self.stream_id = stream_id
        self.command_id = command_id


class StreamErased(StoreError):
    """The stream was erased: its history stays as it is, and nothing is added."""

    def __init__(self, stream_id: str) -> None:
        super().__init__(f"{stream_id}: erased")
        self.stream_id = stream_id


def _expectation(expected: int) -> str:
    names = {ANY: "any version", EXISTS: "a stream with events", NO_STREAM: "no events yet"}
    return names.get(expected, f"version {expected}")
