"""The Findings tab: what is wrong, with a request that shows it, and a button that settles it."""

from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect

from licensing.rules import drafting
from licensing.rules.drafting import Document
from licensing.rules.verification import Finding
from timeline import studio as studios
from timeline.http import staff_page
from timeline.presenters.rules import findings
from timeline.studio import Path, Studio
from timeline.views.rules import frame
from timeline.views.rules.frame import Refusal


@staff_page(writes="draft")
def page(request: HttpRequest, rule_set: str, draft: str) -> HttpResponseBase:
    """All findings; a POST applies what one of them proposes, as long as it still holds."""
    studio = studios.load(rule_set, draft)
    if request.method != "POST":
        return frame.show(request, studio, "findings", {})
    key = request.POST.get("finding", "")
    found = next((each for each in studio.findings if findings.key_of(each) == key), None)
    if found is None:
        words = "That is settled already, or the draft changed: these are the findings now."
        return _refused(request, studio, Refusal(409, words))
    settled = _settling(studio, found)
    if settled is None:
        return _refused(request, studio, Refusal(422, "Nothing is proposed for this finding."))
    change, place, row_id = settled
    made = frame.attempt(request, rule_set, draft, change, place)
    if isinstance(made, Refusal):
        return _refused(request, studios.load(rule_set, draft), made)
    if request.POST.get("back") == "edit":
        return frame.done(request, made, f"{frame.address(made, row=row_id)}#row-{row_id}")
    return redirect(frame.address(made, "findings"))


def _refused(request: HttpRequest, studio: Studio, refusal: Refusal) -> HttpResponseBase:
    return frame.show(request, studio, "findings", {"refusal": refusal}, status=refusal.status)


def _settling(studio: Studio, found: Finding) -> tuple[Any, Path, str] | None:
    if found.kind == "gap" and found.proposal is not None:
        new: dict[str, Any] = found.proposal

        def insert(document: Document) -> Document:
            return drafting.added(document, found.table, new)

        return insert, ("tables", found.table, "rows", new["id"]), new["id"]
    if found.kind == "overlap" and found.proposal is not None:
        narrowed: dict[str, Any] = found.proposal
        _, now = drafting.row(studio.document, narrowed["id"])
        cells = {
            f"when.{name}": cell
            for name, cell in narrowed["when"].items()
            if now["when"].get(name) != cell
        }

        def narrow(document: Document) -> Document:
            return drafting.edited(document, narrowed["id"], cells)

        return narrow, studios.row_place(studio.document, narrowed["id"]), narrowed["id"]
    doubtful = {"redundant": 0, "unreachable": 0, "dates": 0, "overlap": 1}
    if found.kind not in doubtful:
        return None
    row_id = found.rows[doubtful[found.kind]]

    def disable(document: Document) -> Document:
        return drafting.edited(document, row_id, {"disabled": True})

    return disable, studios.row_place(studio.document, row_id), row_id
