"""The History tab: who did what, when and why; and the next thing to do with a draft."""

import uuid
from datetime import datetime
from typing import Any

import msgspec
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.utils import timezone

from licensing import rulebook, store
from licensing.rules import edits, life, sheets
from licensing.rules.drafting import Document
from licensing.rules.life import LifeError
from licensing.rules.wording import Unreadable
from timeline import studio as studios
from timeline.http import staff_page
from timeline.presenters.rules import difference, lifeline
from timeline.studio import Studio
from timeline.views.rules import frame
from timeline.views.rules.frame import Refusal

MOST_STEPS = 200


class StepView(msgspec.Struct, frozen=True):
    """One step of the draft's life, an edit with what it changed."""

    moment: lifeline.Moment
    told: list[difference.Told]
    undoable: bool


@staff_page
def page(request: HttpRequest, rule_set: str, draft: str) -> HttpResponseBase:
    """The life of the draft, the latest first."""
    return _page(request, studios.load(rule_set, draft))


def _page(
    request: HttpRequest, studio: Studio, refusal: Refusal | None = None, **more: Any
) -> HttpResponse:
    steps = list(rulebook.steps(studio.rule_set_id))
    told = lifeline.moments(steps, studio.draft.draft_id)[:MOST_STEPS]
    coming = studio.lived.scheduled(studio.now)
    body = {
        "steps": [_step(studio, each) for each in told],
        "approver": studio.draft.approved_by or "",
        "all_gates": frame.gates(studio),
        "refusal": refusal,
        "key": uuid.uuid4().hex,
        "suspends": studios.number_of(studio.rule_set_id, coming[0])
        if coming and studio.draft.base == studio.lived.in_force(studio.now)
        else None,
    }
    status = refusal.status if refusal is not None else 200
    return frame.show(request, studio, "history", body | more, status=status)


def _step(studio: Studio, moment: lifeline.Moment) -> StepView:
    told: list[difference.Told] = []
    if isinstance(moment.event, life.RulesDraftEdited):
        told = difference.told(moment.event.edits, studio.ruleset, studio.ruleset)
    last = moment.revision > 0 and moment.revision == studio.draft.revision
    return StepView(moment, told, last and not studio.closed)


@staff_page(writes="draft")
def undo(request: HttpRequest, rule_set: str, draft: str) -> HttpResponseBase:
    """Take the last edit back: one more edit, that says the reverse."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    studio = studios.load(rule_set, draft)
    last = studios.since(rule_set, draft, studio.draft.revision - 1)
    if not last:
        return _page(request, studio, Refusal(409, "Nothing was edited yet."))
    reverse = [
        edits.Edit(each.edit.path, each.edit.after, each.edit.before) for each in reversed(last)
    ]

    def change(document: Document) -> Document:
        made: Document = edits.applied(document, reverse)
        return made

    made = frame.attempt(request, rule_set, draft, change, ())
    if isinstance(made, Refusal):
        return _page(request, studios.load(rule_set, draft), made)
    messages.success(request, "The last edit is taken back.")
    return redirect(frame.address(made, "history"))


@staff_page(writes="draft")
def submit(request: HttpRequest, rule_set: str, draft: str) -> HttpResponseBase:
    """Ask for approval, with nothing blocking it."""
    return _ask(request, rule_set, draft, life.SubmitDraft(draft), "Approval is asked for.")


@staff_page(writes="approve")
def approve(request: HttpRequest, rule_set: str, draft: str) -> HttpResponseBase:
    """Approve what was read, as its hash names it; never one's own."""
    command = life.ApproveDraft(draft, request.POST.get("hash", ""))
    return _ask(request, rule_set, draft, command, "Approved.")


@staff_page(writes="draft")
def reject(request: HttpRequest, rule_set: str, draft: str) -> HttpResponseBase:
    """Give the draft back to its authors, or give it up; it can be taken up again."""
    reason = "".join(c for c in request.POST.get("reason", "") if c.isprintable()).strip()[:500]
    if request.method == "POST" and not reason:
        refusal = Refusal(422, "Say why, so that its authors know.")
        return _page(request, studios.load(rule_set, draft), refusal)
    command = life.RejectDraft(draft, reason)
    return _ask(request, rule_set, draft, command, "Given back, with your reason.")


@staff_page(writes="draft")
def publish(request: HttpRequest, rule_set: str, draft: str) -> HttpResponseBase:
    """Bring the approved draft into force, now or later; all that was tried must be of it."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    studio = studios.load(rule_set, draft)
    now = timezone.now()
    try:
        at = _start(request, now)
    except Unreadable as wrong:
        return _page(request, studio, Refusal(422, str(wrong)))
    missing = [gate for gate in frame.gates(studio) if not gate.ok]
    if missing and studio.draft.status == "approved":
        told = "; ".join(f"{gate.title}: {gate.words}" for gate in missing)
        return _page(request, studio, Refusal(409, f"It cannot be published yet. {told}."))
    words = "It is in force." if at <= now else f"It comes into force at {at:%d %b %Y %H:%M} UTC."
    return _ask(request, rule_set, draft, life.PublishDraft(draft, at), words, now)


def _start(request: HttpRequest, now: datetime) -> datetime:
    if request.POST.get("when") != "later":
        return now
    at = sheets.read_date(request.POST.get("at", "").strip())
    if at is None:
        raise Unreadable("Say from when on.")
    return at


def _ask(
    request: HttpRequest,
    rule_set: str,
    draft: str,
    command: life.Command,
    words: str,
    now: datetime | None = None,
) -> HttpResponse:
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    studio = studios.load(rule_set, draft)
    try:
        studios.ask(request, rule_set, command, request.POST.get("key", ""), now)
    except LifeError as wrong:
        return _page(request, studios.load(rule_set, draft), _refusal(studio, wrong))
    except store.CommandIdReused:
        pass  # the form was sent twice: what it asked first has its answer already
    messages.success(request, words)
    return redirect(frame.address(studio, "history"))


_STATUS = {"FOUR_EYES": 403, "DRAFT_BROKEN": 422, "VALID_FROM_PAST": 422}
_WORDS = {
    "FOUR_EYES": "You had a part in this draft: somebody who had none must approve it.",
    "DRAFT_CHANGED": "The draft was edited since you read it. Read it again, then approve it.",
    "BASE_SUPERSEDED": "Another version was published since: bring the draft up to date first.",
}


def _refusal(studio: Studio, wrong: LifeError) -> Refusal:
    words = _WORDS.get(wrong.code, wrong.detail)
    return Refusal(_STATUS.get(wrong.code, 409), words)
