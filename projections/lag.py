"""How far each projection is behind the feed: exactly, in events and in seconds."""

from collections.abc import Sequence
from typing import Any

from django.db import connection

from projections import builds
from projections.builds import Build
from projections.projector import Projector
from projections.registry import PROJECTORS
from projections.sql import statement


def lag(projectors: Sequence[Projector] = PROJECTORS) -> list[dict[str, Any]]:
    """One item per projection: name, version, state, lag, position, head, rate, parked, rebuild.

    `state` is level, behind, rebuilding, parked, or ahead of a log that is older than what was
    read from it: until a rebuild, such a projection shows what is no longer recorded. All but
    `rebuild` is about the live build: `lag.seconds` is the age of the oldest event that waits,
    `position` how many of `head` events it has passed, `rate` how many a second lately. `rebuild`
    is the build in progress beside it (`Build.as_dict`), or None.
    """
    names = [projector.name for projector in projectors]
    with connection.cursor() as cursor:
        cursor.execute(statement("lag"), {"names": names})
        found = {row[0]: row for row in cursor.fetchall()}
        cursor.execute(statement("parked_count"))
        parked = {(name, generation): count for name, generation, count in cursor.fetchall()}
    made = {(build.projection, build.state == "live"): build for build in builds.listing(names)}
    items = []
    for projector in projectors:
        live, other = made.get((projector.name, True)), made.get((projector.name, False))
        count = parked.get((projector.name, live.generation), 0) if live else 0
        items.append(_item(projector, found[projector.name], live, other, count))
    return items


def _item(
    projector: Projector, row: Sequence[Any], live: Build | None, other: Build | None, parked: int
) -> dict[str, Any]:
    _, version, side, events, seconds, position, head, ahead = row
    return {
        "name": projector.name,
        "version": version or projector.version,
        "side": side,
        "category": projector.category,
        "state": _state(events, other, parked, ahead),
        "lag": {"events": events, "seconds": round(max(seconds, 0.0), 3)},
        "position": position,
        "head": head,
        "rate": round(live.rate, 1) if live else 0.0,
        "parked": parked,
        "rebuild": other.as_dict() if other else None,
    }


def _state(events: int, other: Build | None, parked: int, ahead: int) -> str:
    if ahead:
        return "ahead"
    if other:
        return "rebuilding"
    if parked:
        return "parked"
    return "behind" if events else "level"
