"""One bucket's turn: claim its checkpoints, apply what is new and move them, all or nothing."""

from collections.abc import Mapping, Sequence
from itertools import groupby

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from projections import checkpoints, feed, parking
from projections.checkpoints import Claim
from projections.feed import Event
from projections.projector import Projector
from projections.sql import statement

PAGE = 500


def advance(bucket: int, projectors: Sequence[Projector]) -> int:
    """Bring the free projections of a bucket one page further; returns the events they passed.

    The read models and the checkpoints commit together or not at all.
    """
    by_name = {projector.name: projector for projector in projectors}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement("asynchronous_commit"))
        claims = checkpoints.claim(cursor, bucket, projectors)
        rebuilt = sum(_rebuild(cursor, c, by_name[c.projection]) for c in claims if c.outdated)
        return rebuilt + _page(cursor, [c for c in claims if not c.outdated], by_name)


def _page(cursor: CursorWrapper, claims: Sequence[Claim], by_name: Mapping[str, Projector]) -> int:
    if not claims:
        return 0
    events = feed.read(claims[0].bucket, min(claim.position for claim in claims), PAGE)
    if not events:
        return 0
    parked = parking.streams(cursor, claims[0].bucket, list(by_name))
    passed = 0
    for claim in claims:
        new = [event for event in events if event.position > claim.position]
        if new:
            _apply(cursor, by_name[claim.projection], new, parked)
            checkpoints.advance(cursor, claim, new[-1].position)
            passed += len(new)
    return passed


def _rebuild(cursor: CursorWrapper, claim: Claim, projector: Projector) -> int:
    """Fold the bucket anew up to where it was: readers see the old rows until the commit."""
    projector.clear(cursor, claim.bucket)
    parking.resolve_bucket(cursor, claim.projection, claim.bucket)
    done = 0
    while done < claim.position:
        limit = min(PAGE, claim.position - done)
        events = feed.read(claim.bucket, done, limit)
        if not events:
            break  # the log was restored to an earlier state, and the checkpoint goes back
        parked = parking.streams(cursor, claim.bucket, [projector.name])
        _apply(cursor, projector, events, parked)
        done = events[-1].position
    checkpoints.advance(cursor, claim, done)
    return done


def _apply(
    cursor: CursorWrapper,
    projector: Projector,
    events: Sequence[Event],
    parked: set[tuple[str, str]],
) -> None:
    """Apply the batch at once; if it raises, stream by stream, parking the one at fault."""
    wanted = [
        event
        for event in events
        if projector.wants(event) and (projector.name, event.stream_id) not in parked
    ]
    if not wanted or parking.attempt_all(cursor, projector, wanted) is None:
        return
    by_stream = groupby(sorted(wanted, key=_stream_order), key=lambda event: event.stream_id)
    for _, of_stream in by_stream:
        for event in of_stream:
            error = parking.attempt(cursor, projector, event)
            if error is not None:
                parking.park(cursor, projector.name, event, error)
                break


def _stream_order(event: Event) -> tuple[str, int]:
    return event.stream_id, event.version
