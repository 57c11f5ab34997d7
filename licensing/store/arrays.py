"""Sends lists to PostgreSQL in its binary form, from values whose types are known.

psycopg finds out the type of each element of each list; for the seven lists of an append that took
as long as the rest of the call. The form is that of `array_recv` in PostgreSQL's sources: number of
dimensions, a null flag, the element's type, then length and lower bound, then each element with its
length, all big-endian.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from struct import Struct
from uuid import UUID

import psycopg
from psycopg.abc import DumperKey
from psycopg.adapt import Buffer, Dumper, PyFormat
from psycopg.pq import Format

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

_head = Struct("!iiIii").pack
_empty = Struct("!iiI").pack
_length = Struct("!i").pack
_int2 = Struct("!ih").pack
_int4 = Struct("!ii").pack
_int8 = Struct("!iq").pack


class Json:
    """JSON that is text already, for a jsonb parameter."""

    __slots__ = ("text",)

    def __init__(self, text: bytes) -> None:
        self.text = text


class Array:
    """A list in its binary form; `oid` is that of the array's type."""

    __slots__ = ("content", "oid")

    def __init__(self, oid: int, element: int, count: int, elements: bytes) -> None:
        self.oid = oid
        self.content = _head(1, 0, element, count, 1) + elements if count else _empty(0, 0, element)


def uuids(values: Sequence[UUID]) -> Array:
    """A uuid[] parameter."""
    return Array(2951, 2950, len(values), _sized([value.bytes for value in values]))


def texts(values: Sequence[str]) -> Array:
    """A text[] parameter."""
    return Array(1009, 25, len(values), _sized([value.encode() for value in values]))


def smallints(values: Sequence[int]) -> Array:
    """A smallint[] parameter."""
    return Array(1005, 21, len(values), b"".join([_int2(2, value) for value in values]))


def integers(values: Sequence[int]) -> Array:
    """An integer[] parameter."""
    return Array(1007, 23, len(values), b"".join([_int4(4, value) for value in values]))


def bigints(values: Sequence[int]) -> Array:
    """A bigint[] parameter."""
    return Array(1016, 20, len(values), b"".join([_int8(8, value) for value in values]))


def jsons(values: Sequence[bytes]) -> Array:
    """A jsonb[] parameter, of JSON texts."""
    return Array(3807, 3802, len(values), _sized([b"\x01" + value for value in values]))


def instants(values: Sequence[datetime]) -> Array:
    """A timestamptz[] parameter, of instants with an offset."""
    parts = [_int8(8, (value - EPOCH) // MICROSECOND) for value in values]
    return Array(1185, 1184, len(values), b"".join(parts))


def hashes(values: Sequence[bytes]) -> Array:
    """A bytea[] parameter."""
    return Array(1001, 17, len(values), _sized(values))


def _sized(values: Sequence[bytes]) -> bytes:
    return b"".join([_length(len(value)) + value for value in values])


class _JsonDumper(Dumper):
    oid = psycopg.adapters.types["jsonb"].oid
    format = Format.BINARY

    def dump(self, obj: Json) -> Buffer:
        """Version 1 of the binary form of jsonb: a 1, and the text."""
        return b"\x01" + obj.text


class _ArrayDumper(Dumper):
    format = Format.BINARY

    def get_key(self, obj: Array, format: PyFormat) -> DumperKey:
        """A dumper for each type of array, because the type goes along with the statement."""
        return (Array, obj.oid)  # type: ignore[return-value]  # any hashable key does

    def upgrade(self, obj: Array, format: PyFormat) -> "_ArrayDumper":
        """The dumper of this array's type."""
        dumper = _ArrayDumper(Array)
        dumper.oid = obj.oid
        return dumper

    def dump(self, obj: Array) -> Buffer:
        """The content is made already."""
        return obj.content


psycopg.adapters.register_dumper(Json, _JsonDumper)
psycopg.adapters.register_dumper(Array, _ArrayDumper)
