"""From a withdrawal to the rules: a draft that refuses new downloads of it, or allows them again.

Rules come into force as they always do: this begins a draft, and somebody else approves it.
"""

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from licensing import catalogue
from licensing.rules import drafting, life
from licensing.rules.drafting import Document
from timeline import studio as studios
from timeline.actions.fields import plain
from timeline.http import staff_page
from timeline.presenters import catalogue as presenter
from timeline.presenters.catalogue import PATHS
from timeline.views.rules import frame
from timeline.views.rules.frame import Refusal

LONGEST_TITLE = 120


@staff_page(writes="draft")
def start(request: HttpRequest, rule_set: str) -> HttpResponseBase:
    """Begin a draft with one more row, or with the rows disabled that refuse it now."""
    lived = studios.life_of(rule_set)
    kind, name = request.POST.get("kind", ""), plain(request.POST.get("name", "")).strip()[:200]
    if request.method != "POST" or kind not in PATHS or not name:
        return redirect("rule-set", rule_set)
    document = lived.published.get(lived.last or "", {})
    called = str(catalogue.get(name).get("name") or name) if kind == "title" else name
    lifts = request.POST.get("do") == "lift"
    row_ids = _refusing(document, kind, name)
    if lifts and not row_ids:
        return _nothing(request, rule_set, f"No row in force refuses {called}.")
    new = None if lifts else _row(document, kind, name, called)
    if not lifts and new is None:
        words = (
            f"No table of these rules refuses by {kind}: add one with the column {kind} and the "
        )
        return _nothing(request, rule_set, words + "output allow, then a row for it.")
    title = f"{'Allow' if lifts else 'Refuse'} {called}{' again' if lifts else ''}"
    draft_id = f"draft-{uuid.uuid4().hex[:12]}"
    studios.ask(request, rule_set, life.StartDraft(draft_id, title[:LONGEST_TITLE]))

    def change(found: Document) -> Document:
        if new is not None:
            return drafting.added(found, new[0], new[1])
        for row_id in row_ids:
            found = drafting.edited(found, row_id, {"disabled": True})
        return found

    made = frame.attempt(request, rule_set, draft_id, change, ())
    if isinstance(made, Refusal):
        return _nothing(request, rule_set, made.words)
    row_id = row_ids[0] if new is None else new[1]["id"]
    return redirect(f"{frame.address(made, row=row_id)}#row-{row_id}")


def _nothing(request: HttpRequest, rule_set: str, words: str) -> HttpResponse:
    messages.warning(request, words)
    return redirect(reverse("rule-set", args=[rule_set]))


def _refusing(document: Document, kind: str, name: str) -> list[str]:
    ruleset, _ = studios.shaped(document)
    if ruleset is None:
        return []
    found = presenter.refusing(ruleset, kind, name, timezone.now())
    return [each.row_id for each in found]


def _row(
    document: Document, kind: str, name: str, called: str
) -> tuple[str, dict[str, Any]] | None:
    """The table that refuses by this fact, and the new row in it."""
    facts = {key for key, fact in document.get("facts", {}).items() if fact["path"] in PATHS[kind]}
    for table in document.get("tables", ()):
        by = sorted(facts & set(table["inputs"]))
        if table["hit"] != "collect" or not by or "allow" not in table["outputs"]:
            continue
        alike = [row["reason"] for row in table["rows"] if row.get("reason")]
        known = document.get("reasons", {})
        reason = alike[-1] if alike else f"{kind.upper()}_WITHDRAWN"
        new = {
            "id": drafting.free_id(document, f"wd-{name.lower()}"),
            "label": f"{called} withdrawn"[:120],
            "when": {by[0]: {"in": [name]}},
            "then": {"allow": False},
            **({"reason": reason} if reason in known else {}),
        }
        return str(table["id"]), new
    return None
