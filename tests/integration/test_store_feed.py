"""The feed under fire: no reader skips an event, sees two out of order, or waits for others."""

from licensing import store
from licensing.store import appending, statements
from tests.conftest import new_id
from tests.feed_load import Load
from tests.integration.store_kit import command, connected, event
from timeline.embedded import Addresses

EVENTS = 50_000


def test_fifty_thousand_events_are_seen_once_and_in_order(database: Addresses) -> None:
    """H1, H4, H8, H10: with a transaction of somebody else's open from before the first to the end.

    A feed that is ordered by sequence numbers skips here; one that is held behind the oldest
    transaction shows nothing until that ends.
    """
    load = Load(database, EVENTS)
    bystander = new_id("member-bystander")
    row = [store.bucket_of(bystander), bystander]
    with connected(database) as other, other.transaction():
        # It has written, so it has a transaction id that is older than all that follow.
        other.execute("INSERT INTO snapshot VALUES (%s, %s, 1, 'open', '{}')", row)
        written, readers = load.run()
        assert written >= EVENTS
        for seen in readers:
            load.check(written, seen)
        other.execute("DELETE FROM snapshot WHERE bucket = %s AND stream_id = %s", row)


def test_a_reader_does_not_wait_for_a_writer_of_its_bucket(database: Addresses) -> None:
    """What is committed is read while the next append is still open, and that one is not."""
    stream = new_id("test")
    bucket = store.bucket_of(stream)
    with connected(database) as conn, connected(database) as reader:
        first = store.append(conn, stream, [event()], command()).events[0]
        arguments, _ = appending.arguments_of(stream, [event()], command())
        with conn.transaction():
            statements.rows(conn, "append_events", arguments)
            found = store.read_feed(reader, bucket, first.position - 1, 10)
            assert [event.position for event in found] == [first.position]
        found = store.read_feed(reader, bucket, first.position, 10)
        assert [event.version for event in found] == [2]
