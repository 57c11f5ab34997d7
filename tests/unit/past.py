"""A member's past made by hand: events folded into a state and kept as steps of a history."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from licensing import codec
from licensing.domain import license as licenses
from licensing.domain import member as members
from licensing.domain.member import Member
from licensing.domain.membership import PlanChanged
from licensing.history import History, Step
from licensing.store import RecordedEvent

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
TERMS = {"license_h": 336, "playback_h": 48, "renew_max": 2}


class Past:
    """Each call records one event; `history` is what the presenters read."""

    def __init__(self, terms: dict[str, int] | None = None) -> None:
        self.now = START
        self.terms = terms or TERMS
        self.member = Member("ada")
        self.steps: list[Step] = []

    @property
    def history(self) -> History:
        """The past as the pages get it."""
        return History("ada", self.steps)

    def after(self, **span: float) -> "Past":
        """Let time pass."""
        self.now += timedelta(**span)
        return self

    def records(
        self, event: Any, *, late: timedelta = timedelta(0), metadata: dict[str, Any] | None = None
    ) -> "Past":
        """Record an event that happened `late` before it was known."""
        at = self.now - late
        version = len(self.steps) + 1
        recorded = RecordedEvent(
            bucket=0,
            stream_id="member-ada",
            version=version,
            position=version,
            event_id=UUID(int=version),
            type=type(event).__name__,
            schema_version=codec.SCHEMA_VERSIONS[type(event)],
            data_json=msgspec.json.encode(event),
            metadata_json=msgspec.json.encode(metadata or {}),
            occurred_at=at,
            recorded_at=self.now,
            appended_at=self.now,
            hash=b"",
        )
        self.member = members.evolve(self.member, event, at, decided_at=self.now)
        self.steps.append(Step(version, recorded, event))
        return self

    def plan(self, name: str = "standard", metadata: dict[str, Any] | None = None) -> "Past":
        return self.records(PlanChanged(name, "NL"), metadata=metadata)

    def issued(
        self,
        license_id: str,
        title: str,
        device: str = "iPad",
        metadata: dict[str, Any] | None = None,
    ) -> "Past":
        return self.records(
            licenses.LicenseIssued(
                license_id,
                title.lower(),
                device.lower(),
                {"name": title, "studio": "Paramount"},
                {"name": device, "type": "tablet"},
                {},
                self.now + timedelta(hours=self.terms["license_h"]),
                self.terms,
            ),
            metadata=metadata,
        )

    def refused(
        self,
        license_id: str,
        title: str,
        device: str = "Surface",
        metadata: dict[str, Any] | None = None,
    ) -> "Past":
        return self.records(
            licenses.AcquisitionRefused(
                license_id,
                title.lower(),
                device.lower(),
                {"name": title},
                {"name": device, "type": "laptop"},
                {},
                "DEVICE_LIMIT",
            ),
            metadata=metadata,
        )

    def renewed(self, license_id: str, days: int) -> "Past":
        license = self.member.licenses[license_id]
        end = license.expires_at + timedelta(days=days)
        return self.records(
            licenses.LicenseRenewed(license_id, license.expires_at, end, license.renewals + 1)
        )

    def released(self, license_id: str) -> "Past":
        return self.records(licenses.LicenseReleased(license_id))

    def expired(self, license_id: str) -> "Past":
        end = licenses.ends_at(self.member.licenses[license_id])
        return self.records(licenses.LicenseExpired(license_id, end))

    def played(self, license_id: str, late: timedelta = timedelta(0)) -> "Past":
        end = self.now - late + timedelta(hours=TERMS["playback_h"])
        first = self.member.licenses[license_id].first_played_at is None
        return self.records(licenses.PlaybackStarted(license_id, end if first else None), late=late)
