"""Rule sets and their versions on a time axis; starting a draft, and going back to a version."""

import uuid
from typing import Any

import msgspec
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone

from licensing import connection, rulebook, store
from licensing.rules import PublishedRules, life
from licensing.rules.life import Draft, Life, LifeError
from timeline import studio as studios
from timeline.http import may, staff_page
from timeline.presenters import clock
from timeline.presenters.rules import axis, lifeline

MOST_SETS = 50
LONGEST_TITLE = 120


class SetRow(msgspec.Struct, frozen=True):
    """A rule set in the list."""

    id: str
    title: str
    version: int
    since: str
    drafts: int
    picture: axis.Picture | None


class VersionRow(msgspec.Struct, frozen=True):
    """A version in the list: its start, its standing, and who brought it about."""

    number: int
    hash: str
    title: str
    start: str
    published: str
    standing: str
    by: str
    why: str
    approver: str
    can_return: bool


class DraftRow(msgspec.Struct, frozen=True):
    """A draft in the list."""

    id: str
    title: str
    status: str
    by: str
    base: int | None
    revision: int
    superseded: bool


@staff_page
def index(request: HttpRequest) -> HttpResponseBase:
    """All rule sets, each with its versions."""
    prefix = rulebook.stream_of("")
    heads = store.read_heads(connection.opened(), prefix, (0, ""), MOST_SETS)
    ids = [stream_id.removeprefix(prefix) for _, stream_id, _ in heads]
    ids.sort(key=lambda name: (name != rulebook.RULE_SET, name))
    now = timezone.now()
    context = {"section": "rules", "sets": [_set_row(name, now) for name in ids], "now": now}
    return render(request, "rules/sets.html", context)


def _set_row(name: str, now: Any) -> SetRow:
    published = rulebook.versions(name)
    lived = rulebook.life_of(name)
    open_drafts = sum(
        draft.status not in ("published", "rejected") for draft in lived.drafts.values()
    )
    if not published:
        return SetRow(name, name, 0, "", open_drafts, None)
    current = rulebook.current(now, name)
    picture = axis.versions(_reigns(name, published), now)
    since = clock.date(current.valid_from)
    return SetRow(name, current.ruleset.title, current.version, since, open_drafts, picture)


def _reigns(name: str, published: tuple[PublishedRules, ...]) -> list[axis.Reign]:
    """Each version with the start of the one that took its place."""
    found = []
    for place, each in enumerate(published):
        later = [other for other in published[place + 1 :] if other.suspended_at is None]
        # Of two versions the one published later counts, from its start on.
        end = min((max(other.valid_from, each.valid_from) for other in later), default=None)
        href = reverse("rules-version", args=[name, each.version])
        gone = each.suspended_at is not None
        found.append(
            axis.Reign(
                each.version, each.hash, each.valid_from, end, gone, each.ruleset.title, href
            )
        )
    return found


@staff_page
def one(request: HttpRequest, rule_set: str) -> HttpResponseBase:
    """One rule set: what is in force, what was, what is to come, and the drafts."""
    return _one(request, rule_set)


def _one(request: HttpRequest, rule_set: str, status: int = 200, **more: Any) -> HttpResponse:
    lived, now = studios.life_of(rule_set), timezone.now()
    published = rulebook.versions(rule_set)
    told = lifeline.moments(list(rulebook.steps(rule_set)))
    in_force = lived.in_force(now)
    coming = lived.scheduled(now)
    drafts = [_draft_row(rule_set, lived, each, now) for each in lived.drafts.values()]
    context = {
        "section": "rules",
        "rule_set": rule_set,
        "title": published[-1].ruleset.title if published else rule_set,
        "picture": axis.versions(_reigns(rule_set, published), now),
        "versions": _version_rows(published, told, lived, now)[::-1],
        "open": [each for each in drafts[::-1] if each.status not in ("Published", "Given up")],
        "over": [each for each in drafts[::-1] if each.status in ("Published", "Given up")],
        "in_force_hash": in_force,
        "coming": coming,
        "coming_number": studios.number_of(rule_set, coming[0]) if coming else None,
        "in_force_number": studios.number_of(rule_set, in_force),
        "history": told[:30],
        "can_draft": may(request, "draft"),
        "can_approve": may(request, "approve"),
        "key": uuid.uuid4().hex,
        "now": now,
    }
    return render(request, "rules/set.html", context | more, status=status)


