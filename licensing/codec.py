"""Domain events to and from what is stored: the only place that knows both."""

from typing import Any

import msgspec

from licensing.domain import device, license, member

SCHEMA_VERSIONS: dict[type[member.Event], int] = {
    device.DeviceRegistered: 1,
    license.AcquisitionRefused: 1,
    license.LicenseExpired: 1,
    license.LicenseIssued: 1,
    license.LicenseReleased: 1,
    license.LicenseRenewed: 1,
    license.PlaybackStarted: 1,
    license.PlaybackStopped: 1,
    license.RenewalRefused: 1,
    member.PlanChanged: 1,
}
BY_NAME = {kind.__name__: kind for kind in SCHEMA_VERSIONS}


class UnreadableEvent(ValueError):
    """This build does not know the type or schema version, or the payload does not fit it."""


def encode(event: member.Event) -> tuple[str, int, dict[str, Any]]:
    """The event as (type, schema version, JSON object)."""
    kind = type(event)
    return kind.__name__, SCHEMA_VERSIONS[kind], msgspec.to_builtins(event)


def decode(type_name: str, schema_version: int, data: dict[str, Any]) -> member.Event:
    """The domain event that was stored; raises UnreadableEvent."""
    kind = BY_NAME.get(type_name)
    if kind is None:
        raise UnreadableEvent(f"This build does not know the event type {type_name}.")
    if schema_version != SCHEMA_VERSIONS[kind]:
        raise UnreadableEvent(f"This build cannot read {type_name} version {schema_version}.")
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        raise UnreadableEvent(f"{type_name} version {schema_version}: {error}") from None
