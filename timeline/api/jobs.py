"""The renewal and expiry jobs: what is due, what was tried, what came of it."""

from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router

from projections import jobs
from timeline.api import keys, shapes
from timeline.api.openapi import told

router = Router(tags=["operations"])


@router.get("", auth=keys.OPERATIONS, openapi_extra=told(shapes.Jobs))
def list_jobs(request: HttpRequest) -> dict[str, Any]:
    """Each kind of job with the obligations before it and behind it."""
    return {**jobs.status(timezone.now()), "next": None}
