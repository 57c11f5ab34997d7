"""Every member, whom something happened to last first."""

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from projections.read_models import member_directory
from timeline import paging, telling
from timeline.http import staff_page
from timeline.paging import Instant, Text
from timeline.presenters import directory

PAGE = 50


@staff_page(reads="search")
def listing(request: HttpRequest) -> HttpResponseBase:
    """A page of the directory; `?after=` is where the page before ended."""
    place = paging.place(request.GET.get("after"), tuple[Instant, Text])
    before, after = place or (None, "")
    found = member_directory.listing(PAGE + 1, before, after)
    said = telling.sentences((row.member_id, row.last_version) for row in found[:PAGE])
    context = {
        "section": "members",
        "rows": directory.rows(found[:PAGE], timezone.now(), said),
        "totals": directory.totals(member_directory.totals()),
        "first": reverse("members") if place else "",
    }
    if len(found) > PAGE:
        last = found[PAGE - 1]
        context["further"] = "?after=" + paging.token((last.last_event_at, last.member_id))
    return render(request, "members.html", context)
