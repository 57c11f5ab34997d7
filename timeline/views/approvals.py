"""Actions beyond policy: one person asked, another one looks at what it would do, and decides."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters

from licensing import store
from timeline import audit, own_writes
from timeline.actions import approvals, confirming, fields, kinds, ledger
from timeline.actions.confirming import Asked, Moved
from timeline.actions.models import ApprovalRequest
from timeline.http import may, staff_page
from timeline.views import actions

DECISIONS = {"approve": approvals.APPROVED, "reject": approvals.REJECTED}


@staff_page(may="second", reads="approvals")
def index(request: HttpRequest) -> HttpResponseBase:
    """What waits for a second person, and what was decided lately."""
    now = timezone.now()
    context = {
        "section": "members",
        "waiting": [actions.told(each, now) for each in approvals.waiting(now)],
        "decided": [actions.told(each, now) for each in approvals.decided(now)],
    }
    return render(request, "actions/approvals.html", context)


@staff_page(may="read", writes="second")
@sensitive_post_parameters("answer")
def request_page(request: HttpRequest, key: str) -> HttpResponseBase:
    """One request: what it would do now, and the two answers to it."""
    found = approvals.find(key)
    if found is None:
        raise Http404("There is no such request.")
    audit.read(request, found.member_id, "approval")
    if request.method != "POST":
        return _page(request, found)
    answer, fault = fields.reason_of(request.POST.get("answer", ""))
    decision = DECISIONS.get(request.POST.get("do", ""))
    if decision is None:
        return _page(request, found, notice="Say whether you approve or reject it.", status=422)
    if fault and (answer or decision == approvals.REJECTED):
        return _page(request, found, fault=fault, status=422)
    audit.record(
        request, "act", found.member_id, purpose=f"{found.action}, {decision}", reason=answer,
        key=key,
    )  # fmt: skip
    try:
        if decision == approvals.REJECTED:
            user = actions.user_of(request)
            approvals.decide(found.key, approvals.REJECTED, user, answer, timezone.now())
            return redirect("approval", found.key)
        return _approved(request, found, answer)
    except store.StreamErased as error:
        return actions.closed(request, found.member_id, error)
    except approvals.NotOpen as error:
        return _page(request, found, notice=error.why, status=409)


def _approved(request: HttpRequest, found: ApprovalRequest, answer: str) -> HttpResponseBase:
    try:
        asked = _asked(found)
        user, token = actions.user_of(request), request.POST.get("token", "")
        if found.asked_by == user.pk:
            raise approvals.NotOpen("You asked for this yourself; another person has to decide.")
        done = confirming.approve(asked, user, found, token, answer)
    except Moved as moved:
        return _page(request, found, moved=moved, status=409)
    except ledger.CapReached as full:
        words = f"Your {full.cap} actions of today are used up; somebody else can approve this."
        return _page(request, found, notice=words, status=429)
    except actions.CLOSED as error:
        return actions.closed(request, found.member_id, error)
    own_writes.wrote(request, done.events)
    return redirect(actions.address_of(found.member_id, done))


def _asked(found: ApprovalRequest) -> Asked:
    """The form as it was sent, at the head of today. Raises what `actions.CLOSED` names."""
    scene = confirming.scene_of(found.member_id, timezone.now())
    sent = {**found.sent, "reason": approvals.words(found)["reason"], "case": found.case}
    return confirming.asked(scene, kinds.ACTIONS[found.action], sent)


def _page(
    request: HttpRequest,
    found: ApprovalRequest,
    *,
    notice: str = "",
    fault: str = "",
    moved: Moved | None = None,
    status: int = 200,
) -> HttpResponse:
    found.refresh_from_db()
    now = timezone.now()
    context: dict[str, Any] = actions.told(found, now) | {
        "section": "members",
        "member_id": found.member_id,
        "may_decide": may(request, "second"),
        "own": found.asked_by == request.user.pk,
        "notice": notice,
        "fault": fault,
        "answer": request.POST.get("answer", ""),
    }
    if context["standing"] in ("pending", "approved"):
        context |= _preview(request, found)
    if moved is not None:
        context |= {"moved": moved.why, "news": actions.news(found.member_id, moved.since)}
    return render(request, "actions/approval.html", context, status=status)


def _preview(request: HttpRequest, found: ApprovalRequest) -> dict[str, Any]:
    try:
        asked = _asked(found)
        if asked.faults:
            return {"gone": " ".join(asked.faults.values())}
        shown = confirming.approval_shown(asked, actions.user_of(request), found)
        return actions.shown_context(shown)
    except (*actions.CLOSED, store.StoreError) as error:
        return {"gone": str(error)}
