"""One turn of a worker: read what is new in some buckets, fold it, and write it.

Reading spans buckets and takes no lock; an event is decoded once and handed to every projector
that is at its place. Each bucket is folded by itself. It is written in a transaction that first
moves its checkpoints from where they were found: if anybody was there meanwhile, nothing is
written. Buckets with little to do share a transaction, which costs more than what is in it; where
one of them is refused, each goes by itself. They need not share: where buckets are on several
servers, each has its own (`PLAYHEAD_BUCKETS_TOGETHER=1`).
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from typing import Any

import structlog
from django import db
from django.conf import settings

from licensing import connection
from projections import carefully, checkpoints, feed, parking, rows, sides
from projections.checkpoints import Checkpoint, Fenced
from projections.feed import Event
from projections.projector import ERASED, Projector, Put, Row
from projections.sql import statement

log = structlog.get_logger(__name__)

PAGE = 1000
"""Events of one bucket in one transaction, at most."""

BATCH = 4000
"""Events in one reading; more buckets are left for the next."""

TOGETHER = settings.BUCKETS_TOGETHER
"""Buckets in one transaction at most, with a page of events between them."""

STOPPED_MS = 15_000
"""A worker that stops while it writes a bucket keeps it for so long; the server takes it back."""

Run = tuple[str, int]


@dataclass
class Work:
    """One bucket's part of a turn: its builds, each with where it goes and what it has to fold."""

    bucket: int
    moves: list[tuple[Checkpoint, int]] = field(default_factory=list)
    events: dict[Run, list[Event]] = field(default_factory=dict)

    @property
    def length(self) -> int:
        """How many positions of the bucket it passes."""
        return max(to - checkpoint.position for checkpoint, to in self.moves)


def take(found: Sequence[Checkpoint], projectors: Mapping[str, Projector]) -> int:
    """Bring some checkpoints one page further, as many as fit in a turn.

    `found` is in the order of buckets. Returns the events that were passed, each counted once a
    build.
    """
    plan = list(_planned(found))
    # The store and the rules speak to the driver itself, whose errors are no event's fault.
    with db.connection.wrap_database_errors:
        _read(plan, projectors)
        known = _loaded(plan, projectors)
        return sum(_write(works, known, projectors) for works in _together(plan))


def _planned(found: Sequence[Checkpoint]) -> Iterator[Work]:
    planned = 0
    buckets = [list(here) for _, here in groupby(found, key=attrgetter("bucket"))]
    random.shuffle(buckets)  # so that no bucket is always the last
    for here in buckets:
        work = Work(here[0].bucket)
        for checkpoint in here:
            to = min(checkpoint.head, checkpoint.position + PAGE)
            work.moves.append((checkpoint, max(to, checkpoint.position)))
        yield work
        planned += work.length
        if planned >= BATCH:
            return


def _read(plan: Sequence[Work], projectors: Mapping[str, Projector]) -> None:
    """Fill in the events: those of one place are read once, for all who stand there."""
    runs = {checkpoint.run for work in plan for checkpoint, _ in work.moves}
    spans = sorted(
        {
            (work.bucket, checkpoint.position, to)
            for work in plan
            for checkpoint, to in work.moves
            if to > checkpoint.position
        }
    )
    ours = [projectors[name] for name, _ in runs]
    types = {ERASED, *(type for projector in ours for type in projector.types or ())}
    found = feed.read(
        _joined(spans),
        None if any(projector.types is None for projector in ours) else types,
        metadata=any(projector.metadata for projector in ours),
    )
    by_bucket = {bucket: list(events) for bucket, events in groupby(found, attrgetter("bucket"))}
    parked = parking.streams([work.bucket for work in plan], list(runs))
    for work in plan:
        events = by_bucket.get(work.bucket, [])
        for checkpoint, to in work.moves:
            projector, aside = projectors[checkpoint.projection], parked.get(checkpoint.run, ())
            work.events[checkpoint.run] = [
                event
                for event in events
                if checkpoint.position < event.position <= to
                and projector.wants(event)
                and (event.stream_id not in aside or projector.forgets(event))
            ]


