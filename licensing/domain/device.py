"""A device of a member: known from its registration, or from its first download."""

from datetime import datetime

import msgspec

# -- Events. These names and shapes are storage. --


class DeviceRegistered(msgspec.Struct, frozen=True):
    """The member's device became known."""

    device_id: str
    type: str | None = None
    name: str | None = None


Event = DeviceRegistered

# -- State --


class Device(msgspec.Struct, frozen=True):
    """A device that may hold downloads."""

    device_id: str
    type: str | None
    name: str | None
    registered_at: datetime
    deactivated_at: datetime | None = None


def evolve(device: Device | None, event: Event, at: datetime) -> Device:
    """The device after `event`."""
    return Device(
        device_id=event.device_id,
        type=event.type,
        name=event.name,
        registered_at=device.registered_at if device else at,
    )


# -- Commands and decisions --


class RegisterDevice(msgspec.Struct, frozen=True):
    """A device makes itself known; a second time with other words renames it."""

    device_id: str
    type: str
    name: str | None = None


def register(device: Device | None, command: RegisterDevice) -> list[Event]:
    """Nothing to do for a device that is known just so."""
    if device is not None and (device.type, device.name) == (command.type, command.name):
        return []
    return [DeviceRegistered(command.device_id, command.type, command.name)]
