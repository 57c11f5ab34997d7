"""The first page: one search field, what it found, and whom something happened to last."""

from collections.abc import Sequence

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone

from licensing import connection, store
from licensing.history import stream_of
from projections.read_models import license_index, member_directory
from projections.read_models.member_directory import Found
from timeline import profiles
from timeline.http import MEMBER_ID, staff_page
from timeline.presenters import directory

MOST = 50
TOLD = 25  # rows whose last event is put into a sentence


@staff_page(reads="search")
def home(request: HttpRequest) -> HttpResponseBase:
    """Search by member, device or license id, or whole e-mail; without a question, the latest."""
    q = "".join(c for c in request.GET.get("q", "") if c.isprintable()).strip()[:120]
    if "@" in q and (mine := profiles.find_by_email(q)):
        return redirect("timeline", mine)
    found = member_directory.search(q, limit=MOST + 1) if q else member_directory.listing(TOLD)
    if q and len(found) == 1 and found[0].member_id == q:
        return redirect("timeline", found[0].member_id)
    context = {
        "section": "members",
        "q": q,
        "rows": directory.rows(found[:MOST], timezone.now(), _said(found[:TOLD])),
        "more": len(found) > MOST,
        "looks_like_member": bool(MEMBER_ID.fullmatch(q)),
        "totals": directory.totals(member_directory.totals()),
    }
    return render(request, "home.html", context)


def _said(found: Sequence[Found]) -> dict[str, str]:
    """The last event of each member in words, as far as log and index tell it."""
    conn = connection.opened()
    said: dict[str, str] = {}
    for member in found:
        event = store.read_event(conn, stream_of(member.member_id), member.last_version)
        if event is None:
            continue
        license_id = event.data.get("license_id")
        known = license_index.find(license_id) if isinstance(license_id, str) else []
        mine = next((entry for entry in known if entry.member_id == member.member_id), None)
        title = mine.title_name or mine.title_id if mine else None
        words = directory.last_words(event.type, event.data, title)
        if words:
            said[member.member_id] = words
    return said
