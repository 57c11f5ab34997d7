"""Reads what was decided in ranges of buckets, as trials of everybody need it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple

import psycopg
from psycopg.types.numeric import Int4

from licensing.store import statements
from licensing.store.messages import bucket_of
from licensing.store.reading import in_utc

AT_ONCE = 2_000  # rows that the client takes from the server while that reads on


class Range(NamedTuple):
    """The streams whose ids begin with `prefix` in the buckets from `first` to before `end`."""

    prefix: str
    first: int
    end: int

    @property
    def parameters(self) -> dict[str, Any]:
        """As the statements want them."""
        return {"prefix": self.prefix, "first": Int4(self.first), "end": Int4(self.end)}


class Wanted(NamedTuple):
    """Which decisions are read, as far as they were recorded by `until`, and what of them.

    Events of `types`, and each whose "type version" is not among `known`; `refusals` are the types
    that have a reason. `records` asks for the decision record and the studio, `paths` for what the
    event says there; `hidden` says that some of that may stand in the sealed part.
    """

    until: datetime
    types: Sequence[str]
    refusals: Sequence[str]
    known: Sequence[str]
    records: bool = False
    paths: Sequence[str] = ()
    hidden: bool = False


class Decision(NamedTuple):
    """An event that rules decided, or one that cannot be read; the texts are JSON.

    `hash` is that of the rules, `facts` what they were asked about. `record` and `studio` are there
    only where they were asked for, `license_id` and `said` where paths were; `said` is None where
    it is sealed.
    """

    stream_id: str
    version: int
    type: str
    readable: bool
    occurred_at: datetime
    hash: str | None
    facts: str | None
    reason: str | None
    record: str | None
    studio: str | None
    license_id: str | None
    said: list[str] | None


class Unmoved(NamedTuple):
    """A command that caused no event, with rules and facts of its decision if there was one.

    `license_id` and `said` are there as in `Decision`, said by the command.
    """

    stream_id: str
    name: str
    outcome: str | None
    hash: str | None
    facts: str | None
    decided_at: datetime
    license_id: str | None
    said: list[str] | None


class Record(NamedTuple):
    """A decision record as JSON, and the studio that the event names."""

    text: str | None
    studio: str | None


@contextmanager
def one_moment(conn: psycopg.Connection[Any]) -> Iterator[None]:
    """All that is read inside is of one moment, and nothing can be written."""
    with conn.transaction():
        conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        # A statement takes as long as its reader does with what it is handed.
        conn.execute("SET LOCAL statement_timeout = 0")
        yield


def scan_decisions(conn: psycopg.Connection[Any], of: Range, wanted: Wanted) -> Iterator[Decision]:
    """Every such decision, in no order."""
    parameters = of.parameters | {
        name: list(value) if isinstance(value, Sequence) else value
        for name, value in wanted._asdict().items()
    }
    with psycopg.Cursor(conn, row_factory=lambda cursor: Decision._make) as cursor:
        statement = statements.statement("scan_decisions")
        yield from cursor.stream(statement, parameters, binary=True, size=AT_ONCE)


def read_records(conn: psycopg.Connection[Any], wanted: Sequence[tuple[str, int]]) -> list[Record]:
    """The decision records of these events (stream, version)."""
    parameters = {
        "buckets": [Int4(bucket_of(stream_id)) for stream_id, _ in wanted],
        "streams": [stream_id for stream_id, _ in wanted],
        "versions": [Int4(version) for _, version in wanted],
    }
    found = statements.rows(conn, "read_records", parameters) if wanted else []
    return [Record(*row) for row in found]


def heads_of(
    conn: psycopg.Connection[Any], of: Range
) -> list[tuple[int, str, int, datetime | None]]:
    """Each stream's bucket, id, number of events, and when the last one was recorded."""
    return [
        (bucket, stream_id, version, recorded_at)
        for bucket, stream_id, version, recorded_at in in_utc(
            statements.rows(conn, "range_heads", of.parameters)
        )
    ]


def covered(conn: psycopg.Connection[Any], of: Range, known: Sequence[str]) -> int:
    """How many events commands of `known` names caused; the others are taken as they are."""
    parameters = of.parameters | {"known": list(known)}
    ((count,),) = statements.rows(conn, "range_covered", parameters)
    return int(count)


def answers_of(
    conn: psycopg.Connection[Any], of: Range, known: Sequence[str], names: Sequence[str]
) -> dict[str, tuple[int, frozenset[int]]]:
    """By stream: how many events `known` commands caused, and where those of `names` ended."""
    parameters = of.parameters | {"known": list(known), "names": list(names)}
    found = statements.rows(conn, "range_answers", parameters)
    return {stream_id: (count, frozenset(versions)) for stream_id, count, versions in found}


def without_events(
    conn: psycopg.Connection[Any], of: Range, names: Sequence[str], wanted: Wanted
) -> list[Unmoved]:
    """The commands of these names that caused no event, as far as decided by `wanted.until`."""
    parameters = of.parameters | {
        "names": list(names), "until": wanted.until,
        "paths": list(wanted.paths), "hidden": wanted.hidden,
    }  # fmt: skip
    found = statements.rows(conn, "range_without_events", parameters)
    return [Unmoved(*row) for row in in_utc(found)]
