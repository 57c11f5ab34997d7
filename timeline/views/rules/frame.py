"""What all pages of a draft share: its head, its tabs, and how an edit is answered."""

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlencode

import msgspec
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import patch_vary_headers

from licensing import rulebook
from licensing.backtests import Run
from licensing.rules.drafting import Document, NoSuchPlace
from licensing.rules.life import LifeError
from licensing.rules.tables import Row, Table
from timeline import studio as studios
from timeline.http import is_fragment, may, small_int
from timeline.presenters.rules import difference, findings, impact, lifeline
from timeline.studio import Conflict, Meanwhile, Path, Studio, Unfit

TABS = (
    ("edit", "Edit"),
    ("findings", "Findings"),
    ("examples", "Examples"),
    ("try", "Try"),
    ("impact", "Impact"),
    ("difference", "Difference"),
    ("history", "History"),
)


class Theirs(msgspec.Struct, frozen=True):
    """What somebody else did meanwhile, in words."""

    by: str
    when: str
    told: difference.Told


def seen_of(request: HttpRequest) -> int:
    """The revision that a form was made of, or the one that `If-Match` names."""
    named = request.headers.get("If-Match", "").strip().removeprefix("W/").strip('"')
    return small_int(named) or small_int(request.POST.get("revision", "")) or 0


def address(studio: Studio, tab: str = "edit", **query: str) -> str:
    """Where a tab of the draft is found."""
    name = "draft" if tab == "edit" else f"draft-{tab}"
    found = reverse(name, args=[studio.rule_set_id, studio.draft.draft_id])
    kept = {key: value for key, value in query.items() if value}
    return f"{found}?{urlencode(kept)}" if kept else found


def head(request: HttpRequest, studio: Studio, tab: str) -> dict[str, Any]:
    """The values of the head and the tabs."""
    draft, lived = studio.draft, studio.lived
    steps = list(rulebook.steps(studio.rule_set_id))
    told = lifeline.moments(steps, draft.draft_id)
    published = rulebook.versions(studio.rule_set_id)
    mine = [each for each in published if each.hash == studio.hash]
    start = mine[-1].valid_from if mine and draft.status == "published" else None
    in_force = lived.in_force(studio.now)
    me = request.user.get_username()
    blocking = len(studio.blocking)
    return {
        "section": "rules",
        "rule_set": studio.rule_set_id,
        "draft": draft,
        "draft_hash": studio.hash,
        "status": lifeline.STATUS[draft.status],
        "started_by": draft.authors[0],
        "mine": me in draft.authors,
        "next_number": len(published) + 1,
        "base_number": studios.number_of(studio.rule_set_id, draft.base),
        "base_in_force": draft.base == in_force,
        "superseded": studio.superseded,
        "last_number": len(published),
        "stages": lifeline.stages(draft, told, start, blocking, studio.now),
        "blocking": blocking,
        "tab": tab,
        "tabs": [(key, title, address(studio, key)) for key, title in TABS],
        "base_url": reverse("draft", args=[studio.rule_set_id, draft.draft_id]),
        "can_draft": may(request, "draft") and not studio.closed,
        "can_approve": may(request, "approve"),
        "gates": gates(studio) if draft.status == "approved" else (),
        "ready": draft.status == "approved" and all(gate.ok for gate in gates(studio)),
        "findings": findings.panel(studio.ruleset, studio.findings),
        "misshapen": studio.misshapen,
        "now": studio.now,
    }


class Gate(msgspec.Struct, frozen=True):
    """Something that must be fresh for this very draft before it is published."""

    title: str
    ok: bool
    words: str
    tab: str


