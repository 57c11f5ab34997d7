"""The actions of support, each with its form and its command."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import msgspec

from licensing.domain import license as licenses
from licensing.domain import member as members
from licensing.domain.commands import (
    AddNote,
    Command,
    DeactivateDevice,
    ExtendLicense,
    GrantAllowance,
    RegisterDevice,
    ReleaseLicense,
    RevokeLicense,
    WithdrawAllowance,
    WithdrawExtension,
)
from licensing.domain.extension import MOST_H
from licensing.domain.member import Member
from licensing.rules import PublishedRules
from timeline.actions.fields import Choice, Field, Given
from timeline.presenters import clock
from timeline.presenters.sentences import Names

EACH = {"hours": 1, "days": 24}


class Scene(msgspec.Struct, frozen=True):
    """Where an action is taken: the member at the head, the rules in force, the clock."""

    member: Member
    rules: PublishedRules
    now: datetime
    names: Names


class Action(msgspec.Struct, frozen=True):
    """One action. `undone_by` names the action that takes it back, where there is one."""

    name: str
    label: str
    says: str
    fields: Callable[[Scene], tuple[Field, ...]]
    command: Callable[[Scene, Given, str], Command]
    check: Callable[[Given], dict[str, str]] = lambda given: {}
    verb: str = ""
    ends_something: bool = False
    offered: bool = True
    counted: bool = True
    icon: str = "right"


def scene(member: Member, rules: PublishedRules, now: datetime) -> Scene:
    """The member as of now, with what to call things."""
    member = members.as_of(member, now)
    return Scene(member, rules, now, Names.of(member))


# -- What there is to pick --


def _live(scene: Scene) -> tuple[Choice, ...]:
    return tuple(
        Choice(
            license.license_id,
            scene.names.title(license.license_id),
            f"on {scene.names.device(license.device_id)}, "
            f"until {clock.moment(licenses.ends_at(license), None)}",
        )
        for license in members.live(scene.member)
    )


def _license(scene: Scene) -> Field:
    empty = "No license is active, so there is nothing to choose."
    return Field("license", "License", "choice", choices=_live(scene), empty=empty)


def _only_license(scene: Scene) -> tuple[Field, ...]:
    return (_license(scene),)


def _extend_fields(scene: Scene) -> tuple[Field, ...]:
    units = (Choice("days", "days"), Choice("hours", "hours"))
    return (
        _license(scene),
        Field("amount", "More", "number", initial="2", high=MOST_H),
        Field("unit", "Unit", "choice", choices=units, initial="days"),
    )


def _limits(scene: Scene) -> tuple[Choice, ...]:
    limits = scene.rules.ruleset.limits
    return tuple(
        Choice(
            name, limit.label[:1].upper() + limit.label[1:], "in hours" if name[-2:] == "_h" else ""
        )
        for name, limit in limits.items()
        if limit.kind == "room"
    )


def _grant_fields(scene: Scene) -> tuple[Field, ...]:
    studios = sorted({x.studio for x in scene.member.downloads.values() if x.studio})
    month = (scene.now + timedelta(days=30)).date().isoformat()
    return (
        Field("limit", "What", "choice", choices=_limits(scene)),
        Field("amount", "How many more", "number", initial="1", high=10_000),
        Field("until", "Until the end of", "date", initial=month, hint="A day, in UTC."),
        Field(
            "studio",
            "For one studio only",
            "choice",
            choices=tuple(Choice(studio, studio) for studio in studios),
            required=False,
        ),
    )


def _devices(scene: Scene, *, active: bool) -> tuple[Choice, ...]:
    held: dict[str, int] = {}
    for license in members.live(scene.member):
        held[license.device_id] = held.get(license.device_id, 0) + 1
    return tuple(
        Choice(
            device.device_id,
            scene.names.device(device.device_id),
            f"{device.type or 'type not known'}, {held.get(device.device_id, 0)} in use",
        )
        for device in scene.member.devices.values()
        if (device.deactivated_at is None) is active
    )


def _device_fields(scene: Scene) -> tuple[Field, ...]:
    empty = "The member has no active device."
    return (Field("device", "Device", "choice", choices=_devices(scene, active=True), empty=empty),)


def _old_device_fields(scene: Scene) -> tuple[Field, ...]:
    empty = "No device of the member was given up."
    choices = _devices(scene, active=False)
    return (Field("device", "Device", "choice", choices=choices, empty=empty),)


def _note_fields(scene: Scene) -> tuple[Field, ...]:
    head = scene.member.version
    hint = "The step that the note is about; none for the member as a whole."
    return (
        Field("text", "Note", "words"),
        Field("step", "About step", "number", hint, initial=str(head), required=False, high=head),
    )


def _extensions(scene: Scene) -> tuple[Field, ...]:
    found = tuple(
        Choice(
            f"{license.license_id} {extension}",
            scene.names.title(license.license_id),
            f"{hours} hours, id {extension}",
        )
        for license in members.live(scene.member)
        for extension, hours in license.extensions.items()
    )
    empty = "No extension of an active license counts."
    return (Field("extension", "Extension", "choice", choices=found, empty=empty),)


def _allowances(scene: Scene) -> tuple[Field, ...]:
    found = tuple(
        Choice(
            x.allowance_id,
            f"{x.amount} more {x.label or x.limit}",
            f"until {clock.moment(x.expires_at, None)}",
        )
        for x in scene.member.allowances.values()
        if x.withdrawn_at is None and x.expires_at > scene.now
    )
    empty = "No allowance counts now."
    return (Field("allowance", "Allowance", "choice", choices=found, empty=empty),)


# -- What it becomes --


def _release(scene: Scene, given: Given, reason: str) -> Command:
    return ReleaseLicense(given.values["license"])


def _revoke(scene: Scene, given: Given, reason: str) -> Command:
    return RevokeLicense(given.values["license"], reason)


def _extend(scene: Scene, given: Given, reason: str) -> Command:
    hours = given.number("amount") * EACH[given.values["unit"]]
    return ExtendLicense(given.values["license"], hours, reason)


def _longest(given: Given) -> dict[str, str]:
    """What no extension may exceed, in the unit that was chosen."""
    each = EACH[given.values["unit"]]
    if given.number("amount") * each <= MOST_H:
        return {}
    return {"amount": f"At most {MOST_H // each:,} {given.values['unit']}."}


def _grant(scene: Scene, given: Given, reason: str) -> Command:
    return GrantAllowance(
        given.values["limit"],
        given.number("amount"),
        given.until("until"),
        reason,
        studio=given.text("studio"),
    )


def _deactivate(scene: Scene, given: Given, reason: str) -> Command:
    return DeactivateDevice(given.values["device"], reason)


def _reactivate(scene: Scene, given: Given, reason: str) -> Command:
    known = scene.member.devices[given.values["device"]]
    return RegisterDevice(known.device_id, known.type or "device", known.name)


def _note(scene: Scene, given: Given, reason: str) -> Command:
    return AddNote(given.values["text"], given.number("step") if given.text("step") else None)


def _take_extension_back(scene: Scene, given: Given, reason: str) -> Command:
    license_id, _, extension_id = given.values["extension"].rpartition(" ")
    return WithdrawExtension(license_id, extension_id, reason)


def _take_allowance_back(scene: Scene, given: Given, reason: str) -> Command:
    return WithdrawAllowance(given.values["allowance"], reason)


ACTIONS: Mapping[str, Action] = {
    action.name: action
    for action in (
        Action(
            "release",
            "Release a license",
            "Gives a download back for the member, as if the device had deleted it.",
            _only_license,
            _release,
            verb="Release",
            ends_something=True,
        ),
        Action(
            "extend",
            "Extend a license",
            "Moves the end of a license, within the longest life that the rules allow.",
            _extend_fields,
            _extend,
            check=_longest,
            verb="Extend",
        ),
        Action(
            "grant",
            "Grant an allowance",
            "Lets the member exceed one limit of the rules for a while.",
            _grant_fields,
            _grant,
            verb="Grant",
        ),
        Action(
            "deactivate",
            "Deactivate a device",
            "Takes a device off the member, and releases every download on it.",
            _device_fields,
            _deactivate,
            verb="Deactivate",
            ends_something=True,
        ),
        Action(
            "revoke",
            "Revoke a license",
            "Takes an active license back before its end: for fraud or a legal claim.",
            _only_license,
            _revoke,
            verb="Revoke",
            ends_something=True,
        ),
        Action(
            "note",
            "Add a note",
            "Pins a remark to a step, for whoever opens the history next.",
            _note_fields,
            _note,
            verb="Add the note",
            counted=False,
        ),
        Action(
            "take-extension-back",
            "Take an extension back",
            "Moves the end of a license back to where it was without the extension.",
            _extensions,
            _take_extension_back,
            verb="Take back",
            offered=False,
        ),
        Action(
            "take-allowance-back",
            "Take an allowance back",
            "From now on the allowance counts no more; what it allowed stays as it is.",
            _allowances,
            _take_allowance_back,
            verb="Take back",
            offered=False,
        ),
        Action(
            "reactivate",
            "Take a device in again",
            "Makes a device that was given up one of the member's again; its downloads stay gone.",
            _old_device_fields,
            _reactivate,
            verb="Take in again",
            offered=False,
        ),
    )
}
"""By their names in addresses."""
