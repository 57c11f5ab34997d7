"""A member's history to take along: events as JSON lines, filtered rows as CSV, a state as JSON.

Each export is noted in the audit trail before its first byte, and sent as it is read.
"""

from itertools import islice
from urllib.parse import urlencode

import msgspec
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone

from licensing import exporting, history
from licensing.fold import UnreadableStream
from licensing.history import stream_of
from timeline import audit, pasts, sending, sheets
from timeline.forms import asked
from timeline.http import MEMBER_ID, small_int, staff_page
from timeline.presenters import state, takeaway

NOTHING_HERE = "This member has no history to export."


@staff_page
def events(request: HttpRequest, member_id: str) -> HttpResponseBase:
    """Every event up to the head, a line each, as `manage.py import_history` takes it back."""
    head = _head(member_id)
    audit.record(request, "export", member_id, purpose="events", version=head)
    lines = islice(exporting.lines(stream_of(member_id)), head)
    return StreamingHttpResponse(
        sending.in_blocks(lines),
        content_type="application/x-ndjson",
        headers=_saved(f"{member_id}-v{head}-events.jsonl"),
    )


@staff_page
def rows(request: HttpRequest, member_id: str) -> HttpResponseBase:
    """The rows that the page's filter leaves, in the order that is asked for."""
    past = pasts.load(member_id) if MEMBER_ID.fullmatch(member_id) else None
    if past is None:
        raise Http404(NOTHING_HERE)
    query = asked(request.GET)
    head, told = past.head.version, past.told(query.order)
    filters = urlencode(query.filter.pairs())
    audit.record(
        request, "export", member_id, purpose="rows", version=head, order=query.order,
        filters=filters,
    )  # fmt: skip
    found = told.matching(query.filter, timezone.now())
    lines = takeaway.sheet(told.history, found, history.same_refusals(member_id))
    name = f"{member_id}-v{head}-{'filtered-' if filters else ''}rows.csv"
    return sheets.answer(name, takeaway.COLUMNS, lines)


@staff_page
def state_at(request: HttpRequest, member_id: str) -> HttpResponseBase:
    """The state as at a step, `?v=`, or else at the head."""
    head = _head(member_id)
    asked = small_int(request.GET.get("v", "")) if request.GET.get("v") else head
    if asked is None or asked > head:
        raise Http404(f"This history has no such step; the last one is {head}.")
    try:
        member, version, _ = history.state_as_at(member_id, version=asked)
    except UnreadableStream as error:
        return render(request, "404.html", {"why": str(error)}, status=409)
    audit.record(request, "export", member_id, purpose="state", version=version)
    told = {"member_id": member_id, "version": version, "state": state.as_json(member)}
    body = msgspec.json.format(msgspec.json.encode(told), indent=2) + b"\n"
    headers = _saved(f"{member_id}-v{version}-state.json")
    return HttpResponse(body, content_type="application/json", headers=headers)


def _head(member_id: str) -> int:
    head = history.head(member_id) if MEMBER_ID.fullmatch(member_id) else 0
    if head == 0:
        raise Http404(NOTHING_HERE)
    return head


def _saved(name: str) -> dict[str, str]:
    # Ids of members are letters, digits and ._- alone, so that no file name can be broken by one.
    return {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
    }
