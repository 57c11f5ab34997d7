"""Streams and feeds are read in order, from anywhere, page by page."""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from licensing import store
from tests.integration.store_kit import command, connected, event, streams_in
from timeline.embedded import Addresses

Connection = psycopg.Connection[Any]


@pytest.fixture
def conn(database: Addresses) -> Iterator[Connection]:
    """The application's connection."""
    with connected(database) as connection:
        yield connection


def test_a_stream_is_read_from_any_version_to_any_other(
    conn: Connection, fresh: Callable[..., str]
) -> None:
    stream = fresh("test")
    store.append(conn, stream, [event(n=n) for n in range(1, 8)], command())

    def versions(**bounds: int) -> list[int]:
        return [e.version for e in store.read_stream(conn, stream, **bounds)]

    assert versions() == [1, 2, 3, 4, 5, 6, 7]
    assert versions(after=5) == [6, 7]
    assert versions(after=2, until=4) == [3, 4]
    assert versions(after=2, limit=2) == [3, 4]
    assert versions(until=0) == []
    assert store.read_event(conn, stream, 8) is None
    assert store.read_stream(conn, fresh("test")) == []
    assert store.stream_head(conn, fresh("test")) is None
    assert store.find_event(conn, event().event_id) is None


def test_a_feed_holds_every_stream_of_its_bucket_in_order(conn: Connection) -> None:
    bucket = 1023
    start = store.bucket_heads(conn)[bucket]
    one, other = streams_in(bucket, 2)
    for stream in (one, other, one):
        store.append(conn, stream, [event(), event()], command())
    feed = store.read_feed(conn, bucket, start, 100)
    assert [(e.stream_id, e.version) for e in feed] == [
        (one, 1),
        (one, 2),
        (other, 1),
        (other, 2),
        (one, 3),
        (one, 4),
    ]
    assert [e.position for e in feed] == list(range(start + 1, start + 7))
    assert store.read_feed(conn, bucket, start + 2, 2) == feed[2:4]
    assert store.bucket_heads(conn)[bucket] == start + 6


def test_several_feeds_are_read_in_one_query_each_from_its_own_position(conn: Connection) -> None:
    heads = store.bucket_heads(conn)
    assert list(heads) == list(range(store.BUCKETS))
    for bucket in (500, 501):
        (stream,) = streams_in(bucket, 1)
        store.append(conn, stream, [event() for _ in range(4)], command())
    asked = [(501, heads[501] + 1), (500, heads[500]), (502, heads[502])]
    found = [(e.bucket, e.position) for e in store.read_feeds(conn, asked, 2)]
    assert found == [
        (500, heads[500] + 1),
        (500, heads[500] + 2),
        (501, heads[501] + 2),
        (501, heads[501] + 3),
    ]
    assert store.read_feeds(conn, [], 5) == []


def test_sql_and_python_agree_on_the_bucket(conn: Connection) -> None:
    streams = ["", "member-ann", "rules-download-license", "member-ünï-漢", *streams_in(3, 3)]
    streams += [f"member-{number}" for number in range(500)]
    found = conn.execute(
        "SELECT array_agg(bucket_of(s) ORDER BY i) FROM unnest(%s::text[]) WITH ORDINALITY x(s, i)",
        [streams],
    ).fetchone()
    assert found == ([store.bucket_of(stream) for stream in streams],)
