"""How far each projection is behind the feed: exactly, in events and in seconds."""

from collections.abc import Sequence
from typing import Any

from django.db import connection

from projections.projector import Projector
from projections.registry import PROJECTORS
from projections.sql import statement


def lag(projectors: Sequence[Projector] = PROJECTORS) -> list[dict[str, Any]]:
    """One item per projection: name, version, state, lag, position, parked, rebuild.

    `state` is level, behind, rebuilding, parked, or ahead of a log that is older than what was
    read from it: until a rebuild, such a projection shows what is no longer recorded.
    `lag.seconds` is the age of the oldest event that waits; `position` is how many events the
    checkpoints have passed.
    """
    names = [projector.name for projector in projectors]
    with connection.cursor() as cursor:
        cursor.execute(statement("lag"), {"names": names})
        found = {row[0]: row for row in cursor.fetchall()}
        cursor.execute(statement("parked_count"))
        parked: dict[str, int] = dict(cursor.fetchall())
    return [_item(p, found[p.name], parked.get(p.name, 0)) for p in projectors]


def _item(projector: Projector, row: Sequence[Any], parked: int) -> dict[str, Any]:
    _, events, seconds, position, outdated, buckets, ahead = row
    return {
        "name": projector.name,
        "version": projector.version,
        "category": projector.category,
        "state": _state(events, outdated, parked, ahead),
        "lag": {"events": events, "seconds": round(max(seconds, 0.0), 3)},
        "position": position,
        "parked": parked,
        "rebuild": {"buckets_left": outdated, "buckets": buckets} if outdated else None,
    }


def _state(events: int, outdated: int, parked: int, ahead: int) -> str:
    if outdated:
        return "rebuilding"
    if ahead:
        return "ahead"
    if parked:
        return "parked"
    return "behind" if events else "level"
