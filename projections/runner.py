"""Brings every build to the head of the feed; any number of runners may do so at once."""

import time
from collections.abc import Callable, Collection, Sequence

import structlog
from django.db import connection

from projections import builds, carefully, checkpoints, leases, parking, turn
from projections.projector import Projector
from projections.registry import PROJECTORS

log = structlog.get_logger(__name__)

POLL = 0.25
IDLE_POLL = 2.0
PACE = 0.1
"""Seconds between looks where little comes in all the time, or another worker has what is left."""

SMALL = 2000
"""A backlog up to so many events is one worker's; a larger one is shared by all who come."""

SHARE = 4
"""Slices that a worker takes of a large backlog at a time."""

FINISH_EVERY_S = 2.0
"""How often builds are looked at whether they have come level, while more comes in."""

COMPARE_S = 8.0
"""How long builds are compared at a stretch where a turn has its time: a task's ends soon after."""

HELD_S = 1.0
"""How long a worker keeps what it took, far less than a lease."""


def catch_up(seconds: float | None = None, *, projectors: Sequence[Projector] = PROJECTORS) -> int:
    """Apply what is new until every build is level, or the time is over.

    Returns how many events were passed, each counted once per build. Safe to call at any time
    from anywhere: buckets that another worker has are left to it and looked at again. What came
    level is swapped in.
    """
    deadline = None if seconds is None else time.monotonic() + seconds
    building = builds.announce(projectors)
    parking.retry_due(projectors)
    passed = _level(projectors, deadline, building)
    while building:
        # A swap may be refused because of what came in since; then there is more to do.
        builds.finish(projectors, _stretch(deadline))
        if deadline is not None and time.monotonic() >= deadline:
            break
        if not (more := _level(projectors, deadline, building)):
            break
        passed += more
    return passed


def follow(seconds: float, *, poll: float = POLL) -> int:
    """Catch up, and keep looking for more for a while: a task's turn.

    A turn of one poll's length ends as soon as everything is level. What is due by the clock, or
    was asked for meanwhile, is the next turn's: where nothing was appended it is not looked for.
    """
    deadline = time.monotonic() + seconds
    length = checkpoints.length()
    passed = done = catch_up(seconds)
    while (left := deadline - time.monotonic()) > poll:
        time.sleep(poll)
        before, length = length, checkpoints.length()
        if done or length != before:
            done = catch_up(left - poll)
            passed += done
    return passed


def forever(stop: Callable[[], bool] = lambda: False) -> None:
    """Follow the feed until `stop`; quiet times and outages slow the polling down."""
    pause = POLL
    while not stop():
        try:
            pause = POLL if catch_up() else min(pause * 2, IDLE_POLL)
        except carefully.OUTAGES:
            log.exception("the database is away; trying again")
            connection.close()
            pause = IDLE_POLL
        time.sleep(pause)


def _level(
    projectors: Sequence[Projector], deadline: float | None, building: Collection[str]
) -> int:
    """Work until nothing is left to do, or the time is over.

    Where events come in all the time that is never: builds are finished meanwhile.
    """
    passed, finished = 0, time.monotonic()
    waiting = checkpoints.waiting(projectors)
    while waiting:
        little = sum(waiting.values()) <= SMALL
        wanted = range(leases.SLICES) if little else sorted(waiting)
        with leases.of(wanted, leases.SLICES if little else SHARE) as taken:
            done, level = _slices(taken, projectors, deadline, PACE if little else 0.0)
        passed += done
        builds.sample(projectors)
        if deadline is not None and time.monotonic() >= deadline:
            break
        if building and time.monotonic() - finished >= FINISH_EVERY_S:
            builds.finish(projectors, _stretch(deadline))
            finished = time.monotonic()
        if taken:
            if level and len(taken) == leases.SLICES:
                break
            waiting = checkpoints.waiting(projectors)
        if waiting and not done:  # somebody else has what is left
            time.sleep(PACE)
    return passed


def _stretch(deadline: float | None) -> float | None:
    return None if deadline is None else COMPARE_S


def _slices(
    taken: Sequence[int], projectors: Sequence[Projector], deadline: float | None, pace: float
) -> tuple[int, bool]:
    """Work on slices for as long as they may be kept, looking again every `pace` seconds at most.

    Returns how many events were passed, and whether nothing was left.
    """
    by_name = {projector.name: projector for projector in projectors}
    until = time.monotonic() + HELD_S
    if deadline is not None:
        until = min(until, deadline)
    passed, again = 0, 0.0
    while taken and (found := checkpoints.behind(projectors, taken)):
        time.sleep(max(again - time.monotonic(), 0.0))  # it comes in all the time
        again = time.monotonic() + pace
        done = turn.take(found, by_name)
        passed += done
        if not done or time.monotonic() >= until:
            return passed, False
    return passed, bool(taken)
