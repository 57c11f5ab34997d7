"""A table as a sheet of texts, and back: for the grid, for what is pasted, and for spreadsheets.

A row keeps its id. What cannot be read is told with its line and column, and then nothing changes.
"""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from licensing.rules import countries, drafting, wording
from licensing.rules.drafting import Document
from licensing.rules.ruleset import RuleSet, type_of
from licensing.rules.tables import ANYTHING, Cell, Row, Scalar, Table
from licensing.rules.wording import Unreadable

MOST_ROWS = 10_000
LONGEST_TEXT = 500
ROW_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
Kind = Literal["string", "integer", "boolean", "date", "text", "reason"]

_OWN: tuple[tuple[str, str, Kind], ...] = (
    ("label", "Label", "text"),
    ("from", "From", "date"),
    ("to", "To", "date"),
    ("reason", "Reason", "reason"),
    ("source", "Source", "text"),
    ("owner", "Owner", "text"),
    ("disabled", "Disabled", "boolean"),
)
_DAYS = ("%Y-%m-%d", "%d %b %Y", "%d %B %Y", "%d.%m.%Y")
_MINUTES = ("%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%d %b %Y %H:%M")


class Column(msgspec.Struct, frozen=True):
    """One column of a table: `key` is `when.<fact>`, `then.<output>` or a row's own field."""

    key: str
    label: str
    kind: Kind

    @property
    def side(self) -> str:
        """`when`, `then`, or the name of a row's own field."""
        return self.key.partition(".")[0]

    @property
    def name(self) -> str:
        """The fact or the output; empty for a row's own field."""
        return self.key.partition(".")[2]

    @property
    def header(self) -> str:
        """What a spreadsheet calls it."""
        return self.key.replace(".", " ", 1)


class Fault(msgspec.Struct, frozen=True):
    """A text that could not be taken; `line` counts from 1, the header being the first."""

    line: int
    column: str
    text: str
    message: str


