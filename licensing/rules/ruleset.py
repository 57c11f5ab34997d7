"""A rule set as one typed value: parsed from its JSON document, identified by its hash."""

import hashlib
from datetime import datetime
from typing import Any, Literal

import msgspec

from licensing.rules.facts import Counter, Fact
from licensing.rules.tables import Row, Scalar, Table

Purpose = Literal["acquire", "renew"]


class BrokenRuleSet(ValueError):
    """The document is not a rule set that can decide; nothing was published."""


class Limit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which fact an output limits, and the reason code when it leaves no room.

    `kind` is `room` (the value after the request must not exceed the limit) or `at_most` (the
    value now must not).
    """

    fact: str
    reason: str
    label: str
    purposes: tuple[Purpose, ...]
    kind: Literal["room", "at_most"] = "room"


class RuleSet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Tables, the facts they read, the limits they set and the words for each reason."""

    schema: Literal["rules/1"]
    id: str
    title: str
    facts: dict[str, Fact]
    counters: dict[str, Counter]
    limits: dict[str, Limit]
    tables: tuple[Table, ...]
    reasons: dict[str, str]
    defaults: dict[str, Scalar] = {}
    lists: dict[str, tuple[Scalar, ...]] = {}

    def rows(self) -> dict[str, tuple[Table, Row]]:
        """Each row with its table, by the row's id."""
        return {row.id: (table, row) for table in self.tables for row in table.rows}


class PublishedRules(msgspec.Struct, frozen=True):
    """A version of a rule set that was published: its place in the stream, hash and start."""

    id: str
    version: int
    hash: str
    valid_from: datetime
    published_at: datetime
    ruleset: RuleSet


def canonical(document: dict[str, Any]) -> bytes:
    """The document as UTF-8 JSON with sorted keys: what is hashed."""
    return msgspec.json.encode(document, order="deterministic")


def hash_of(document: dict[str, Any]) -> str:
    """The identity of a version of the rules: `sha256:` and 64 hex digits."""
    return "sha256:" + hashlib.sha256(canonical(document)).hexdigest()


def parse(document: dict[str, Any]) -> RuleSet:
    """Read a document strictly; raises BrokenRuleSet naming the place of the first fault."""
    try:
        ruleset = msgspec.convert(document, RuleSet)
    except msgspec.ValidationError as error:
        raise BrokenRuleSet(str(error)) from None
    _check_names(ruleset)
    return ruleset


def _check_names(ruleset: RuleSet) -> None:
    known = {*ruleset.facts, *ruleset.counters}
    if not any(table.hit == "unique" for table in ruleset.tables):
        raise BrokenRuleSet("There is no base table: nothing would be granted.")
    for name, limit in ruleset.limits.items():
        if limit.fact not in known:
            raise BrokenRuleSet(f"Limit {name} names the unknown fact {limit.fact}.")
    ids: set[str] = set()
    for table in ruleset.tables:
        for row in table.rows:
            if row.id in ids:
                raise BrokenRuleSet(f"Two rows are called {row.id}.")
            ids.add(row.id)
            _check_row(ruleset, table, row)


def _check_row(ruleset: RuleSet, table: Table, row: Row) -> None:
    for name, cell in row.when.items():
        if name not in ruleset.facts or name not in table.inputs:
            raise BrokenRuleSet(f"Row {row.id} reads {name}, which is no input of its table.")
        if cell.list is not None and cell.list not in ruleset.lists:
            raise BrokenRuleSet(f"Row {row.id} names the unknown list {cell.list}.")
    for name, value in row.then.items():
        if name not in table.outputs:
            raise BrokenRuleSet(f"Row {row.id} sets {name}, which is no output of its table.")
        if name in ruleset.limits and (not isinstance(value, int) or isinstance(value, bool)):
            raise BrokenRuleSet(f"Row {row.id} sets {name} to something that is no number.")
        if table.hit == "collect" and name not in table.merge:
            raise BrokenRuleSet(f"Table {table.id} does not say how to merge {name}.")
    if table.hit == "unique" and set(row.then) != set(table.outputs):
        raise BrokenRuleSet(f"Base row {row.id} does not set every output of its table.")
