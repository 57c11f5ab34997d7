"""How it stands with everything that runs behind the pages; renewed every three seconds."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone

from projections import builds, deliveries, heartbeat, jobs, lag, parking, samples
from timeline import audit
from timeline.http import may, part_wanted, staff_page
from timeline.presenters import builds as told
from timeline.presenters import clock, operations
from timeline.presenters.directory import grouped

MOST_PARKED = 50
MOST_FAILING = 20


@staff_page(polled=True)
def page(request: HttpRequest) -> HttpResponseBase:
    """The whole page, or what htmx renews of it."""
    return show(request)


def show(
    request: HttpRequest, *, problem: str = "", about: str = "", typed: str = "", status: int = 200
) -> HttpResponse:
    """The page with what is wrong with a form: `about` is the form's id, `typed` its reason."""
    standing = _standing()
    differing = any(each["build"].differences for each in standing["rebuilds"])
    if standing["parked"] or standing["failing"] or (differing and may(request, "operate")):
        audit.read(request, "", "operations")  # these name members; all else counts them
    context = standing | {
        "section": "operations",
        "may_operate": may(request, "operate"),
        "problem": problem,
        # Beside its form, or on top where that form is not on the page any more.
        "about": about if about in _forms(standing) else "",
        "typed": typed,
    }
    part = part_wanted(request, ("ops",))
    name = "operations/standing.html" if part else "operations/page.html"
    return render(request, name, context, status=status)


def _forms(standing: dict[str, Any]) -> set[str]:
    """The forms on the page that people fill in, by the id of their field."""
    skips = {f"skip-{each.key}" for each in standing["parked"]}
    pauses = {f"pause-{job.kind}" for job in standing["jobs"] if not job.paused}
    return skips | pauses | {f"rate-{job.kind}" for job in standing["jobs"]}


def _standing() -> dict[str, Any]:
    now = timezone.now()
    items = lag.lag()
    models = operations.models(items, samples.last_hour(), now)
    held = parking.listing(limit=MOST_PARKED + 1)
    job_items = jobs.status(now, limit=1)["items"]
    return {
        "at": now,
        "head": grouped(max((item["head"] for item in items), default=0)),
        "models": models,
        "level": sum(model.state == "level" for model in models),
        "rebuilds": [
            {"label": model.label, "build": growing}
            for model in models
            if model.rebuild and (growing := _growing(model.name, now))
        ],
        "parked": operations.parked(held[:MOST_PARKED], now),
        "parked_more": len(held) > MOST_PARKED,
        "parked_count": sum(model.parked for model in models),
        "jobs": operations.job_rows(job_items, now),
        "failing": operations.failing(jobs.failing(MOST_FAILING), now),
        "due_now": sum(item["due"] for item in job_items),
        "due_marks": operations.due_chart(jobs.upcoming(now), now),
        "due_from": clock.minute(now),
        "workers": operations.workers(heartbeat.heartbeats(), now),
        "lost_messages": operations.messages(deliveries.suspicious()),
    }


def _growing(name: str, now: datetime) -> told.Growing | None:
    build = builds.in_progress(name)
    return told.growing(build, now) if build else None
