"""What support does for a member: goodwill, notes, and the end of a membership."""

from typing import Any

from django.http import HttpRequest
from ninja import Router

from licensing.domain.commands import AddNote, CancelMembership, GrantAllowance
from timeline.api import commanding, inputs, keys, shapes
from timeline.api.openapi import told

router = Router(tags=["support"])


@router.post("/allowances", auth=keys.SUPPORT, openapi_extra=told(shapes.Answer, command=True))
def grant_allowance(
    request: HttpRequest, member_id: inputs.MemberId, body: inputs.AllowanceGrant
) -> dict[str, Any]:
    """Let the member exceed one limit of the rules for a while."""
    return commanding.run(request, member_id, GrantAllowance(**body.model_dump()))


@router.post("/notes", auth=keys.SUPPORT, openapi_extra=told(shapes.Answer, command=True))
def add_note(
    request: HttpRequest, member_id: inputs.MemberId, body: inputs.NewNote
) -> dict[str, Any]:
    """Write something down, about the member or one step of the history."""
    return commanding.run(request, member_id, AddNote(**body.model_dump()))


@router.post("/cancellation", auth=keys.SUPPORT, openapi_extra=told(shapes.Answer, command=True))
def cancel(
    request: HttpRequest, member_id: inputs.MemberId, body: inputs.Cancellation | None = None
) -> dict[str, Any]:
    """End the membership: every active license is revoked with it."""
    command = CancelMembership(body.reason) if body else CancelMembership()
    return commanding.run(request, member_id, command)
