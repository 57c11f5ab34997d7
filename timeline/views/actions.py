"""What support does to a member: pick and fill, preview, confirm; each step a page of its own."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters

from licensing import history, rulebook, store
from timeline import audit, own_writes
from timeline.actions import approvals, confirming, kinds, ledger
from timeline.actions.confirming import Asked, Moved, Shown
from timeline.actions.fields import Choice, Field
from timeline.actions.kinds import Action, Scene
from timeline.actions.models import ApprovalRequest
from timeline.http import MEMBER_ID, staff_page
from timeline.presenters import clock, compare, preview
from timeline.presenters.sentences import Names

MOST_RADIOS = 8
MOST_NEWS = 20
CLOSED = (history.UnreadableStream, rulebook.NoRules, store.StreamErased)


@staff_page(may="act")
def index(request: HttpRequest, member_id: str) -> HttpResponseBase:
    """Every action, what waits for a second person, and what is left of the day."""
    scene = _scene(request, member_id)
    if isinstance(scene, HttpResponseBase):
        return scene
    context = _common(request, member_id, scene, None) | {"waiting": _waiting(member_id)}
    return render(request, "actions/index.html", context)


@staff_page(may="act")
@sensitive_post_parameters("reason", "text")
def action(request: HttpRequest, member_id: str, name: str) -> HttpResponseBase:
    """The form of one action; sent, its preview; confirmed, the step that came of it."""
    chosen = kinds.ACTIONS.get(name)
    if chosen is None:
        raise Http404("Support has no such action.")
    scene = _scene(request, member_id)
    if isinstance(scene, HttpResponseBase):
        return scene
    if request.method != "POST":
        return _form(request, scene, chosen, request.GET.dict(), {})
    asked = confirming.asked(scene, chosen, request.POST.dict())
    match request.POST.get("do"):
        case "confirm" | "second" as do:
            return _confirmed(request, asked, second=do == "second")
        case "change":
            return _form(request, scene, chosen, request.POST.dict(), {})
        case _:
            return _previewed(request, asked)


def _scene(request: HttpRequest, member_id: str) -> Scene | HttpResponse:
    """The member at the head; or, where nothing can be decided, the page that says why."""
    if not MEMBER_ID.fullmatch(member_id):
        raise Http404("This can be no member's id.")
    if not history.head(member_id):
        raise Http404("The log holds nothing about this member.")
    try:
        return confirming.scene_of(member_id, timezone.now())
    except CLOSED as error:
        return closed(request, member_id, error)


def closed(request: HttpRequest, member_id: str, error: Exception) -> HttpResponse:
    """Nothing can be decided about this member."""
    match error:
        case history.UnreadableStream():
            why = "The history holds an event that this version cannot read."
        case store.StreamErased():
            why = "The member's personal data were erased; nothing can be added any more."
        case _:
            why = "No rules have been published yet."
    context = {"section": "members", "member_id": member_id, "why": why}
    return render(request, "actions/closed.html", context, status=409)


# -- The form --


class Row(msgspec.Struct, frozen=True):
    """A field as it is shown."""

    field: Field
    value: str
    fault: str
    radios: bool
    choices: tuple[Choice, ...]


def _form(
    request: HttpRequest,
    scene: Scene,
    chosen: Action,
    sent: Mapping[str, str],
    faults: Mapping[str, str],
) -> HttpResponse:
    fields = chosen.fields(scene)
    context = _common(request, scene.member.member_id, scene, chosen) | {
        "rows": [_row(field, sent, faults) for field in fields],
        "nothing": next((x.empty for x in fields if x.empty and not x.choices), ""),
        "reason": sent.get("reason", ""),
        "case": sent.get("case", ""),
        "faults": faults,
    }
    return render(request, "actions/form.html", context, status=422 if faults else 200)


def _row(field: Field, sent: Mapping[str, str], faults: Mapping[str, str]) -> Row:
    value = sent.get(field.name, field.initial)
    told = any(choice.about for choice in field.choices)
    radios = told and len(field.choices) <= MOST_RADIOS
    if field.kind == "choice" and len(field.choices) == 1 and field.required:
        value = field.choices[0].value
    return Row(field, value, faults.get(field.name, ""), radios, field.choices)


def _common(
    request: HttpRequest, member_id: str, scene: Scene, chosen: Action | None
) -> dict[str, Any]:
    return {
        "section": "members",
        "member_id": member_id,
        "head": scene.member.version,
        "stamp": clock.stamp(scene.now),
        "actions": [x for x in kinds.ACTIONS.values() if x.offered or x is chosen],
        "chosen": chosen,
        "used": ledger.used(request.user.pk or 0, scene.now),
        "cap": ledger.cap(),
    }


def _waiting(member_id: str) -> list[dict[str, Any]]:
    now = timezone.now()
    return [told(request, now) for request in approvals.waiting(now, member_id)]


def told(request: ApprovalRequest, now: datetime) -> dict[str, Any]:
    """A request for a second person, for a list."""
    known = kinds.ACTIONS.get(request.action)
    return {
        "wanted": request,
        "words": approvals.words(request),
        "label": known.label if known else request.action,
        "standing": approvals.standing(request, now),
        "asked": clock.ago(request.asked_at, now),
        "expires": clock.moment(request.expires_at, None),
    }


# -- Preview and confirmation --


def _previewed(request: HttpRequest, asked: Asked) -> HttpResponse:
    if asked.faults:
        sent = request.POST.dict()
        return _form(request, asked.scene, asked.action, sent, asked.faults)
    shown = confirming.show(asked, user_of(request))
    return _preview_page(request, shown)


def _preview_page(
    request: HttpRequest, shown: Shown, moved: Moved | None = None, status: int = 200
) -> HttpResponse:
    asked = shown.asked
    context = _common(request, asked.member, asked.scene, asked.action) | shown_context(shown)
    if moved is not None:
        context["moved"] = moved.why
        context["news"] = news(asked.member, moved.since)
    return render(request, "actions/preview.html", context, status=status)


def shown_context(shown: Shown) -> dict[str, Any]:
    """A preview for a template."""
    hash_ = shown.preview.in_force.hash
    return {
        "view": preview.view(shown.preview, lambda row_id: rulebook.row(hash_, row_id)),
        "values": shown.asked.given.values,
        "reason": shown.asked.reason,
        "case": shown.asked.case,
        "key": shown.key,
        "token": shown.token,
        "beyond": shown.beyond,
    }


def news(member_id: str, since: int) -> list[compare.Between]:
    """The steps after a version, in words."""
    past = history.load(member_id)
    names = Names.of(past.state(past.head))
    return (
        [compare.between(step, names) for step in past.steps[since:][:MOST_NEWS]] if since else []
    )


def _confirmed(request: HttpRequest, asked: Asked, *, second: bool) -> HttpResponseBase:
    user = user_of(request)
    key, token = request.POST.get("key", ""), request.POST.get("token", "")
    if asked.faults or not ledger.KEY.fullmatch(key):
        return _again(request, asked, Moved(("the form was not the one that was previewed",), 0))
    purpose = f"{asked.action.name}, asked for a second person" if second else asked.action.name
    audit.record(
        request, "act", asked.member, purpose=purpose, reason=asked.reason, key=key, case=asked.case
    )
    try:
        if second:
            kept = confirming.ask_second(asked, user, key, token)
            return redirect("approval", kept.key)
        done = confirming.confirm(asked, user, key, token)
    except Moved as moved:
        return _again(request, asked, moved)
    except (ledger.KeyTaken, approvals.NotOpen):
        return _again(request, asked, Moved(("this form was used for something else",), 0))
    except ledger.CapReached as full:
        return _full(request, asked, full)
    except store.StreamErased as error:
        return closed(request, asked.member, error)
    own_writes.wrote(request, done.events)
    return redirect(address_of(asked.member, done))


def address_of(member_id: str, done: confirming.Done) -> str:
    """The step that came of an action, with its receipt."""
    return f"{reverse('step', args=[member_id, done.version])}?receipt={done.key}"


def _again(request: HttpRequest, asked: Asked, moved: Moved) -> HttpResponse:
    """409: a fresh preview with what moved; or the form, where there is nothing to preview."""
    if asked.faults:
        sent = request.POST.dict()
        answer = _form(request, asked.scene, asked.action, sent, asked.faults)
        answer.status_code = 409
        return answer
    return _preview_page(request, confirming.show(asked, user_of(request)), moved, status=409)


def _full(request: HttpRequest, asked: Asked, full: ledger.CapReached) -> HttpResponse:
    context = _common(request, asked.member, asked.scene, asked.action) | {"full": full.cap}
    return render(request, "actions/full.html", context, status=429)


def user_of(request: HttpRequest) -> User:
    """Whoever is signed in; `staff_page` has seen to that."""
    assert isinstance(request.user, User)
    return request.user
