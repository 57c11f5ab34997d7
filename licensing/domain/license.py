"""The life of one license: one download of one title on one device."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, assert_never

import msgspec
from msgspec.structs import replace

from licensing.domain.decider import Terms
from licensing.domain.values import Attributes, InvalidCommand, Moment

# -- Events. These names and shapes are storage: change one only with a new schema version. --


class LicenseIssued(msgspec.Struct, frozen=True):
    """A download was granted until `expires_at` under `terms` (hours and counts)."""

    license_id: str
    title_id: str
    device_id: str
    title: Attributes
    device: Attributes
    context: Attributes
    expires_at: datetime
    terms: dict[str, int]


class AcquisitionRefused(msgspec.Struct, frozen=True):
    """A download was asked for and not granted."""

    license_id: str
    title_id: str
    device_id: str
    title: Attributes
    device: Attributes
    context: Attributes
    reason: str


class LicenseRenewed(msgspec.Struct, frozen=True):
    """The license's end moved from `previous_expires_at` to `expires_at`."""

    license_id: str
    previous_expires_at: datetime
    expires_at: datetime
    renewals: int


class RenewalRefused(msgspec.Struct, frozen=True):
    """A renewal was asked for and not granted; the license keeps its end."""

    license_id: str
    reason: str


class LicenseReleased(msgspec.Struct, frozen=True):
    """The device deleted the download, or gave it back."""

    license_id: str


class LicenseRevoked(msgspec.Struct, frozen=True):
    """The license was taken back before its end; `reason` is a code, or in staff's words."""

    license_id: str
    reason: str


class LicenseExpired(msgspec.Struct, frozen=True):
    """The job wrote down that the clock had passed `expired_at`.

    `ended_by` is which of its two ends that was; None where nobody wrote it down.
    """

    license_id: str
    expired_at: datetime
    ended_by: Literal["expiry", "playback"] | None = None


class PlaybackStarted(msgspec.Struct, frozen=True):
    """Playback began; on the first one `expires_at` is the end of the playback window."""

    license_id: str
    expires_at: datetime | None = None


class PlaybackStopped(msgspec.Struct, frozen=True):
    """Playback ended."""

    license_id: str


Event = (
    LicenseIssued
    | AcquisitionRefused
    | LicenseRenewed
    | RenewalRefused
    | LicenseReleased
    | LicenseRevoked
    | LicenseExpired
    | PlaybackStarted
    | PlaybackStopped
)

# -- State --

Status = Literal["active", "expired", "released", "revoked"]


class License(msgspec.Struct, frozen=True):
    """One license. `terms` are those of the grant; `ended_at` is when it stopped being active.

    Of its playbacks the latest start and the latest stop are kept: reports come late and in any
    order, and whether it is playing follows from those two. `extensions` are support's, by id, in
    hours.
    """

    license_id: str
    title_id: str
    device_id: str
    title: Attributes
    device: Attributes
    context: Attributes
    status: Status
    issued_at: datetime
    expires_at: datetime
    terms: dict[str, int]
    renewals: int = 0
    first_played_at: datetime | None = None
    playback_expires_at: datetime | None = None
    playing: bool = False
    plays: int = 0
    ended_at: datetime | None = None
    last_started_at: datetime | None = None
    last_stopped_at: datetime | None = None
    revoked_for: str | None = None
    extensions: dict[str, int] = {}

    @property
    def studio(self) -> str | None:
        """The studio of the title, as it was known when the license was issued."""
        return studio_of(self.title)


def studio_of(title: Attributes) -> str | None:
    """The studio among a title's attributes."""
    value = title.get("studio")
    return value if isinstance(value, str) else None


def ends_at(license: License) -> datetime:
    """When the clock ends this license: its expiry, or earlier the end of its playback window.

    With a grace it stays for that much longer than it can be played, holds its place, and can
    still be renewed.
    """
    end = _expiry(license)
    if license.playback_expires_at is None:
        return end
    return min(end, license.playback_expires_at)


def _expiry(license: License) -> datetime:
    grace = license.terms.get("renew_grace_h")
    return license.expires_at + timedelta(hours=grace) if grace else license.expires_at


def good_until(license: License, instant: datetime) -> datetime:
    """The end that more time is added to: in its grace, a license gets it from `instant` on."""
    return max(license.expires_at, instant)


def as_of(license: License, instant: datetime) -> License:
    """The license at `instant`: past its end it is expired by the clock, recorded or not."""
    if license.status == "active" and ends_at(license) <= instant:
        return replace(license, status="expired", playing=False, ended_at=ends_at(license))
    return license


def evolve(license: License | None, event: Event, at: datetime) -> License | None:
    """The license after `event`, which happened at `at`."""
    match event:
        case LicenseIssued():
            return License(
                license_id=event.license_id,
                title_id=event.title_id,
                device_id=event.device_id,
                title=event.title,
                device=event.device,
                context=event.context,
                status="active",
                issued_at=at,
                expires_at=event.expires_at,
                terms=event.terms,
            )
        case AcquisitionRefused():
            return license
    if license is None:
        return None
    match event:
        case LicenseRenewed():
            return replace(license, expires_at=event.expires_at, renewals=event.renewals)
        case RenewalRefused():
            return license
        case LicenseReleased():
            return replace(license, status="released", playing=False, ended_at=at)
        case LicenseRevoked():
            return replace(
                license, status="revoked", playing=False, ended_at=at, revoked_for=event.reason
            )
        case LicenseExpired():
            return replace(license, status="expired", playing=False, ended_at=event.expired_at)
        case PlaybackStarted():
            started = replace(
                license,
                plays=license.plays + 1,
                first_played_at=min(license.first_played_at or at, at),
                playback_expires_at=_earlier(event.expires_at, license.playback_expires_at),
                last_started_at=max(license.last_started_at or at, at),
            )
            return _playing(started)
        case PlaybackStopped():
            stopped = replace(license, last_stopped_at=max(license.last_stopped_at or at, at))
            return _playing(stopped)
        case _:
            assert_never(event)


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return min(one, other) if one and other else one or other


