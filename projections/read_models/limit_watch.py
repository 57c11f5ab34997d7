"""The limit watch: who had used up which limit, from when and until when."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from django.db import connection

from projections import rows
from projections.feed import Event, by_member, subject_of
from projections.limits_used_up import TYPES, Reached, State, fold
from projections.projector import Projector, Put, Read
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


def load(read: Read, events: Sequence[Event]) -> dict[str, str]:
    """What is known of the members that the events are about, as JSON."""
    found = read(statement("limit_watch_members"), MemberState, by_member(events))
    return {row.member_id: row.state for row in found}


def apply(known: dict[str, str], events: Sequence[Event]) -> list[Put]:
    """What changed for the members, and what is known of them after the events."""
    states: dict[str, State] = {}
    changed: dict[tuple[str, str, str, int], Reached] = {}
    for event in events:
        member_id = subject_of(event.stream_id)
        if member_id not in states:
            states[member_id] = msgspec.json.decode(known.get(member_id, "{}"), type=State)
        for row in fold(states[member_id], event):
            changed[row.member_id, row.limit_name, row.scope, row.version] = row
    kept = [
        MemberState(events[0].bucket, member_id, msgspec.json.encode(state).decode())
        for member_id, state in states.items()
    ]
    return [
        Put(statement("limit_watch_put"), list(changed.values())),
        Put(statement("limit_watch_put_members"), kept),
    ]


PROJECTOR = Projector(
    name="limit_watch",
    version=2,
    category="member",
    types=TYPES,
    tables=("{limit_watch}", "{limit_watch}_member"),
    load=load,
    fold=apply,
    metadata=True,
    personal=("{limit_watch}", "{limit_watch}_member"),
)


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
