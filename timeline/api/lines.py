"""One line of many commands: the same command as that of its call, read by the same rules."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from pydantic import TypeAdapter, ValidationError

from licensing import guard
from licensing.domain.commands import (
    AddNote,
    CancelMembership,
    ChangePlan,
    Command,
    DeactivateDevice,
    GrantAllowance,
    RecordPlayback,
    RegisterDevice,
    ReleaseLicense,
    RenewLicense,
    RevokeLicense,
)
from licensing.store import ANY
from timeline.api import commanding, inputs
from timeline.api.problems import Fault, Problem, invalid

T = TypeVar("T")

_IDS: Mapping[str, TypeAdapter[str]] = {
    "license_id": TypeAdapter(inputs.LicenseId),
    "device_id": TypeAdapter(inputs.Identifier),
}
_MEMBERS = "/api/v1/members/"


class Kind(msgspec.Struct, frozen=True):
    """A command's call: its address below the member, its body, and whether support makes it.

    `build` is called with the body and the ids that the address carries.
    """

    path: str
    body: type[inputs.Body]
    build: Callable[..., Command]
    staff: bool = False
    ids: tuple[str, ...] = ()


_LICENSE = ("license_id",)
KINDS: Mapping[str, Kind] = {
    "AcquireLicense": Kind("/licenses", inputs.Acquisition, commanding.acquisition),
    "RenewLicense": Kind(
        "/licenses/{license_id}/renewals",
        inputs.Renewal,
        lambda _, it: RenewLicense(it),
        ids=_LICENSE,
    ),
    "ReleaseLicense": Kind(
        "/licenses/{license_id}/release",
        inputs.Release,
        lambda _, it: ReleaseLicense(it),
        ids=_LICENSE,
    ),
    "RevokeLicense": Kind(
        "/licenses/{license_id}/revocation",
        inputs.Revocation,
        lambda body, it: RevokeLicense(it, body.reason),
        staff=True,
        ids=_LICENSE,
    ),
    "RecordPlayback": Kind(
        "/licenses/{license_id}/playbacks",
        inputs.Playback,
        lambda body, it: RecordPlayback(it, body.action),
        ids=_LICENSE,
    ),
    "RegisterDevice": Kind(
        "/devices",
        inputs.DeviceRegistration,
        lambda body: RegisterDevice(body.device_id, body.type, body.name),
    ),
    "DeactivateDevice": Kind(
        "/devices/{device_id}/deactivation",
        inputs.Deactivation,
        lambda body, it: DeactivateDevice(it, body.reason),
        ids=("device_id",),
    ),
    "ChangePlan": Kind(
        "/plan", inputs.PlanChange, lambda body: ChangePlan(body.plan, body.country)
    ),
    "CancelMembership": Kind(
        "/cancellation",
        inputs.Cancellation,
        lambda body: CancelMembership(body.reason),
        staff=True,
    ),
    "GrantAllowance": Kind(
        "/allowances",
        inputs.AllowanceGrant,
        lambda body: GrantAllowance(**body.model_dump()),
        staff=True,
    ),
    "AddNote": Kind(
        "/notes", inputs.NewNote, lambda body: AddNote(**body.model_dump()), staff=True
    ),
}
"""Every command that the API takes, by its name."""


class Line(msgspec.Struct, frozen=True):
    """A command, ready to be handled."""

    member: str
    command: Command
    command_id: str
    expected: int
    data_hash: bytes
    occurred_at: datetime | None
    staff: bool


def read(raw: bytes, told: dict[str, Any]) -> Line:
    """The command in a line; notes in `told` whose it is. Raises what a call's body would meet."""
    envelope = inputs.CommandLine.model_validate(guard.read_json(raw.rstrip(b"\r\n")))
    told["member"], told["command_id"] = envelope.member, envelope.command_id
    kind = KINDS[envelope.command]
    data = dict(envelope.data)
    ids = {name: _id(name, data) for name in kind.ids}
    body = _valid("data", data, kind.body.model_validate)
    command = kind.build(body, *ids.values())
    path = _MEMBERS + envelope.member + kind.path.format(**ids)
    return Line(
        member=envelope.member,
        command=command,
        command_id=envelope.command_id,
        expected=ANY if envelope.expected_version is None else envelope.expected_version,
        data_hash=commanding.data_hash(command, path, data),
        occurred_at=getattr(body, "occurred_at", None),
        staff=kind.staff,
    )


def _id(name: str, data: dict[str, Any]) -> str:
    if name not in data:
        raise invalid(f"data.{name}", "is missing")
    valid = _IDS[name].validate_python
    return _valid(f"data.{name}", data.pop(name), lambda value: valid(value, strict=True))


def _valid(path: str, value: Any, validate: Callable[[Any], T]) -> T:
    """The value, checked; a fault in it is said with its path in the line."""
    try:
        return validate(value)
    except ValidationError as error:
        faults = [
            Fault(guard.printable(".".join([path, *map(str, each["loc"])])), each["msg"])
            for each in error.errors()[:20]
        ]
        words = f"{faults[0].path}: {faults[0].message}"
        raise Problem(422, "invalid_input", words, errors=faults) from None
