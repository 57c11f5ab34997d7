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
from licensing.rules.boxes import Box, Space
from licensing.rules.compiled import Compiled
from licensing.rules.parsing import faults
from licensing.rules.ruleset import RuleSet
from licensing.rules.tables import Row, Table

Kind = Literal["broken", "gap", "overlap", "unreachable", "redundant", "dates", "example"]


class Finding(msgspec.Struct, frozen=True):
    """Something that is wrong, or not needed (a warning), and a request that shows it.

    `witness` holds the facts of that request, `at` its instant where dates matter; `proposal` is a
    row, in document form, that would put it right.
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
    others = [each for each in whole.rows if each[1].id != row_id]
    return (*found, *whole.redundant(table, row, others))


class _Whole:
    """A rule set as boxes."""

    def __init__(self, ruleset: RuleSet) -> None:
        self.space = Space(ruleset)
        self.rows = [(table, row) for table in ruleset.tables for row in table.enabled]
        self.boxes: dict[str, Box] = {row.id: self.space.box(row) for _, row in self.rows}

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
        told: set[frozenset[str]] = set()
        for row in rows:
            for other in table.enabled:
                pair = frozenset((row.id, other.id))
                if other.id == row.id or pair in told:
                    continue
                both = boxes.meet(self.boxes[row.id], self.boxes[other.id])
                if boxes.empty(both):
                    continue
                told.add(pair)
                witness, at = self.space.witness(both)
                message = f"{row.id} and {other.id} both match the same request."
                ids = (row.id, other.id)
                yield Finding("overlap", "blocking", table.id, ids, message, witness, at)

    def all_redundant(self) -> list[Finding]:
        """The restrictions that could all be removed together without a change, the last first."""
        alive = list(self.rows)
        found: list[Finding] = []
        for table, row in reversed(self.rows):
            others = [each for each in alive if each[1].id != row.id]
            if told := list(self.redundant(table, row, others)):
                found += told
                alive = others
        return found[::-1]

    def redundant(
        self, table: Table, row: Row, others: Sequence[tuple[Table, Row]]
    ) -> Iterator[Finding]:
        """A restriction that others make wherever and whenever it matches, as strictly or more."""
        box = self.boxes[row.id]
        if table.hit != "collect" or boxes.empty(box) or not row.then:
            return
        for name, value in row.then.items():
            strict = [
                self.boxes[other.id]
                for _, other in others
                if name in other.then and other.then[name] <= value  # type: ignore[operator]
            ]
            if boxes.uncovered(box, strict) is not None:
                return
        witness, at = self.space.witness(box)
        message = f"{row.id} changes nothing: other rows are as strict wherever it matches."
        yield Finding("redundant", "warning", table.id, (row.id,), message, witness, at)

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


def _examples(ruleset: RuleSet) -> Iterator[Finding]:
    for result in cases.run(Compiled(ruleset)):
        if not result.ok:
            case = result.case
            message = f"Example {case.title or case.id}: {'; '.join(result.differences)}."
            witness = dict(case.given)
            yield Finding("example", "blocking", "", (case.id,), message, witness, case.at)


def _said(value: object) -> str:
    return "not given" if value is None else str(value)
