"""The license index: from a license's or a device's id to its member."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from django.db import connection
from msgspec.structs import replace

from licensing import store
from projections import rows
from projections.feed import Event, by_license, subject_of
from projections.projector import Projector, Put, Read
from projections.sql import statement

TYPES = frozenset(
    {
        "AcquisitionRefused",
        "DeviceRegistered",
        "ExtensionWithdrawn",
        "LicenseExpired",
        "LicenseExtended",
        "LicenseIssued",
        "LicenseReleased",
        "LicenseRenewed",
        "LicenseRevoked",
        "PlaybackStarted",
    }
)


class Entry(msgspec.Struct, frozen=True):
    """One license, or one request that was refused, as the events record it."""

    bucket: int
    member_id: str
    license_id: str
    title_id: str
    title_name: str | None
    studio: str | None
    device_id: str
    device_type: str | None
    status: str
    reason: str | None
    issued_at: datetime
    expires_at: datetime | None
    playback_expires_at: datetime | None
    renewals: int
    ended_at: datetime | None
    last_version: int


class DeviceEntry(msgspec.Struct, frozen=True):
    """One device of a member."""

    bucket: int
    member_id: str
    device_id: str
    type: str | None
    registered_at: datetime


class FoundDevice(msgspec.Struct, frozen=True):
    """A member who has this device, and how many licenses are active on it."""

    member_id: str
    device_id: str
    type: str | None
    registered_at: datetime
    active: int


def fold(row: Entry | None, event: Event) -> Entry | None:
    """The license's row after one more event about it."""
    data = event.data
    if event.type in ("LicenseIssued", "AcquisitionRefused"):
        return _requested(row, event)
    if row is None:
        return None
    row = replace(row, last_version=event.version)
    match event.type:
        case "LicenseRenewed":
            return replace(row, expires_at=_instant(data["expires_at"]), renewals=data["renewals"])
        case "LicenseExtended" | "ExtensionWithdrawn":
            return replace(row, expires_at=_instant(data["expires_at"]))
        case "LicenseReleased":
            return replace(row, status="released", ended_at=event.occurred_at)
        case "LicenseRevoked":
            return replace(row, status="revoked", ended_at=event.occurred_at)
        case "LicenseExpired":
            return replace(row, status="expired", ended_at=_instant(data["expired_at"]))
        case "PlaybackStarted" if data.get("expires_at"):
            return replace(row, playback_expires_at=_instant(data["expires_at"]))
        case _:
            return row


Known = dict[tuple[str, str], Entry]


def load(read: Read, events: Sequence[Event]) -> Known:
    """The rows of the licenses that the events are about."""
    about = [event for event in events if event.type != "DeviceRegistered"]
    found = read(statement("license_index_rows"), Entry, by_license(about))
    return {(row.member_id, row.license_id): row for row in found}


def apply(known: Known, events: Sequence[Event]) -> list[Put]:
    """The rows of their licenses and devices after the events."""
    folded: dict[tuple[str, str], Entry | None] = {}
    for event in events:
        if event.type != "DeviceRegistered":
            key = _key(event)
            folded[key] = fold(folded[key] if key in folded else known.get(key), event)
    changed = [row for row in folded.values() if row is not None]
    return [
        Put(statement("license_index_put"), changed),
        Put(statement("license_index_put_devices"), _devices(events)),
    ]


PROJECTOR = Projector(
    name="license_index",
    version=2,
    category="member",
    types=TYPES,
    tables=("{license_index}", "{license_index}_device"),
    load=load,
    fold=apply,
    personal=("{license_index}", "{license_index}_device"),
)


def find(license_id: str) -> list[Entry]:
    """The licenses with this id: one as a rule, for ids are unique within a member only."""
    with connection.cursor() as cursor:
        return rows.select(cursor, "license_index_find", Entry, {"license_id": license_id})


def about(member_ids: Sequence[str], license_ids: Sequence[str]) -> dict[tuple[str, str], Entry]:
    """The entries of these licenses of these members, pairwise, by member and license."""
    asked = {"members": list(member_ids), "licenses": list(license_ids)}
    with connection.cursor() as cursor:
        found = rows.select(cursor, "license_index_about", Entry, asked)
    return {(entry.member_id, entry.license_id): entry for entry in found}


def of_member(member_id: str, limit: int = 200) -> list[Entry]:
    """What a member asked for, newest first."""
    bucket = store.bucket_of(f"member-{member_id}")
    asked = {"bucket": bucket, "member_id": member_id, "limit": limit}
    with connection.cursor() as cursor:
        return rows.select(cursor, "license_index_of_member", Entry, asked)


def devices(device_id: str) -> list[FoundDevice]:
    """The members who have a device with this id."""
    with connection.cursor() as cursor:
        return rows.select(cursor, "license_index_devices", FoundDevice, {"device_id": device_id})


def _requested(row: Entry | None, event: Event) -> Entry | None:
    refused = event.type == "AcquisitionRefused"
    if refused and row is not None and row.status != "refused":
        return row  # a license that was granted stays one
    data = event.data
    return Entry(
        event.bucket,
        *_key(event),
        title_id=data["title_id"],
        title_name=_text(data.get("title"), "name"),
        studio=_text(data.get("title"), "studio"),
        device_id=data["device_id"],
        device_type=_text(data.get("device"), "type"),
        status="refused" if refused else "active",
        reason=data["reason"] if refused else None,
        issued_at=event.occurred_at,
        expires_at=None if refused else _instant(data["expires_at"]),
        playback_expires_at=None,
        renewals=0,
        ended_at=None,
        last_version=event.version,
    )


def _devices(events: Sequence[Event]) -> list[DeviceEntry]:
    found: dict[tuple[str, str], DeviceEntry] = {}
    for event in events:
        if event.type != "DeviceRegistered":
            continue
        member_id, device_id = subject_of(event.stream_id), event.data["device_id"]
        first = found.get((member_id, device_id))
        registered_at = first.registered_at if first else event.occurred_at
        kind = event.data.get("type")
        entry = DeviceEntry(event.bucket, member_id, device_id, kind, registered_at)
        found[member_id, device_id] = entry
    return list(found.values())


def _key(event: Event) -> tuple[str, str]:
    return subject_of(event.stream_id), event.data["license_id"]


def _text(attributes: dict[str, Any] | None, name: str) -> str | None:
    value = (attributes or {}).get(name)
    return value if isinstance(value, str) else None


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
