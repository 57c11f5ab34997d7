"""Many writers at once: no version and no position is lost, doubled or seen out of order."""

import random
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from licensing import store
from tests.integration.store_kit import (
    command,
    connected,
    decide_and_append,
    event,
    streams_in,
)
from timeline.embedded import Addresses

Fresh = Callable[..., str]


def test_eight_writers_on_one_stream_retry_into_a_gapless_history(
    database: Addresses, fresh: Fresh
) -> None:
    stream = fresh("test")
    start = threading.Barrier(8)

    def write(writer: int) -> list[int]:
        with connected(database) as conn:
            start.wait()
            return [
                decide_and_append(
                    conn, stream, lambda version: [event(after=version, writer=writer)]
                ).version
                for _ in range(25)
            ]

    with ThreadPoolExecutor(8) as pool:
        answered = [version for versions in pool.map(write, range(8)) for version in versions]
    with connected(database) as conn:
        events = store.read_stream(conn, stream)
        assert [e.version for e in events] == list(range(1, 201))
        # Each was decided on the very state that it follows.
        assert [e.data["after"] for e in events] == list(range(200))
        assert sorted(answered) == [e.version for e in events]
        assert [c.seq for c in store.read_commands(conn, stream)] == list(range(1, 201))
        assert store.verify_stream(conn, stream) is None


def test_writers_that_expect_nothing_never_collide(database: Addresses, fresh: Fresh) -> None:
    """What reads its state in the same statement dies here with a unique violation."""
    stream = fresh("test")
    start = threading.Barrier(8)

    def write(_: int) -> None:
        with connected(database) as conn:
            start.wait()
            for _ in range(25):
                store.append(conn, stream, [event(), event()], command(), expected=store.ANY)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    with connected(database) as conn:
        assert [e.version for e in store.read_stream(conn, stream)] == list(range(1, 401))
        assert store.verify_stream(conn, stream) is None


def test_the_same_command_from_eight_clients_takes_effect_once(
    database: Addresses, fresh: Fresh
) -> None:
    stream = fresh("test")
    start = threading.Barrier(8)

    def write(_: int) -> store.Appended:
        with connected(database) as conn:
            start.wait()
            return store.append(conn, stream, [event()], command("c-1"), expected=0)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(write, range(8)))
    assert Counter(answer.status for answer in answers) == {"appended": 1, "repeated": 7}
    assert {answer.events[0].event_id for answer in answers} == {answers[0].events[0].event_id}
    with connected(database) as conn:
        assert len(store.read_stream(conn, stream)) == 1


def test_a_tailing_reader_misses_nothing_of_buckets_under_fire(database: Addresses) -> None:
    """About 2,000 events by eight writers into four buckets, read while they are written."""
    buckets = [100, 101, 102, 103]
    streams = [stream for bucket in buckets for stream in streams_in(bucket, 5)]
    writing = threading.Event()
    writing.set()
    with connected(database) as conn:
        heads = store.bucket_heads(conn)
        first = {bucket: heads[bucket] for bucket in buckets}

    def write(seed: int) -> int:
        chance = random.Random(seed)
        with connected(database) as conn:
            written = 0
            while written < 250:
                batch = [event(seed=seed) for _ in range(chance.randint(1, 4))]
                expected = chance.choice([store.ANY, store.ANY, store.ANY, 3])
                try:
                    stream = chance.choice(streams)
                    store.append(conn, stream, batch, command(), expected=expected)
                    written += len(batch)
                except store.WrongExpectedVersion:
                    continue
        return written

    def tail(page: int) -> list[store.RecordedEvent]:
        seen: list[store.RecordedEvent] = []
        checkpoint = dict(first)
        with connected(database) as conn:
            while True:
                last_round = not writing.is_set()
                found = store.read_feeds(conn, list(checkpoint.items()), page)
                for recorded in found:
                    checkpoint[recorded.bucket] = recorded.position
                seen += found
                if last_round and not found:
                    return seen

    with ThreadPoolExecutor(10) as pool:
        tails = [pool.submit(tail, 500), pool.submit(tail, 3)]
        written = sum(pool.map(write, range(8)))
        writing.clear()
        seen = [tail.result() for tail in tails]

    assert written >= 2000
    for events in seen:
        assert len(events) == written
        for bucket in buckets:
            feed = [e for e in events if e.bucket == bucket]
            start = first[bucket] + 1
            assert [e.position for e in feed] == list(range(start, start + len(feed)))
            appended = [e.appended_at for e in feed]
            assert appended == sorted(appended)
        for stream in streams:
            versions = [e.version for e in events if e.stream_id == stream]
            assert versions == list(range(1, len(versions) + 1))
    with connected(database) as conn:
        assert [store.verify_feed(conn, bucket) for bucket in buckets] == [None] * 4
        assert {store.verify_stream(conn, stream) for stream in streams} == {None}
