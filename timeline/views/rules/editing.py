"""The Edit tab: the grid of a table, the form of a cell or a row, and each way to change rows."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed
from django.shortcuts import render

from licensing.rules import drafting, sheets
from licensing.rules.drafting import Document, NoSuchPlace
from licensing.rules.ruleset import RuleSet
from licensing.rules.sheets import Fault, Faulty
from licensing.rules.tables import Row, Table
from timeline import cells
from timeline import studio as studios
from timeline.http import is_fragment, may, small_int, staff_page
from timeline.presenters.rules import axis, grid
from timeline.presenters.rules.grid import Editor, Grid
from timeline.studio import Studio
from timeline.views.rules import frame
from timeline.views.rules.frame import Refusal

MOST_FAULTS = 50
LONGEST_PASTE = 1_000_000


class Drawer(msgspec.Struct, frozen=True):
    """The open form under a row: for one cell, or for all of the row."""

    row: Row
    column: str
    title: str
    editors: tuple[Editor, ...]
    refusal: Refusal | None = None


@staff_page
def page(request: HttpRequest, rule_set: str, draft: str) -> HttpResponseBase:
    """The grid of one table; `?row=` (and `&column=`) opens a form in it."""
    studio = studios.load(rule_set, draft)
    if studio.ruleset is None:
        return frame.show(request, studio, "edit", {}, template="rules/misshapen.html")
    table = _table(studio.ruleset, request.GET.get("table", ""), request.GET.get("row", ""))
    drawer = _asked_for(request, studio, request.GET)
    if is_fragment(request) and drawer is not None:
        return render(request, "rules/fragments/drawer.html", _with_drawer(studio, drawer))
    return _show(request, studio, table, drawer=drawer)


def _asked_for(request: HttpRequest, studio: Studio, query: Mapping[str, str]) -> Drawer | None:
    row_id = query.get("row", "")
    found = studio.ruleset.rows().get(row_id) if studio.ruleset is not None else None
    if found is None or studio.closed or not may(request, "draft"):
        return None
    return _drawer(studio, *found, query.get("column", ""))


def _drawer(
    studio: Studio,
    table: Table,
    row: Row,
    column: str = "",
    texts: Mapping[str, str] | None = None,
    faults: Mapping[str, str] | None = None,
    refusal: Refusal | None = None,
) -> Drawer:
    assert studio.ruleset is not None
    texts, faults = texts or {}, faults or {}
    columns = [each for each in grid.shown(studio.ruleset, table) if column in ("", each.key)]
    editors = tuple(
        grid.editor(studio.ruleset, row, each, texts.get(each.key), faults.get(each.key, ""))
        for each in columns
    )
    one = columns[0].label if len(columns) == 1 else ""
    title = f"{one} of {row.id}" if one else f"Row {row.id}"
    return Drawer(row, column if one else "", title, editors, refusal)


def _with_drawer(studio: Studio, drawer: Drawer) -> dict[str, Any]:
    ruleset = studio.ruleset
    assert ruleset is not None
    table, _ = ruleset.rows()[drawer.row.id]
    columns = grid.shown(ruleset, table)
    return {
        "drawer": drawer,
        "ways": grid.WAYS,
        "draft": studio.draft,
        "rule_set": studio.rule_set_id,
        "wide": len(columns) + 2,
        "table": table,
        "selector": grid.row_view(drawer.row, columns, now=studio.now).selector,
    }


def _show(
    request: HttpRequest,
    studio: Studio,
    table: Table | None,
    *,
    drawer: Drawer | None = None,
    status: int = 200,
    **more: Any,
) -> HttpResponse:
    body: dict[str, Any] = {"side": side(studio), "table": table, "drawer": drawer} | more
    if table is not None:
        made = _grid(request, studio, table)
        body |= _below(studio, table)
        body |= {"grid": made, "wide": len(made.columns) + 2, "key": uuid.uuid4().hex}
    if drawer is not None:
        body |= _with_drawer(studio, drawer)
    return frame.show(request, studio, "edit", body, status=status)


def _below(studio: Studio, table: Table) -> dict[str, Any]:
    """What stands under the grid: its rows in time, and the backtest of the draft as it is."""
    assert studio.ruleset is not None
    base = frame.base_rows(studio, table)
    news = grid.news(table, base)
    run = studio.impact
    return {
        "picture": axis.rows(studio.ruleset, table, studio.now, frozenset(news.added)),
        "news": grid.news_words(table, news) if base is not None else "",
        "seen": frame.impact_of(studio, run) if run is not None else None,
    }


def _grid(request: HttpRequest, studio: Studio, table: Table) -> Grid:
    assert studio.ruleset is not None
    return grid.of(
        studio.ruleset,
        table,
        now=studio.now,
        base=frame.base_rows(studio, table),
        findings=studio.findings,
        q="".join(c for c in request.GET.get("q", "") if c.isprintable()).strip()[:120],
        start=_start(request, table),
    )


def _start(request: HttpRequest, table: Table) -> int:
    """Where the page of the grid begins: as asked, or so that the row asked for is on it."""
    row_id = request.GET.get("row") or request.POST.get("row", "")
    ids = [row.id for row in table.rows]
    if row_id in ids and "from" not in request.GET and not request.GET.get("q"):
        return ids.index(row_id)
    return small_int(request.GET.get("from", "")) or 0


class SideTable(msgspec.Struct, frozen=True):
    """A table in the list at the side."""

    id: str
    title: str
    hit: str
    rows: int
    warned: int


def side(studio: Studio) -> dict[str, Any]:
    """The list of tables and declarations at the side."""
    ruleset = studio.ruleset
    assert ruleset is not None
    warned: dict[str, int] = {}
    for each in studio.findings:
        warned[each.table] = warned.get(each.table, 0) + 1
    tables = [
        SideTable(each.id, each.title or each.id, each.hit, len(each.rows), warned.get(each.id, 0))
        for each in ruleset.tables
    ]
    return {
        "base": [each for each in tables if each.hit == "unique"],
        "restrictions": [each for each in tables if each.hit == "collect"],
        "facts": len(ruleset.facts) + len(ruleset.counters),
        "limits": len(ruleset.limits) + len(ruleset.reasons),
        "lists": len(ruleset.lists),
    }


def _table(ruleset: RuleSet, table_id: str, row_id: str = "") -> Table | None:
    found = ruleset.rows().get(row_id)
    if found is not None and not table_id:
        return found[0]
    named = next((each for each in ruleset.tables if each.id == table_id), None)
    return named or (ruleset.tables[0] if ruleset.tables else None)


# -- Cells --


@staff_page(writes="draft")
def cell(request: HttpRequest, rule_set: str, draft: str) -> HttpResponseBase:
    """Set the columns of a row that the form is about, whatever they say now."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    studio = studios.load(rule_set, draft)
    row_id = request.POST.get("row", "")
    found = studio.ruleset.rows().get(row_id) if studio.ruleset is not None else None
    if studio.ruleset is None or found is None:
        return _gone(request, studio, f"There is no row {row_id[:64]} any more.")
    table, row = found
    columns = sheets.columns(studio.ruleset, table)
    read = cells.written(studio.ruleset, columns, request.POST)
    asked = request.POST.getlist("column")
    only = asked[0] if len(asked) == 1 else ""
    if read.faults:
        drawer = _drawer(studio, table, row, only, read.texts, read.faults)
        return _drawn(request, studio, table, drawer, 422)

    def change(document: Document) -> Document:
        return drafting.edited(document, row_id, read.values)

    place = studios.row_place(studio.document, row_id)
    made = frame.attempt(request, rule_set, draft, change, place)
    if isinstance(made, Refusal):
        studio = studios.load(rule_set, draft)
        found = studio.ruleset.rows().get(row_id) if studio.ruleset is not None else None
        if found is None:
            return _gone(request, studio, made.words, made)
        drawer = _drawer(studio, *found, only, read.texts, {}, made)
        return _drawn(request, studio, found[0], drawer, made.status)
    return _changed(request, made, table.id, row_id)


