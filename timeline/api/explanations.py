"""Why can this member (not) download this title on this device? A dry run that writes nothing."""

from typing import Any

import msgspec
from django.http import HttpRequest
from django.utils import timezone
from ninja import Router

from licensing import service
from timeline.api import commanding, inputs, keys

router = Router(tags=["explanations"])


@router.post("", auth=keys.READ)
def explain(
    request: HttpRequest, member_id: inputs.MemberId, body: inputs.Acquisition
) -> dict[str, Any]:
    """What the same acquisition would get now, with every row, value and margin."""
    now = timezone.now()
    commanding.check_instant(body.occurred_at, now)
    decided = service.explain(member_id, commanding.acquisition(body), now=now)
    return {
        "outcome": decided.outcome,
        "decision": decided.decision,
        "events": [_preview(event, body) for event in decided.events],
    }


def _preview(event: Any, body: inputs.Acquisition) -> dict[str, Any]:
    data = msgspec.to_builtins(event)
    if body.license_id is None and "license_id" in data:
        data["license_id"] = None  # an id is only made when a command is
    return {"type": type(event).__name__, "data": data}
