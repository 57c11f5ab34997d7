"""Studio usage: what is done with the titles of each studio, day by day."""

from collections.abc import Sequence
from datetime import UTC, date

import msgspec
from django.db import connection
from msgspec.structs import replace

from projections import rows
from projections.feed import Event, by_license, subject_of
from projections.projector import Projector, Put, Read
from projections.sql import statement

COUNTED = {
    "AcquisitionRefused": "refused",
    "LicenseExpired": "ended",
    "LicenseIssued": "issued",
    "LicenseReleased": "ended",
    "LicenseRenewed": "renewed",
    "LicenseRevoked": "ended",
    "PlaybackStarted": "played",
    "RenewalRefused": "renewals_refused",
}
"""Event type: the column that it adds to."""


class Counts(msgspec.Struct, frozen=True):
    """One bucket's part of what was done with a studio's titles on a day."""

    bucket: int
    studio: str
    day: date
    issued: int = 0
    refused: int = 0
    renewed: int = 0
    renewals_refused: int = 0
    played: int = 0
    ended: int = 0


class LicenseOf(msgspec.Struct, frozen=True):
    """Whose title a license is for, and whether it has ended."""

    bucket: int
    member_id: str
    license_id: str
    studio: str
    ended: bool = False


class Usage(msgspec.Struct, frozen=True):
    """What was done with a studio's titles in some days; `active` licenses are open today.

    `studio` is empty for titles without one.
    """

    studio: str
    issued: int
    refused: int
    renewed: int
    renewals_refused: int
    played: int
    ended: int
    active: int


class Day(msgspec.Struct, frozen=True):
    """What was done with one studio's titles on a day."""

    day: date
    issued: int
    refused: int
    renewed: int
    renewals_refused: int
    played: int
    ended: int


def fold(license: LicenseOf | None, event: Event) -> tuple[LicenseOf | None, Counts | None]:
    """The license after one more event about it, and what to add to its studio's day.

    A license ends once, however many reports of an end come in.
    """
    column = COUNTED[event.type]
    if event.type in ("LicenseIssued", "AcquisitionRefused"):
        asked = LicenseOf(event.bucket, *_key(event), _studio(event))
        license, studio = (asked if column == "issued" else license), asked.studio
    elif license is None or (column == "ended" and license.ended):
        return license, None
    else:
        studio = license.studio
        license = replace(license, ended=license.ended or column == "ended")
    day = event.occurred_at.astimezone(UTC).date()
    return license, Counts(event.bucket, studio, day, **{column: 1})


Known = dict[tuple[str, str], LicenseOf]


def load(read: Read, events: Sequence[Event]) -> Known:
    """What the licenses that the events are about are for."""
    found = read(statement("studio_usage_licenses"), LicenseOf, by_license(events))
    return {(row.member_id, row.license_id): row for row in found}


def apply(known: Known, events: Sequence[Event]) -> list[Put]:
    """What the events add to the counts of their studios, and the licenses that changed."""
    licenses: dict[tuple[str, str], LicenseOf] = {}
    counts: dict[tuple[str, date], Counts] = {}
    for event in events:
        key = _key(event)
        before = licenses.get(key) or known.get(key)
        after, more = fold(before, event)
        if after is not None and after != before:
            licenses[key] = after
        if more is not None:
            at = more.studio, more.day
            counts[at] = _sum(counts[at], more) if at in counts else more
    return [
        Put(statement("studio_usage_put_licenses"), list(licenses.values())),
        Put(statement("studio_usage_put"), list(counts.values())),
    ]


PROJECTOR = Projector(
    name="studio_usage",
    version=2,
    category="member",
    types=frozenset(COUNTED),
    tables=("{studio_usage}", "{studio_usage}_license"),
    load=load,
    fold=apply,
    personal=("{studio_usage}_license",),
)


def studios(since: date, until: date) -> list[Usage]:
    """Every studio with what was done from one day (UTC) to another, the most downloaded first."""
    with connection.cursor() as cursor:
        return rows.select(cursor, "studio_usage_studios", Usage, {"since": since, "until": until})


def days(studio: str, since: date, until: date) -> list[Day]:
    """One studio day by day (UTC); a day on which nothing was done has no item."""
    asked = {"studio": studio, "since": since, "until": until}
    with connection.cursor() as cursor:
        return rows.select(cursor, "studio_usage_days", Day, asked)


def _sum(one: Counts, other: Counts) -> Counts:
    columns = ("issued", "refused", "renewed", "renewals_refused", "played", "ended")
    return replace(one, **{name: getattr(one, name) + getattr(other, name) for name in columns})


def _studio(event: Event) -> str:
    studio = (event.data.get("title") or {}).get("studio")
    return studio if isinstance(studio, str) else ""


def _key(event: Event) -> tuple[str, str]:
    return subject_of(event.stream_id), event.data["license_id"]
