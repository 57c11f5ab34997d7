"""What the frame of every page shows, whichever view made it."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from timeline.actions import approvals, kinds, receipts
from timeline.http import may


def frame(request: HttpRequest) -> dict[str, bool]:
    """`demo_data`: whether the histories are a demonstration's."""
    return {"demo_data": settings.DEMO_DATA}


def support(request: HttpRequest) -> dict[str, Any]:
    """`support`: what a member's page offers to whoever may act; `receipt`: what was just done.

    Both are looked up by the pages that show them, and by no other.
    """
    asked = request.resolver_match.kwargs if request.resolver_match else {}
    member_id = str(asked.get("member_id", ""))
    key = request.GET.get("receipt", "")
    return {
        "support": SimpleLazyObject(lambda: _offered(request, member_id)),
        "receipt": SimpleLazyObject(lambda: receipts.of(key, member_id) if key else None),
    }


def _offered(request: HttpRequest, member_id: str) -> dict[str, Any]:
    if not member_id or not may(request, "act"):
        return {"may_act": False}
    return {
        "may_act": True,
        "member_id": member_id,
        "actions": [action for action in kinds.ACTIONS.values() if action.offered],
        "waiting": len(approvals.waiting(timezone.now(), member_id)),
    }
