"""What a withdrawal is about, and how much that is by the license index."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

import msgspec
from django.db import connection

from licensing import catalogue
from projections import parking, rows

KINDS = ("title", "studio")
SAMPLE = 5
MOST_TITLES = 8


class Target(msgspec.Struct, frozen=True):
    """A title by its id, or a studio by its name."""

    kind: Literal["title", "studio"]
    name: str

    @property
    def asked(self) -> Mapping[str, Any]:
        """For statements. A studio's licenses are those that were issued as its own, and those of
        the titles that the catalogue lists under it now."""
        if self.kind == "title":
            return {"titles": [self.name], "studio": None}
        return {"titles": catalogue.of_studio(self.name), "studio": self.name}


class Sample(msgspec.Struct, frozen=True):
    """One license that would be taken back."""

    member_id: str
    license_id: str
    title_id: str
    title_name: str | None
    studio: str | None
    device_id: str
    device_type: str | None
    issued_at: datetime
    expires_at: datetime


class Count(msgspec.Struct, frozen=True):
    """How many active licenses of how many members; `titles` are (id, name, licenses).

    `parked` are members whose latest events the license index could not read: theirs may be more.
    """

    licenses: int
    members: int
    titles: tuple[tuple[str, str | None, int], ...]
    sample: tuple[Sample, ...]
    parked: int


def count(target: Target, *, until: datetime, now: datetime) -> Count:
    """What would be taken back of the licenses issued up to `until`, as known now."""
    asked = {**target.asked, "until": until, "now": now}
    with connection.cursor() as cursor:
        rows.run(cursor, "withdrawal_count", asked)
        licenses, members = cursor.fetchone()
        rows.run(cursor, "withdrawal_titles", asked | {"limit": MOST_TITLES})
        titles = tuple((title, name, number) for title, name, number in cursor.fetchall())
        sample = rows.select(cursor, "withdrawal_sample", Sample, asked | {"limit": SAMPLE})
    parked = len(parking.listing("license_index", 1_000))
    return Count(licenses, members, titles, tuple(sample), parked)


def since(target: Target, *, until: datetime, now: datetime) -> int:
    """How many licenses were issued after `until` and are active."""
    with connection.cursor() as cursor:
        rows.run(cursor, "withdrawal_since", {**target.asked, "until": until, "now": now})
        (found,) = cursor.fetchone()
    return int(found)
