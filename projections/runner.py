"""Brings every projection to the head of the feed; any number of runners may do so at once."""

import random
import time
from collections.abc import Callable, Sequence

import structlog
from django.db import connection

from projections import bucket, checkpoints, parking
from projections.projector import Projector
from projections.registry import PROJECTORS
from projections.sql import statement

log = structlog.get_logger(__name__)

POLL = 0.25
IDLE_POLL = 2.0
ELSEWHERE = 0.02


def catch_up(seconds: float | None = None, *, projectors: Sequence[Projector] = PROJECTORS) -> int:
    """Apply what is new until every projection is level, or the time is over.

    Returns how many events were passed, each counted once per projection. Safe to call at any
    time from anywhere: a bucket that another worker holds is left to it and looked at again.
    """
    deadline = None if seconds is None else time.monotonic() + seconds
    passed = 0
    ours = _announce(projectors)
    parking.retry_due(ours)
    while waiting := _dirty(ours):
        before = passed
        for number in waiting:
            passed += _advance(number, ours)
            if deadline is not None and time.monotonic() >= deadline:
                return passed
        if passed == before:
            time.sleep(ELSEWHERE)
    return passed


def follow(seconds: float, *, poll: float = POLL) -> int:
    """Catch up, and keep looking for more for a while: a task's turn.

    A turn of one poll's length ends as soon as everything is level.
    """
    deadline = time.monotonic() + seconds
    passed = catch_up(seconds)
    while (left := deadline - time.monotonic()) > poll:
        time.sleep(poll)
        passed += catch_up(left - poll)
    return passed


def forever(stop: Callable[[], bool] = lambda: False) -> None:
    """Follow the feed until `stop`; quiet times and outages slow the polling down."""
    pause = POLL
    while not stop():
        try:
            pause = POLL if catch_up() else min(pause * 2, IDLE_POLL)
        except parking.OUTAGES:
            log.exception("the database is away; trying again")
            connection.close()
            pause = IDLE_POLL
        time.sleep(pause)


def rebuild(projector: Projector) -> int:
    """Ask for a rebuild, which the runners do bucket by bucket; returns its generation."""
    with connection.cursor() as cursor:
        checkpoints.announce(cursor, [projector])
        cursor.execute(statement("next_generation"), {"name": projector.name})
        return int(cursor.fetchone()[0])


def _announce(projectors: Sequence[Projector]) -> list[Projector]:
    with connection.cursor() as cursor:
        return checkpoints.announce(cursor, projectors)


def _dirty(projectors: Sequence[Projector]) -> list[int]:
    with connection.cursor() as cursor:
        found = checkpoints.dirty(cursor, [projector.name for projector in projectors])
    random.shuffle(found)  # so that runners meet seldom and no bucket is always the last
    return found


def _advance(number: int, projectors: Sequence[Projector]) -> int:
    try:
        return bucket.advance(number, projectors)
    except checkpoints.Fenced as fenced:
        log.warning("another worker was faster; nothing of this turn is kept", claim=str(fenced))
        return 0
