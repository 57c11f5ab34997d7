"""The feed test of `make test`, twenty times as long, beside a transaction open all the while."""

import time

from licensing import store
from tests.conftest import new_id
from tests.feed_load import Load
from tests.integration.store_kit import connected
from timeline.embedded import Addresses

EVENTS = 1_000_000


def test_a_million_events_are_seen_once_and_in_order(database: Addresses) -> None:
    load = Load(database, EVENTS)
    bystander = new_id("member-bystander")
    row = [store.bucket_of(bystander), bystander]
    begin = time.monotonic()
    with connected(database) as other, other.transaction():
        other.execute("INSERT INTO snapshot VALUES (%s, %s, 1, 'open', '{}')", row)
        written, readers = load.run()
        for seen in readers:
            load.check(written, seen)
        open_for = time.monotonic() - begin
        other.execute("DELETE FROM snapshot WHERE bucket = %s AND stream_id = %s", row)
    assert written >= EVENTS
    # Nothing waited for it: a stalled reader would not have seen the last event before its end.
    assert open_for > 60
