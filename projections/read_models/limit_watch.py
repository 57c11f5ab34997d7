"""The limit watch: who had used up which limit, from when and until when."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from django.db import connection
from django.db.backends.utils import CursorWrapper

from projections import rows
from projections.feed import Event, subject_of
from projections.limits_used_up import TYPES, Reached, State, fold
from projections.projector import Projector
from projections.sql import statement

Place = tuple[datetime, str, int, str, str]


class MemberState(msgspec.Struct, frozen=True):
    """A row of `limit_watch_member`."""

    bucket: int
    member_id: str
    state: str


class Count(msgspec.Struct, frozen=True):
    """How many members are at a limit."""

    limit_name: str
    label: str
    members: int


class Hour(msgspec.Struct, frozen=True):
    """How many members were at a limit, whichever, at an instant."""

    hour: datetime
    members: int


def apply(cursor: CursorWrapper, bucket: int, events: Sequence[Event]) -> None:
    """Fold the events into what is known of their members, and write what changed."""
    asked = {"bucket": bucket, "members": sorted({subject_of(e.stream_id) for e in events})}
    found = rows.select(cursor, "limit_watch_members", MemberState, asked)
    states = {row.member_id: msgspec.json.decode(row.state, type=State) for row in found}
    changed: dict[tuple[str, str, str, int], Reached] = {}
    for event in events:
        state = states.setdefault(subject_of(event.stream_id), State())
        for row in fold(state, event):
            changed[row.member_id, row.limit_name, row.scope, row.version] = row
    kept = [
        MemberState(bucket, member_id, msgspec.json.encode(state).decode())
        for member_id, state in states.items()
    ]
    rows.put(cursor, "limit_watch_put", list(changed.values()))
    rows.put(cursor, "limit_watch_put_members", kept)


def clear(cursor: CursorWrapper, bucket: int) -> None:
    """Forget one bucket."""
    cursor.execute(statement("limit_watch_clear"), {"bucket": bucket})


PROJECTOR = Projector("limit_watch", 1, "member", TYPES, apply, clear)


def counts(now: datetime) -> list[Count]:
    """How many members are at each limit; the most first."""
    with connection.cursor() as cursor:
        return rows.select(cursor, "limit_watch_counts", Count, {"now": now})


def hours(now: datetime, count: int = 24) -> list[Hour]:
    """How many members were at any limit at the end of each of the last hours, oldest first."""
    with connection.cursor() as cursor:
        return rows.select(cursor, "limit_watch_hours", Hour, {"now": now, "count": count})


def reached(
    now: datetime, limit: int = 50, *, limit_name: str | None = None, after: Place | None = None
) -> list[Reached]:
    """Who is at a limit, the latest first; the next page is `after` the `place_of` the last row."""
    before, member_id, version, after_limit, after_scope = after or (None, "", 0, "", "")
    asked = {
        "now": now, "limit_name": limit_name, "before": before, "member_id": member_id,
        "version": version, "after_limit": after_limit, "after_scope": after_scope, "limit": limit,
    }  # fmt: skip
    with connection.cursor() as cursor:
        return rows.select(cursor, "limit_watch_list", Reached, asked)


def place_of(row: Reached) -> Place:
    """Where a page ended."""
    return row.since, row.member_id, row.version, row.limit_name, row.scope
