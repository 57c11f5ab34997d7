"""A member's devices."""

from typing import Any

from django.http import HttpRequest
from ninja import Router

from licensing.domain.commands import DeactivateDevice, RegisterDevice
from timeline.api import commanding, inputs, keys, shapes
from timeline.api.openapi import told

router = Router(tags=["devices"])


@router.post("", auth=keys.WRITE, openapi_extra=told(shapes.Answer, command=True))
def register(
    request: HttpRequest, member_id: inputs.MemberId, body: inputs.DeviceRegistration
) -> dict[str, Any]:
    """Make a device known, or known by another type or name."""
    command = RegisterDevice(body.device_id, body.type, body.name)
    return commanding.run(request, member_id, command)


@router.post(
    "/{device_id}/deactivation",
    auth=keys.WRITE,
    openapi_extra=told(shapes.Answer, "unknown_device", command=True),
)
def deactivate(
    request: HttpRequest,
    member_id: inputs.MemberId,
    device_id: inputs.DeviceInPath,
    body: inputs.Deactivation | None = None,
) -> dict[str, Any]:
    """The member gives the device up: its downloads are released, and it counts no more."""
    command = DeactivateDevice(device_id, body.reason if body else None)
    return commanding.run(request, member_id, command)
