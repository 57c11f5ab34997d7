"""The first page: one search field, the queues, and the way back to whom one opened last."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone

from projections.read_models import decision_log, late_report, limit_watch, member_directory
from projections.read_models.member_directory import Found
from timeline import finding, recent, telling
from timeline.http import staff_page
from timeline.presenters import directory, queues
from timeline.presenters.queues import HOUR, HOURS, Card

MOST = 50
LATEST = 5


@staff_page(reads="search")
def home(request: HttpRequest) -> HttpResponseBase:
    """Without a question the queues and the latest; an exact id leads straight to its member.

    A search is sent as a form and led to its address, which can be kept and sent on. One for an
    e-mail has none: addresses stand in histories and in the logs of whatever lies between.
    """
    sent = request.method == "POST"
    typed = (request.POST if sent else request.GET).get("q", "")[: finding.LONGEST].strip()
    if sent and "@" not in typed:
        address = reverse("home")
        return redirect(f"{address}?{urlencode({'q': typed})}" if typed else address)
    if not typed:
        return render(request, "home.html", _first(request))
    asked = finding.question(typed)
    target = finding.straight(asked)
    if target is not None and target.version is not None:
        return redirect("step", target.member_id, target.version)
    if target is not None:
        return redirect("timeline", target.member_id)
    found = finding.several(asked, MOST + 1)
    context = {
        "section": "members",
        "q": typed,
        "asked": asked,
        "kinds": finding.KINDS,
        "rows": _rows(found[:MOST]),
        "more": len(found) > MOST,
    }
    return render(request, "search.html", context)


def _first(request: HttpRequest) -> dict[str, Any]:
    now = timezone.now()
    seen = recent.listing(request)
    known = {row.member_id: row for row in member_directory.of(list(seen))}
    opened = [known[member_id] for member_id in seen if member_id in known]
    latest = member_directory.listing(LATEST)
    said = telling.sentences({(row.member_id, row.last_version) for row in [*opened, *latest]})
    return {
        "section": "members",
        "kinds": finding.KINDS,
        "totals": directory.totals(member_directory.totals()),
        "cards": _cards(),
        "opened": directory.rows(opened, now, said, seen),
        "latest": directory.rows(latest, now, said),
    }


def _cards() -> list[Card]:
    now = timezone.now()
    start = now - HOURS * HOUR
    refused = queues.by_hour(
        ((each.hour, each.refusals) for each in decision_log.refusal_hours(start)), now
    )
    late = queues.by_hour(((each.hour, each.reports) for each in late_report.hours(start)), now)
    held = [each.members for each in limit_watch.hours(now, HOURS)]
    return [
        queues.refusals(
            reverse("queue-refusals"), decision_log.refusal_counts(now - HOUR), refused
        ),
        queues.late(reverse("queue-late"), late_report.counts(queues.since("today", now)), late),
        queues.limits(reverse("queue-limits"), limit_watch.counts(now), held),
    ]


def _rows(found: Sequence[Found]) -> list[directory.Row]:
    said = telling.sentences((row.member_id, row.last_version) for row in found)
    return directory.rows(found, timezone.now(), said)
