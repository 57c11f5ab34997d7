"""Members: found by an id of theirs, and as they are now."""

from typing import Any

import msgspec
from django.http import HttpRequest
from django.utils import timezone
from msgspec.structs import replace
from ninja import Router

from licensing import history
from licensing.domain import member as members
from projections.read_models import member_directory
from timeline import audit, profiles
from timeline.api import conditional, inputs, keys, pages, shapes
from timeline.api.openapi import told
from timeline.presenters import state

router = Router(tags=["members"])


@router.get("", auth=keys.READ, openapi_extra=told(shapes.Page[shapes.FoundMember], listing=True))
def list_members(
    request: HttpRequest,
    q: inputs.Query = "",
    after: pages.After = None,
    limit: pages.Limit = 100,
) -> dict[str, Any]:
    """Members by id or its beginning, device id or license id, and `why`; without `q`, all.

    A whole e-mail, now or formerly the member's, finds that one member. Better send one to `POST
    /members/search`: addresses stand in the logs of whatever lies between.
    """
    return _found(q, after, limit)


@router.post("/search", auth=keys.READ, openapi_extra=told(shapes.Page[shapes.FoundMember]))
def search_members(
    request: HttpRequest,
    body: inputs.Search,
    after: pages.After = None,
    limit: pages.Limit = 100,
) -> dict[str, Any]:
    """The same as `GET /members?q=`, without what is looked for in an address: for e-mails."""
    return _found(body.q, after, limit)


@router.get("/search", auth=keys.CATALOGUE, include_in_schema=False)
def get_member_called_search(request: HttpRequest) -> dict[str, Any]:
    """The state of the one member whose address the search has taken."""
    audit.read(request, "search", "API")
    return get_member(request, "search")


def _found(q: str, after: str | None, limit: int) -> dict[str, Any]:
    place = pages.place_of(after, tuple[str])
    found = member_directory.search(q, limit + 1, place[0] if place else None)
    if not found and place is None and (mine := profiles.find_by_email(q)):
        found = [
            replace(row, why="e-mail")
            for row in member_directory.search(mine)
            if row.member_id == mine
        ]
    return pages.page(found, limit, lambda row: [row.member_id], msgspec.to_builtins)


@router.get(
    "/{member_id}",
    auth=keys.READ,
    openapi_extra=told(shapes.Member, "stream_unreadable"),
)
def get_member(request: HttpRequest, member_id: inputs.MemberId) -> dict[str, Any]:
    """The member's state now; one never heard of is at version 0, with nothing."""
    now = timezone.now()
    tag = conditional.by_clock(request, history.stream_of(member_id), now)
    member, version, _ = history.state_as_at(member_id)
    tag.until(members.next_end(member, now))
    return {
        "member_id": member_id,
        "version": version,
        "as_at": now,
        "state": state.as_json(members.as_of(member, now)),
    }
