"""Reads a document strictly: what cannot decide is refused at the door, with the place and why."""

from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from licensing.rules.facts import COUNTED, PLAIN, Counter, Type
from licensing.rules.rollout import SHARES, is_rollout
from licensing.rules.ruleset import BrokenRuleSet, Case, RuleSet, type_of
from licensing.rules.tables import Cell, Row, Scalar, Table
from licensing.rules.windows import is_sound

MOST_ROWS = 5_000
LARGEST = 10**6  # hours are more than a century


def parse(document: dict[str, Any]) -> RuleSet:
    """The rule set of a document; raises BrokenRuleSet naming the first fault.

    The same hash is the same rule set, however the document's names are ordered: of two limits
    without room, the one whose name comes first is the reason.
    """
    fault = next(iter(faults(document)), None)
    if fault is not None:
        raise BrokenRuleSet(fault)
    ruleset = msgspec.convert(document, RuleSet)
    return msgspec.structs.replace(
        ruleset,
        facts=dict(sorted(ruleset.facts.items())),
        counters=dict(sorted(ruleset.counters.items())),
        limits=dict(sorted(ruleset.limits.items())),
    )


def faults(document: dict[str, Any]) -> Iterator[str]:
    """What keeps a document from being a rule set, each with its place."""
    try:
        ruleset = msgspec.convert(document, RuleSet)
    except msgspec.ValidationError as error:
        yield str(error)
        return
    rows = sum(len(table.rows) for table in ruleset.tables)
    if rows > MOST_ROWS:
        yield f"There are {rows:,} rows; at most {MOST_ROWS:,} can be decided on and verified."
        return
    types = ruleset.types()
    yield from _names(ruleset, types)
    for name, values in ruleset.lists.items():
        if len({type_of(value) for value in values}) > 1:
            yield f"List {name} holds values of several types."
    for name, counter in ruleset.counters.items():
        yield from _counter(ruleset, name, counter)
    for table in ruleset.tables:
        for row in table.rows:
            yield from _row(ruleset, types, table, row)
    yield from _output_types(ruleset)
    for case in ruleset.cases:
        yield from _case(ruleset, types, case)


def _names(ruleset: RuleSet, types: dict[str, Type]) -> Iterator[str]:
    if not any(table.hit == "unique" for table in ruleset.tables):
        yield "There is no base table: nothing would be granted."
    for name, fact in ruleset.facts.items():
        if is_rollout(fact.path):
            salt = fact.path.partition(".")[2]
            if not salt or "." in salt:
                yield f"Fact {name}: a rollout's path is rollout.<salt>, and the salt has no dot."
            if types[name] != "integer":
                yield f"Fact {name} is a rollout, so it is an integer, from 0 to {SHARES - 1:,}."
    for name in ruleset.facts.keys() & ruleset.counters.keys():
        yield f"{name} is both a fact and a counter."
    for name, limit in ruleset.limits.items():
        if limit.fact not in {*ruleset.facts, *ruleset.counters}:
            yield f"Limit {name} names the unknown fact {limit.fact}."
        if limit.reason not in ruleset.reasons:
            yield f"Limit {name} names the reason {limit.reason}, which has no message."
    for name, value in ruleset.defaults.items():
        if name not in ruleset.facts:
            yield f"There is a default for the unknown fact {name}."
        else:
            yield from _value(ruleset, types, name, value, f"The default of {name}")
    yield from _zones(ruleset)
    yield from _twice("table", [table.id for table in ruleset.tables])
    yield from _twice("row", [row.id for table in ruleset.tables for row in table.rows])
    yield from _twice("example", [case.id for case in ruleset.cases])


def _zones(ruleset: RuleSet) -> Iterator[str]:
    if ruleset.zones is None:
        return
    if ruleset.zones.fact not in ruleset.facts:
        yield f"The time zones depend on the unknown fact {ruleset.zones.fact}."
    for zone in sorted({*ruleset.zones.zones.values()}):
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            yield f"There is no time zone {zone}."


def _twice(what: str, ids: list[str]) -> Iterator[str]:
    seen: set[str] = set()
    for each in ids:
        if each in seen:
            yield f"Two {what}s are called {each}."
        seen.add(each)