def _version_rows(
    published: tuple[PublishedRules, ...], told: list[lifeline.Moment], lived: Life, now: Any
) -> list[VersionRow]:
    in_force = rulebook.current(now, published[0].id) if published else None
    found = []
    publications = [each for each in told[::-1] if isinstance(each.event, life.RulesPublished)]
    for each, moment in zip(published, publications, strict=False):
        draft = next((d for d in lived.drafts.values() if d.hash == each.hash), None)
        why = draft.title if draft is not None else ""
        after = next((m for m in told if m.version == moment.version + 1), None)
        if after is not None and isinstance(after.event, life.RulesRolledBack):
            why = f"Rolled back: {after.why}"
        found.append(
            VersionRow(
                each.version, each.hash, each.ruleset.title, clock.moment(each.valid_from, 0),
                clock.moment(each.published_at, 0), _standing(each, in_force, now), moment.by, why,
                (draft.approved_by or "") if draft is not None else "",
                each.hash != lived.last,
            )
        )  # fmt: skip
    return found


def _standing(each: PublishedRules, in_force: PublishedRules | None, now: Any) -> str:
    if each.suspended_at is not None:
        return "suspended"
    if in_force is not None and each.version == in_force.version:
        return "in force"
    return "to come" if each.valid_from > now else "superseded"


def _draft_row(rule_set: str, lived: Life, draft: Draft, now: Any) -> DraftRow:
    superseded = studios.Studio(rule_set, lived, draft, now).superseded
    return DraftRow(
        draft.draft_id, draft.title, lifeline.STATUS[draft.status], draft.authors[0],
        studios.number_of(rule_set, draft.base), draft.revision, superseded,
    )  # fmt: skip


@staff_page(writes="draft")
def start(request: HttpRequest, rule_set: str) -> HttpResponseBase:
    """Begin a draft of the version that was published last, or of the one in force."""
    if request.method != "POST":
        return redirect("rule-set", rule_set)
    lived = studios.life_of(rule_set)
    title = "".join(c for c in request.POST.get("title", "") if c.isprintable()).strip()
    if not title or len(title) > LONGEST_TITLE:
        problem = f"Say in at most {LONGEST_TITLE} characters what the draft is for."
        return _one(request, rule_set, 422, title_problem=problem, typed=title[:200])
    key = request.POST.get("key", "")
    draft_id = f"draft-{key[:12] if key.isalnum() and len(key) >= 12 else uuid.uuid4().hex[:12]}"
    base = lived.in_force(timezone.now()) if request.POST.get("base") == "in force" else None
    try:
        studios.ask(request, rule_set, life.StartDraft(draft_id, title, base=base), key)
    except LifeError as wrong:
        if wrong.code != "DRAFT_EXISTS":  # the form was sent twice: the draft is there
            return _one(request, rule_set, 409, title_problem=wrong.detail, typed=title)
    except store.CommandIdReused:
        pass  # sent twice with another title: the first one counts
    return redirect("draft", rule_set, draft_id)


@staff_page(writes="approve")
def roll_back(request: HttpRequest, rule_set: str) -> HttpResponseBase:
    """Bring an earlier version into force again, word for word and under its hash."""
    if request.method != "POST":
        return redirect("rule-set", rule_set)
    studios.life_of(rule_set)
    hash = request.POST.get("hash", "")
    reason = "".join(c for c in request.POST.get("reason", "") if c.isprintable()).strip()[:500]
    if not reason:
        return _one(request, rule_set, 422, back_problem="Say why.", back_hash=hash)
    now = timezone.now()
    try:
        command = life.RollBack(hash, now, reason)
        studios.ask(request, rule_set, command, request.POST.get("key", ""), now)
    except LifeError as wrong:
        return _one(request, rule_set, 409, back_problem=wrong.detail, back_hash=hash)
    except store.CommandIdReused:
        pass
    number = studios.number_of(rule_set, hash)
    messages.success(request, f"Version {number} is in force: {hash[:14]} again, word for word.")
    return redirect("rule-set", rule_set)
