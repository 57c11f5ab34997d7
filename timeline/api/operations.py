"""The processes behind the pages, and the catalogue of events: what operations pages show."""

from dataclasses import asdict
from typing import Any

import msgspec
from django.http import HttpRequest
from ninja import Router

from projections import census, heartbeat
from timeline.api import keys, shapes
from timeline.api.openapi import told

router = Router(tags=["operations"])


@router.get("/workers", auth=keys.OPERATIONS, openapi_extra=told(shapes.Page[shapes.Process]))
def list_workers(request: HttpRequest) -> dict[str, Any]:
    """Every worker and beat that was heard of in the last hour."""
    found = heartbeat.heartbeats()
    return {"items": [asdict(each) | {"alive": each.alive} for each in found], "next": None}


@router.get("/event-types", auth=keys.OPERATIONS, openapi_extra=told(shapes.Catalogue))
def list_event_types(request: HttpRequest) -> dict[str, Any]:
    """Each event type and schema version as it was last counted, and the streams' lengths."""
    kinds = [
        msgspec.structs.asdict(each) | {"mean_bytes": each.mean_bytes} for each in census.kinds()
    ]
    streams = [
        msgspec.structs.asdict(each) | {"mean": round(each.mean, 1)} for each in census.streams()
    ]
    return {"items": kinds, "streams": streams, "behind": census.behind(), "next": None}
