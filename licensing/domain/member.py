"""A member: plan and country, and the composition of licenses, downloads and devices."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import assert_never

import msgspec
from msgspec.structs import replace

from licensing.domain import device as devices
from licensing.domain import download as downloads
from licensing.domain import license as licenses
from licensing.domain import pages
from licensing.domain import usage as uses
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
from licensing.domain.pages import Pages
from licensing.domain.usage import Usage, Use
from licensing.domain.values import LicenseIdTaken, Moment, UnknownLicense, put

# -- Events. These names and shapes are storage. --


class PlanChanged(msgspec.Struct, frozen=True):
    """The member's plan or country became another one; None where it was not known before."""

    plan: str
    country: str | None = None
    previous_plan: str | None = None
    previous_country: str | None = None


Event = licenses.Event | DeviceRegistered | PlanChanged
_ELSEWHERE = (AcquisitionRefused, RenewalRefused, DeviceRegistered, PlanChanged)

# -- State --

SAME_REFUSAL_WITHIN = timedelta(minutes=10)


class Refusal(msgspec.Struct, frozen=True):
    """The last refusal of one request, so that the same one again is only counted."""

    reason: str
    rules: str | None
    at: datetime
    version: int


class Member(msgspec.Struct, frozen=True):
    """Everything that decisions about one member need; `version` counts the events folded.

    `active` names the licenses that nothing recorded has ended, in the order of their issue; the
    clock may have ended them (`as_of`). What grows with the history is kept in pages.
    """

    member_id: str
    version: int = 0
    plan: str | None = None
    country: str | None = None
    since: datetime | None = None
    devices: dict[str, Device] = {}
    licenses: Pages[License] = Pages()
    active: tuple[str, ...] = ()
    downloads: Pages[Download] = Pages()
    usage: Usage = Usage()
    refusals: dict[str, Refusal] = {}


def as_of(member: Member, instant: datetime) -> Member:
    """The member at `instant`: licenses past their end are expired by the clock."""
    for license in live(member):
        changed = licenses.as_of(license, instant)
        if changed is not license:
            member = _put_license(member, changed)
    return member


def live(member: Member) -> list[License]:
    """The licenses that nothing recorded has ended, in the order of their issue."""
    pages.fetch([(member.licenses, member.active)])
    return [member.licenses[license_id] for license_id in member.active]


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
            return replace(member, refusals=_refusals(member, request_key(event), refusal))
        case LicenseIssued():
            member = _with_license(member, event, at)
            return _used(member, member.licenses[event.license_id], "downloads", at)
        case PlaybackStarted():
            member = _with_license(member, event, at)
            played = member.licenses.get(event.license_id)
            return member if played is None else _used(member, played, "playbacks", at)
        case LicenseRenewed() | LicenseReleased() | LicenseExpired() | PlaybackStopped():
            return _with_license(member, event, at)
        case _:
            assert_never(event)


def expect(member: Member, happened: Sequence[tuple[Event, datetime]]) -> None:
    """Fetch in one go what these events will change, where the member is kept in pages."""
    told = [event for event, _ in happened if not isinstance(event, _ELSEWHERE)]
    pages.fetch([(member.licenses, [event.license_id for event in told])])
    titles: list[str] = []
    lists: list[str] = []
    issued: dict[str, LicenseIssued] = {}
    for event, at in happened:
        match event:
            case LicenseIssued():
                issued[event.license_id] = event
                about: LicenseIssued | License | None = event
                kind: uses.Kind = "downloads"
            case PlaybackStarted():
                about = issued.get(event.license_id) or member.licenses.get(event.license_id)
                kind = "playbacks"
            case _:
                continue
        if about is not None:
            titles.append(about.title_id)
            lists += uses.keys_of(kind, licenses.studio_of(about.title), at)
    pages.fetch([(member.downloads, titles), (member.usage.lists, lists)])


def expect_command(member: Member, command: "Command", now: datetime) -> None:
    """Fetch in one go what this command will ask for, where the member is kept in pages."""
    match command:
        case AcquireLicense():
            named = [command.license_id] if command.license_id else []
            month = uses.keys_of("downloads", licenses.studio_of(command.title), now)
            pages.fetch(
                [
                    (member.licenses, [*named, *member.active]),
                    (member.downloads, [command.title_id]),
                    (member.usage.lists, month),
                ]
            )
        case RegisterDevice() | ChangePlan():
            pass
        case _:
            pages.fetch([(member.licenses, [command.license_id])])


def _with_license(member: Member, event: licenses.Event, at: datetime) -> Member:
    changed = licenses.evolve(member.licenses.get(event.license_id), event, at)
    return member if changed is None else _put_license(member, changed)


def _put_license(member: Member, license: License) -> Member:
    license_id, active = license.license_id, member.active
    if (license.status == "active") is not (license_id in active):
        if license.status == "active":
            active = (*active, license_id)
        else:
            active = tuple(each for each in active if each != license_id)
    return replace(member, licenses=member.licenses.put(license_id, license), active=active)


def _used(member: Member, license: License, kind: uses.Kind, at: datetime) -> Member:
    name = license.title.get("name")
    download = member.downloads.get(license.title_id) or Download(
        license.title_id, license.studio, name if isinstance(name, str) else None
    )
    add = downloads.issued if kind == "downloads" else downloads.played
    use = Use(at, license.title_id, license.device_id, license.studio)
    return replace(
        member,
        downloads=member.downloads.put(license.title_id, add(download, at)),
        usage=uses.add(member.usage, kind, use),
    )


def _refusals(member: Member, key: str, refusal: Refusal) -> dict[str, Refusal]:
    # Only a refusal of the last minutes can be repeated, so older ones need not be carried along.
    recent = {
        each: known
        for each, known in member.refusals.items()
        if refusal.at - known.at <= SAME_REFUSAL_WITHIN
    }
    return put(recent, key, refusal)


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
    for license in live(member):
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
    return [PlanChanged(command.plan, country, member.plan, member.country)]
