"""A decision table as a grid: what each cell says, and what is to be seen of each row."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

from licensing.rules import sheets, wording
from licensing.rules.ruleset import RuleSet
from licensing.rules.sheets import Column
from licensing.rules.tables import Row, Table
from licensing.rules.verification import Finding
from timeline.presenters import clock

PAGE = 100
Tense = Literal["in force", "ended", "not yet", "disabled"]


class CellView(msgspec.Struct, frozen=True):
    """One cell: its words, and how it looks."""

    column: str
    text: str
    look: str
    id: str


class RowView(msgspec.Struct, frozen=True):
    """One row of the grid. `selector` finds its element whatever the id holds."""

    id: str
    anchor: str
    selector: str
    cells: tuple[CellView, ...]
    tense: Tense
    flag: str
    warnings: int
    look: str


class Head(msgspec.Struct, frozen=True):
    """A group of columns."""

    title: str
    span: int
    out: bool = False


class Grid(msgspec.Struct, frozen=True):
    """A table, or a page of it: rows `first` to `last` of `found`, which are of `total`."""

    table: Table
    kind: str
    words: str
    heads: tuple[Head, ...]
    columns: tuple[Column, ...]
    rows: tuple[RowView, ...]
    q: str
    first: int
    last: int
    found: int
    total: int
    before: int | None
    after: int | None


def of(
    ruleset: RuleSet,
    table: Table,
    *,
    now: datetime,
    base: Mapping[str, Row] | None = None,
    findings: Sequence[Finding] = (),
    q: str = "",
    start: int = 0,
    size: int = PAGE,
) -> Grid:
    """The grid of a table. `base` are the rows of the version that a draft changes."""
    columns = shown(ruleset, table)
    warned = Counter(row_id for each in findings for row_id in each.rows)
    rows = [row for row in table.rows if _matches(row, columns, q)]
    start = max(0, min(start, max(0, len(rows) - 1)) // size * size)
    page = rows[start : start + size]
    views = tuple(row_view(row, columns, now=now, base=base, warned=warned) for row in page)
    inputs = sum(column.side == "when" for column in columns)
    outputs = sum(column.side == "then" for column in columns)
    heads = [Head("", 2)]
    heads += [Head("When", inputs)] if inputs else []
    heads += [Head("Then", outputs, out=True)] if outputs else []
    heads += [Head("Because", len(columns) - 1 - inputs - outputs + 1)]
    return Grid(
        table, kind_words(table), merge_words(table), tuple(heads), columns, views, q,
        start + 1 if page else 0, start + len(page), len(rows), len(table.rows),
        start - size if start else None, start + size if start + size < len(rows) else None,
    )  # fmt: skip


def shown(ruleset: RuleSet, table: Table) -> tuple[Column, ...]:
    """The columns of the grid: all but the flag, which is seen on the row itself."""
    return tuple(each for each in sheets.columns(ruleset, table) if each.key != "disabled")


def kind_words(table: Table) -> str:
    """What a table is for."""
    return "grants" if table.hit == "unique" else "restricts"


def merge_words(table: Table) -> str:
    """How its rows decide together."""
    if table.hit == "unique":
        return "base: exactly one row matches each request"
    ways = {table.merge.get(name) for name in table.outputs}
    if ways == {"and"}:
        return "restriction: every matching row counts, one no is a no"
    if ways == {"min"}:
        return "restriction: every matching row counts, the smallest wins"
    return "restriction: every matching row counts, the strictest wins"


def row_view(
    row: Row,
    columns: Sequence[Column],
    *,
    now: datetime,
    base: Mapping[str, Row] | None = None,
    warned: Mapping[str, int] | None = None,
) -> RowView:
    """One row as the grid shows it."""
    tense = tense_of(row, now)
    flag = _flag(row, base)
    looks = ["ended" if tense in ("ended", "disabled") else "", flag]
    before = (base or {}).get(row.id)
    cells = tuple(_cell(row, column, before) for column in columns)
    return RowView(
        row.id,
        f"row-{row.id}",
        f'[id="row-{_escaped(row.id)}"]',
        cells,
        tense,
        "disabled" if row.disabled else flag or ("" if tense == "in force" else tense),
        (warned or {}).get(row.id, 0),
        " ".join(filter(None, looks)),
    )


def _cell(row: Row, column: Column, before: Row | None) -> CellView:
    text = sheets.text_of(row, column)
    looks = []
    if column.side == "then":
        looks.append("out num")
    elif column.side == "when" and text == wording.ANY:
        looks.append("is-any")
    elif column.kind == "date":
        looks.append("num")
    elif column.kind == "reason":
        looks.append("mono dim")
    if before is not None and sheets.text_of(before, column) != text:
        looks.append("edited")
    return CellView(column.key, text, " ".join(looks), f"c-{row.id}~{column.key}")


def _flag(row: Row, base: Mapping[str, Row] | None) -> str:
    if base is None:
        return ""
    before = base.get(row.id)
    if before is None:
        return "new"
    return "" if before == row else "changed"


class News(msgspec.Struct, frozen=True):
    """The ids of the rows that a draft adds to a table, changes in it, and takes away."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


def news(table: Table, base: Mapping[str, Row] | None) -> News:
    """What became of a table's rows since the version that a draft changes."""
    if base is None:
        return News()
    now = {row.id: row for row in table.rows}
    return News(
        tuple(each for each in now if each not in base),
        tuple(each for each, row in now.items() if each in base and base[each] != row),
        tuple(each for each in base if each not in now),
    )


