"""What is wrong with a rule set before it decides anything: exactly, with a request that shows it.

Base tables must say one thing about every request; a restriction that can match nothing is a
mistake, and one that changes nothing is said to. Time is looked at too: a table with a hole between
two validity dates has a gap.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec

from licensing.rules import boxes, cases
from licensing.rules.boxes import Box, Index, Space
from licensing.rules.compiled import Compiled
from licensing.rules.parsing import faults
from licensing.rules.ruleset import RuleSet
from licensing.rules.tables import Row, Scalar, Table

Kind = Literal["broken", "gap", "overlap", "unreachable", "redundant", "dates", "example"]


class Finding(msgspec.Struct, frozen=True):
    """Something that is wrong, or not needed (a warning), and a request that shows it.

    `witness` holds the facts of that request, `at` its instant where dates matter; `proposal` is a
    row, in document form, that would put it right: a new one, or one of `rows` as it should be.
    """

    kind: Kind
    severity: Literal["blocking", "warning"]
    table: str
    rows: tuple[str, ...]
    message: str
    witness: dict[str, Any] = {}
    at: datetime | None = None
    proposal: dict[str, Any] | None = None


def examine(document: dict[str, Any]) -> tuple[Finding, ...]:
    """Everything there is to say about a document, whether it is a rule set or not."""
    broken = tuple(Finding("broken", "blocking", "", (), fault) for fault in faults(document))
    if broken:
        return broken
    ruleset = msgspec.convert(document, RuleSet)
    return (*verify(ruleset), *_examples(ruleset))


def verify(ruleset: RuleSet) -> tuple[Finding, ...]:
    """What is wrong with the tables of a rule set."""
    whole = _Whole(ruleset)
    found: list[Finding] = []
    for table in ruleset.tables:
        for row in table.enabled:
            found += whole.unreachable(table, row)
        if table.hit == "unique":
            found += whole.gap(table)
            found += whole.overlaps(table, table.enabled)
    return (*found, *whole.all_redundant())


def verify_row(ruleset: RuleSet, row_id: str) -> tuple[Finding, ...]:
    """What is wrong with one row, and with what its table covers: enough after one edit."""
    whole = _Whole(ruleset)
    table, row = ruleset.rows()[row_id]
    if row.disabled:
        return tuple(whole.gap(table)) if table.hit == "unique" else ()
    found = [*whole.unreachable(table, row)]
    if table.hit == "unique":
        return (*found, *whole.gap(table), *whole.overlaps(table, [row]))
    return (*found, *whole.redundant(table, row))


class _Whole:
    """A rule set as boxes."""

    def __init__(self, ruleset: RuleSet) -> None:
        self.space = Space(ruleset)
        self.rows = [(table, row) for table in ruleset.tables for row in table.enabled]
        self.boxes: dict[str, Box] = {row.id: self.space.box(row) for _, row in self.rows}
        self.index = Index(list(self.boxes.values()))
        self.places = {row_id: place for place, row_id in enumerate(self.boxes)}
        self._strict: dict[tuple[str, Scalar], int] = {}

    def unreachable(self, table: Table, row: Row) -> Iterator[Finding]:
        """A row that no request matches at any time."""
        if row.valid_from and row.valid_to and row.valid_from >= row.valid_to:
            message = f"{row.id} ends before it begins, so it is never valid."
            yield Finding("dates", "blocking", table.id, (row.id,), message)
            return
        box = self.boxes[row.id]
        never = [name for name, atoms in zip(self.space.names, box, strict=True) if not atoms]
        if never:
            message = f"{row.id} can match nothing: no value of {never[0]} satisfies its cell."
            yield Finding("unreachable", "blocking", table.id, (row.id,), message)

    def gap(self, table: Table) -> Iterator[Finding]:
        """A request that no row of a base table matches."""
        hole = boxes.uncovered(self.space.whole, [self.boxes[row.id] for row in table.enabled])
        if hole is None:
            return
        witness, at = self.space.witness(hole)
        told = ", ".join(
            f"{name} {_said(witness[name])}" for name in table.inputs if name in witness
        )
        when = f" at {at.isoformat()}" if at is not None else ""
        message = f"No row of {table.id} matches {told or 'such a request'}{when}."
        proposal = self._filling(table, hole)
        yield Finding("gap", "blocking", table.id, (), message, witness, at, proposal)

    def overlaps(self, table: Table, rows: Sequence[Row]) -> Iterator[Finding]:
        """Two rows of a base table that match the same request, each pair once."""
        inside = sum(1 << self.places[row.id] for row in table.enabled)
        for row in rows:
            place = self.places[row.id]
            met = self.index.touching(self.boxes[row.id]) & inside & ~(1 << place)
            if len(rows) > 1:
                met = met >> place << place  # the earlier ones told of this pair already
            for other in boxes.each_bit(met):
                both = boxes.meet(self.boxes[row.id], self.boxes[self.rows[other][1].id])
                ids = (row.id, self.rows[other][1].id)
                witness, at = self.space.witness(both)
                message = f"{ids[0]} and {ids[1]} both match the same request."
                proposal = self._apart(row, self.rows[other][1])
                yield Finding("overlap", "blocking", table.id, ids, message, witness, at, proposal)

    def _apart(self, one: Row, two: Row) -> dict[str, Any] | None:
        """The later or the earlier row with one cell narrowed, where that loses no request."""
        for row, other in ((two, one), (one, two)):
            box, taken = self.boxes[row.id], self.boxes[other.id]
            outside = [place for place, atoms in enumerate(box) if atoms & ~taken[place]]
            if len(outside) != 1 or self.space.names[outside[0]] == boxes.TIME:
                continue
            (place,), name = outside, self.space.names[outside[0]]
            cell = self.space.cell(name, box[place] & ~taken[place])
            if cell is not None:
                return _document(row, {name: cell})
        return None

    def all_redundant(self) -> list[Finding]:
        """The restrictions that could all be removed together without a change, the last first."""
        alive = self.index.all
        found: list[Finding] = []
        for table, row in reversed(self.rows):
            if told := list(self.redundant(table, row, alive)):
                found += told
                alive &= ~(1 << self.places[row.id])
        return found[::-1]

    def redundant(self, table: Table, row: Row, alive: int | None = None) -> Iterator[Finding]:
        """A restriction that others make wherever and whenever it matches, as strictly or more.

        `alive` are the rows that count, by their places; without it all do.
        """
        box = self.boxes[row.id]
        if table.hit != "collect" or boxes.empty(box) or not row.then:
            return
        others = self.index.all if alive is None else alive
        others &= self.index.touching(box) & ~(1 << self.places[row.id])
        for name, value in row.then.items():
            strict = self.index.chosen(others & self._as_strict(name, value))
            if boxes.uncovered(box, strict) is not None:
                return
        witness, at = self.space.witness(box)
        message = f"{row.id} changes nothing: other rows are as strict wherever it matches."
        yield Finding("redundant", "warning", table.id, (row.id,), message, witness, at)

    def _as_strict(self, name: str, value: Scalar) -> int:
        """The rows that set an output to a value or less, by their places."""
        found = self._strict.get((name, value))
        if found is None:
            places = [
                place
                for place, (_, row) in enumerate(self.rows)
                if name in row.then and row.then[name] <= value  # type: ignore[operator]
            ]
            found = self._strict[name, value] = sum(1 << place for place in places)
        return found

    def _filling(self, table: Table, hole: Box) -> dict[str, Any]:
        """A row for a gap, with the tightest of what the table's rows grant."""
        taken = self.space.ruleset.rows().keys()
        row_id = next(
            name for n in range(1, len(taken) + 2) if (name := f"{table.id}-gap-{n}") not in taken
        )
        then = {
            name: min(row.then[name] for row in table.rows) for name in table.outputs if table.rows
        }
        proposal: dict[str, Any] = {
            "id": row_id, "when": self.space.cells(hole, table.inputs), "then": then,
            **{name: at.isoformat() for name, at in self.space.dates(hole).items()},
        }  # fmt: skip
        return proposal


def _document(row: Row, cells: dict[str, Any]) -> dict[str, Any]:
    """A row in document form with other cells."""
    told: dict[str, Any] = msgspec.to_builtins(row)
    for name, cell in told["when"].items():
        told["when"][name] = {key: value for key, value in cell.items() if value is not None}
    told["when"] |= cells
    return told


def _examples(ruleset: RuleSet) -> Iterator[Finding]:
    for result in cases.run(Compiled(ruleset)):
        if not result.ok:
            case = result.case
            message = f"Example {case.title or case.id}: {'; '.join(result.differences)}."
            witness = dict(case.given)
            yield Finding("example", "blocking", "", (case.id,), message, witness, case.at)


def _said(value: object) -> str:
    return "not given" if value is None else str(value)
