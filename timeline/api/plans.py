"""A member's plan and country."""

from typing import Any

from django.http import HttpRequest
from ninja import Router

from licensing.domain.commands import ChangePlan
from timeline.api import commanding, inputs, keys, shapes
from timeline.api.openapi import told

router = Router(tags=["plan"])


@router.post("", auth=keys.WRITE, openapi_extra=told(shapes.Answer, command=True))
def change_plan(
    request: HttpRequest, member_id: inputs.MemberId, body: inputs.PlanChange
) -> dict[str, Any]:
    """Move the member to another plan, or to another country."""
    command = ChangePlan(body.plan, body.country)
    return commanding.run(request, member_id, command)
