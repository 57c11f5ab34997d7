"""A rule set made ready to decide: which rows match is a few look-ups and ANDs of bit masks.

Row n of all tables is bit n. For each fact a column gives the rows whose cell its value satisfies;
what matches all columns at once is what matches. Agrees with `tables.row_matches` by construction,
and by a test.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, tzinfo
from itertools import count
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from licensing.rules.facts import PYTHON
from licensing.rules.ruleset import RuleSet
from licensing.rules.tables import Cell, Row, Scalar, Table, cell_holds, other_than
from licensing.rules.windows import MICROSECOND

REMEMBERED = 10_000  # sets of rows that matched together


class Outcome(NamedTuple):
    """What a set of matching rows says: outputs, the row that decided each, or why it says none."""

    out: dict[str, Any]
    decisive: dict[str, str]
    matched: tuple[str, ...]
    main: str | None
    fault: tuple[str, str] | None


RULES_GAP = "RULES_GAP"
RULES_OVERLAP = "RULES_OVERLAP"
FACT_MISSING = "FACT_MISSING"
FACT_UNKNOWN = "FACT_UNKNOWN"


class Compiled:
    """One version of the rules, compiled once; safe to share between threads."""

    def __init__(self, ruleset: RuleSet) -> None:
        self.ruleset = ruleset
        self.rows: tuple[tuple[Table, Row], ...] = tuple(
            (table, row) for table in ruleset.tables for row in table.enabled
        )
        self._by_id = {row.id: row for _, row in self.rows}
        types = ruleset.types()
        self._reads = tuple(
            _Read(
                name,
                tuple(fact.path.split(".")),
                ruleset.defaults.get(name),
                PYTHON[types[name]] if name in types else None,
                None if fact.domain is None else frozenset(fact.domain),
                fact.required,
            )
            for name, fact in ruleset.facts.items()
        )
        self._columns = tuple(
            (name, _Column([row.when.get(name) for _, row in self.rows], ruleset.lists).mask)
            for name in ruleset.facts
            if any(name in row.when for _, row in self.rows)
        )
        self._times = _times([row for _, row in self.rows])
        self._all = (1 << len(self.rows)) - 1
        self._outcomes: dict[int, Outcome] = {}

    def facts_of(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Every declared fact as the request says it, or by its default; None where it does not."""
        facts: dict[str, Any] = {}
        for read in self._reads:
            value: Any = request
            for key in read.path:
                if not isinstance(value, Mapping):
                    value = None
                    break
                value = value.get(key)
            facts[read.name] = read.default if value is None else value
        return facts

    def fault_of(self, facts: Mapping[str, Any]) -> tuple[str, str] | None:
        """The code and the name of the first fact that is missing, or is not what it may be."""
        for name, _, _, wanted, domain, required in self._reads:
            value = facts.get(name)
            if value is None:
                if required:
                    return FACT_MISSING, name
                continue
            kind = type(value)
            if kind is not wanted and (wanted is not None or kind not in (str, int, bool)):
                return FACT_UNKNOWN, name
            if domain is not None and value not in domain:
                return FACT_UNKNOWN, name
        return None

    @property
    def dated(self) -> bool:
        """Whether some row holds from or to an instant."""
        return self._times is not None

    def valid(self, at: datetime) -> int:
        """The rows that are valid at an instant, as bits."""
        return self._all if self._times is None else self._times(at)

    def outcome(self, facts: Mapping[str, Any], at: datetime) -> Outcome:
        """What the rows say that match facts without a fault at an instant."""
        mask = self._all if self._times is None else self._times(at)
        for name, column in self._columns:
            mask &= column(facts.get(name))
        found = self._outcomes.get(mask)
        if found is None:
            if len(self._outcomes) >= REMEMBERED:
                self._outcomes.clear()
            found = self._outcomes[mask] = self._made(mask)
        return found

    def named(self, name: str) -> tuple[Scalar, ...]:
        """Every value with which some row compares a fact, and one that none does, for text."""
        cells = [row.when[name] for _, row in self.rows if name in row.when]
        values = {value: None for cell in cells for value in cell.values(self.ruleset.lists)}
        texts = {value for value in values if isinstance(value, str)}
        return (*values, *([other_than(values)] if texts else []))

    def row(self, row_id: str) -> Row:
        """A row by its id."""
        return self._by_id[row_id]

    def zone_of(self, facts: Mapping[str, Any]) -> tzinfo:
        """The time zone of the calendar's windows."""
        zones = self.ruleset.zones
        name = zones.zones.get(facts.get(zones.fact, "")) if zones is not None else None
        return UTC if name is None else ZoneInfo(name)

    def _made(self, mask: int) -> Outcome:
        matched = [pair for number, pair in enumerate(self.rows) if mask >> number & 1]
        fault = None
        for table in self.ruleset.tables:
            hits = sum(1 for found, _ in matched if found is table)
            if table.hit == "unique" and hits != 1 and fault is None:
                fault = (RULES_GAP if hits == 0 else RULES_OVERLAP, table.id)
        out: dict[str, Any] = {}
        decisive: dict[str, str] = {}
        # Base tables first, so that a restriction always has something to tighten.
        for table, row in sorted(matched, key=lambda found: found[0].hit != "unique"):
            for name, value in row.then.items():
                if name not in out or (table.hit == "collect" and value < out[name]):
                    # `min` of numbers and `and` of truths are one comparison: False < True.
                    out[name], decisive[name] = value, row.id
        main = next((row.id for table, row in matched if table.hit == "unique"), None)
        return Outcome(out, decisive, tuple(row.id for _, row in matched), main, fault)