def _counter(ruleset: RuleSet, name: str, counter: Counter) -> Iterator[str]:
    if not is_sound(counter.window):
        yield f"Counter {name}: a window is a number of hours or days from 1 on, or a calendar's."
    if counter.live and counter.of != "downloads":
        yield f"Counter {name}: only downloads can be live."
    if counter.of == "refusals" and not counter.plain:
        yield f"Counter {name}: of a refusal only title, device and studio are known."
    # Declared, so that a request that says it wrongly is refused and not merely left uncounted.
    declared = {fact.path for fact in ruleset.facts.values()} | PLAIN
    asked = [*counter.same, *counter.where, *([counter.distinct] if counter.distinct else [])]
    for path in asked:
        if path not in declared:
            yield f"Counter {name} asks for {path}, which is no declared fact's path."
        elif path.partition(".")[0] not in COUNTED:
            yield f"Counter {name} asks for {path}, which past downloads do not say."
    for path, cell in counter.where.items():
        yield from _lists(ruleset, cell, f"Counter {name}")
        if len({type_of(value) for value in cell.values(ruleset.lists)}) > 1:
            yield f"Counter {name} compares {path} with values of several types."


def _row(ruleset: RuleSet, types: dict[str, Type], table: Table, row: Row) -> Iterator[str]:
    for name, cell in row.when.items():
        if name not in ruleset.facts or name not in table.inputs:
            yield f"Row {row.id} reads {name}, which is no input of its table."
            continue
        yield from _lists(ruleset, cell, f"Row {row.id}")
        for value in cell.values(ruleset.lists):
            yield from _value(ruleset, types, name, value, f"Row {row.id}")
    if row.reason is not None and row.reason not in ruleset.reasons:
        yield f"Row {row.id} names the reason {row.reason}, which has no message."
    yield from _outputs(ruleset, table, row)


def _outputs(ruleset: RuleSet, table: Table, row: Row) -> Iterator[str]:
    for name, value in row.then.items():
        number = type_of(value) == "integer"
        if name not in table.outputs:
            yield f"Row {row.id} sets {name}, which is no output of its table."
        if name in ruleset.limits and not number:
            yield f"Row {row.id} sets {name} to something that is no number."
        if isinstance(value, int) and not -LARGEST <= value <= LARGEST:
            yield f"Row {row.id} sets {name} to a number that is too large."
        if table.hit != "collect":
            continue
        merge = table.merge.get(name)
        if merge is None:
            yield f"Table {table.id} does not say how to merge {name}."
        if merge == "and" and not isinstance(value, bool):
            yield f"Row {row.id} sets {name}, which is merged by and, to no truth value."
        if merge == "min" and not number:
            yield f"Row {row.id} sets {name}, which is merged by min, to no number."
    if table.hit == "unique" and set(row.then) != set(table.outputs):
        yield f"Base row {row.id} does not set every output of its table."


def _output_types(ruleset: RuleSet) -> Iterator[str]:
    known: dict[str, Type] = {"allow": "boolean"}
    for table in ruleset.tables:
        for row in table.rows:
            for name, value in row.then.items():
                if known.setdefault(name, type_of(value)) != type_of(value):
                    yield f"Row {row.id} sets {name} to {value!r}; it is of type {known[name]}."


def _lists(ruleset: RuleSet, cell: Cell, place: str) -> Iterator[str]:
    if cell.list is not None and cell.list not in ruleset.lists:
        yield f"{place} names the unknown list {cell.list}."


def _value(
    ruleset: RuleSet, types: dict[str, Type], name: str, value: Scalar, place: str
) -> Iterator[str]:
    wanted, domain = types.get(name), ruleset.facts[name].domain
    if wanted is not None and type_of(value) != wanted:
        yield f"{place} compares {name}, which is of type {wanted}, with {value!r}."
    elif domain is not None and value not in domain:
        yield f"{place} names {value!r}, which {name} never is."


def _case(ruleset: RuleSet, types: dict[str, Type], case: Case) -> Iterator[str]:
    for name, value in case.given.items():
        if name not in ruleset.facts:
            yield f"Example {case.id} gives the unknown fact {name}."
        elif value is not None:
            yield from _value(ruleset, types, name, value, f"Example {case.id}")
    for name in case.counts:
        if name not in ruleset.counters:
            yield f"Example {case.id} gives the unknown counter {name}."
