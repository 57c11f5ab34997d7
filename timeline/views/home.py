"""The first page: one search field, what it found, and whom something happened to last."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from projections.read_models import member_directory
from timeline.http import MEMBER_ID, staff_page
from timeline.presenters import directory

MOST = 50


@staff_page
def home(request: HttpRequest) -> HttpResponse:
    """Search by member, device or license id; without a question, the latest."""
    q = "".join(c for c in request.GET.get("q", "") if c.isprintable()).strip()[:120]
    found = member_directory.search(q, limit=MOST + 1) if q else member_directory.listing(MOST)
    if q and len(found) == 1 and found[0].member_id == q:
        return redirect("timeline", found[0].member_id)
    context = {
        "section": "members",
        "q": q,
        "rows": directory.rows(found[:MOST], timezone.now()),
        "more": len(found) > MOST,
        "looks_like_member": bool(MEMBER_ID.fullmatch(q)),
        "totals": member_directory.totals(),
    }
    return render(request, "home.html", context)
