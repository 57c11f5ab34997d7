"""A whole rule set as sheets of texts: one for each table, and one for all its settings.

What a table's sheet cannot say stands on the sheet `settings`, a line for each declaration, as
JSON: so a rule set comes back under the same hash.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from licensing.rules import sheets
from licensing.rules.drafting import Document
from licensing.rules.ruleset import RuleSet
from licensing.rules.sheets import Fault, Faulty

SETTINGS = "settings"
Sheet = Sequence[Sequence[str]]


def written(document: Document) -> dict[str, list[list[str]]]:
    """The sheets of a document that has the form of a rule set."""
    ruleset = msgspec.convert(document, RuleSet)
    made = {_name(n, table.id): sheets.sheet(ruleset, table)
            for n, table in enumerate(ruleset.tables)}  # fmt: skip
    lines = [["setting", "value"]]
    for key, value in document.items():
        if key == "tables":
            lines += [[f"tables/{each['id']}", _json(_settings(each))] for each in value]
        elif isinstance(value, dict) and key != "zones":
            lines += [[f"{key}/{name}", _json(inner)] for name, inner in value.items()]
            lines += [[key, "{}"]] if not value else []
        elif key == "cases":
            lines += [[f"cases/{each['id']}", _json(each)] for each in value]
            lines += [["cases", "[]"]] if not value else []
        else:
            lines.append([key, _json(value)])
    return {**made, SETTINGS: lines}


def _name(number: int, table_id: str) -> str:
    """A sheet's name: at most 31 characters, and none that spreadsheets refuse."""
    plain = "".join(c for c in table_id if c not in "[]:*?/\\'")[:31]
    return plain if plain == table_id else f"table {number + 1}"


def _settings(table: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in table.items() if name != "rows"}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def read(document: Document, given: Mapping[str, Sheet]) -> Document:
    """The document as sheets say it; without `settings` only tables that have a sheet change.

    Raises Faulty.
    """
    if SETTINGS in given:
        document = _set(document, given[SETTINGS])
    known = {_name(n, each["id"]): each["id"] for n, each in enumerate(document["tables"])}
    faults = [Fault(1, name, "", f"There is no table for the sheet “{name[:40]}”.")
              for name in given if name != SETTINGS and name not in known]  # fmt: skip
    for name, lines in given.items():
        if name in known and any(any(line) for line in lines):
            try:
                document = sheets.taken(document, known[name], lines)
            except Faulty as wrong:
                faults += [msgspec.structs.replace(each, column=f"{name}: {each.column}")
                           for each in wrong.faults]  # fmt: skip
    if faults:
        raise Faulty(faults)
    return document


def _set(document: Document, lines: Sheet) -> Document:
    rows = {each["id"]: each["rows"] for each in document["tables"]}
    made: dict[str, Any] = {"tables": []}
    faults: list[Fault] = []
    for number, line in enumerate(lines[1:], start=2):
        if not any(line):
            continue
        path, text = (*line, "", "")[:2]
        try:
            _put(made, path, json.loads(text), rows)
        except (ValueError, KeyError, TypeError, RecursionError):
            faults.append(Fault(number, f"{SETTINGS}: value", text[:60], "This is no JSON."))
    if faults:
        raise Faulty(faults)
    try:
        msgspec.convert(made, RuleSet)
    except msgspec.ValidationError as error:
        words = f"The settings make no rule set: {error}"
        raise Faulty([Fault(1, SETTINGS, "", words)]) from None
    return made


def _put(made: dict[str, Any], path: str, value: Any, rows: Mapping[str, Any]) -> None:
    part, _, name = path.partition("/")
    if part == "tables":
        made["tables"].append({**value, "rows": rows.get(value["id"], [])})
    elif part == "cases" and name:
        made.setdefault("cases", []).append(value)
    elif name:
        made.setdefault(part, {})[name] = value
    else:
        made[part] = value
