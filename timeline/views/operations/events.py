"""The event catalogue: which events there are, how many, how large, how long histories grow."""

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone

from projections import census
from timeline.http import staff_page
from timeline.presenters import events


@staff_page
def catalogue(request: HttpRequest) -> HttpResponseBase:
    """As it was last counted; looking never reads the log."""
    now, kinds = timezone.now(), census.kinds()
    context = {
        "section": "operations",
        "at": now,
        "kinds": events.kinds(kinds, now),
        "total": events.total(kinds),
        "streams": events.streams(census.streams(), now),
        "behind": census.behind(),
    }
    return render(request, "operations/events.html", context)
