"""A device of a member: known from its registration, or from its first download."""

from datetime import datetime

import msgspec
from msgspec.structs import replace

# -- Events. These names and shapes are storage. --


class DeviceRegistered(msgspec.Struct, frozen=True):
    """The member's device became known."""

    device_id: str
    type: str | None = None
    name: str | None = None


class DeviceDeactivated(msgspec.Struct, frozen=True):
    """The member gave the device up; its downloads were released with it."""

    device_id: str
    reason: str | None = None


Event = DeviceRegistered | DeviceDeactivated

# -- State --


class Device(msgspec.Struct, frozen=True):
    """A device that may hold downloads."""

    device_id: str
    type: str | None
    name: str | None
    registered_at: datetime
    deactivated_at: datetime | None = None


def evolve(device: Device | None, event: Event, at: datetime) -> Device:
    """The device after `event`; one that is registered again is active again."""
    match event:
        case DeviceRegistered():
            return Device(
                device_id=event.device_id,
                type=event.type,
                name=event.name,
                registered_at=device.registered_at if device else at,
            )
        case DeviceDeactivated():
            known = device or Device(event.device_id, None, None, at)
            return replace(known, deactivated_at=at)


# -- Commands and decisions --


class RegisterDevice(msgspec.Struct, frozen=True):
    """A device makes itself known; a second time with other words renames it."""

    device_id: str
    type: str
    name: str | None = None


class DeactivateDevice(msgspec.Struct, frozen=True):
    """The member gives a device up: its downloads are released, and it counts no more."""

    device_id: str
    reason: str | None = None


def register(device: Device | None, command: RegisterDevice) -> list[Event]:
    """Nothing to do for an active device that is known just so."""
    known = device is not None and (device.type, device.name) == (command.type, command.name)
    if known and device is not None and device.deactivated_at is None:
        return []
    return [DeviceRegistered(command.device_id, command.type, command.name)]


def deactivate(device: Device, command: DeactivateDevice) -> list[Event]:
    """Nothing to do for a device that was given up already."""
    if device.deactivated_at is not None:
        return []
    return [DeviceDeactivated(command.device_id, command.reason)]
