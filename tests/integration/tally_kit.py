"""A projector that keeps a row for each time it saw an event, and events without a meaning."""

from datetime import UTC, datetime
from uuid import uuid4

import msgspec
from django.db import connection, connections

from licensing import store
from licensing.connection import opened
from projections import sides
from projections.projector import Projector, Put, nothing
from tests.conftest import new_id

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
NAMED = {}
"""The projectors of a test, found by their names as those of the registry are."""

TALLY = """
CREATE TABLE IF NOT EXISTS tally_{side} (
    at bigint GENERATED ALWAYS AS IDENTITY, projection text, bucket int, stream_id text, version int
)
"""
PUT = """
INSERT INTO {table} (projection, bucket, stream_id, version)
SELECT projection, bucket, stream_id, version FROM jsonb_to_recordset(%(rows)s::jsonb)
    AS r (at int, projection text, bucket int, stream_id text, version int) ORDER BY at
"""


class Seen(msgspec.Struct):
    """A row for each time that an event was seen."""

    at: int
    projection: str
    bucket: int
    stream_id: str
    version: int


def made(name):
    """The tables of a projector of this name, and the projector."""
    with connections["owner"].cursor() as cursor:
        for side in "ab":
            cursor.execute(TALLY.format(side=side).replace("tally_", f"{name}_"))
    NAMED[name] = tallying(name)
    return NAMED[name]


def forget(name):
    NAMED.pop(name, None)
    with connections["owner"].cursor() as cursor:
        for table in ("projection_checkpoint", "projection_parked", "projection_build"):
            cursor.execute(f"DELETE FROM {table} WHERE projection = %s", [name])
        for side in "ab":
            cursor.execute(f"DROP TABLE IF EXISTS {name}_{side}")


def tallying(name, version=1, before=None, put=PUT):
    def fold(known, events):
        for event in events:
            if before:
                before(event)
        seen = [Seen(n, name, e.bucket, e.stream_id, e.version) for n, e in enumerate(events)]
        return [Put(put.replace("{table}", "{" + name + "}"), seen)]

    return Projector(name, version, "member", None, ("{" + name + "}",), nothing, fold)


def choking_on(stream, *versions):
    """What to do before an event: raise on some of one stream."""

    def choke(event):
        if event.stream_id == stream and event.version in versions:
            raise ValueError("cannot read this")

    return choke


def append(member, count=1):
    """Events that no read model but the directory cares for."""
    stream = f"member-{member}"
    for _ in range(count):
        key = new_id("c")
        new = store.NewEvent(uuid4(), "PlaybackStopped", 1, {"license_id": "none"}, {}, NOW)
        record = store.CommandRecord(key, "Test", {}, b"x", {"outcome": "accepted"})
        store.append(opened(), stream, [new], record)
    return stream


def same_bucket(stream):
    """Another member whose stream shares the bucket."""
    wanted = store.bucket_of(stream)
    while True:
        other = new_id("m")
        if store.bucket_of(f"member-{other}") == wanted:
            return other


def seen(projector, stream):
    """The versions of a stream that the projector kept, in the order in which it saw them."""
    side = sides.live().get(projector.name, "a")
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT version FROM {projector.name}_{side} WHERE stream_id = %s ORDER BY at",
            [stream],
        )
        return [version for (version,) in cursor.fetchall()]