def _joined(spans: Sequence[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """The same positions, none twice: builds at different places of a bucket may overlap."""
    joined: list[tuple[int, int, int]] = []
    for bucket, after, until in spans:
        if joined and joined[-1][0] == bucket and after <= joined[-1][2]:
            joined[-1] = (bucket, joined[-1][1], max(until, joined[-1][2]))
        else:
            joined.append((bucket, after, until))
    return joined


def _loaded(plan: Sequence[Work], projectors: Mapping[str, Projector]) -> dict[Run, Any]:
    """What each build's fold needs to know, of all the buckets at once."""
    known = {}
    runs = {c.run: c.side for work in plan for c, _ in work.moves}
    for (name, generation), side in runs.items():
        # Nothing is known yet where a build has not begun.
        events = [
            event
            for work in plan
            for checkpoint, _ in work.moves
            if checkpoint.run == (name, generation) and checkpoint.position and not checkpoint.fresh
            for event in work.events[checkpoint.run]
        ]
        read = rows.reading(name, side) if events else _nothing
        known[name, generation] = projectors[name].known(read, events)
    return known


def _nothing(text: str, row: type[Row], params: Mapping[str, Any]) -> list[Row]:
    return []


def _together(plan: Sequence[Work]) -> Iterator[list[Work]]:
    """The buckets of a plan as they are written: some at once where they have little to do."""
    works, length = list[Work](), 0
    for work in plan:
        if works and (len(works) == TOGETHER or length + work.length > PAGE):
            yield works
            works, length = [], 0
        works.append(work)
        length += work.length
    if works:
        yield works


def _write(
    works: Sequence[Work], known: Mapping[Run, Any], projectors: Mapping[str, Projector]
) -> int:
    """Fold and write some buckets; what the fold or the tables refuse is done over, carefully."""
    try:
        with db.connection.wrap_database_errors:
            puts = _puts(works, known, projectors)
        _commit(works, puts, projectors)
    except carefully.OUTAGES:
        raise
    except Exception as error:
        if len(works) > 1:
            return sum(_write([work], known, projectors) for work in works)
        if isinstance(error, Fenced):
            log.info("another worker was faster; nothing of this is kept", claim=str(error))
            return 0
        (work,) = works
        log.info(
            "a batch was refused; trying stream by stream", bucket=work.bucket, error=repr(error)
        )
        return sum(
            parking.advance(checkpoint, to, projectors[checkpoint.projection])
            for checkpoint, to in work.moves
        )
    return sum(to - checkpoint.position for work in works for checkpoint, to in work.moves)


def _puts(
    works: Sequence[Work], known: Mapping[Run, Any], projectors: Mapping[str, Projector]
) -> dict[tuple[Run, str], list[Put]]:
    """What each build has to put, with the side that it puts it on."""
    found: dict[tuple[Run, str], list[list[Put]]] = {}
    for work in works:
        for checkpoint, _ in work.moves:
            if events := work.events[checkpoint.run]:
                projector = projectors[checkpoint.projection]
                made = projector.effects(known[checkpoint.run], events)
                found.setdefault((checkpoint.run, checkpoint.side), []).append(made)
    return {build: list(_merged(found[build])) for build in sorted(found)}


def _merged(of_buckets: Sequence[Sequence[Put]]) -> Iterator[Put]:
    """The puts of several buckets, those of one statement as one: no two buckets share a row."""
    alike: dict[tuple[str, ...], list[Sequence[Put]]] = {}
    for puts in of_buckets:
        alike.setdefault(tuple(put.text for put in puts), []).append(puts)
    for texts, same in alike.items():
        for text, column in zip(texts, zip(*same, strict=True), strict=True):
            yield Put(text, [row for put in column for row in put.rows])


def _commit(
    works: Sequence[Work],
    puts: Mapping[tuple[Run, str], Sequence[Put]],
    projectors: Mapping[str, Projector],
) -> None:
    """Move the checkpoints and put the rows, all of it or nothing."""
    moves = [move for work in works for move in work.moves]
    with connection.together() as transaction:
        transaction.send(statement("begin_turn"), _limits())
        checkpoints.advance(transaction, moves)
        for checkpoint, _ in moves:
            if checkpoint.fresh:
                projector = projectors[checkpoint.projection]
                for text in carefully.clearing(projector, checkpoint.side):
                    transaction.send(text, {"bucket": checkpoint.bucket})
        for ((projection, _), side), made in puts.items():
            for put in made:
                _put(transaction, sides.on(put.text, {projection: side}), put)
        for work in works:
            for checkpoint, _ in work.moves:
                for event in work.events[checkpoint.run]:
                    if projectors[checkpoint.projection].forgets(event):
                        key = parking.erased(checkpoint, event)
                        transaction.send(statement("parked_resolve"), key)


def _limits() -> dict[str, str]:
    # Before 17 the server tells a stopped worker only by its silence between two sendings.
    known = connection.server_version() >= 170_000
    limit = "transaction_timeout" if known else "idle_in_transaction_session_timeout"
    return {"limit": limit, "stopped_ms": str(STOPPED_MS)}


def _put(transaction: connection.Together, text: str, put: Put) -> None:
    if put.rows:
        transaction.send(text, rows.encoded(put.rows))
