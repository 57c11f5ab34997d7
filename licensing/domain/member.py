"""A member: plan and country, and the composition of licenses, downloads and devices."""

from datetime import datetime
from typing import assert_never

import msgspec
from msgspec.structs import replace

from licensing.domain import device as devices
from licensing.domain import download as downloads
from licensing.domain import license as licenses
from licensing.domain.decider import Terms
from licensing.domain.device import Device, DeviceRegistered, RegisterDevice
from licensing.domain.download import Download
from licensing.domain.license import (
    AcquireLicense,
    AcquisitionRefused,
    ExpireLicense,
    License,
    LicenseExpired,
    LicenseIssued,
    LicenseReleased,
    LicenseRenewed,
    PlaybackStarted,
    PlaybackStopped,
    RecordPlayback,
    ReleaseLicense,
    RenewalRefused,
    RenewLicense,
)
from licensing.domain.values import LicenseIdTaken, Moment, UnknownLicense, put

# -- Events. These names and shapes are storage. --


class PlanChanged(msgspec.Struct, frozen=True):
    """The member's plan or country became another one."""

    plan: str
    country: str | None = None


Event = licenses.Event | DeviceRegistered | PlanChanged

# -- State --


class Refusal(msgspec.Struct, frozen=True):
    """The last refusal of one request, so that the same one again is only counted."""

    reason: str
    rules: str | None
    at: datetime
    version: int


class Member(msgspec.Struct, frozen=True):
    """Everything that decisions about one member need; `version` counts the events folded."""

    member_id: str
    version: int = 0
    plan: str | None = None
    country: str | None = None
    since: datetime | None = None
    devices: dict[str, Device] = {}
    licenses: dict[str, License] = {}
    downloads: dict[str, Download] = {}
    refusals: dict[str, Refusal] = {}


def as_of(member: Member, instant: datetime) -> Member:
    """The member at `instant`: licenses past their end are expired by the clock."""
    return replace(
        member,
        licenses={key: licenses.as_of(value, instant) for key, value in member.licenses.items()},
    )


def request_key(event: AcquisitionRefused | RenewalRefused) -> str:
    """What was asked for: two refusals with the same key are the same request again."""
    if isinstance(event, RenewalRefused):
        return f"renew/{event.license_id}"
    return f"acquire/{event.title_id}/{event.device_id}"


def evolve(
    member: Member, event: Event, at: datetime, *, decided_at: datetime, rules: str | None = None
) -> Member:
    """The member after `event`, which happened at `at` and was recorded at `decided_at`.

    `rules` is the hash of the rule set that decided, if one did.
    """
    member = replace(member, version=member.version + 1, since=member.since or at)
    match event:
        case PlanChanged():
            return replace(member, plan=event.plan, country=event.country or member.country)
        case DeviceRegistered():
            known = devices.evolve(member.devices.get(event.device_id), event, at)
            return replace(member, devices=put(member.devices, event.device_id, known))
        case AcquisitionRefused() | RenewalRefused():
            refusal = Refusal(event.reason, rules, decided_at, member.version)
            return replace(member, refusals=put(member.refusals, request_key(event), refusal))
        case LicenseIssued():
            member = _with_license(member, event, at)
            return _with_download(member, member.licenses[event.license_id], issued_at=at)
        case PlaybackStarted():
            member = _with_license(member, event, at)
            played = member.licenses.get(event.license_id)
            return member if played is None else _with_download(member, played, played_at=at)
        case LicenseRenewed() | LicenseReleased() | LicenseExpired() | PlaybackStopped():
            return _with_license(member, event, at)
        case _:
            assert_never(event)


def _with_license(member: Member, event: licenses.Event, at: datetime) -> Member:
    changed = licenses.evolve(member.licenses.get(event.license_id), event, at)
    if changed is None:
        return member
    return replace(member, licenses=put(member.licenses, event.license_id, changed))


def _with_download(
    member: Member,
    license: License,
    *,
    issued_at: datetime | None = None,
    played_at: datetime | None = None,
) -> Member:
    name = license.title.get("name")
    download = member.downloads.get(license.title_id) or Download(
        license.title_id, license.studio, name if isinstance(name, str) else None
    )
    if issued_at is not None:
        download = downloads.issued(download, issued_at)
    if played_at is not None:
        download = downloads.played(download, played_at)
    return replace(member, downloads=put(member.downloads, license.title_id, download))


# -- Commands and decisions --


class ChangePlan(msgspec.Struct, frozen=True):
    """The member moves to another plan, or to another country."""

    plan: str
    country: str | None = None


Command = licenses.Command | RegisterDevice | ChangePlan


def decide(command: Command, member: Member, terms: Terms | None, moment: Moment) -> list[Event]:
    """The events that `command` causes; an already-true fact yields none.

    `terms` are what the rules say, for the commands that rules decide (acquire, renew).
    Raises a DomainError when the command is about something the member does not have.
    """
    match command:
        case AcquireLicense():
            assert terms is not None
            return _acquire(command, member, terms, moment)
        case RenewLicense():
            found = license_of(member, command.license_id)
            assert terms is not None
            return [*licenses.renew(found, terms, moment)]
        case ReleaseLicense():
            return [*licenses.release(license_of(member, command.license_id), moment)]
        case ExpireLicense():
            return [*licenses.expire(license_of(member, command.license_id), moment)]
        case RecordPlayback():
            found = license_of(member, command.license_id)
            return [*licenses.record_playback(found, command.action, moment)]
        case RegisterDevice():
            return [*devices.register(member.devices.get(command.device_id), command)]
        case ChangePlan():
            return _change_plan(command, member)
        case _:
            assert_never(command)


def license_of(member: Member, license_id: str) -> License:
    """The member's license with this id; raises UnknownLicense."""
    found = member.licenses.get(license_id)
    if found is None:
        raise UnknownLicense(f"Member {member.member_id} has no license {license_id}.")
    return found


def held(member: Member, command: AcquireLicense, now: datetime) -> License | None:
    """The license that already answers this request: same id, or live for title and device."""
    if command.license_id is not None and command.license_id in member.licenses:
        return member.licenses[command.license_id]
    for license in member.licenses.values():
        same = (license.title_id, license.device_id) == (command.title_id, command.device_id)
        if same and licenses.as_of(license, now).status == "active":
            return license
    return None


def _acquire(command: AcquireLicense, member: Member, terms: Terms, moment: Moment) -> list[Event]:
    already = held(member, command, moment.now)
    if already is not None:
        if (already.title_id, already.device_id) != (command.title_id, command.device_id):
            raise LicenseIdTaken(f"License {already.license_id} is another download.")
        return []
    assert command.license_id is not None  # the service names it before it asks
    events: list[Event] = [*licenses.acquire(command, command.license_id, terms, moment)]
    if command.device_id not in member.devices:
        kind, name = command.device.get("type"), command.device.get("name")
        first_seen = DeviceRegistered(
            command.device_id,
            kind if isinstance(kind, str) else None,
            name if isinstance(name, str) else None,
        )
        events.insert(0, first_seen)
    return events


def _change_plan(command: ChangePlan, member: Member) -> list[Event]:
    country = command.country or member.country
    if (member.plan, member.country) == (command.plan, country):
        return []
    return [PlanChanged(plan=command.plan, country=country)]