def _playing(license: License) -> License:
    started, stopped = license.last_started_at, license.last_stopped_at
    on = started is not None and (stopped is None or stopped < started)
    return replace(license, playing=on and license.status == "active")


# -- Commands and decisions --


class AcquireLicense(msgspec.Struct, frozen=True):
    """A device asks to download a title. The maps are kept whole in the event."""

    title_id: str
    device_id: str
    license_id: str | None = None
    title: Attributes = {}
    device: Attributes = {}
    context: Attributes = {}


class RenewLicense(msgspec.Struct, frozen=True):
    """Somebody asks for a later end of a license."""

    license_id: str


class ReleaseLicense(msgspec.Struct, frozen=True):
    """The device reports that the download was deleted."""

    license_id: str


class RevokeLicense(msgspec.Struct, frozen=True):
    """Staff, or a cancellation, takes an active license back."""

    license_id: str
    reason: str


class ExpireLicense(msgspec.Struct, frozen=True):
    """The job asks to write down an expiry that the clock has made."""

    license_id: str


class RecordPlayback(msgspec.Struct, frozen=True):
    """The device reports the start or the stop of a playback, perhaps days later."""

    license_id: str
    action: Literal["start", "stop"]


Command = (
    AcquireLicense | RenewLicense | ReleaseLicense | RevokeLicense | ExpireLicense | RecordPlayback
)

TERM_NAMES = (
    "license_h",
    "playback_h",
    "renew_max",
    "renew_ext_h",
    "renew_window_h",
    "renew_life_h",
    "renew_grace_h",
)


def acquire(command: AcquireLicense, license_id: str, terms: Terms, moment: Moment) -> list[Event]:
    """Grant the download, or say why not."""
    about: dict[str, Any] = {
        "license_id": license_id,
        "title_id": command.title_id,
        "device_id": command.device_id,
        "title": command.title,
        "device": command.device,
        "context": command.context,
    }
    if terms.reason is not None:
        return [AcquisitionRefused(**about, reason=terms.reason)]
    kept = {name: terms.out[name] for name in TERM_NAMES if name in terms.out}
    expires_at = moment.now + timedelta(hours=kept["license_h"])
    return [LicenseIssued(**about, expires_at=expires_at, terms=kept)]


def renew(license: License, terms: Terms, moment: Moment) -> list[Event]:
    """Move the license's end by the extension, never past its total life."""
    if terms.reason is not None:
        return [RenewalRefused(license_id=license.license_id, reason=terms.reason)]
    extended = good_until(license, moment.now) + timedelta(hours=terms.out["renew_ext_h"])
    life_end = license.issued_at + timedelta(hours=terms.out["renew_life_h"])
    expires_at = min(extended, life_end)
    return [
        LicenseRenewed(
            license_id=license.license_id,
            previous_expires_at=license.expires_at,
            expires_at=expires_at,
            renewals=license.renewals + 1,
        )
    ]


def release(license: License, moment: Moment) -> list[Event]:
    """A release is a fact, however late the report; one after the license's end says nothing."""
    if license.status in ("released", "revoked") or moment.at >= ends_at(license):
        return []
    return [LicenseReleased(license_id=license.license_id)]


def revoke(license: License, reason: str, moment: Moment) -> list[Event]:
    """Only what is active can be taken back."""
    if as_of(license, moment.now).status != "active":
        return []
    return [LicenseRevoked(license_id=license.license_id, reason=reason)]


def expire(license: License, moment: Moment) -> list[Event]:
    """Only an active license whose end has passed expires."""
    if license.status != "active" or ends_at(license) > moment.now:
        return []
    end = ends_at(license)
    ended_by: Literal["expiry", "playback"] = "expiry" if end == _expiry(license) else "playback"
    return [LicenseExpired(license_id=license.license_id, expired_at=end, ended_by=ended_by)]


def record_playback(
    license: License, action: str, moment: Moment, played: Sequence[datetime] = ()
) -> list[Event]:
    """A report is a fact: it is taken late and in any order, unless it says what is known.

    `played` holds the instants of the title's known playbacks.
    """
    match action:
        case "start":
            return _start(license, moment, played)
        case "stop":
            stopped = license.last_stopped_at
            if stopped is not None and moment.at <= stopped:
                return []
            if not license.playing and moment.at == moment.now:
                return []  # nothing to stop; a late report may come before that of its start
            return [PlaybackStopped(license_id=license.license_id)]
        case _:
            raise InvalidCommand("action", "must be start or stop")


def _start(license: License, moment: Moment, played: Sequence[datetime]) -> list[Event]:
    if moment.at in played or (license.playing and moment.at == moment.now):
        return []  # known, or a sign of life of the playback that is on
    first, hours = license.first_played_at, license.terms.get("playback_h")
    window_end = None
    if hours is not None and (first is None or moment.at < first):
        # The window runs from the first playback, also when that is reported after a later one.
        window_end = moment.at + timedelta(hours=hours)
    return [PlaybackStarted(license_id=license.license_id, expires_at=window_end)]
