"""The decision log: every decision, with the row of the rules that decided it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from django.db import connection

from projections import rows
from projections.feed import Event, by_license, by_member, subject_of
from projections.projector import Projector, Put, Read
from projections.sql import statement

DECISIONS = {
    "AcquisitionRefused": ("AcquireLicense", "refused"),
    "LicenseIssued": ("AcquireLicense", "accepted"),
    "LicenseRenewed": ("RenewLicense", "accepted"),
    "RenewalRefused": ("RenewLicense", "refused"),
}
"""Event type: the command that was decided, and how."""

TYPES = frozenset({*DECISIONS, "PlanChanged"})


class Decision(msgspec.Struct, frozen=True):
    """One decision: the step `version` of a member.

    `row_id` is the row that decided and `rules` the hash of its rule set; both are None for what
    was imported without a decision record. `studio`, `country` and `plan` are as they were then.
    """

    bucket: int
    member_id: str
    version: int
    decided_at: datetime
    command: str
    outcome: str
    reason: str | None
    row_id: str | None
    rules: str | None
    license_id: str
    title_id: str | None
    studio: str | None
    country: str | None
    plan: str | None


class LicenseOf(msgspec.Struct, frozen=True):
    """What a license is for."""

    bucket: int
    member_id: str
    license_id: str
    title_id: str
    studio: str | None


class MemberOf(msgspec.Struct, frozen=True):
    """A member's plan and country."""

    bucket: int
    member_id: str
    plan: str | None
    country: str | None


class Count(msgspec.Struct, frozen=True):
    """How often a row refused for a reason, how many members, and when last."""

    row_id: str | None
    reason: str | None
    refusals: int
    members: int
    last_at: datetime


class Hour(msgspec.Struct, frozen=True):
    """How often a row refused in the hour that begins at `hour`."""

    hour: datetime
    row_id: str | None
    refusals: int


def fold(event: Event, license: LicenseOf | None, member: MemberOf | None) -> Decision:
    """The decision that an event records, told with what is known of its license and member."""
    data, record = event.data, _record(event)
    rules = record.get("rules")
    facts = record.get("facts")
    known = facts if isinstance(facts, Mapping) else {}
    command, outcome = DECISIONS[event.type]
    return Decision(
        event.bucket,
        subject_of(event.stream_id),
        event.version,
        event.occurred_at,  # decisions happen when they are made
        command,
        outcome,
        reason=data.get("reason"),
        row_id=_text(record.get("row")),
        rules=_text(rules.get("hash")) if isinstance(rules, Mapping) else None,
        license_id=data["license_id"],
        title_id=license.title_id if license else None,
        studio=license.studio if license else None,
        country=member.country if member else _text(known.get("country")),
        plan=member.plan if member else _text(known.get("plan")),
    )


class Known(msgspec.Struct, frozen=True):
    """What was known before the events."""

    licenses: dict[tuple[str, str], LicenseOf]
    members: dict[str, MemberOf]


def load(read: Read, events: Sequence[Event]) -> Known:
    """What the renewed licenses are for, and the members' plans and countries."""
    renewals = [event for event in events if event.type in ("LicenseRenewed", "RenewalRefused")]
    licenses = read(statement("decision_log_licenses"), LicenseOf, by_license(renewals))
    members = read(statement("decision_log_members"), MemberOf, by_member(events))
    return Known(
        {(row.member_id, row.license_id): row for row in licenses},
        {row.member_id: row for row in members},
    )


def apply(known: Known, events: Sequence[Event]) -> list[Put]:
    """The decisions, and what later ones do not repeat."""
    made: list[Decision] = []
    issued: dict[tuple[str, str], LicenseOf] = {}
    moved: dict[str, MemberOf] = {}
    for event in events:
        member_id = subject_of(event.stream_id)
        member = moved.get(member_id) or known.members.get(member_id)
        if event.type == "PlanChanged":
            moved[member_id] = _member(event, member)
            continue
        key = _key(event)
        license = issued.get(key) or known.licenses.get(key)
        if "title_id" in event.data:
            license = _license(event)
        if event.type == "LicenseIssued" and license is not None:
            issued[key] = license
        made.append(fold(event, license, member))
    return [
        Put(statement("decision_log_put"), made),
        Put(statement("decision_log_put_licenses"), list(issued.values())),
        Put(statement("decision_log_put_members"), list(moved.values())),
    ]


PROJECTOR = Projector(
    name="decision_log",
    version=2,
    category="member",
    types=TYPES,
    tables=("{decision_log}", "{decision_log}_license", "{decision_log}_member"),
    load=load,
    fold=apply,
    metadata=True,
    personal=("{decision_log}", "{decision_log}_license", "{decision_log}_member"),
)


def by_row(
    row_id: str,
    limit: int = 100,
    *,
    outcome: str | None = None,
    after: Decision | tuple[datetime, str, int] | None = None,
) -> list[Decision]:
    """The decisions of a row, newest first; the next page is `after` the last one of this.

    `outcome` is accepted, refused, or None for both.
    """
    asked = {"row_id": row_id, "outcome": outcome, "limit": limit, **_place(after)}
    with connection.cursor() as cursor:
        return rows.select(cursor, "decision_log_by_row", Decision, asked)


def refusals(
    since: datetime,
    limit: int = 100,
    *,
    row_id: str | None = None,
    reason: str | None = None,
    after: Decision | tuple[datetime, str, int] | None = None,
) -> list[Decision]:
    """The refusals since an instant, newest first, of one row or of all; paged as `by_row`.

    `reason` is a reason code, for a row that limits more than one thing.
    """
    asked = {"since": since, "row_id": row_id, "reason": reason, "limit": limit, **_place(after)}
    with connection.cursor() as cursor:
        return rows.select(cursor, "decision_log_refusals", Decision, asked)


def refusal_counts(since: datetime) -> list[Count]:
    """How often each row refused since an instant, by reason; the most frequent first."""
    with connection.cursor() as cursor:
        return rows.select(cursor, "decision_log_refusal_counts", Count, {"since": since})


def refusal_hours(since: datetime) -> list[Hour]:
    """Refusals since an instant by hour (UTC) and row; an hour without any has no item."""
    with connection.cursor() as cursor:
        return rows.select(cursor, "decision_log_refusal_hours", Hour, {"since": since})


def _record(event: Event) -> Mapping[str, Any]:
    # Imported events bring metadata of their own.
    record = event.metadata.get("decision")
    return record if isinstance(record, Mapping) else {}


def _member(event: Event, before: MemberOf | None) -> MemberOf:
    data, member_id = event.data, subject_of(event.stream_id)
    country = data.get("country") or (before.country if before else None)
    return MemberOf(event.bucket, member_id, data.get("plan"), country)


def _license(event: Event) -> LicenseOf:
    studio = _text((event.data.get("title") or {}).get("studio"))
    return LicenseOf(event.bucket, *_key(event), event.data["title_id"], studio)


def _place(after: Decision | tuple[datetime, str, int] | None) -> dict[str, Any]:
    if isinstance(after, Decision):
        after = (after.decided_at, after.member_id, after.version)
    before, member_id, version = after or (None, "", 0)
    return {"before": before, "member_id": member_id, "version": version}


def _key(event: Event) -> tuple[str, str]:
    return subject_of(event.stream_id), event.data["license_id"]


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