def _drawn(
    request: HttpRequest, studio: Studio, table: Table, drawer: Drawer, status: int
) -> HttpResponse:
    """The form again, with what is wrong beside it."""
    if is_fragment(request):
        context = _with_drawer(studio, drawer)
        return render(request, "rules/fragments/drawer.html", context, status=status)
    return _show(request, studio, table, drawer=drawer, status=status)


def _gone(
    request: HttpRequest, studio: Studio, words: str, refusal: Refusal | None = None
) -> HttpResponse:
    refusal = refusal or Refusal(409, words)
    if is_fragment(request):
        return render(request, "rules/fragments/said.html", {"refusal": refusal}, status=409)
    if studio.ruleset is None:
        return frame.show(request, studio, "edit", {}, template="rules/misshapen.html", status=409)
    table = _table(studio.ruleset, request.POST.get("table", ""))
    return _show(request, studio, table, status=409, refusal=refusal)


def _changed(request: HttpRequest, studio: Studio, table_id: str, row_id: str) -> HttpResponse:
    """The answer to an edit: the row as it is now and the findings; without script the page."""
    if not is_fragment(request):
        url = frame.address(studio, table=table_id, row="") + f"#row-{row_id}"
        if studio.ruleset is not None and row_id in studio.ruleset.rows():
            url = f"{frame.address(studio, table=table_id)}#row-{row_id}"
        return frame.done(request, studio, url)
    assert studio.ruleset is not None
    table = _table(studio.ruleset, table_id)
    assert table is not None
    columns = grid.shown(studio.ruleset, table)
    row = next(each for each in table.rows if each.id == row_id)
    warned: dict[str, int] = {}
    for each in studio.findings:
        for name in each.rows:
            warned[name] = warned.get(name, 0) + 1
    base = frame.base_rows(studio, table)
    view = grid.row_view(row, columns, now=studio.now, base=base, warned=warned)
    context = frame.head(request, studio, "edit") | {"row": view, "table": table}
    context |= {"side": side(studio), "fragment": True} | _below(studio, table)
    answer = render(request, "rules/fragments/changed.html", context)
    answer.headers["ETag"] = f'"{studio.draft.revision}"'
    return answer