class PublishedRules(NamedTuple):
    """A version of a rule set that was published: its place in the stream, hash and start.

    One that was suspended before its start never comes into force.
    """

    id: str
    version: int
    hash: str
    valid_from: datetime
    published_at: datetime
    compiled: Compiled
    suspended_at: datetime | None = None

    @property
    def ruleset(self) -> RuleSet:
        """The rule set as it was published."""
        return self.compiled.ruleset


class _Read(NamedTuple):
    """Where a fact is found, and what it may be."""

    name: str
    path: tuple[str, ...]
    default: Scalar | None
    wanted: type | None
    domain: frozenset[Scalar] | None
    required: bool


class _Column:
    """The rows whose cell on one fact a value satisfies; a row without a cell is always among them.

    Values that cells name are looked up; between the bounds of the others all values are alike.
    """

    def __init__(self, cells: list[Cell | None], lists: Mapping[str, tuple[Scalar, ...]]) -> None:
        self._lists = lists
        self._without = 0
        self._alike: dict[Cell, int] = {}  # many rows say the same of one fact
        for number, cell in enumerate(cells):
            if cell is None:
                self._without |= 1 << number
            else:
                self._alike[cell] = self._alike.get(cell, 0) | 1 << number
        given = list(self._alike)
        self._listed: dict[tuple[type, Scalar], int] = {}
        self._asked: dict[Cell, int] = {}
        for cell, rows in self._alike.items():
            if cell.only_names:
                for value in cell.named(lists):
                    key = (type(value), value)
                    self._listed[key] = self._listed.get(key, 0) | rows
            else:
                self._asked[cell] = rows
        named = {value for cell in given for value in cell.named(lists)}
        self._named = {value: self._rows(value) for value in named}
        self._cuts = sorted({cut for cell in given for cut in cell.cuts()})
        self._between = [self._rows(value) for value in _representatives(self._cuts, named)]
        self._other = self._rows(other_than(named))
        self._null = self._rows(None)

    def mask(self, value: Any) -> int:
        """The rows, as bits. The value has the type of the fact."""
        if value is None:
            return self._null
        found = self._named.get(value)
        if found is not None:
            return found
        if isinstance(value, int) and not isinstance(value, bool):
            return self._between[bisect_right(self._cuts, value)]
        return self._other

    def _rows(self, value: Any) -> int:
        found = self._without | self._listed.get((type(value), value), 0)
        for cell, rows in self._asked.items():
            if cell_holds(cell, value, self._lists):
                found |= rows
        return found


def _representatives(cuts: list[int], named: set[Scalar]) -> Iterable[int]:
    """A value that no cell names from each stretch between the cuts, where there is one.

    A stretch of named values only is never asked for.
    """
    if not cuts:
        yield next(value for value in count() if value not in named)
        return
    yield next(value for value in count(cuts[0] - 1, -1) if value not in named)
    for start, end in zip(cuts, [*cuts[1:], None], strict=True):
        free = (
            value
            for value in (count(start) if end is None else range(start, end))
            if value not in named
        )
        yield next(free, start)


def _times(rows: list[Row]) -> Callable[[datetime], int] | None:
    """The rows that are valid at an instant; None where all always are."""
    cuts = sorted({each for row in rows for each in (row.valid_from, row.valid_to) if each})
    if not cuts:
        return None

    def valid(at: datetime) -> int:
        return sum(1 << number for number, row in enumerate(rows) if row.valid_at(at))

    masks = [valid(cuts[0] - MICROSECOND), *(valid(cut) for cut in cuts)]
    return lambda at: masks[bisect_right(cuts, at)]
