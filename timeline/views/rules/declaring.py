"""Facts, counters, limits, reasons, lists and tables: declared, changed and taken away in forms."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect

from licensing.rules import drafting, wording
from licensing.rules.drafting import Document
from licensing.rules.ruleset import RuleSet
from timeline import audit, counting, rule_forms
from timeline import studio as studios
from timeline.http import may, staff_page
from timeline.presenters.rules import counting as presenter
from timeline.presenters.rules import declarations
from timeline.rule_forms import CaseForm, CounterForm, Declaring, FactForm, TableForm
from timeline.studio import Path, Studio
from timeline.views.rules import frame
from timeline.views.rules.editing import side
from timeline.views.rules.frame import Refusal


class Part(msgspec.Struct, frozen=True):
    """One sort of declaration: its words, its form, where it stands, and its values."""

    title: str
    one: str
    form: type[Declaring]
    place: str


PARTS: Mapping[str, Part] = {
    "facts": Part("Facts", "fact", rule_forms.FactForm, "facts"),
    "counters": Part("Counters", "counter", rule_forms.CounterForm, "counters"),
    "limits": Part("Limits", "limit", rule_forms.LimitForm, "limits"),
    "reasons": Part("Reasons", "reason", rule_forms.ReasonForm, "reasons"),
    "lists": Part("Lists", "list", rule_forms.ListForm, "lists"),
    "tables": Part("Tables", "table", rule_forms.TableForm, "tables"),
    "examples": Part("Examples", "example", rule_forms.CaseForm, "cases"),
}


@staff_page
def page(request: HttpRequest, rule_set: str, draft: str) -> HttpResponseBase:
    """All that is declared beside the tables."""
    studio = studios.load(rule_set, draft)
    if studio.ruleset is None:
        return frame.show(request, studio, "edit", {}, template="rules/misshapen.html")
    declared = declarations.of(studio.ruleset)
    groups = [
        (key, PARTS[key], getattr(declared, key))
        for key in ("facts", "counters", "limits", "reasons", "lists")
    ]
    body = {"side": side(studio), "groups": groups, "at_data": True}
    return frame.show(request, studio, "edit", body, template="rules/data.html")


@staff_page(writes="draft")
def one(request: HttpRequest, rule_set: str, draft: str, part: str) -> HttpResponseBase:
    """The form of one declaration: `?name=` is one that there is, none is a new one."""
    studio = studios.load(rule_set, draft)
    if part not in PARTS:
        raise Http404("There is no such sort of declaration.")
    if studio.ruleset is None:
        return frame.show(request, studio, "edit", {}, template="rules/misshapen.html")
    name = (request.POST.get("old") or request.GET.get("name", ""))[:64]
    known = _known(studio.ruleset, part)
    if name and name not in known:
        refusal = Refusal(409, f"There is no {PARTS[part].one} {name} any more.")
        return _form(request, studio, part, "", None, refusal)
    if request.method != "POST":
        return _form(request, studio, part, name, None)
    if request.POST.get("act") == "remove" and name:
        return _save(request, studio, part, name, _without(part, name), None)
    form = PARTS[part].form(request.POST, ruleset=studio.ruleset, old=name)
    if not form.is_valid():
        return _form(request, studio, part, name, form, status=422)
    if request.POST.get("act") == "preview" and isinstance(form, CounterForm | FactForm):
        return _form(request, studio, part, name, form, preview=_preview(request, studio, form))
    return _save(request, studio, part, name, _with(part, form), form)


def _known(ruleset: RuleSet, part: str) -> Mapping[str, Any]:
    if part == "tables":
        return {table.id: table for table in ruleset.tables}
    if part == "examples":
        return {case.id: case for case in ruleset.cases}
    found: Mapping[str, Any] = getattr(ruleset, part)
    return found


def _form(
    request: HttpRequest,
    studio: Studio,
    part: str,
    name: str,
    form: Declaring | None,
    refusal: Refusal | None = None,
    *,
    status: int = 200,
    preview: Any = None,
) -> HttpResponse:
    assert studio.ruleset is not None
    if form is None:
        initial = _initial(request, studio.ruleset, part, name)
        form = PARTS[part].form(initial=initial, ruleset=studio.ruleset, old=name)
    if not may(request, "draft") or studio.closed:
        for field in form.fields.values():
            field.disabled = True
    table = name if part == "tables" else ""
    body = {
        "side": side(studio),
        "form": form,
        "part": PARTS[part],
        "part_key": part,
        "old": name,
        "refusal": refusal,
        "preview": preview,
        "previews": part in ("counters", "facts"),
        "back": frame.address(studio, table=table) if part == "tables" else _back(studio, part),
        "at_data": part not in ("tables", "examples"),
    }
    tab = "examples" if part == "examples" else "edit"
    status = refusal.status if refusal is not None else status
    return frame.show(request, studio, tab, body, status=status, template="rules/form.html")


def _back(studio: Studio, part: str) -> str:
    return frame.address(studio, "examples" if part == "examples" else "data")


def _initial(request: HttpRequest, ruleset: RuleSet, part: str, name: str) -> dict[str, Any]:
    if not name:
        if part == "examples":
            return rule_forms.case_from(request.GET.get("case", ""))
        return {}
    value = _known(ruleset, part)[name]
    match part:
        case "facts":
            return FactForm.initial_of(ruleset, name, value)
        case "counters":
            return CounterForm.initial_of(name, value)
        case "limits":
            return rule_forms.LimitForm.initial_of(name, value)
        case "reasons":
            return {"name": name, "message": value}
        case "lists":
            words = [each if isinstance(each, str) else str(each) for each in value]
            return {"name": name, "values": ", ".join(map(wording.quoted, words))}
        case "tables":
            return TableForm.initial_of(value)
        case _:
            return CaseForm.initial_of(value)


def _with(part: str, form: Declaring) -> Callable[[Document], Document]:
    name = str(form.cleaned_data["name"])

    def change(document: Document) -> Document:
        match form:
            case TableForm():
                return _with_table(document, name, form)
            case CaseForm():
                before = {case["id"]: case for case in document.get("cases", ())}
                kept = before.get(name, {}).get("expect", {})
                value = form.value()
                # What the form does not show of an example stays as it is.
                more = {key: kept[key] for key in ("rows", "out") if key in kept}
                return drafting.with_case(document, {**value, "expect": value["expect"] | more})
            case FactForm():
                made = drafting.declared(document, "facts", name, form.value())
                default = form.cleaned_data["default"]
                if default is None:
                    return drafting.undeclared(made, "defaults", name)
                return drafting.declared(made, "defaults", name, default)
            case CounterForm():
                return _with_counter(document, name, form)
        return drafting.declared(document, part, name, form.value())  # type: ignore[arg-type,attr-defined]

    return change


def _with_counter(document: Document, name: str, form: CounterForm) -> Document:
    made = drafting.declared(document, "counters", name, form.value())
    limit = form.limit_value()
    if limit is None:
        return made
    code, words = limit["reason"], form.cleaned_data["message"]
    if words and code not in made.get("reasons", {}):
        made = drafting.declared(made, "reasons", code, words)
    return drafting.declared(made, "limits", form.cleaned_data["limit"], limit)


def _with_table(document: Document, name: str, form: TableForm) -> Document:
    given = form.cleaned_data
    if not form.old:
        new: dict[str, Any] = {
            "id": name, "title": given["title"], "hit": given["hit"], "inputs": given["inputs"],
            "outputs": given["outputs"], "rows": [],
        }  # fmt: skip
        if given["hit"] == "collect":
            new["merge"] = form.merge()
        return drafting.with_table(document, new)
    made = drafting.with_table(document, {"id": name, "title": given["title"]})
    before = drafting.table(document, name)
    kept = before.get("merge", {})
    merge = {output: kept.get(output, way) for output, way in form.merge().items()}
    fresh = [output for output in given["outputs"] if output not in before["outputs"]]
    fill = given.get("fill")
    filled = dict.fromkeys(fresh, fill) if fill is not None else {}
    if before["hit"] != "unique":
        filled = {}
    # The columns stay where they are; new ones come behind them.
    inputs = _in_order(before["inputs"], given["inputs"])
    outputs = _in_order(before["outputs"], given["outputs"])
    return drafting.with_columns(made, name, inputs, outputs, merge, filled)


def _in_order(before: list[str], chosen: list[str]) -> list[str]:
    return [n for n in before if n in chosen] + [n for n in chosen if n not in before]


def _without(part: str, name: str) -> Callable[[Document], Document]:
    def change(document: Document) -> Document:
        if part == "tables":
            return drafting.without_table(document, name)
        if part == "examples":
            return drafting.without_case(document, name)
        made = drafting.undeclared(document, part, name)  # type: ignore[arg-type]
        return drafting.undeclared(made, "defaults", name) if part == "facts" else made

    return change


def _save(
    request: HttpRequest,
    studio: Studio,
    part: str,
    name: str,
    change: Callable[[Document], Document],
    form: Declaring | None,
) -> HttpResponseBase:
    named = str(form.cleaned_data["name"]) if form is not None else name
    place: Path = (PARTS[part].place, named)
    made = frame.attempt(request, studio.rule_set_id, studio.draft.draft_id, change, place)
    if isinstance(made, Refusal):
        again = studios.load(studio.rule_set_id, studio.draft.draft_id)
        return _form(request, again, part, name, form, made)
    word = "removed" if form is None else "saved"
    messages.success(request, f"The {PARTS[part].one} {named} is {word}.")
    if part == "tables":
        return redirect(frame.address(made, table="" if form is None else named))
    return redirect(f"{_back(made, part)}#{part}-{named}")


def _preview(request: HttpRequest, studio: Studio, form: CounterForm | FactForm) -> Any:
    """What the declaration would have been in real requests, a few members at a time."""
    assert studio.ruleset is not None
    audit.read(request, "", "rules")
    part = "counters" if isinstance(form, CounterForm) else "facts"
    state = counting.begin(part, str(form.cleaned_data["name"]), form.value())
    return presenter.card(counting.go_on(state, studio.ruleset))
