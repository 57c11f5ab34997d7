"""The feed: of one bucket, or of all of them merged, from the first event on and for ever.

Within a bucket the order can never skip an event; buckets are merged by the time of their append.
Whoever reads for ever may wait for what comes next: the request then holds no database connection.
"""

import heapq
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Annotated, Any

from django.conf import settings
from django.db import connection as django_connection
from django.http import HttpRequest
from ninja import Router
from pydantic import Field

from licensing import connection, store
from licensing.store import RecordedEvent
from timeline import paging
from timeline.api import keys, outputs, pages, shapes
from timeline.api.openapi import told
from timeline.api.problems import Problem
from timeline.api.vectors import LONGEST, Vector

router = Router(tags=["feed"])

Bucket = Annotated[int, Field(ge=0, lt=store.BUCKETS)]
After = Annotated[
    str | None,
    Field(max_length=LONGEST, description="a `next` or `cursor`, or a bucket's position"),
]
Wait = Annotated[
    int, Field(ge=0, le=20, description="seconds to wait for an event when there is none yet")
]

LOOK = 0.25
"""Seconds between two looks of a waiting reader: one read of the buckets' heads each."""
WAITERS = max(settings.WEB_THREADS - 2, 1)
"""How many requests of a process may wait at once; the others are answered at once, as without.

Two threads are left for everybody else; commands in bulk have their own.
"""

_waiting = threading.BoundedSemaphore(WAITERS)


@router.get("", auth=keys.FEED, openapi_extra=told(shapes.Feed, "position_ahead"))
def read_feed(
    request: HttpRequest,
    bucket: Bucket | None = None,
    after: After = None,
    limit: pages.Limit = 100,
    wait: Wait = 0,
) -> dict[str, Any]:
    """Events after a place, of a bucket or of all buckets merged; `next` is null at the end.

    `cursor` is the place of whoever has read this page: to follow the feed for ever, send it as
    `after`, with `wait` so that the answer comes with the next event.
    """
    if bucket is not None:
        place = pages.number_of(after)
        return _patiently(wait, lambda: _of_bucket(bucket, place, limit))
    vector = Vector.read(after)
    return _patiently(wait, lambda: _of_all(vector, limit))


def _of_bucket(bucket: int, place: int, limit: int) -> dict[str, Any]:
    conn = connection.opened()
    found = store.read_feed(conn, bucket, place, limit + 1)
    if not found and place:
        head = store.bucket_heads(conn)[bucket]
        if place > head:
            raise _ahead(bucket, head, place)
    items = found[:limit]
    last = items[-1].position if items else place
    return _answer(items, paging.token([last]), more=len(found) > limit)


def _of_all(vector: Vector, limit: int) -> dict[str, Any]:
    conn = connection.opened()
    heads = store.bucket_heads(conn)
    wrong = vector.ahead(heads)
    if wrong is not None:
        raise _ahead(wrong, heads.get(wrong, 0), vector.positions[wrong])
    waiting = vector.behind(heads)
    # As many of the fullest buckets as fill a page, each with its share, so that none starves.
    share = max(limit // max(len(waiting), 1), 1)
    places = [(bucket, vector.positions[bucket]) for bucket, _ in waiting[:limit]]
    items = merged(store.read_feeds(conn, places, share))
    left = sum(count for _, count in waiting) - len(items)
    return _answer(items, vector.after(items).token, more=left > 0)


def merged(events: Sequence[RecordedEvent]) -> list[RecordedEvent]:
    """Events in the order of (bucket, position), merged by append time, each bucket's in order."""
    by_bucket = [list(each) for _, each in groupby(events, key=lambda event: event.bucket)]
    return list(heapq.merge(*by_bucket, key=lambda event: event.appended_at))


def _patiently(wait: int, read: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    answer = read()
    if answer["items"] or not wait:
        return answer
    with _a_seat() as seated:
        until = time.monotonic() + wait
        while seated and not answer["items"] and time.monotonic() < until:
            # Back to the pool: a reader that waits must not keep others from the database.
            django_connection.close()
            time.sleep(LOOK)
            answer = read()
    return answer


@contextmanager
def _a_seat() -> Any:
    seated = _waiting.acquire(blocking=False)
    try:
        yield seated
    finally:
        if seated:
            _waiting.release()


def _answer(items: Sequence[RecordedEvent], cursor: str, *, more: bool) -> dict[str, Any]:
    shown = [_item(event) for event in items]
    return {"items": shown, "next": cursor if more else None, "cursor": cursor}


def _ahead(bucket: int, head: int, place: int) -> Problem:
    detail = (
        f"Bucket {bucket} ends at position {head}. Whoever has read {place} has read"
        " another history, as it was before a restore: read this one again from 0."
    )
    return Problem(409, "position_ahead", detail)


def _item(recorded: RecordedEvent) -> dict[str, Any]:
    return outputs.event(recorded) | {
        "bucket": recorded.bucket,
        "position": recorded.position,
        "stream_id": recorded.stream_id,
        "appended_at": recorded.appended_at,
    }
