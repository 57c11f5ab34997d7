"""Writers against tailing readers: the load that shows whether a feed skips or stalls."""

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg

from licensing import store
from licensing.store import appending, statements
from tests.integration.store_kit import command, connected, event, streams_in
from timeline.embedded import Addresses

WRITERS = 16
BUCKETS = range(200, 232)


def append_held(conn: psycopg.Connection[Any], stream: str, count: int, held_s: float) -> None:
    """An append inside a transaction that stays open: for tests only, the store refuses it."""
    arguments, _ = appending.arguments_of(stream, [event() for _ in range(count)], command())
    with conn.transaction():
        ((status, *_),) = statements.rows(conn, "append_events", arguments)
        assert status == "appended"
        time.sleep(held_s)


class Load:
    """Sixteen writers of 1-20 events an append, one in six held open for up to 50 ms."""

    def __init__(self, addresses: Addresses, events: int) -> None:
        self.addresses, self.wanted = addresses, events
        self.streams = [stream for bucket in BUCKETS for stream in streams_in(bucket, 4)]
        with connected(addresses) as conn:
            heads = store.bucket_heads(conn)
        self.first = {bucket: heads[bucket] for bucket in BUCKETS}
        self.writing = threading.Event()

    def write(self, seed: int) -> int:
        """Writes this writer's share; how many events that were."""
        chance = random.Random(seed)
        written = 0
        with connected(self.addresses) as conn:
            while written < self.wanted // WRITERS:
                stream, count = chance.choice(self.streams), chance.randint(1, 20)
                if chance.random() < 1 / 6:
                    append_held(conn, stream, count, chance.uniform(0, 0.05))
                else:
                    store.append(conn, stream, [event() for _ in range(count)], command())
                written += count
        return written

    def tail(self, page: int) -> dict[int, list[tuple[int, str, int]]]:
        """Follows all buckets until the writers are done: (position, stream, version) of each."""
        seen: dict[int, list[tuple[int, str, int]]] = {bucket: [] for bucket in BUCKETS}
        checkpoint = dict(self.first)
        with connected(self.addresses) as conn:
            while True:
                last_round = not self.writing.is_set()
                found = store.read_feeds(conn, list(checkpoint.items()), page)
                for recorded in found:
                    checkpoint[recorded.bucket] = recorded.position
                    seen[recorded.bucket].append(
                        (recorded.position, recorded.stream_id, recorded.version)
                    )
                if last_round and not found:
                    return seen
                if not found:
                    time.sleep(0.01)

    def run(self) -> tuple[int, list[dict[int, list[tuple[int, str, int]]]]]:
        """Runs writers and two readers; the events written, and what each reader saw."""
        self.writing.set()
        with ThreadPoolExecutor(WRITERS + 2) as pool:
            tails = [pool.submit(self.tail, 200), pool.submit(self.tail, 7)]
            try:
                written = sum(pool.map(self.write, range(WRITERS)))
            finally:
                self.writing.clear()
            return written, [tail.result() for tail in tails]

    def check(self, written: int, seen: dict[int, list[tuple[int, str, int]]]) -> None:
        """Nothing skipped, nothing twice, nothing out of order: in no bucket and no stream."""
        assert sum(map(len, seen.values())) == written
        versions: dict[str, int] = {}
        for bucket, events in seen.items():
            start = self.first[bucket] + 1
            assert [position for position, _, _ in events] == list(
                range(start, start + len(events))
            )
            for _, stream, version in events:
                assert version == versions.get(stream, 0) + 1
                versions[stream] = version