def gates(studio: Studio) -> tuple[Gate, ...]:
    """Findings, examples and impact: each of the draft as it is."""
    wrong = [each for each in studio.blocking if each.kind != "example"]
    failing = [each for each in studio.blocking if each.kind == "example"]
    cases = len(studio.ruleset.cases) if studio.ruleset is not None else 0
    told = f"{len(failing)} fail" if failing else f"{cases} pass" if cases else "none are kept"
    run = studio.impact
    impact = "not backtested as it is" if run is None else f"{run.result.members} members"
    return (
        Gate(
            "Findings", not wrong, f"{len(wrong)} to clear" if wrong else "none block", "findings"
        ),
        Gate("Examples", not failing, told, "examples"),
        Gate("Impact", run is not None, impact, "impact"),
    )


def show(
    request: HttpRequest,
    studio: Studio,
    tab: str,
    body: dict[str, Any],
    *,
    status: int = 200,
    template: str = "",
) -> HttpResponse:
    """A tab of the draft, whole."""
    context = head(request, studio, tab) | body
    answer = render(request, template or f"rules/{tab}.html", context, status=status)
    answer.headers["ETag"] = f'"{studio.draft.revision}"'
    patch_vary_headers(answer, ["HX-Request"])
    return answer


class Refusal(msgspec.Struct, frozen=True):
    """Why an edit was not made: a status, words, and what others did meanwhile."""

    status: int
    words: str
    theirs: tuple[Theirs, ...] = ()


def attempt(
    request: HttpRequest,
    rule_set: str,
    draft: str,
    change: Callable[[Document], Document],
    place: Path,
) -> Studio | Refusal:
    """Make an edit, or say why it was not made."""
    try:
        return studios.edit(request, rule_set, draft, change, seen=seen_of(request), place=place)
    except Conflict as conflict:
        return Refusal(409, _conflict_words(conflict), theirs_of(conflict.meanwhile, conflict))
    except NoSuchPlace as gone:
        return Refusal(409, str(gone))
    except Unfit as wrong:
        return Refusal(422, f"That would be no rule set: {wrong}")
    except LifeError as wrong:
        return Refusal(409, wrong.detail)


def _conflict_words(conflict: Conflict) -> str:
    who = ", ".join(dict.fromkeys(each.by for each in conflict.meanwhile)) or "Somebody"
    return f"{who} changed this while you were at it. Nothing of either is lost: choose."


def theirs_of(meanwhile: Sequence[Meanwhile], conflict: Conflict) -> tuple[Theirs, ...]:
    """What others did, in words."""
    ruleset, _ = studios.shaped(conflict.draft.document)
    found = []
    for each in meanwhile:
        for told in difference.told([each.edit], ruleset, ruleset):
            found.append(Theirs(each.by, f"{each.at:%H:%M:%S} UTC", told))
    return tuple(found)


def done(request: HttpRequest, studio: Studio, url: str, words: str = "") -> HttpResponse:
    """After an edit without script: the page again, with a word about it."""
    if words:
        messages.success(request, words)
    if is_fragment(request):
        answer = HttpResponse(status=204)
        answer.headers["HX-Redirect"] = url
        return answer
    return redirect(url)


def base_rows(studio: Studio, table: Table) -> dict[str, Row] | None:
    """The rows of the same table in the version that the draft changes; None without one."""
    if not studio.base:
        return None
    ruleset, _ = studios.shaped(studio.base)
    before = ruleset.tables if ruleset is not None else ()
    return {row.id: row for each in before if each.id == table.id for row in each.rows}


def impact_of(studio: Studio, run: Run) -> impact.Seen:
    """What a backtest of the draft says; rows that the draft does not touch are marked."""
    before, _ = studios.shaped(studio.base) if studio.base else (None, "")
    if before is None or studio.ruleset is None:
        return impact.seen(run, studio.now)
    known = {row_id: row for row_id, (_, row) in before.rows().items()}
    now = {row_id: row for row_id, (_, row) in studio.ruleset.rows().items()}
    same = frozenset(row_id for row_id, row in now.items() if known.get(row_id) == row)
    base = studios.number_of(studio.rule_set_id, studio.draft.base)
    return impact.seen(run, studio.now, same, base)
