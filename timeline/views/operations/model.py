"""A read model's page: its builds, and what operators do with them. Each deed leaves its row."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone

from projections import builds, lag, parking
from projections.builds import Build, Refused
from projections.projector import Projector
from projections.registry import named
from timeline import audit
from timeline.http import may, part_wanted, staff_page
from timeline.presenters import builds as told
from timeline.presenters import operations
from timeline.views.operations.forms import Reasoned

MOST_BUILDS = 30
MOST_RETRIED = 500
"""In one request; what is left is tried with the next."""

PURPOSES = {
    "rebuild": "rebuild read model",
    "compare": "compare build",
    "swap": "swap build in",
    "cancel": "cancel build",
    "roll back": "roll build back",
    "retry all": "retry all parked streams",
}


class OnBuild(Reasoned):
    """What is to be done, with which build: the one that was shown."""

    generation = forms.IntegerField(min_value=1, max_value=2**31 - 1)
    hold = forms.BooleanField(required=False)
    known = tuple(PURPOSES)
    explained = ("rebuild", "roll back")


@staff_page(writes="operate", polled=True)
def page(request: HttpRequest, projection: str) -> HttpResponseBase:
    """How it stands with one read model and its builds; a form changes that."""
    try:
        projector = named(projection)
    except LookupError:
        raise Http404 from None
    if request.method == "POST":
        return _act(request, projector)
    return _show(request, projector)


def _act(request: HttpRequest, projector: Projector) -> HttpResponseBase:
    form = OnBuild(request.POST)
    about = request.POST.get("do", "")[:20]
    if not form.is_valid():
        return _show(request, projector, problem=form.problem, about=about, status=422)
    deed, given = form.cleaned_data["do"], form.cleaned_data
    shown = _meant(projector.name, deed)
    if shown is None or shown.generation != given["generation"]:
        gone = "That has changed since it was shown: look at how it stands now."
        return _show(request, projector, problem=gone, status=409)
    audit.record(
        request,
        "operate",
        f"projection:{projector.name}",
        purpose=PURPOSES[deed],
        reason=given["reason"],
        generation=given["generation"],
    )
    try:
        said = _done(projector.name, deed, given, request.user.get_username())
    except Refused as refused:
        return _show(request, projector, problem=str(refused), status=409)
    messages.success(request, said)
    return redirect("operations-model", projector.name)


def _meant(name: str, deed: str) -> Build | None:
    """The build that a deed is about: what stands in the form must be this one."""
    if deed in ("rebuild", "retry all"):
        return builds.live(name)
    return builds.before(name) if deed == "roll back" else builds.in_progress(name)


def _done(name: str, deed: str, given: dict[str, Any], by: str) -> str:
    """Do it; what to say then."""
    if deed == "rebuild":
        build = builds.request(name, by=by, reason=str(given["reason"]), hold=bool(given["hold"]))
        then = "waits for you" if build.hold else "takes the live one’s place"
        return f"Build {build.generation} has begun; when it is level and compared it {then}."
    if deed == "compare":
        build = builds.ask_comparison(name, by=by, generation=given["generation"])
        return f"A worker compares build {build.generation}; what it came to is shown then."
    if deed == "retry all":
        level, still = parking.retry_all(named(name), by=by, limit=MOST_RETRIED)
        return f"{level} stream{'' if level == 1 else 's'} level again, {still} still parked."
    settle = {"cancel": builds.cancel, "swap": builds.swap, "roll back": builds.roll_back}[deed]
    build = settle(name, by=by, generation=given["generation"])
    return f"Build {build.generation} {'was given up' if deed == 'cancel' else 'is live'}."


def _show(
    request: HttpRequest,
    projector: Projector,
    *,
    problem: str = "",
    about: str = "",
    status: int = 200,
) -> HttpResponse:
    now = timezone.now()
    (item,) = lag.lag([projector])
    live, growing = builds.live(projector.name), builds.in_progress(projector.name)
    before = builds.before(projector.name)
    operates = may(request, "operate")
    building = told.growing(growing, now) if growing else None
    if operates and building and building.differences:
        audit.read(request, "", "operations")  # rows of members
    context = {
        "section": "operations",
        "at": now,
        "model": operations.models([item], {}, now)[0],
        "live": live,
        "build": building,
        "back": told.row(before, now) if before else None,
        "builds": [told.row(each, now) for each in builds.history(projector.name)[:MOST_BUILDS]],
        "may_operate": operates,
        "problem": problem,
        "about": about if about in OnBuild.explained else "",
        "typed": request.POST.get("reason", "")[:200],
    }
    part = part_wanted(request, ("ops",))
    name = "operations/building.html" if part else "operations/model.html"
    return render(request, name, context, status=status)