class Faulty(ValueError):
    """A sheet with faults; nothing of it was taken."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(f"{len(faults)} faults")
        self.faults = tuple(faults)


def columns(ruleset: RuleSet, table: Table) -> tuple[Column, ...]:
    """The columns of a table in their order."""
    types = ruleset.types()
    facts = [
        Column(
            f"when.{name}",
            ruleset.facts[name].label if name in ruleset.facts else name,
            types.get(name) or "string",
        )
        for name in table.inputs
    ]
    outputs = [
        Column(f"then.{name}", output_label(ruleset, name), output_kind(ruleset, name))
        for name in table.outputs
    ]
    own = [Column(*each) for each in _OWN]
    return (own[0], *facts, *outputs, *own[1:])


def output_label(ruleset: RuleSet, name: str) -> str:
    """An output in words: `at most devices`, `license hours`."""
    limit = ruleset.limits.get(name)
    if limit is not None:
        return f"Max {limit.label}" if limit.kind == "room" else f"At most {limit.label}"
    words = re.sub(r"_h$", "_hours", name).replace("_", " ")
    return words[:1].upper() + words[1:]


def output_kind(ruleset: RuleSet, name: str) -> Kind:
    """What an output is: a number, unless rows or its merging say otherwise."""
    if name in ruleset.limits:
        return "integer"
    for table in ruleset.tables:
        if name == "allow" or table.merge.get(name) == "and":
            return "boolean"
        for row in table.rows:
            if name in row.then:
                return type_of(row.then[name])
    return "integer"


def text_of(row: Row, column: Column) -> str:
    """What a row says in a column."""
    match column.side:
        case "when":
            cell = row.when.get(column.name)
            return wording.ANY if cell is None else wording.said(cell)
        case "then":
            value = row.then.get(column.name)
            return "" if value is None else wording.scalar(value)
        case "from" | "to":
            return date_text(row.valid_from if column.key == "from" else row.valid_to)
        case "disabled":
            return "yes" if row.disabled else ""
        case own:
            return getattr(row, own) or ""


def date_text(at: datetime | None) -> str:
    """An instant as a sheet keeps it: `2026-12-01` or, with a time of day, in full."""
    if at is None:
        return ""
    at = at.astimezone(UTC)
    if (at.hour, at.minute, at.second, at.microsecond) == (0, 0, 0, 0):
        return f"{at:%Y-%m-%d}"
    return at.isoformat().replace("+00:00", "Z")


def read(ruleset: RuleSet, column: Column, text: str) -> Any:
    """The value, in document form, that a text says in a column; None says nothing.

    Raises Unreadable.
    """
    text = text.strip()
    match column.side:
        case "when":
            return cell_value(ruleset, column, wording.read(text, _type(column)))
        case "then" | "disabled":
            value = wording.read_scalar(text, _type(column))
            return value if value or column.side == "then" else None
        case "from" | "to":
            at = read_date(text)
            return None if at is None else at.isoformat().replace("+00:00", "Z")
        case "reason":
            if text and text not in ruleset.reasons:
                near = _near(text, ruleset.reasons)
                raise Unreadable(f"There is no reason {text[:60]} with a message.{near}")
            return text or None
        case _:
            return _plain(text)


def _plain(text: str) -> str | None:
    if len(text) > LONGEST_TEXT:
        raise Unreadable(f"This is longer than {LONGEST_TEXT} characters.")
    if any(not each.isprintable() for each in text):
        raise Unreadable("This holds characters that cannot be seen.")
    return text or None


def _type(column: Column) -> Literal["string", "integer", "boolean"]:
    return column.kind if column.kind in ("integer", "boolean") else "string"


def cell_value(ruleset: RuleSet, column: Column, cell: Cell) -> dict[str, Any] | None:
    """A cell in document form if the rule set knows its lists and values. Raises Unreadable."""
    if cell.list is not None and cell.list not in ruleset.lists:
        raise Unreadable(f"There is no list {cell.list}.{_near(cell.list, ruleset.lists)}")
    fact = ruleset.facts.get(column.name)
    domain = fact.domain if fact is not None else None
    if domain is not None:
        for value in (*(cell.in_ or ()), *(cell.not_in or ())):
            if value not in domain:
                raise Unreadable(
                    f"{column.label} is never “{value}”.{_near(str(value), domain)}"
                    f" It is one of {', '.join(domain)}."
                )
    elif fact is not None and fact.path.rpartition(".")[2] == "country":
        for value in cell.named({}):
            if value not in countries.CODES and not _is_named(ruleset, column.name, value):
                raise Unreadable(_no_country(str(value)))
    if cell == ANYTHING:
        return None
    told: dict[str, Any] = msgspec.to_builtins(cell)
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in told.items()
        if value is not None
    }


def _is_named(ruleset: RuleSet, fact: str, value: Scalar) -> bool:
    """Whether a row says so already: what there is goes out into sheets and comes back."""
    rows = (row for table in ruleset.tables for row in table.rows if fact in row.when)
    return any(value in row.when[fact].named(ruleset.lists) for row in rows)


def _no_country(text: str) -> str:
    meant = countries.MEANT.get(text.upper(), text.upper())
    near = f" Did you mean {meant}?" if meant in countries.CODES else ""
    return f"There is no country “{text[:40]}”: write its two letters, as in BR.{near}"


def _near(text: str, known: Mapping[str, Any] | Sequence[str]) -> str:
    found = difflib.get_close_matches(text.lower(), [each.lower() for each in known], 1)
    exact = next((each for each in known if found and each.lower() == found[0]), None)
    return f" Did you mean {exact}?" if exact else ""


def read_date(text: str) -> datetime | None:
    """The instant that a text means, in UTC unless it says its offset. Raises Unreadable."""
    if not text:
        return None
    for form in (*_DAYS, *_MINUTES):
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Unreadable(f"“{text[:40]}” is no date: write it as 2026-12-01.") from None


# -- Whole tables --


def sheet(ruleset: RuleSet, table: Table) -> list[list[str]]:
    """The table as lines of texts, its header first."""
    known = columns(ruleset, table)
    lines = [["row", *(column.header for column in known)]]
    lines += [[row.id, *(text_of(row, column) for column in known)] for row in table.rows]
    return lines


def taken(document: Document, table_id: str, lines: Sequence[Sequence[str]]) -> Document:
    """The document with a table's rows as a sheet says them. Raises Faulty and NoSuchPlace.

    A line with the id of a row is that row; columns that the sheet lacks are kept. A line
    without an id is a new row, and a row without a line is gone.
    """
    ruleset = msgspec.convert(document, RuleSet)
    table = _table(ruleset, table_id)
    lines = [line for line in lines if any(text.strip() for text in line)]
    if not lines:
        raise Faulty([Fault(1, "", "", "The sheet is empty.")])
    if len(lines) - 1 > MOST_ROWS:
        raise Faulty([Fault(MOST_ROWS + 2, "", "", _too_many(len(lines) - 1))])
    known = {column.header: column for column in columns(ruleset, table)}
    header = [text.strip() for text in lines[0]]
    faults = list(_header_faults(header, known))
    if faults:
        raise Faulty(faults)
    elsewhere = {row.id: other.id for other in ruleset.tables for row in other.rows}
    before = {row["id"]: row for row in drafting.table(document, table_id)["rows"]}
    made = {**document, "tables": [*document["tables"]]}
    rows: list[dict[str, Any]] = []
    seen: set[str] = set()
    names = drafting.Names(document)
    for number, line in enumerate(lines[1:], start=2):
        texts = dict(zip(header, line, strict=False))
        row_id = texts.get("row", "").strip() or names.free(f"{table_id}-new")
        fault = _id_fault(row_id, table_id, elsewhere, seen)
        if fault:
            faults.append(Fault(number, "row", row_id[:60], fault))
        seen.add(row_id)
        row = before.get(row_id) or {"id": row_id, "when": {}, "then": {}}
        row = {**row, "when": dict(row["when"]), "then": dict(row["then"])}
        for name, text in texts.items():
            if name != "row":
                _fill(ruleset, row, known[name], text, number, faults)
        rows.append(row)
    if faults:
        raise Faulty(faults)
    place = next(n for n, each in enumerate(document["tables"]) if each["id"] == table_id)
    made["tables"][place] = {**document["tables"][place], "rows": rows}
    return made


def _header_faults(header: Sequence[str], known: Mapping[str, Column]) -> Iterator[Fault]:
    for name in header:
        if header.count(name) > 1:
            yield Fault(1, name, name, "The column stands there twice.")
            return
        if name != "row" and name not in known:
            near = _near(name, [*known])
            yield Fault(1, name[:60], name[:60], f"The table has no such column.{near}")


def _id_fault(row_id: str, table_id: str, elsewhere: Mapping[str, str], seen: set[str]) -> str:
    if row_id in seen:
        return "Two lines have this id."
    if elsewhere.get(row_id, table_id) != table_id:
        return f"The table {elsewhere[row_id]} has a row of this id."
    if row_id not in elsewhere and not ROW_ID.fullmatch(row_id):
        return "An id is made of letters, digits, dots, dashes and underscores."
    return ""


def _fill(
    ruleset: RuleSet,
    row: dict[str, Any],
    column: Column,
    text: str,
    line: int,
    faults: list[Fault],
) -> None:
    try:
        value = read(ruleset, column, text)
    except Unreadable as wrong:
        faults.append(Fault(line, column.header, text[:60], str(wrong)))
        return
    drafting.put(row, column.key, value)


def pasted(
    document: Document, table_id: str, row_id: str, key: str, block: Sequence[Sequence[str]]
) -> Document:
    """The document with a block of texts laid over a table, its corner at a row and a column.

    What reaches over the last row becomes new rows. Raises Faulty and NoSuchPlace.
    """
    ruleset = msgspec.convert(document, RuleSet)
    table = _table(ruleset, table_id)
    known = columns(ruleset, table)
    keys = [column.key for column in known]
    ids = [row.id for row in table.rows]
    left = keys.index(key) if key in keys else 0
    top = ids.index(row_id) if row_id in ids else len(ids)
    if top + len(block) > MOST_ROWS:
        raise Faulty([Fault(1, "", "", _too_many(top + len(block)))])
    wide = max((len(line) for line in block), default=0)
    if left + wide > len(known):
        over = left + wide - len(known)
        message = f"The block is {over} columns too wide: it begins at {known[left].label}."
        raise Faulty([Fault(1, known[left].header, "", message)])
    rows = [dict(row) for row in drafting.table(document, table_id)["rows"]]
    names, faults = drafting.Names(document), list[Fault]()
    for number, line in enumerate(block):
        place = top + number
        if place == len(rows):
            new = names.free(f"{table_id}-new")
            rows.append({"id": new, "when": {}, "then": {}})
        row = rows[place]
        row = {**row, "when": dict(row["when"]), "then": dict(row["then"])}
        for column, text in zip(known[left:], line, strict=False):
            _fill(ruleset, row, column, text, number + 1, faults)
        rows[place] = row
    if faults:
        raise Faulty(faults)
    owner = {**drafting.table(document, table_id), "rows": rows}
    tables = [owner if each["id"] == table_id else each for each in document["tables"]]
    return {**document, "tables": tables}


def _table(ruleset: RuleSet, table_id: str) -> Table:
    for table in ruleset.tables:
        if table.id == table_id:
            return table
    raise drafting.NoSuchPlace(f"There is no table {table_id}.")


def _too_many(count: int) -> str:
    return f"There are {count:,} rows; at most {MOST_ROWS:,} are taken at once."
