"""The merged feed: followed from zero it gives each event once, in order, under writers too."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from django.db import connection, connections
from hypothesis import given
from hypothesis import strategies as st

from licensing import connection as stores
from licensing import store
from tests.web.api_client import ApiClient, publish_rules
from timeline.api import feed
from timeline.api.vectors import LONGEST, Vector
from timeline.models import ApiKey

Fresh = Callable[..., str]


@pytest.fixture(scope="module")
def api(no_broker: None) -> ApiClient:
    """A client that may do everything."""
    publish_rules()
    return ApiClient(ApiKey.issue("feed")[1])


def follow(api: ApiClient, after: str = "", limit: int = 50) -> tuple[list[Any], str]:
    """Everything after a place, and the place behind it."""
    found: list[Any] = []
    while True:
        status, page = api.get(f"/events?limit={limit}&after={after}")
        assert status == 200, page
        found += page["items"]
        after = page["cursor"]
        assert page["next"] in (None, after)
        if page["next"] is None:
            return found, after


def test_from_zero_every_event_comes_once_and_each_bucket_in_order(
    api: ApiClient, fresh: Fresh
) -> None:
    for n in range(30):
        api.acquire(fresh(), "film", f"d{n}")
    found, _ = follow(api, limit=500)
    positions: dict[int, list[int]] = defaultdict(list)
    for event in found:
        positions[event["bucket"]].append(event["position"])
    heads = store.bucket_heads(stores.opened())
    assert positions == {b: list(range(1, head + 1)) for b, head in heads.items() if head}


def test_a_reader_beside_writers_misses_nothing(api: ApiClient, fresh: Fresh) -> None:
    _, after = follow(api, limit=500)
    members = [fresh() for _ in range(8)]
    seen: list[Any] = []

    def write(member: str) -> None:
        try:
            for n in range(5):
                api.acquire(member, f"film-{n}", "d1")
        finally:
            connections.close_all()

    writers = [threading.Thread(target=write, args=[member]) for member in members]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        found, after = follow(api, after, limit=3)
        seen += found
    for writer in writers:
        writer.join()
    found, _ = follow(api, after, limit=3)
    seen += found
    mine = {f"member-{member}" for member in members}
    got = [(event["stream_id"], event["version"]) for event in seen if event["stream_id"] in mine]
    wanted = [
        (stream, version)
        for stream in mine
        for version in range(1, store.stream_head(stores.opened(), stream).version + 1)
    ]
    assert sorted(got) == sorted(wanted)


def test_a_waiting_reader_gets_the_next_event_and_holds_no_connection(
    api: ApiClient, fresh: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, after = follow(api, limit=500)
    member = fresh()
    held: list[Any] = []

    def look(seconds: float) -> None:
        held.append(connection.connection)
        if len(held) == 2:
            writer = threading.Thread(target=write)
            writer.start()
            writer.join()

    def write() -> None:
        api.acquire(member, "film", "d1")
        connections.close_all()

    monkeypatch.setattr(feed.time, "sleep", look)
    status, page = api.get(f"/events?wait=20&after={after}")
    assert (status, held) == (200, [None, None])
    assert [event["stream_id"] for event in page["items"]] == [f"member-{member}"] * 2


def test_no_more_than_a_few_wait_at_once(api: ApiClient) -> None:
    _, after = follow(api, limit=500)
    taken = [feed._waiting.acquire(blocking=False) for _ in range(feed.WAITERS)]
    assert all(taken)
    try:
        began = time.monotonic()
        status, page = api.get(f"/events?wait=20&after={after}")
        assert (status, page["items"], page["cursor"]) == (200, [], after)
        assert time.monotonic() - began < 15
    finally:
        for _ in taken:
            feed._waiting.release()


def test_a_reader_ahead_of_the_log_is_told_so(api: ApiClient) -> None:
    vector = Vector([2**40] * store.BUCKETS)
    status, problem = api.get(f"/events?after={vector.token}")
    assert (status, problem["code"]) == (409, "position_ahead")


@given(st.integers(0, 2**53), st.randoms(use_true_random=False))
def test_a_vector_comes_back_from_its_token(largest: int, dice: Random) -> None:
    positions = [dice.randint(0, largest) for _ in range(store.BUCKETS)]
    token = Vector(positions).token
    assert len(token) <= LONGEST
    assert Vector.read(token).positions == positions


def test_a_damaged_token_is_refused_and_not_guessed_at(api: ApiClient) -> None:
    token = Vector([7] * store.BUCKETS).token
    for damaged in (token[:-2], token[:-6], token + "AAAA", token[:9] + "!" + token[9:]):
        status, body = api.get(f"/events?after={quote(damaged)}")
        assert (status, body["code"]) == (422, "invalid_input"), damaged


def test_merging_keeps_each_buckets_order_and_otherwise_the_time() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)

    def event(bucket: int, position: int, second: int) -> store.RecordedEvent:
        at = start + timedelta(seconds=second)
        return store.RecordedEvent(
            bucket, "s", 1, position, uuid4(), "T", 1, "{}", "{}", at, at, at, b""
        )

    events = [event(1, 1, 5), event(1, 2, 3), event(2, 9, 4), event(3, 1, 0)]
    order = [(each.bucket, each.position) for each in feed.merged(events)]
    assert order == [(3, 1), (2, 9), (1, 1), (1, 2)]
