"""Reads what was decided in ranges of buckets, as trials of everybody need it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple

import psycopg
from psycopg.types.json import Jsonb
from psycopg.types.numeric import Int4

from licensing.store import statements
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


class Reached(NamedTuple):
    """Facts with which a decision of rules (by hash) and of a type can differ; None for no facts.

    Rules that are not named with a type are taken to differ anyway.
    """

    hash: str
    type: str
    pattern: Mapping[str, Any] | None


class Wanted(NamedTuple):
    """Which decisions are read, as far as they were recorded by `until`, and what of them.

    Events of `types`, and each whose type and schema version are not `known`; `refusals` are the
    types that have a reason. Those of `sparing` types only where they are `reached`, or say
    something at one of the paths of `typed` that is not of its JSON type. `paths` asks for what
    the event says there; `hidden` says that some of that may stand in the sealed part.
    """

    until: datetime
    types: Sequence[str]
    refusals: Sequence[str]
    known: Sequence[tuple[str, int]]
    sparing: Sequence[str] = ()
    reached: Sequence[Reached] = ()
    typed: Sequence[tuple[str, str]] = ()
    paths: Sequence[str] = ()
    hidden: bool = False

    @property
    def parameters(self) -> dict[str, Any]:
        """As the statements want them."""
        return {
            "until": self.until, "types": list(self.types), "refusals": list(self.refusals),
            "known": [f"{name} {version}" for name, version in self.known],
            "known_first": [name for name, version in self.known if version == 1],
            "sparing": list(self.sparing),
            "hashes": [each.hash for each in self.reached],
            "reached": [each.type for each in self.reached],
            "patterns": [None if x.pattern is None else Jsonb(x.pattern) for x in self.reached],
            "typed": [path for path, _ in self.typed], "kinds": [kind for _, kind in self.typed],
            "paths": list(self.paths), "hidden": self.hidden,
        }  # fmt: skip


class Decision(NamedTuple):
    """An event that rules decided, or one that cannot be read; the texts are JSON.

    `hash` is that of the rules, `said` what was asked for says at the paths that are wanted: None
    where there are none or it is sealed. `reached` and `strange` are as in `Wanted`.
    """

    stream_id: str
    version: int
    type: str
    readable: bool
    occurred_at: datetime
    hash: str | None
    reason: str | None
    record: str | None
    studio: str | None
    license_id: str | None
    said: list[str] | None
    reached: bool
    strange: bool


class Unmoved(NamedTuple):
    """A command that caused no event, with its decision if there was one, as in `Decision`.

    It was decided before `version`, and `said` is what the command says.
    """

    stream_id: str
    version: int
    name: str
    outcome: str | None
    hash: str | None
    reason: str | None
    record: str | None
    studio: str | None
    decided_at: datetime
    license_id: str | None
    said: list[str] | None


@contextmanager
def one_moment(conn: psycopg.Connection[Any]) -> Iterator[None]:
    """All that is read inside is of one moment, and nothing can be written."""
    with conn.transaction():
        conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        # A statement takes as long as its reader does with what it is handed.
        conn.execute("SET LOCAL statement_timeout = 0")
        yield


def scan_decisions(
    conn: psycopg.Connection[Any], of: Range, wanted: Wanted, whole: Sequence[str] = ()
) -> Iterator[Decision]:
    """Every such decision, in no order; none is spared of the `whole` streams."""
    parameters = of.parameters | wanted.parameters | {"whole": list(whole)}
    with psycopg.Cursor(conn, row_factory=lambda cursor: Decision._make) as cursor:
        statement = statements.statement("scan_decisions")
        yield from cursor.stream(statement, parameters, binary=True, size=AT_ONCE)


def granted_of(
    conn: psycopg.Connection[Any], of: Range, wanted: Wanted, types: Sequence[str]
) -> list[tuple[str, str, int]]:
    """How many events of these types each stream has, by stream and type."""
    parameters = of.parameters | {"until": wanted.until, "types": list(types)}
    return [
        (stream_id, type, count)
        for stream_id, type, count in statements.rows(conn, "range_granted", parameters)
    ]


def said_of(
    conn: psycopg.Connection[Any], of: Range, wanted: Wanted, streams: Sequence[str]
) -> Mapping[tuple[str, str | None], list[str] | None]:
    """By stream and license, what the request for it said at the paths that are wanted."""
    parameters = of.parameters | wanted.parameters | {"streams": list(streams)}
    found = statements.rows(conn, "range_said", parameters)
    return {(stream_id, license_id): said for stream_id, license_id, said in found}


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
