"""The renewal calendar: when each active license is due for a renewal, and when for its end."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from django.db import connection
from msgspec.structs import replace

from licensing import obligations
from projections import rows
from projections.feed import Event, by_license, subject_of
from projections.projector import Projector, Put, Read
from projections.sql import statement

TYPES = frozenset(
    {
        "ExtensionWithdrawn",
        "LicenseExpired",
        "LicenseExtended",
        "LicenseIssued",
        "LicenseReleased",
        "LicenseRenewed",
        "LicenseRevoked",
        "PlaybackStarted",
        "RenewalRefused",
    }
)


class Entry(msgspec.Struct, frozen=True):
    """One license's dates. `renew_at` is None when no renewal is to be asked for."""

    bucket: int
    member_id: str
    license_id: str
    active: bool
    issued_at: datetime
    expires_at: datetime
    playback_expires_at: datetime | None
    ends_at: datetime
    renew_at: datetime | None
    renewals: int
    renew_max: int | None
    window_h: int | None
    grace_h: int | None


class Due(msgspec.Struct, frozen=True):
    """One obligation: `kind` is renew or expire."""

    bucket: int
    member_id: str
    license_id: str
    kind: str
    due_at: datetime


def fold(row: Entry | None, event: Event) -> Entry | None:
    """The license's dates after one more event about it."""
    data = event.data
    if event.type == "LicenseIssued":
        return _scheduled(_issued(event))
    if row is None:
        return None
    match event.type:
        case "LicenseRenewed":
            expires_at = datetime.fromisoformat(data["expires_at"])
            return _scheduled(replace(row, expires_at=expires_at, renewals=data["renewals"]))
        case "LicenseExtended" | "ExtensionWithdrawn":
            expires_at = datetime.fromisoformat(data["expires_at"])
            return _scheduled(replace(row, expires_at=expires_at))
        case "PlaybackStarted" if data.get("expires_at"):
            window_end = datetime.fromisoformat(data["expires_at"])
            return _ending(replace(row, playback_expires_at=window_end))
        case "RenewalRefused" if data.get("reason") == "RENEWAL_TOO_EARLY":
            return row  # somebody asked before the job's time; its time still comes
        case "RenewalRefused":
            return replace(row, renew_at=None)  # what is due next is the end
        case "LicenseReleased" | "LicenseExpired" | "LicenseRevoked":
            return replace(row, active=False, renew_at=None)
        case _:
            return row


Known = dict[tuple[str, str], Entry]


def load(read: Read, events: Sequence[Event]) -> Known:
    """The rows of the licenses that the events are about."""
    found = read(statement("renewal_calendar_rows"), Entry, by_license(events))
    return {(row.member_id, row.license_id): row for row in found}


def apply(known: Known, events: Sequence[Event]) -> list[Put]:
    """The rows of their licenses after the events."""
    folded: dict[tuple[str, str], Entry | None] = {}
    for event in events:
        key = _key(event)
        folded[key] = fold(folded[key] if key in folded else known.get(key), event)
    changed = [row for row in folded.values() if row is not None]
    return [Put(statement("renewal_calendar_put"), changed)]


PROJECTOR = Projector(
    name="renewal_calendar",
    version=2,
    category="member",
    types=TYPES,
    tables=("{renewal_calendar}",),
    load=load,
    fold=apply,
    personal=("{renewal_calendar}",),
)


def due(now: datetime, limit: int = 100) -> list[Due]:
    """What is due and not done, oldest first."""
    with connection.cursor() as cursor:
        return rows.select(cursor, "renewal_calendar_due", Due, {"now": now, "limit": limit})


def _issued(event: Event) -> Entry:
    terms = event.data.get("terms") or {}
    expires_at = datetime.fromisoformat(event.data["expires_at"])
    return Entry(
        event.bucket,
        *_key(event),
        active=True,
        issued_at=event.occurred_at,
        expires_at=expires_at,
        playback_expires_at=None,
        ends_at=expires_at,
        renew_at=None,
        renewals=0,
        renew_max=terms.get("renew_max"),
        window_h=terms.get("renew_window_h"),
        grace_h=terms.get("renew_grace_h"),
    )


def _scheduled(row: Entry) -> Entry:
    """The row with the renewal that its end and its terms leave."""
    row = _ending(row)
    given = {"renew_max": row.renew_max, "renew_window_h": row.window_h}
    terms = {name: value for name, value in given.items() if value is not None}
    renew_at = obligations.renewal_due_at(
        expires_at=row.expires_at, terms=terms, renewals=row.renewals
    )
    return replace(row, renew_at=renew_at)


def _ending(row: Entry) -> Entry:
    ends_at = obligations.expiry_due_at(
        expires_at=row.expires_at,
        playback_expires_at=row.playback_expires_at,
        terms={"renew_grace_h": row.grace_h or 0},
    )
    return replace(row, ends_at=ends_at)


def _key(event: Event) -> tuple[str, str]:
    return subject_of(event.stream_id), event.data["license_id"]
