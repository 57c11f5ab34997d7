"""A member: plan and country, and the composition of licenses, downloads and devices."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import assert_never

import msgspec
from msgspec.structs import replace

from licensing.domain import allowance as allowances
from licensing.domain import device as devices
from licensing.domain import download as downloads
from licensing.domain import extension as extensions
from licensing.domain import license as licenses
from licensing.domain import membership as memberships
from licensing.domain import note as notes
from licensing.domain import pages
from licensing.domain import usage as uses
from licensing.domain.allowance import (
    Allowance,
    AllowanceGranted,
    AllowanceWithdrawn,
    GrantAllowance,
    WithdrawAllowance,
)
from licensing.domain.decider import Terms
from licensing.domain.device import (
    DeactivateDevice,
    Device,
    DeviceDeactivated,
    DeviceRegistered,
    RegisterDevice,
)
from licensing.domain.download import Download
from licensing.domain.extension import (
    ExtendLicense,
    ExtensionRefused,
    ExtensionWithdrawn,
    LicenseExtended,
    WithdrawExtension,
)
from licensing.domain.license import (
    AcquireLicense,
    AcquisitionRefused,
    ExpireLicense,
    License,
    LicenseExpired,
    LicenseIssued,
    LicenseReleased,
    LicenseRenewed,
    LicenseRevoked,
    PlaybackStarted,
    PlaybackStopped,
    RecordPlayback,
    ReleaseLicense,
    RenewalRefused,
    RenewLicense,
    RevokeLicense,
)
from licensing.domain.membership import (
    CancelMembership,
    ChangePlan,
    MemberErased,
    Membership,
    MembershipCancelled,
    PlanChanged,
)
from licensing.domain.note import AddNote, Note, NoteAdded
from licensing.domain.pages import Pages
from licensing.domain.usage import Usage, Use
from licensing.domain.values import LicenseIdTaken, Moment, UnknownDevice, UnknownLicense, put

# -- Events: those of the parts. --

Event = (
    licenses.Event
    | extensions.Event
    | devices.Event
    | memberships.Event
    | MemberErased
    | allowances.Event
    | notes.Event
)
Refused = AcquisitionRefused | RenewalRefused | ExtensionRefused
"""What says no: kept because members ask about it, and counted when it is asked again."""
_ELSEWHERE = (
    AcquisitionRefused,
    RenewalRefused,
    ExtensionRefused,
    DeviceRegistered,
    DeviceDeactivated,
    PlanChanged,
    MembershipCancelled,
    MemberErased,
    AllowanceGranted,
    AllowanceWithdrawn,
    NoteAdded,
)

# What counters count, and the event that it is known by.
_KINDS: dict[type[Event], uses.Kind] = {
    LicenseIssued: "downloads",
    PlaybackStarted: "playbacks",
    LicenseRenewed: "renewals",
    LicenseReleased: "releases",
    AcquisitionRefused: "refusals",
}

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
    membership: Membership = Membership()
    since: datetime | None = None
    devices: dict[str, Device] = {}
    licenses: Pages[License] = Pages()
    active: tuple[str, ...] = ()
    downloads: Pages[Download] = Pages()
    usage: Usage = Usage()
    refusals: dict[str, Refusal] = {}
    allowances: dict[str, Allowance] = {}
    notes: tuple[Note, ...] = ()
    erased_at: datetime | None = None

    @property
    def plan(self) -> str | None:
        """The plan that the member pays for."""
        return self.membership.plan

    @property
    def country(self) -> str | None:
        """The country of the membership."""
        return self.membership.country


def in_memory(member_id: str) -> Member:
    """A member of whom nothing is known yet and nothing will be stored: a life lived in one go.

    Its pages are as large as a copy of one costs less than the way through several.
    """
    large = 500
    return Member(
        member_id,
        licenses=Pages(full=large),
        downloads=Pages(full=large),
        usage=Usage(lists=Pages(full=large)),
    )


def as_of(member: Member, instant: datetime) -> Member:
    """The member at `instant`: licenses past their end are expired by the clock."""
    for license in live(member):
        changed = licenses.as_of(license, instant)
        if changed is not license:
            member = _put_license(member, changed)
    return member


def next_end(member: Member, after: datetime) -> datetime | None:
    """The next instant at which the clock alone ends a license; None if it never will."""
    ends = [licenses.ends_at(license) for license in live(member)]
    return min((end for end in ends if end > after), default=None)


def live(member: Member) -> list[License]:
    """The licenses that nothing recorded has ended, in the order of their issue."""
    pages.fetch([(member.licenses, member.active)])
    return [member.licenses[license_id] for license_id in member.active]


def request_key(event: Refused) -> str:
    """What was asked for: two refusals with the same key are the same request again."""
    if isinstance(event, ExtensionRefused):
        return f"extend/{event.license_id}/{event.hours}"
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
        case MemberErased():
            # Whoever folds on from a state in memory forgets with it what was personal.
            return Member(member.member_id, member.version, since=member.since, erased_at=at)
        case PlanChanged() | MembershipCancelled():
            return replace(member, membership=memberships.evolve(member.membership, event, at))
        case AllowanceGranted() | AllowanceWithdrawn():
            return replace(member, allowances=allowances.evolve(member.allowances, event, at))
        case NoteAdded():
            return replace(member, notes=(*member.notes, notes.evolve(event, at)))
        case DeviceRegistered() | DeviceDeactivated():
            known = devices.evolve(member.devices.get(event.device_id), event, at)
            return replace(member, devices=put(member.devices, event.device_id, known))
        case AcquisitionRefused() | RenewalRefused() | ExtensionRefused():
            refusal = Refusal(event.reason, rules, decided_at, member.version)
            member = replace(member, refusals=_refusals(member, request_key(event), refusal))
            return _refused(member, event, at) if isinstance(event, AcquisitionRefused) else member
        case LicenseIssued() | PlaybackStarted() | LicenseRenewed() | LicenseReleased():
            member = _with_license(member, event, at)
            license = member.licenses.get(event.license_id)
            return member if license is None else _used(member, license, _KINDS[type(event)], at)
        case LicenseRevoked() | LicenseExpired() | PlaybackStopped():
            return _with_license(member, event, at)
        case LicenseExtended() | ExtensionWithdrawn():
            extended = member.licenses.get(event.license_id)
            if extended is None:
                return member
            return _put_license(member, extensions.evolve(extended, event))
        case _:
            assert_never(event)


def expect(member: Member, happened: Sequence[tuple[Event, datetime]]) -> None:
    """Fetch in one go what these events will change, where the member is kept in pages."""
    if member.licenses.whole and member.downloads.whole and member.usage.lists.whole:
        return
    told = [event for event, _ in happened if not isinstance(event, _ELSEWHERE)]
    pages.fetch([(member.licenses, [event.license_id for event in told])])
    titles: list[str] = []
    lists: list[str] = []
    issued: dict[str, LicenseIssued] = {}
    for event, at in happened:
        match event:
            case LicenseIssued():
                issued[event.license_id] = event
                about: LicenseIssued | AcquisitionRefused | License | None = event
            case PlaybackStarted() | LicenseRenewed() | LicenseReleased():
                about = issued.get(event.license_id) or member.licenses.get(event.license_id)
            case AcquisitionRefused():
                about = event
            case _:
                continue
        if about is not None:
            titles.append(about.title_id)
            lists += uses.keys_of(_KINDS[type(event)], licenses.studio_of(about.title), at)
    pages.fetch([(member.downloads, titles), (member.usage.lists, lists)])


def expect_command(member: Member, command: "Command", now: datetime) -> None:
    """Fetch in one go what this command will ask for, where the member is kept in pages."""
    if member.licenses.whole and member.downloads.whole and member.usage.lists.whole:
        return
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
        case DeactivateDevice() | CancelMembership():
            live(member)
        case RegisterDevice() | ChangePlan() | GrantAllowance() | WithdrawAllowance() | AddNote():
            pass
        case RecordPlayback():
            pages.fetch([(member.licenses, [command.license_id])])
            played = member.licenses.get(command.license_id)
            pages.fetch([(member.downloads, [played.title_id] if played else [])])
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
    if kind in ("downloads", "playbacks"):
        name = license.title.get("name")
        download = member.downloads.get(license.title_id) or Download(
            license.title_id, license.studio, name if isinstance(name, str) else None
        )
        add = downloads.issued if kind == "downloads" else downloads.played
        kept = member.downloads.put(license.title_id, add(download, at))
        member = replace(member, downloads=kept)
    use = Use(at, license.title_id, license.device_id, license.studio, license.license_id)
    return replace(member, usage=uses.add(member.usage, kind, use))


def _refused(member: Member, event: AcquisitionRefused, at: datetime) -> Member:
    use = Use(at, event.title_id, event.device_id, licenses.studio_of(event.title), None)
    return replace(member, usage=uses.add(member.usage, "refusals", use))


def _refusals(member: Member, key: str, refusal: Refusal) -> dict[str, Refusal]:
    # Only a refusal of the last minutes can be repeated, so older ones need not be carried along.
    recent = {
        each: known
        for each, known in member.refusals.items()
        if refusal.at - known.at <= SAME_REFUSAL_WITHIN
    }
    return put(recent, key, refusal)


# -- Commands and decisions --


Command = (
    licenses.Command
    | RegisterDevice
    | DeactivateDevice
    | ChangePlan
    | CancelMembership
    | GrantAllowance
    | WithdrawAllowance
    | ExtendLicense
    | WithdrawExtension
    | AddNote
)


def decide(command: Command, member: Member, terms: Terms | None, moment: Moment) -> list[Event]:
    """The events that `command` causes; an already-true fact yields none.

    `terms` are what the rules say, for the commands that rules decide (acquire, renew, extend).
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
        case RevokeLicense():
            found = license_of(member, command.license_id)
            return [*licenses.revoke(found, command.reason, moment)]
        case ExpireLicense():
            return [*licenses.expire(license_of(member, command.license_id), moment)]
        case RecordPlayback():
            found = license_of(member, command.license_id)
            download = member.downloads.get(found.title_id)
            played = download.played if download is not None else ()
            return [*licenses.record_playback(found, command.action, moment, played)]
        case RegisterDevice():
            return [*devices.register(member.devices.get(command.device_id), command)]
        case DeactivateDevice():
            return _deactivate(command, member, moment)
        case ChangePlan():
            return [*memberships.change_plan(member.membership, command)]
        case CancelMembership():
            return _cancel(command, member, moment)
        case GrantAllowance():
            return [*allowances.grant(member.allowances, command, moment)]
        case WithdrawAllowance():
            return [*allowances.withdraw(member.allowances, command, moment)]
        case ExtendLicense():
            found = license_of(member, command.license_id)
            assert terms is not None
            return [*extensions.extend(found, command, terms, moment)]
        case WithdrawExtension():
            found = license_of(member, command.license_id)
            return [*extensions.withdraw(found, command, moment)]
        case AddNote():
            return [*notes.add(member.notes, command, member.version)]
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
    device = member.devices.get(command.device_id)
    if device is None or device.deactivated_at is not None:
        kind, name = command.device.get("type"), command.device.get("name")
        first_seen = DeviceRegistered(
            command.device_id,
            kind if isinstance(kind, str) else None,
            name if isinstance(name, str) else None,
        )
        events.insert(0, first_seen)
    return events


def _deactivate(command: DeactivateDevice, member: Member, moment: Moment) -> list[Event]:
    device = member.devices.get(command.device_id)
    if device is None:
        raise UnknownDevice(f"Member {member.member_id} has no device {command.device_id}.")
    events: list[Event] = [*devices.deactivate(device, command)]
    if events:
        for license in live(member):
            if license.device_id == command.device_id:
                events += licenses.release(license, moment)
    return events


def _cancel(command: CancelMembership, member: Member, moment: Moment) -> list[Event]:
    events: list[Event] = [*memberships.cancel(member.membership, command)]
    if events:
        for license in live(member):
            events += licenses.revoke(license, command.reason, moment)
    return events
