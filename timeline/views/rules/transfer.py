"""Tables and rule sets as files, out and in: CSV, XLSX, our own JSON, and JDM out only."""

import json
import re
from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed
from django.shortcuts import redirect

from licensing import guard, rulebook
from licensing.rules import jdm, sheets, workbook
from licensing.rules.drafting import Document
from licensing.rules.ruleset import RuleSet
from licensing.rules.sheets import Fault, Faulty
from licensing.rules.tables import Table
from timeline import spreadsheets
from timeline import studio as studios
from timeline.http import staff_page
from timeline.spreadsheets import Unopened
from timeline.studio import Path, Studio
from timeline.views.rules import frame, version
from timeline.views.rules.frame import Refusal

MOST_FAULTS = 50
_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "json": "application/json",
    "jdm": "application/json",
}


@staff_page
def export(request: HttpRequest, rule_set: str, draft: str) -> HttpResponseBase:
    """A draft as a file: `?as=csv&table=` one table, `?as=xlsx|json|jdm` all of it."""
    studio = studios.load(rule_set, draft)
    return _file(request, studio.document, studio.ruleset, f"{rule_set}-{draft}")


@staff_page
def export_version(request: HttpRequest, rule_set: str, number: str) -> HttpResponseBase:
    """A published version as a file."""
    found = version.find(rulebook.versions(rule_set), number)
    document = rulebook.life_of(rule_set).published[found.hash]
    return _file(request, document, found.ruleset, f"{rule_set}-v{found.version}")


def _file(
    request: HttpRequest, document: Document, ruleset: RuleSet | None, name: str
) -> HttpResponse:
    form = request.GET.get("as", "json")
    if form not in _TYPES or (ruleset is None and form != "json"):
        raise Http404("There is no such form of a rule set.")
    content: bytes
    match form:
        case "csv":
            assert ruleset is not None
            table = _table(ruleset, request.GET.get("table", ""))
            content = spreadsheets.to_csv(sheets.sheet(ruleset, table))
            name = f"{name}-{table.id}"
        case "xlsx":
            content = spreadsheets.to_xlsx(workbook.written(document))
        case "jdm":
            assert ruleset is not None
            content = _json(jdm.exported(ruleset))
            name = f"{name}.jdm"
        case _:
            content = _json(document)
    extension = "json" if form == "jdm" else form
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name)
    answer = HttpResponse(content, content_type=_TYPES[form])
    answer.headers["Content-Disposition"] = f'attachment; filename="{plain}.{extension}"'
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1).encode()


def _table(ruleset: RuleSet, table_id: str) -> Table:
    for table in ruleset.tables:
        if table.id == table_id:
            return table
    raise Http404(f"There is no table {table_id}.")


@staff_page(writes="draft")
def take(request: HttpRequest, rule_set: str, draft: str) -> HttpResponseBase:
    """A file's rows and settings into the draft, all or nothing."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    studio = studios.load(rule_set, draft)
    table_id = request.POST.get("table", "")
    file = request.FILES.get("file")
    if file is None:
        return _refused(request, studio, table_id, [], "Choose a file first.")
    try:
        if file.size is not None and file.size > spreadsheets.LARGEST:
            raise Unopened(f"The file is larger than {spreadsheets.LARGEST // 1024**2} MB.")
        change, place = _change(file.read(), str(file.name or ""), table_id)
        made = frame.attempt(request, rule_set, draft, change, place)
    except Unopened as wrong:
        return _refused(request, studio, table_id, [], str(wrong))
    except Faulty as wrong:
        words = f"{file.name}: nothing was taken, because some of it cannot be read."
        return _refused(request, studio, table_id, wrong.faults, words)
    if isinstance(made, Refusal):
        return _refused(request, studio, table_id, [], made.words, made.status, made)
    if made.draft.revision == studio.draft.revision:
        messages.info(request, f"{file.name} says what the draft says: nothing changed.")
    else:
        messages.success(request, f"{file.name} is taken. See the difference in words.")
    return redirect(frame.address(made, table=table_id))


def _change(content: bytes, name: str, table_id: str) -> tuple[Any, Path]:
    """What the file does to the document, and which part of it that is about."""
    kind = name.rpartition(".")[2].lower()
    if kind == "xlsx":
        given = spreadsheets.from_xlsx(content)
        return (lambda document: workbook.read(document, given)), ()
    if kind in ("csv", "tsv", "txt"):
        lines = spreadsheets.from_csv(content)
        place: Path = ("tables", table_id, "rows")
        return (lambda document: sheets.taken(document, table_id, lines)), place
    if kind == "json":
        document = _document(content)
        return (lambda _: document), ()
    raise Unopened("Only .csv, .xlsx and .json files can be taken.")


def _document(content: bytes) -> Document:
    try:
        return guard.read_json(content, guard.RULES)
    except guard.Refused as wrong:
        raise Unopened(f"The file is no rule set: {wrong}.") from None


def _refused(
    request: HttpRequest,
    studio: Studio,
    table_id: str,
    faults: Sequence[Fault],
    words: str,
    status: int = 422,
    refusal: Refusal | None = None,
) -> HttpResponse:
    body = {
        "faults": faults[:MOST_FAULTS],
        "more": max(0, len(faults) - MOST_FAULTS),
        "refusal": refusal or Refusal(status, words),
        "back": frame.address(studio, table=table_id),
        "table_id": table_id,
    }
    return frame.show(request, studio, "edit", body, status=status, template="rules/taken.html")
