"""The member directory: how a member is found, and what happened to them last."""

from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec
from django.db import connection
from msgspec.structs import replace

from projections import rows
from projections.feed import Event, by_member, subject_of
from projections.projector import Projector, Put, Read
from projections.sql import statement

REFUSALS = frozenset({"AcquisitionRefused", "ExtensionRefused", "RenewalRefused"})


class Member(msgspec.Struct, frozen=True):
    """One member's row."""

    bucket: int
    member_id: str
    plan: str | None
    country: str | None
    events: int
    refusals: int
    first_event_at: datetime
    last_event_at: datetime
    last_type: str
    last_version: int


class Found(msgspec.Struct, frozen=True):
    """A member, and `why` a search found them."""

    member_id: str
    plan: str | None
    country: str | None
    events: int
    refusals: int
    first_event_at: datetime
    last_event_at: datetime
    last_type: str
    last_version: int
    why: str


class Totals(msgspec.Struct, frozen=True):
    """The directory as a whole."""

    members: int
    events: int
    refusals: int


def fold(row: Member | None, event: Event) -> Member:
    """The member's row after one more event. `last` is by what was recorded last."""
    if row is None:
        row = Member(
            event.bucket,
            subject_of(event.stream_id),
            plan=None,
            country=None,
            events=0,
            refusals=0,
            first_event_at=event.occurred_at,
            last_event_at=event.recorded_at,
            last_type=event.type,
            last_version=event.version,
        )
    if event.type == "PlanChanged":
        country = event.data.get("country") or row.country
        row = replace(row, plan=event.data.get("plan"), country=country)
    return replace(
        row,
        events=row.events + 1,
        refusals=row.refusals + (event.type in REFUSALS),
        first_event_at=min(row.first_event_at, event.occurred_at),
        last_event_at=event.recorded_at,
        last_type=event.type,
        last_version=event.version,
    )


def load(read: Read, events: Sequence[Event]) -> dict[str, Member]:
    """The rows of the members that the events are about."""
    found = read(statement("member_directory_rows"), Member, by_member(events))
    return {row.member_id: row for row in found}


def apply(known: dict[str, Member], events: Sequence[Event]) -> list[Put]:
    """The rows of their members after the events."""
    folded: dict[str, Member] = {}
    for event in events:
        member_id = subject_of(event.stream_id)
        folded[member_id] = fold(folded.get(member_id) or known.get(member_id), event)
    return [Put(statement("member_directory_put"), list(folded.values()))]


PROJECTOR = Projector(
    name="member_directory",
    version=2,
    category="member",
    types=None,
    tables=("{member_directory}",),
    load=load,
    fold=apply,
    personal=("{member_directory}",),
)


def search(
    q: str, limit: int = 50, after: str | None = None, *, by: str | None = None
) -> list[Found]:
    """Members by id (or its beginning), device id or license id, in the order of their ids.

    An empty `q` lists all. `after` is the last `member_id` of the page before; `by` is member,
    device, license, or None for all three.
    """
    q = q.strip()
    asked = {"q": q, "q_end": q + "\U0010ffff", "after": after or "", "limit": limit, "by": by}
    name = "member_directory_search" if q else "member_directory_all"
    with connection.cursor() as cursor:
        return rows.select(cursor, name, Found, asked)


def listing(limit: int = 50, before: datetime | None = None, after: str = "") -> list[Found]:
    """Members by what happened last, newest first.

    The next page starts `before` the last row's `last_event_at` and `after` its `member_id`.
    """
    asked = {"before": before, "after": after, "limit": limit}
    with connection.cursor() as cursor:
        return rows.select(cursor, "member_directory_recent", Found, asked)


def of(member_ids: Sequence[str]) -> list[Found]:
    """These members, as far as the directory knows them, in no order."""
    with connection.cursor() as cursor:
        return rows.select(cursor, "member_directory_of", Found, {"members": list(member_ids)})


def every(page: int = 500) -> Iterator[Found]:
    """All members, a page at a time."""
    after = ""
    while found := search("", page, after):
        yield from found
        after = found[-1].member_id


def totals() -> Totals:
    """How many members, events and refusals there are."""
    with connection.cursor() as cursor:
        return rows.select(cursor, "member_directory_totals", Totals, {})[0]