# -- Rows --


@staff_page(writes="draft")
def rows(request: HttpRequest, rule_set: str, draft: str) -> HttpResponseBase:
    """Add, duplicate, move, disable or remove a row."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    studio = studios.load(rule_set, draft)
    table_id, row_id = request.POST.get("table", ""), request.POST.get("row", "")
    act = request.POST.get("act", "")
    if studio.ruleset is None:
        return _gone(request, studio, "The draft has not the form of a rule set.")
    try:
        change, place, shown = _row_change(studio, act, table_id, row_id, request.POST)
    except NoSuchPlace as gone:
        return _gone(request, studio, str(gone))
    made = frame.attempt(request, rule_set, draft, change, place)
    if isinstance(made, Refusal):
        return _gone(request, studios.load(rule_set, draft), made.words, made)
    return _whole(request, made, table_id, shown)


def _row_change(
    studio: Studio, act: str, table_id: str, row_id: str, form: Mapping[str, str]
) -> tuple[Any, studios.Path, str]:
    document = studio.document
    if act == "add":
        owner = drafting.table(document, table_id)
        new_id = drafting.free_id(document, form.get("id", "").strip() or f"{table_id}-new")
        then = _first_values(studio, owner)
        new = {"id": new_id, "when": {}, "then": then}

        def add(made: Document) -> Document:
            return drafting.added(made, table_id, new, after=row_id)

        return add, ("tables", table_id, "rows", new_id), new_id
    place = studios.row_place(document, row_id)
    _, row = drafting.row(document, row_id)
    match act:
        case "duplicate":
            twin = drafting.free_id(document, row_id)

            def duplicate(made: Document) -> Document:
                _, found = drafting.row(made, row_id)
                return drafting.added(made, place[1], {**found, "id": twin}, after=row_id)

            return duplicate, place, twin
        case "up" | "down":
            by = -1 if act == "up" else 1
            return (lambda made: drafting.moved(made, row_id, by)), place, row_id
        case "disable" | "enable":
            changes = {"disabled": act == "disable"}
            return (lambda made: drafting.edited(made, row_id, changes)), place, row_id
        case "remove":
            ids = [each["id"] for each in drafting.table(document, place[1])["rows"]]
            near = ids[max(0, ids.index(row["id"]) - 1)] if len(ids) > 1 else ""
            return (lambda made: drafting.removed(made, row_id)), place, near
    raise NoSuchPlace("There is no such thing to do with a row.")


def _first_values(studio: Studio, table: dict[str, Any]) -> dict[str, Any]:
    """What a new row says at first: in a base table the tightest of what the others grant."""
    rows = table["rows"]
    if table["hit"] != "unique" or not rows:
        return {}
    return {
        name: min(row["then"][name] for row in rows if name in row["then"])
        for name in table["outputs"]
        if any(name in row["then"] for row in rows)
    }


def _whole(request: HttpRequest, studio: Studio, table_id: str, row_id: str) -> HttpResponse:
    """After rows came, went or moved: the table as it is now."""
    if not is_fragment(request):
        return frame.done(request, studio, f"{frame.address(studio, table=table_id)}#row-{row_id}")
    assert studio.ruleset is not None
    table = _table(studio.ruleset, table_id, row_id)
    assert table is not None
    made = _grid(request, studio, table)
    context = (
        frame.head(request, studio, "edit")
        | {
            "grid": made,
            "table": table,
            "side": side(studio),
            "wide": len(made.columns) + 2,
            "focus": f"c-{row_id}~label",
            "key": uuid.uuid4().hex,
            "fragment": True,
        }
        | _below(studio, table)
    )
    return render(request, "rules/fragments/table.html", context)


# -- Blocks --


@staff_page(writes="draft")
def paste(request: HttpRequest, rule_set: str, draft: str) -> HttpResponseBase:
    """Lay a block of a spreadsheet over the table; with any fault nothing is changed."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    studio = studios.load(rule_set, draft)
    table_id, text = request.POST.get("table", ""), request.POST.get("block", "")
    row_id, column = request.POST.get("row", ""), request.POST.get("column", "")
    if studio.ruleset is None:
        return _gone(request, studio, "The draft has not the form of a rule set.")
    table = _table(studio.ruleset, table_id)
    if table is None:
        raise Http404("The draft has no table.")
    block = [line.split("\t") for line in text.replace("\r\n", "\n").strip("\n").split("\n")]

    def change(document: Document) -> Document:
        return sheets.pasted(document, table.id, row_id, column or "label", block)

    faults: Sequence[Fault] = ()
    if len(text) > LONGEST_PASTE:
        faults = [Fault(1, "", "", f"That is more than {LONGEST_PASTE:,} characters.")]
    elif not text.strip():
        faults = [Fault(1, "", "", "There is nothing to paste.")]
    made: Studio | Refusal | None = None
    if not faults:
        try:
            made = frame.attempt(request, rule_set, draft, change, ("tables", table.id, "rows"))
        except Faulty as wrong:
            faults = wrong.faults
    if isinstance(made, Studio):
        return _whole(request, made, table.id, row_id)
    pasted = {
        "block": text[:LONGEST_PASTE],
        "row": row_id,
        "column": column,
        "faults": faults[:MOST_FAULTS],
        "more": max(0, len(faults) - MOST_FAULTS),
        "refusal": made,
    }
    status = made.status if isinstance(made, Refusal) else 422
    studio = studios.load(rule_set, draft)
    if is_fragment(request):
        context = {"pasted": pasted, "table": table, "draft": studio.draft, "rule_set": rule_set}
        context |= {"grid": _grid(request, studio, table)}
        return render(request, "rules/fragments/paste.html", context, status=status)
    return _show(request, studio, table, status=status, pasted=pasted)
