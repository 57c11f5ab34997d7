"""The renewal and expiry jobs: what is due, what was tried, what came of it."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec
from django.http import HttpRequest
from django.utils import timezone
from ninja import Path, Router
from pydantic import Field

from projections import jobs
from timeline.api import commanding, inputs, keys, pages, shapes
from timeline.api.openapi import told
from timeline.api.problems import Problem
from timeline.paging import Instant, Text

router = Router(tags=["operations"])
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)

Kind = Annotated[Literal["renew", "expire"], Path()]


class Pause(inputs.Body):
    """Why a kind of job rests."""

    reason: inputs.Why


class Rate(inputs.Body):
    """How many a second, all workers together; null for as fast as it goes."""

    per_second: Annotated[int, Field(ge=1, le=100_000)] | None


class GivenUp(inputs.Body):
    """Which obligation, as the list of those that fail names it."""

    member_id: inputs.Member
    license_id: inputs.LicenseId
    due_at: inputs.Instant


@router.get("", auth=keys.OPERATIONS_ON_MEMBERS, openapi_extra=told(shapes.Jobs))
def list_jobs(request: HttpRequest) -> dict[str, Any]:
    """Each kind of job with the obligations before it and behind it."""
    now = timezone.now()
    found, coming = jobs.status(now), jobs.upcoming(now)
    items = [item | {"next_hours": coming[item["kind"]]} for item in found["items"]]
    return {**found, "items": items, "next": None}


@router.get(
    "/failing", auth=keys.OPERATIONS_ON_MEMBERS, openapi_extra=told(shapes.Page[shapes.Open])
)
def list_failing(
    request: HttpRequest, limit: pages.Limit = 100, after: pages.After = None
) -> dict[str, Any]:
    """What failed and is tried again, and what was given up and waits for a person.

    By when it was due, the oldest first.
    """
    place = pages.place_of(after, tuple[Instant, Text, Text, Text]) or (LONG_AGO, "", "", "")
    found = jobs.failing_page(limit + 1, place)
    return pages.page(
        found,
        limit,
        lambda each: [each.due_at, each.member_id, each.license_id, each.kind],
        msgspec.structs.asdict,
    )


@router.post("/{kind}/pause", auth=keys.OPERATE, openapi_extra=told(shapes.Control))
def pause(request: HttpRequest, kind: Kind, body: Pause) -> dict[str, Any]:
    """Let a kind of job rest: what is due waits, and is done oldest first afterwards."""
    keys.noted(request, "operate", reason=body.reason)
    jobs.pause(kind, by=_by(request), reason=body.reason)
    return _control(kind)


@router.post("/{kind}/resume", auth=keys.OPERATE, openapi_extra=told(shapes.Control))
def resume(request: HttpRequest, kind: Kind, body: inputs.Empty) -> dict[str, Any]:
    """Let it go on."""
    keys.noted(request, "operate")
    jobs.resume(kind, by=_by(request))
    return _control(kind)


@router.post("/{kind}/rate", auth=keys.OPERATE, openapi_extra=told(shapes.Control))
def set_rate(request: HttpRequest, kind: Kind, body: Rate) -> dict[str, Any]:
    """Hold it to a rate, so that a catch-up leaves room for others; null lifts that."""
    keys.noted(request, "operate", per_second=body.per_second)
    jobs.set_rate(kind, body.per_second)
    return _control(kind)


@router.post("/{kind}/retry", auth=keys.OPERATE, openapi_extra=told(shapes.Control, "not_given_up"))
def retry(request: HttpRequest, kind: Kind, body: GivenUp) -> dict[str, Any]:
    """Take up again what was given up: the next sweep tries it."""
    due: datetime = body.due_at
    keys.noted(request, "operate", license=body.license_id, due=due.isoformat())
    if not jobs.try_again(due, kind, member_id=body.member_id, license_id=body.license_id):
        raise Problem(404, "not_given_up", f"{body.license_id} was not given up.")
    return _control(kind)


def _control(kind: str) -> dict[str, Any]:
    return msgspec.structs.asdict(jobs.controls()[kind])


def _by(request: HttpRequest) -> str:
    return f"key {commanding.key_id(request)}"
