"""The Impact tab: what would have become of everybody under the draft, counted by a backtest."""

import uuid
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render

from licensing import backtests, rulebook
from licensing.backtests import Run
from licensing.simulation import NoSuchTrial
from timeline import studio as studios
from timeline.http import is_fragment, staff_page
from timeline.studio import Studio
from timeline.views.rules import frame
from timeline.views.rules.frame import Refusal


@staff_page(writes="draft", reads="rules")
def page(request: HttpRequest, rule_set: str, draft: str) -> HttpResponseBase:
    """The latest run over the draft as it is, or a button that starts one."""
    studio = studios.load(rule_set, draft)
    if request.method == "POST":
        return _do(request, studio)
    if is_fragment(request) and request.headers.get("HX-Target", "").endswith("#impact"):
        context = frame.head(request, studio, "impact") | _body(request, studio)
        return render(request, "rules/fragments/impact.html", context)
    return frame.show(request, studio, "impact", _body(request, studio))


def _body(request: HttpRequest, studio: Studio) -> dict[str, Any]:
    run = _chosen(request, studio)
    if run is None:
        older = _older(studio)
        return {"run": None, "older": older, "key": str(uuid.uuid4()), "studio_url": ""}
    in_force = studio.lived.in_force(studio.now)
    return {
        "run": run,
        "seen": frame.impact_of(studio, run),
        "stale": run.in_force != in_force,
        "against": studios.number_of(studio.rule_set_id, run.in_force),
        "draft": studio.draft,
        "rule_set": studio.rule_set_id,
        "key": str(uuid.uuid4()),
    }


def _chosen(request: HttpRequest, studio: Studio) -> Run | None:
    named = request.GET.get("run", "")
    for run in studio.runs:
        if str(run.id) == named:
            return run
    # A finished run says more than one that was stopped later.
    ready = studio.impact
    running = next((run for run in studio.runs if not run.over), None)
    return running or ready or (studio.runs[0] if studio.runs else None)


def _older(studio: Studio) -> bool:
    """Whether an earlier revision of this draft was backtested."""
    return bool(backtests.latest(rule_set_id=studio.rule_set_id, limit=1))


def _do(request: HttpRequest, studio: Studio) -> HttpResponse:
    act = request.POST.get("act", "")
    runs = {str(run.id): run for run in studio.runs}
    known = runs.get(request.POST.get("run", ""))
    if act == "start" or (act in ("stop", "resume") and known is not None):
        studios.note(request, studio.rule_set_id, f"{act} backtest", studio.draft.draft_id)
    if act == "start":
        try:
            backtests.start(
                studio.document,
                by=request.user.get_username(),
                run_id=_uuid(request.POST.get("key", "")),
                rule_set_id=studio.rule_set_id,
            )
        except NoSuchTrial as wrong:
            words = f"It cannot be tried as it is: {wrong.detail}"
            return _refused(request, studio, Refusal(422, words))
        except rulebook.NoRules as wrong:
            return _refused(request, studio, Refusal(409, str(wrong)))
    elif act == "stop" and known is not None:
        backtests.stop(known.id)
    elif act == "resume" and known is not None:
        backtests.resume(known.id)
    else:
        return _refused(request, studio, Refusal(409, "There is no such backtest of this draft."))
    return redirect(frame.address(studio, "impact"))


def _refused(request: HttpRequest, studio: Studio, refusal: Refusal) -> HttpResponse:
    body = _body(request, studio) | {"refusal": refusal}
    return frame.show(request, studio, "impact", body, status=refusal.status)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        return uuid.uuid4()
