"""The Difference tab: what the draft changes, in words; and bringing it up to a newer version."""

import uuid
from typing import Any

import msgspec
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect

from licensing.rules import life, merging
from licensing.rules.edits import between
from licensing.rules.life import LifeError
from timeline import studio as studios
from timeline.http import staff_page
from timeline.presenters.rules import difference
from timeline.studio import Studio
from timeline.views.rules import frame
from timeline.views.rules.frame import Refusal


class ClashView(msgspec.Struct, frozen=True):
    """A place that both changed, in words."""

    key: str
    mine: list[difference.Told]
    theirs: list[difference.Told]


@staff_page(writes="draft")
def page(request: HttpRequest, rule_set: str, draft: str) -> HttpResponseBase:
    """What differs from the version that it changes; a POST makes a draft of the newest."""
    studio = studios.load(rule_set, draft)
    if request.method == "POST":
        return _bring_up(request, studio)
    return _page(request, studio)


def _page(request: HttpRequest, studio: Studio, refusal: Refusal | None = None) -> HttpResponse:
    before, _ = studios.shaped(studio.base) if studio.base else (None, "")
    told = difference.told(between(studio.base, studio.document), before, studio.ruleset)
    body: dict[str, Any] = {
        "changes": difference.groups(told) if studio.base else [],
        "changed": len(told),
        "first": not studio.base,
        "refusal": refusal,
        "key": uuid.uuid4().hex,
    }
    if studio.superseded and studio.lived.last is not None:
        newest = studio.lived.published[studio.lived.last]
        after, _ = studios.shaped(newest)
        meanwhile = difference.told(between(studio.base, newest), before, after)
        both = merging.merged(studio.base, studio.document, newest)
        body |= {
            "meanwhile": difference.groups(meanwhile),
            "clashes": [_clash(studio, each) for each in both.clashes],
        }
    status = refusal.status if refusal is not None else 200
    return frame.show(request, studio, "difference", body, status=status)


def _clash(studio: Studio, clash: merging.Clash) -> ClashView:
    ruleset = studio.ruleset
    return ClashView(
        "/".join(clash.path),
        difference.told([clash.mine], ruleset, ruleset),
        difference.told(clash.theirs, ruleset, ruleset),
    )


def _bring_up(request: HttpRequest, studio: Studio) -> HttpResponseBase:
    """A new draft of the newest version with this one's changes; this one is closed, not lost."""
    last = studio.lived.last
    if not studio.superseded or last is None:
        return _page(request, studio, Refusal(409, "The draft is up to date."))
    chosen = set(request.POST.getlist("mine"))
    newest = studio.lived.published[last]
    clashes = merging.merged(studio.base, studio.document, newest).clashes
    keep = [clash.path for clash in clashes if "/".join(clash.path) in chosen]
    both = merging.merged(studio.base, studio.document, newest, keep)
    key = request.POST.get("key", "")
    draft_id = f"draft-{key[:12] if key.isalnum() and len(key) >= 12 else uuid.uuid4().hex[:12]}"
    start = life.StartDraft(draft_id, studio.draft.title, both.document, base=last)
    try:
        studios.ask(request, studio.rule_set_id, start, key)
    except LifeError as wrong:
        if wrong.code != "DRAFT_EXISTS":
            return _page(request, studio, Refusal(409, wrong.detail))
    if studio.draft.status != "suspended":
        done = life.RejectDraft(studio.draft.draft_id, f"Brought up to date as {draft_id}")
        studios.ask(request, studio.rule_set_id, done)
    messages.success(request, "Your changes are on top of the newest version now.")
    return redirect("draft-difference", studio.rule_set_id, draft_id)
