"""Domain events to and from what is stored: the only place that knows both."""

from collections.abc import Iterator
from typing import Any

import msgspec

from licensing.domain import (
    allowance,
    device,
    extension,
    license,
    member,
    membership,
    note,
    upcasters,
)

SCHEMA_VERSIONS: dict[type[member.Event], int] = {
    allowance.AllowanceGranted: 1,
    allowance.AllowanceWithdrawn: 1,
    device.DeviceDeactivated: 1,
    device.DeviceRegistered: 1,
    extension.ExtensionRefused: 1,
    extension.ExtensionWithdrawn: 1,
    extension.LicenseExtended: 1,
    license.AcquisitionRefused: 1,
    license.LicenseExpired: 2,
    license.LicenseIssued: 1,
    license.LicenseReleased: 1,
    license.LicenseRenewed: 1,
    license.LicenseRevoked: 1,
    license.PlaybackStarted: 1,
    license.PlaybackStopped: 1,
    license.RenewalRefused: 1,
    membership.MemberErased: 1,
    membership.MembershipCancelled: 1,
    membership.PlanChanged: 2,
    note.NoteAdded: 1,
}
_READ = {
    (kind.__name__, version): msgspec.json.Decoder(kind).decode
    for kind, version in SCHEMA_VERSIONS.items()
}
_as_object = msgspec.json.Decoder(dict[str, Any]).decode
BY_NAME = {kind.__name__: kind for kind in SCHEMA_VERSIONS}


class UnreadableEvent(ValueError):
    """This build does not know the type or schema version, or the payload does not fit it."""


def reads(type_name: str, schema_version: int) -> bool:
    """Whether events of this type and version can be read, if their payload is whole."""
    kind = BY_NAME.get(type_name)
    return kind is not None and (
        upcasters.upcast(type_name, schema_version, {}, SCHEMA_VERSIONS[kind]) is not None
    )


def readable() -> Iterator[tuple[str, int]]:
    """Every type with each schema version of it that can be read."""
    for kind, newest in SCHEMA_VERSIONS.items():
        for version in range(1, newest + 1):
            if reads(kind.__name__, version):
                yield kind.__name__, version


def lift(type_name: str, schema_version: int, data: str) -> dict[str, Any]:
    """Stored JSON as an object in today's shape; raises UnreadableEvent for a newer version.

    A type that is no member's event has no shape here, and stays as it is.
    """
    kind = BY_NAME.get(type_name)
    found = _as_object(data)
    if kind is None or schema_version == SCHEMA_VERSIONS[kind]:
        return found
    lifted = upcasters.upcast(type_name, schema_version, found, SCHEMA_VERSIONS[kind])
    if lifted is None:
        raise UnreadableEvent(f"This build cannot read {type_name} version {schema_version}.")
    return lifted


def encode(event: member.Event) -> tuple[str, int, dict[str, Any]]:
    """The event as (type, schema version, JSON object)."""
    kind = type(event)
    return kind.__name__, SCHEMA_VERSIONS[kind], msgspec.to_builtins(event)


def read(type_name: str, schema_version: int, data: str | bytes) -> member.Event:
    """As `decode`, from the stored JSON itself: the shape of today is read in one go."""
    in_one_go = _READ.get((type_name, schema_version))
    if in_one_go is None:
        return decode(type_name, schema_version, _as_object(data))
    try:
        return in_one_go(data)
    except msgspec.ValidationError as error:
        raise UnreadableEvent(f"{type_name} version {schema_version}: {error}") from None


def decode(type_name: str, schema_version: int, data: dict[str, Any]) -> member.Event:
    """The domain event that was stored, in today's shape; raises UnreadableEvent."""
    kind = BY_NAME.get(type_name)
    if kind is None:
        raise UnreadableEvent(f"This build does not know the event type {type_name}.")
    wanted = SCHEMA_VERSIONS[kind]
    if schema_version != wanted:
        lifted = upcasters.upcast(type_name, schema_version, data, wanted)
        if lifted is None:
            raise UnreadableEvent(f"This build cannot read {type_name} version {schema_version}.")
        data = lifted
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        raise UnreadableEvent(f"{type_name} version {schema_version}: {error}") from None
