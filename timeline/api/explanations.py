"""Why can this member (not) download this title on this device? A dry run that writes nothing."""

from typing import Any

import msgspec
from django.http import HttpRequest
from django.utils import timezone
from ninja import Router

from licensing import rules, service
from timeline.api import commanding, inputs, keys, shapes
from timeline.api.openapi import told
from timeline.api.problems import invalid
from timeline.presenters import explanations

router = Router(tags=["explanations"])


@router.post(
    "",
    auth=keys.READ,
    openapi_extra=told(shapes.Explanation, "no_rules", "stream_unreadable", "member_erased"),
)
def explain(
    request: HttpRequest, member_id: inputs.MemberId, body: inputs.Question
) -> dict[str, Any]:
    """What the same acquisition would get now, or would have got at `at`, with what was known then.

    Every row, value and margin, and in `turns` what would turn the verdict, each change tried.
    """
    now = timezone.now()
    commanding.check_instant(body.occurred_at, now)
    if body.at is not None and body.at > now:
        raise invalid("at", "must lie in the past")
    found = service.explain(member_id, commanding.acquisition(body), now=now, at=body.at)
    decided = found.decided
    return {
        "outcome": decided.outcome,
        "version": found.version,
        "as_at": body.at or now,
        "decision": decided.decision,
        "events": [_preview(event, body) for event in decided.events],
        "turns": [_turn(turn, decided.outcome) for turn in found.turns],
    }


def _turn(turn: rules.Turn, outcome: str) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(turn)
    return told | {"words": explanations.turn(turn, outcome)}


def _preview(event: Any, body: inputs.Acquisition) -> dict[str, Any]:
    data = msgspec.to_builtins(event)
    if body.license_id is None and "license_id" in data:
        data["license_id"] = None  # an id is only made when a command is
    return {"type": type(event).__name__, "data": data}
