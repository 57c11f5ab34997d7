"""What differs between two documents of rules, by row and cell, in words."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from licensing.rules import edits, wording
from licensing.rules.tables import Cell
from timeline.presenters.diff import Entity, Field, Group

MOST = 40  # rows and parts of a group that are put into words
LONGEST = 140
_OWN = {
    "label": "Label", "from": "Valid from", "to": "Valid until", "reason": "Reason",
    "source": "Source", "owner": "Owner", "disabled": "Disabled",
}  # fmt: skip
_PARTS = {
    "facts": "Fact", "counters": "Counter", "limits": "Limit", "lists": "List",
    "defaults": "Default", "reasons": "Words for", "cases": "Example", "zones": "Zones",
}  # fmt: skip

Document = Mapping[str, Any]


def groups(before: Document, after: Document) -> list[Group]:
    """The changes of rows and of the other parts: added, changed, removed."""
    was, now = _rows(before), _rows(after)
    added = [_row(key, now[key], {}, now[key], after) for key in now if key not in was]
    changed = [
        _row(key, now[key], was[key], now[key], after)
        for key in now
        if key in was and was[key][1] != now[key][1]
    ]
    removed = [_row(key, was[key], was[key], {}, before) for key in was if key not in now]
    parts = _parts(before, after)
    told = (
        ("Added", added),
        ("Changed", changed),
        ("Removed", removed),
        ("Beside the rows", parts),
    )
    return [
        Group(title, tuple(found[:MOST]), len(found), more=max(0, len(found) - MOST))
        for title, found in told
        if found
    ]


Keyed = tuple[str, Mapping[str, Any]]  # the title of the table, and the row


def _rows(document: Document) -> dict[str, Keyed]:
    found: dict[str, Keyed] = {}
    for table in _list(document.get("tables")):
        title = str(table.get("title") or table.get("id"))
        for row in _list(table.get("rows")):
            found[str(row.get("id"))] = (title, row)
    return found


def _list(value: Any) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def _row(key: str, about: Keyed, was: Any, now: Any, document: Document) -> Entity:
    table, row = about
    before, after = (side[1] if side else {} for side in (was, now))
    kind = "granted" if not was else "ended" if not now else "renewed"
    fields = tuple(_fields(before, after, document))
    return Entity(kind, str(row.get("label") or key), table, key, fields)


def _fields(
    before: Mapping[str, Any], after: Mapping[str, Any], document: Document
) -> Iterable[Field]:
    for part in ("when", "then"):
        one, two = before.get(part) or {}, after.get(part) or {}
        for name in [*one, *(name for name in two if name not in one)]:
            if one.get(name) != two.get(name):
                say = cell if part == "when" else value
                yield _field(
                    label(name, document),
                    name in one or bool(before),
                    say(one.get(name)),
                    say(two.get(name)),
                )
    for name, words in _OWN.items():
        if before.get(name) != after.get(name):
            yield _field(words, bool(before), value(before.get(name)), value(after.get(name)))


def _field(name: str, was_there: bool, was: str, now: str) -> Field:
    return Field(name, was if was_there else None, now)


def label(name: str, document: Document) -> str:
    """What a fact, a counter or a limit is called."""
    for part in ("facts", "counters", "limits"):
        known = document.get(part)
        about = known.get(name) if isinstance(known, Mapping) else None
        words = about.get("label") if isinstance(about, Mapping) else None
        if isinstance(words, str) and words:
            return f"Max {words}" if part == "limits" else words
    return name.replace("_", " ").capitalize()


def cell(said: Any) -> str:
    """A cell in words."""
    if said is None:
        return wording.ANY
    try:
        return wording.said(msgspec.convert(said, Cell))
    except msgspec.ValidationError:
        return value(said)


def value(said: Any) -> str:
    """A value in words."""
    if said is None:
        return "none"
    if isinstance(said, bool):
        return "yes" if said else "no"
    text = said if isinstance(said, str) else msgspec.json.encode(said).decode()
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _parts(before: Document, after: Document) -> list[Entity]:
    found: dict[tuple[str, ...], list[Field]] = {}
    for edit in edits.between(before, after):
        if edit.path[0] == "tables" and (len(edit.path) < 3 or edit.path[2] == "rows"):
            continue
        was = None if edit.before is msgspec.UNSET else value(edit.before)
        now = "none" if edit.after is msgspec.UNSET else value(edit.after)
        name = " › ".join(edit.path[2:]) or "Value"
        found.setdefault(edit.path[:2], []).append(Field(name, was, now))
    return [
        Entity(
            "account",
            " ".join(path[1:]) or path[0],
            _PARTS.get(path[0], path[0]),
            "",
            tuple(fields),
        )
        for path, fields in found.items()
    ]


# -- The document whole --


class Sheet(msgspec.Struct, frozen=True):
    """A table as it stands: its columns in words, and its first rows."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...], str], ...]
    more: int


MOST_ROWS = 25
MOST_COLUMNS = 7


def sheets(document: Document) -> list[Sheet]:
    """The tables of a document."""
    return [_sheet(table, document) for table in _list(document.get("tables"))]


def _sheet(table: Mapping[str, Any], document: Document) -> Sheet:
    inputs = [str(name) for name in table.get("inputs") or ()]
    outputs = [str(name) for name in table.get("outputs") or ()]
    names = [*inputs, *outputs][:MOST_COLUMNS]
    rows = _list(table.get("rows"))
    told = tuple(
        (
            str(row.get("id")),
            tuple(_said(row, name, inputs) for name in names),
            value(row.get("source")),
        )
        for row in rows[:MOST_ROWS]
    )
    return Sheet(
        str(table.get("title") or table.get("id")),
        tuple(label(name, document) for name in names),
        told,
        max(0, len(rows) - MOST_ROWS),
    )


def _said(row: Mapping[str, Any], name: str, inputs: list[str]) -> str:
    if name in inputs:
        return cell((row.get("when") or {}).get(name))
    return value((row.get("then") or {}).get(name))
