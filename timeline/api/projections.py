"""How far each read model is behind the events."""

from typing import Any

from django.http import HttpRequest
from ninja import Router

from projections import lag
from timeline.api import keys, shapes
from timeline.api.openapi import told

router = Router(tags=["operations"])


@router.get("", auth=keys.OPERATIONS, openapi_extra=told(shapes.Page[shapes.Projection]))
def list_projections(request: HttpRequest) -> dict[str, Any]:
    """Every projection with its state and its lag, in events (exact) and in seconds."""
    return {"items": lag.lag(), "next": None}
