"""The member timeline: one address per step, sent whole or as the one region that changes."""

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone

from licensing import connection, history, store
from timeline import pasts
from timeline.forms import asked
from timeline.http import MEMBER_ID, part_wanted, staff_page
from timeline.pasts import Past
from timeline.views.member_page import MemberPage
from timeline.views.news import news
from timeline.views.regions import REGIONS, chosen, cursor_at, wanted_step


@staff_page
def head(request: HttpRequest, member_id: str) -> HttpResponseBase:
    """The last step, with the clock at now; `?v=` and `?place=` come from the forms."""
    past = _past(member_id)
    if past is None:
        return _unknown(request, member_id)
    if "v" not in request.GET and "place" not in request.GET:
        return _page(past, request, None, now=True).answer(request)
    query = asked(request.GET)
    version, t = chosen(past.told(query.order).history, request.GET)
    if part_wanted(request, REGIONS) is None:
        carried = query.carry(**({"t": t.isoformat()} if t else {}))
        return redirect(reverse("step", args=[member_id, version]) + carried)
    return _page(past, request, version).answer(request)


@staff_page
def step(request: HttpRequest, member_id: str, version: str) -> HttpResponseBase:
    """One step of a member's history."""
    past = _past(member_id)
    return (
        _unknown(request, member_id)
        if past is None
        else _page(past, request, version).answer(request)
    )


@staff_page
def pin(request: HttpRequest, member_id: str, version: str) -> HttpResponseBase:
    """The address of a step that says what it folds to today: as text for a script, or opened."""
    past = _past(member_id)
    if past is None:
        return _unknown(request, member_id)
    address = _page(past, request, version).pinned()
    if request.headers.get("Accept") == "text/plain":
        return HttpResponse(request.build_absolute_uri(address), content_type="text/plain")
    return redirect(address)


@staff_page(polled=True)
def live(request: HttpRequest, member_id: str) -> HttpResponseBase:
    """How many events came since step `since`, and when the earliest of them happened."""
    if not MEMBER_ID.fullmatch(member_id):
        raise Http404("This can be no member's id.")
    return news(request, history.stream_of(member_id))


@staff_page(reads="event")
def event(request: HttpRequest, event_id: UUID) -> HttpResponseBase:
    """The permanent link of an event leads to its step."""
    found = store.find_event(connection.opened(), event_id)
    if found is None or not found.stream_id.startswith("member-"):
        raise Http404("No event has this id.")
    return redirect(reverse("step", args=[found.stream_id.removeprefix("member-"), found.version]))


def _past(member_id: str) -> Past | None:
    if not MEMBER_ID.fullmatch(member_id):
        raise Http404("This can be no member's id.")
    return pasts.load(member_id)


def _unknown(request: HttpRequest, member_id: str) -> HttpResponse:
    context = {"section": "members", "member_id": member_id}
    return render(request, "timeline/unknown.html", context)


def _page(past: Past, request: HttpRequest, version: str | None, now: bool = False) -> MemberPage:
    """The page at a step, with the clock of the step, or going on to now."""
    instant = timezone.now()
    query, member_id = asked(request.GET), past.history.member_id
    told = past.told(query.order)
    place = wanted_step(told.history, version)
    return MemberPage(
        past,
        request.GET,
        name=member_id,
        base=reverse("timeline", args=[member_id]),
        past=told.history,
        told=told,
        query=query,
        cursor=cursor_at(told.history, place.version, query.t, instant if now else None),
        now=instant,
        notice=place.notice,
    )
