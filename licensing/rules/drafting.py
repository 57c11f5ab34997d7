"""Changes to the document of a rule set, one at a time: each gives another document.

Pure surgery on JSON: whether the result can decide is verification's to say. Rows and tables are
known by their ids, which nothing here ever changes.
"""

import copy
import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

Document = dict[str, Any]
Part = Literal["facts", "counters", "limits", "reasons", "lists", "defaults"]

OWN = ("label", "from", "to", "reason", "source", "owner", "disabled")
"""What a row says beside its cells: the columns of every table."""


class NoSuchPlace(LookupError):
    """The document has no such table or row (any more)."""


def table(document: Document, table_id: str) -> dict[str, Any]:
    """A table of the document. Raises NoSuchPlace."""
    for each in document["tables"]:
        if each["id"] == table_id:
            found: dict[str, Any] = each
            return found
    raise NoSuchPlace(f"There is no table {table_id}.")


def row(document: Document, row_id: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A row of the document with its table. Raises NoSuchPlace."""
    for owner in document["tables"]:
        for each in owner["rows"]:
            if each["id"] == row_id:
                return owner, each
    raise NoSuchPlace(f"There is no row {row_id} any more.")


class Names:
    """Ids for new rows, none of which any row has or was given before."""

    def __init__(self, document: Document) -> None:
        self._taken = {each["id"] for owner in document["tables"] for each in owner["rows"]}
        self._last: dict[str, int] = {}

    def free(self, wish: str) -> str:
        """`wish`, or with a number behind it."""
        wish = re.sub(r"[^A-Za-z0-9._-]+", "-", wish).strip("-._")[:48] or "row"
        stem = re.sub(r"-\d+$", "", wish)
        while wish in self._taken:
            self._last[stem] = number = self._last.get(stem, 1) + 1
            wish = f"{stem}-{number}"
        self._taken.add(wish)
        return wish


def free_id(document: Document, wish: str) -> str:
    """`wish`, or with a number behind it, that no row has."""
    return Names(document).free(wish)


def edited(document: Document, row_id: str, changes: Mapping[str, Any]) -> Document:
    """With other values in one row; None takes a value away.

    The columns are `when.<fact>`, `then.<output>`, and those of OWN.
    """

    def change(made: Document) -> None:
        _, found = row(made, row_id)
        for column, value in changes.items():
            put(found, column, value)

    return _changed(document, change)


def put(found: dict[str, Any], column: str, value: Any) -> None:
    """Set one column of a row; None, and False for a flag, takes the value away."""
    side, _, name = column.partition(".")
    place, name = (found[side], name) if name else (found, side)
    if value is None or (value is False and name == "disabled"):
        place.pop(name, None)
    else:
        place[name] = value


def added(document: Document, table_id: str, new: dict[str, Any], after: str = "") -> Document:
    """With one more row in a table, behind `after` or at the end."""

    def change(made: Document) -> None:
        rows = table(made, table_id)["rows"]
        ids = [each["id"] for each in rows]
        rows.insert(ids.index(after) + 1 if after in ids else len(rows), new)

    return _changed(document, change)


def duplicated(document: Document, row_id: str) -> tuple[Document, str]:
    """With a twin of a row behind it, under an id of its own."""
    owner, found = row(document, row_id)
    new_id = free_id(document, row_id)
    return added(document, owner["id"], {**found, "id": new_id}, after=row_id), new_id


def moved(document: Document, row_id: str, by: int) -> Document:
    """With a row some places further down, or up; at the end it stays."""

    def change(made: Document) -> None:
        owner, found = row(made, row_id)
        rows = owner["rows"]
        place = rows.index(found)
        rows.remove(found)
        rows.insert(min(max(place + by, 0), len(rows)), found)

    return _changed(document, change)


def removed(document: Document, row_id: str) -> Document:
    """Without a row."""

    def change(made: Document) -> None:
        owner, found = row(made, row_id)
        owner["rows"].remove(found)

    return _changed(document, change)


def declared(document: Document, part: Part, name: str, value: Any) -> Document:
    """With a fact, counter, limit, reason, list or default declared, or declared otherwise."""
    return {**document, part: {**document.get(part, {}), name: value}}


def undeclared(document: Document, part: Part, name: str) -> Document:
    """Without it."""
    kept = {key: value for key, value in document.get(part, {}).items() if key != name}
    return {**document, part: kept}


def with_table(document: Document, new: dict[str, Any]) -> Document:
    """With a table: a new one at the end, or other settings for the one of this id."""

    def change(made: Document) -> None:
        for number, each in enumerate(made["tables"]):
            if each["id"] == new["id"]:
                made["tables"][number] = {**each, **new}
                return
        made["tables"].append(new)

    return _changed(document, change)


def without_table(document: Document, table_id: str) -> Document:
    """Without a table and its rows."""

    def change(made: Document) -> None:
        made["tables"].remove(table(made, table_id))

    return _changed(document, change)


def with_columns(
    document: Document,
    table_id: str,
    inputs: list[str],
    outputs: list[str],
    merge: Mapping[str, str],
    fill: Mapping[str, Any],
) -> Document:
    """With these columns in a table. What a row said in one that is gone is gone with it.

    `fill` are the values of outputs that a row did not set: a base row must set each.
    """

    def change(made: Document) -> None:
        found = table(made, table_id)
        found["inputs"], found["outputs"] = inputs, outputs
        if found["hit"] == "collect":
            found["merge"] = {name: merge[name] for name in outputs if name in merge}
        for each in found["rows"]:
            kept = {name: each["then"][name] for name in outputs if name in each["then"]}
            each["when"] = {name: cell for name, cell in each["when"].items() if name in inputs}
            each["then"] = {**{n: v for n, v in fill.items() if n in outputs}, **kept}

    return _changed(document, change)


def with_case(document: Document, case: dict[str, Any]) -> Document:
    """With an example: a new one at the end, or another one under its id."""
    cases = list(document.get("cases", ()))
    ids = [each["id"] for each in cases]
    if case["id"] in ids:
        cases[ids.index(case["id"])] = case
    else:
        cases.append(case)
    return {**document, "cases": cases}


def without_case(document: Document, case_id: str) -> Document:
    """Without an example."""
    kept = [each for each in document.get("cases", ()) if each["id"] != case_id]
    return {**document, "cases": kept}


def _changed(document: Document, change: Callable[[Document], None]) -> Document:
    made = copy.deepcopy(document)
    change(made)
    return made
