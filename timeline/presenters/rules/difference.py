"""What differs between two documents, in words: who changed what from what to what."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import msgspec
from msgspec import UNSET

from licensing.rules import sheets, wording
from licensing.rules.edits import ORDER, Edit
from licensing.rules.ruleset import RuleSet
from licensing.rules.tables import Cell, Row, Table
from timeline.presenters import clock
from timeline.presenters.rules import declarations, grid

How = Literal["added", "removed", "changed", "moved"]
PARTS = {
    "facts": "Facts",
    "counters": "Counters",
    "limits": "Limits",
    "reasons": "Reasons",
    "lists": "Lists",
    "defaults": "Defaults",
    "cases": "Examples",
    "zones": "Time zones",
}
_OWN = {"label": "Label", "from": "Start", "to": "End", "reason": "Reason", "source": "Source"}
_OWN |= {"owner": "Owner", "disabled": "Disabled"}
LONGEST = 200


class Told(msgspec.Struct, frozen=True):
    """One difference: where, what it was and what it is; a side that there is not is empty."""

    group: str
    place: str
    how: How
    before: str
    after: str
    row: str = ""
    table: str = ""


def told(edits: Iterable[Edit], before: RuleSet | None, after: RuleSet | None) -> list[Told]:
    """The edits in words; those that make up one cell are one."""
    found: list[Told] = []
    cells: dict[tuple[str, ...], tuple[dict[str, Any], dict[str, Any]]] = {}
    for edit in edits:
        path = edit.path
        if len(path) >= 6 and path[0] == "tables" and path[2] == "rows" and path[4] == "when":
            was, now = cells.setdefault(path[:6], ({}, {}))
            _gather(was, path[6:], edit.before)
            _gather(now, path[6:], edit.after)
        else:
            found += _one(edit, before, after)
    for path, (was, now) in cells.items():
        found.append(_cell(path, was, now, after or before))
    order = {name: place for place, name in enumerate(dict.fromkeys(each.group for each in found))}
    return sorted(found, key=lambda each: order[each.group])


def _gather(side: dict[str, Any], rest: tuple[str, ...], value: Any) -> None:
    if value is UNSET:
        return
    if rest:
        side[rest[0]] = value
    elif isinstance(value, dict):
        side.update(value)


def _cell(
    path: tuple[str, ...], was: dict[str, Any], now: dict[str, Any], ruleset: RuleSet | None
) -> Told:
    _, table_id, _, row_id, _, fact = path
    label = _fact_label(ruleset, fact)
    return Told(
        _table_title(ruleset, table_id), f"{label} of {row_id}", "changed",
        _cell_words(was), _cell_words(now), row_id, table_id,
    )  # fmt: skip


def _cell_words(value: dict[str, Any]) -> str:
    try:
        return wording.said(msgspec.convert(value, Cell))
    except msgspec.ValidationError:
        return _short(value)


def _one(edit: Edit, before: RuleSet | None, after: RuleSet | None) -> list[Told]:
    match edit.path:
        case ("tables", table_id, "rows", row_id, "then", output):
            name = sheets.output_label(after or before, output) if after or before else output  # type: ignore[arg-type]
            return [_row_field(after or before, table_id, row_id, name, edit, _scalar)]
        case ("tables", table_id, "rows", row_id, own) if own in _OWN:
            return [_row_field(after or before, table_id, row_id, _OWN[own], edit, _own)]
        case ("tables", table_id, "rows", last) if last == ORDER:
            return _order(edit, table_id, after or before)
        case ("tables", table_id, "rows", row_id):
            return [_whole_row(edit, table_id, row_id, before, after)]
        case ("tables", table_id, "rows"):
            return _whole_rows(edit, table_id, before, after)
        case ("tables", last) if last == ORDER:
            titles = [_table_title(after or before, each) for each in _moved(edit)]
            return _in_order("Tables", titles)
        case ("tables", table_id):
            return _whole_table(edit, table_id, before, after)
        case ("tables", table_id, setting, *_):
            group = _table_title(after or before, table_id)
            words = {"inputs": "Columns under When", "outputs": "Columns under Then"}
            place = words.get(setting, setting.capitalize())
            return [
                Told(group, place, "changed", _short(edit.before), _short(edit.after), "", table_id)
            ]
        case (part, last) if last == ORDER:
            return _in_order(PARTS.get(part, part), _moved(edit))
        case (part,) if part in PARTS:
            return _whole_part(edit, before, after)
        case (part, name) if part in PARTS:
            return [_declared(part, name, edit, before, after)]
        case (part, *rest):
            group = PARTS.get(part, "Rule set")
            place = " ".join(rest) or part.capitalize()
            return [Told(group, place, _how(edit), _short(edit.before), _short(edit.after))]
    return []


def _row_field(
    ruleset: RuleSet | None, table_id: str, row_id: str, name: str, edit: Edit, words: Any
) -> Told:
    return Told(
        _table_title(ruleset, table_id), f"{name} of {row_id}", "changed",
        words(edit.before), words(edit.after), row_id, table_id,
    )  # fmt: skip


def _whole_row(
    edit: Edit, table_id: str, row_id: str, before: RuleSet | None, after: RuleSet | None
) -> Told:
    was = _row_words(before or after, table_id, edit.before)
    now = _row_words(after or before, table_id, edit.after)
    group = _table_title(after or before, table_id)
    return Told(group, f"Row {row_id}", _how(edit), was, now, row_id, table_id)


def _whole_rows(
    edit: Edit, table_id: str, before: RuleSet | None, after: RuleSet | None
) -> list[Told]:
    was = edit.before if isinstance(edit.before, list) else []
    now = edit.after if isinstance(edit.after, list) else []
    gone = [Edit((*edit.path, row["id"]), before=row) for row in was]
    come = [Edit((*edit.path, row["id"]), after=row) for row in now]
    return [_whole_row(each, table_id, each.path[-1], before, after) for each in (*gone, *come)]


def _whole_table(
    edit: Edit, table_id: str, before: RuleSet | None, after: RuleSet | None
) -> list[Told]:
    """A table that came or went, with each of its rows."""
    whole = edit.before if edit.after is UNSET else edit.after
    if not isinstance(whole, dict):
        return []
    place = f"Table {whole.get('title') or table_id}"
    words = "a base table" if whole.get("hit") == "unique" else "a restriction"
    was, now = (words, "") if edit.after is UNSET else ("", words)
    table = Told(
        _table_title(before if edit.after is UNSET else after, table_id), place, _how(edit),
        was, now, "", table_id,
    )  # fmt: skip
    path = (*edit.path, "rows")
    rows = whole.get("rows", [])
    inner = Edit(path, before=rows) if edit.after is UNSET else Edit(path, after=rows)
    return [table, *_whole_rows(inner, table_id, before, after)]


def _whole_part(edit: Edit, before: RuleSet | None, after: RuleSet | None) -> list[Told]:
    """A part of the document that came, went or is known as a whole only, entry by entry."""
    part = edit.path[0]
    was, now = _by_name(edit.before), _by_name(edit.after)
    names = [*was, *(name for name in now if name not in was)]
    edits = [Edit((part, name), was.get(name, UNSET), now.get(name, UNSET)) for name in names]
    return [_declared(part, each.path[1], each, before, after) for each in edits]


def _by_name(value: Any) -> dict[str, Any]:
    if isinstance(value, list):
        return {str(each["id"]): each for each in value if isinstance(each, dict) and "id" in each}
    return value if isinstance(value, dict) else {}


def _declared(
    part: str, name: str, edit: Edit, before: RuleSet | None, after: RuleSet | None
) -> Told:
    """A declaration that came, went or changed as a whole, in the words of its own page."""
    was = _declared_words(part, name, edit.before, before)
    now = _declared_words(part, name, edit.after, after)
    return Told(PARTS[part], name, _how(edit), was, now)


def _declared_words(part: str, name: str, value: Any, ruleset: RuleSet | None) -> str:
    if value is UNSET:
        return ""
    entry = declarations.named(ruleset, part, name) if ruleset is not None else None
    if entry is None:
        return _short(value)
    return f"{entry.label}: {entry.words}" if entry.label else entry.words


def _order(edit: Edit, table_id: str, ruleset: RuleSet | None) -> list[Told]:
    return _in_order(_table_title(ruleset, table_id), _moved(edit), table_id)


def _in_order(group: str, moved: Sequence[str], table_id: str = "") -> list[Told]:
    words = f"Order of {', '.join(moved[:6])}"
    return [Told(group, words, "moved", "", "", "", table_id)] if moved else []


def _moved(edit: Edit) -> list[str]:
    """What changed its place among what was there before and is still; often nothing."""
    was, now = edit.before, edit.after
    if not isinstance(was, list) or not isinstance(now, list):
        return []  # all of it came or went
    stayed = [each for each in was if each in now]
    stand = [each for each in now if each in was]
    return [each for each, other in zip(stayed, stand, strict=True) if each != other]


def _how(edit: Edit) -> How:
    if edit.before is UNSET:
        return "added"
    return "removed" if edit.after is UNSET else "changed"


def _table(ruleset: RuleSet | None, table_id: str) -> Table | None:
    tables = ruleset.tables if ruleset is not None else ()
    return next((each for each in tables if each.id == table_id), None)


def _table_title(ruleset: RuleSet | None, table_id: str) -> str:
    table = _table(ruleset, table_id)
    return (table.title if table else "") or table_id


def _fact_label(ruleset: RuleSet | None, name: str) -> str:
    fact = ruleset.facts.get(name) if ruleset is not None else None
    return fact.label if fact is not None else name


def _row_words(ruleset: RuleSet | None, table_id: str, value: Any) -> str:
    table = _table(ruleset, table_id)
    if value is UNSET or not isinstance(value, dict):
        return ""
    try:
        row = msgspec.convert(value, Row)
    except msgspec.ValidationError:
        return _short(value)
    if ruleset is None or table is None:
        return _short(value)
    words = grid.row_words(ruleset, table, row)
    valid = grid.validity_words(row)
    return f"{words}, {valid}" if valid else words


def _scalar(value: Any) -> str:
    return "nothing" if value is UNSET or value is None else wording.scalar(value)


def _own(value: Any) -> str:
    if value is UNSET or value is None:
        return "nothing"
    at = clock.instant(value) if isinstance(value, str) and value[:4].isdigit() else None
    return clock.moment(at, 0) if at is not None else wording.scalar(value)


def _short(value: Any) -> str:
    if value is UNSET:
        return ""
    if isinstance(value, str):
        text = value
    elif isinstance(value, list) and all(not isinstance(each, dict | list) for each in value):
        text = ", ".join(map(wording.scalar, value)) or "nothing"
    elif isinstance(value, dict):
        text = "; ".join(f"{name} {_short(inner)}" for name, inner in value.items())
    else:
        text = "not given" if value is None else wording.scalar(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def groups(found: Sequence[Told]) -> list[tuple[str, list[Told]]]:
    """The differences by what they are about."""
    made: dict[str, list[Told]] = {}
    for each in found:
        made.setdefault(each.group, []).append(each)
    return list(made.items())