def news_words(table: Table, found: News) -> str:
    """The news in a line: `The draft adds DL-10 and DL-11, changes nothing before 1 Dec 2026`."""
    told = [
        f"{verb} {_some(ids)}"
        for verb, ids in (
            ("adds", found.added),
            ("changes", found.changed),
            ("removes", found.removed),
        )
        if ids
    ]
    if not told:
        return ""
    added = set(found.added)
    starts = [row.valid_from for row in table.rows if row.id in added]
    first = min((at for at in starts if at is not None), default=None)
    only_later = None not in starts and not found.changed and not found.removed
    if first is not None and only_later:
        told.append(f"changes nothing before {clock.date(first)}")
    return f"The draft {', '.join(told)}"


def _some(ids: Sequence[str]) -> str:
    return " and ".join(ids) if len(ids) <= 3 else f"{len(ids)} rows"


def tense_of(row: Row, now: datetime) -> Tense:
    """Whether a row counts now, has, or will."""
    if row.disabled:
        return "disabled"
    if row.valid_to is not None and row.valid_to <= now:
        return "ended"
    return "not yet" if row.valid_from is not None and row.valid_from > now else "in force"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\a ")


def _matches(row: Row, columns: Sequence[Column], q: str) -> bool:
    if not q:
        return True
    words = " ".join([row.id, *(sheets.text_of(row, column) for column in columns)]).lower()
    return all(word in words for word in q.lower().split())


def row_words(ruleset: RuleSet, table: Table, row: Row) -> str:
    """A row in one line: `Standard in JP, KR: max devices 3`."""
    columns = sheets.columns(ruleset, table)
    when = [
        f"{column.label} {sheets.text_of(row, column)}"
        for column in columns
        if column.side == "when" and row.when.get(column.name)
    ]
    then = [
        f"{column.label.lower()} {sheets.text_of(row, column)}"
        for column in columns
        if column.side == "then" and column.name in row.then
    ]
    told = f"{', '.join(when) or 'always'}: {', '.join(then) or 'nothing'}"
    return told[:1].upper() + told[1:]


def validity_words(row: Row) -> str:
    """`from 1 Dec 2026`, `1 Jun – 8 Nov 2026`; empty where a row has no dates."""
    start = clock.date(row.valid_from) if row.valid_from else ""
    end = ""
    if row.valid_to is not None:
        last = row.valid_to - timedelta(microseconds=1)
        end = clock.date(last) if last.date() != row.valid_to.date() else clock.moment(row.valid_to)
    if start and end:
        return f"{start} – {end}"
    return f"from {start}" if start else f"until {end}" if end else ""


class Editor(msgspec.Struct, frozen=True):
    """The form for one cell: its column, what it says now, and the choices that it offers.

    `way` is which kind of condition; `chosen` are the values in it, `choices` all that are known
    of a closed fact, `known` some that other rows name.
    """

    column: Column
    text: str
    way: str
    chosen: tuple[str, ...]
    choices: tuple[str, ...]
    known: tuple[str, ...]
    lists: tuple[str, ...]
    low: str
    high: str
    simple: bool
    error: str = ""


WAYS = (
    ("any", "anything"),
    ("in", "is one of"),
    ("not", "is none of"),
    ("list", "is in the list"),
    ("between", "is a number"),
    ("given", "is given"),
    ("not given", "is not given"),
    ("text", "as written"),
)


def editor(
    ruleset: RuleSet, row: Row, column: Column, text: str | None = None, error: str = ""
) -> Editor:
    """The form for one cell of a row; `text` and `error` are what somebody wrote and why not."""
    told = sheets.text_of(row, column) if text is None else text
    if column.side != "when":
        choices = tuple(ruleset.reasons) if column.kind == "reason" else ()
        return Editor(column, told, "text", (), choices, (), (), "", "", True, error)
    cell = row.when.get(column.name)
    said: dict[str, Any] = {}
    if cell is not None:
        values = msgspec.to_builtins(cell)
        said = {name: value for name, value in values.items() if value is not None}
    way, chosen, low, high = _way(said)
    if text is not None:
        way = "text"
    fact = ruleset.facts.get(column.name)
    choices = tuple(fact.domain or ()) if fact is not None else ()
    if column.kind == "boolean":
        choices = ("yes", "no")
    named = _named(ruleset, column.name)
    return Editor(
        column, told, way, chosen, choices, tuple(named), tuple(ruleset.lists), low, high, False,
        error,
    )  # fmt: skip


def _way(said: Mapping[str, Any]) -> tuple[str, tuple[str, ...], str, str]:
    match sorted(said):
        case []:
            return "any", (), "", ""
        case ["in"] | ["not_in"] as names:
            way = "in" if names == ["in"] else "not"
            return way, tuple(map(wording.scalar, said[names[0]])), "", ""
        case ["list"]:
            return "list", (said["list"],), "", ""
        case ["is_null"]:
            return "not given" if said["is_null"] else "given", (), "", ""
        case names if set(names) <= {"ge", "gt", "le", "lt"} and len(names) <= 2:
            if {"ge", "gt"} <= set(names) or {"le", "lt"} <= set(names):
                return "text", (), "", ""
            low = said["ge"] if "ge" in said else said["gt"] + 1 if "gt" in said else ""
            high = said["le"] if "le" in said else said["lt"] - 1 if "lt" in said else ""
            return "between", (), str(low), str(high)
    return "text", (), "", ""


def _named(ruleset: RuleSet, fact: str) -> list[str]:
    """Values that rows name of a fact, the most used first."""
    counted: Counter[str] = Counter()
    for table in ruleset.tables:
        for row in table.rows:
            if fact in row.when:
                counted.update(map(wording.scalar, row.when[fact].named(ruleset.lists)))
    return [value for value, _ in counted.most_common(200)]
