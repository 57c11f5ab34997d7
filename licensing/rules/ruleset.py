"""A rule set as one typed value: parsed from its JSON document, identified by its hash."""

import hashlib
from datetime import datetime
from typing import Any, Literal

import msgspec

from licensing.rules.facts import Counter, Fact, Type
from licensing.rules.rollout import is_rollout
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


class Zones(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The time zone of the calendar's windows, by the value of a fact; UTC for all others."""

    fact: str
    zones: dict[str, str]


class Expected(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What an example must come to; only what is named is compared. No reason means granted."""

    reason: str | None = None
    row: str | None = None
    rows: tuple[str, ...] | None = None
    out: dict[str, Scalar] = {}


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An example that stays true: facts and counts as given, and what must come of them."""

    id: str
    given: dict[str, Scalar | None]
    expect: Expected
    title: str = ""
    purpose: Purpose = "acquire"
    counts: dict[str, int] = {}
    at: datetime | None = None


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
    zones: Zones | None = None
    cases: tuple[Case, ...] = ()

    def rows(self) -> dict[str, tuple[Table, Row]]:
        """Each row with its table, by the row's id."""
        return {row.id: (table, row) for table in self.tables for row in table.rows}

    def types(self) -> dict[str, Type]:
        """The type of each fact that has one: declared, or that of its domain or its cells."""
        found: dict[str, Type] = {}
        for name, fact in self.facts.items():
            declared = fact.type or ("string" if fact.domain is not None else None)
            if declared is None and is_rollout(fact.path):
                declared = "integer"
            if declared is not None:
                found[name] = declared
        for table in self.tables:
            for row in table.rows:
                for name, cell in row.when.items():
                    values = cell.values(self.lists)
                    if values and name not in found:
                        found[name] = type_of(values[0])
        for limit in self.limits.values():
            if limit.fact in self.facts:
                found.setdefault(limit.fact, "integer")
        return found


def type_of(value: Scalar) -> Type:
    """The type of a value in a document."""
    if isinstance(value, bool):
        return "boolean"
    return "integer" if isinstance(value, int) else "string"


def canonical(document: dict[str, Any]) -> bytes:
    """The document as UTF-8 JSON with sorted keys: what is hashed."""
    return msgspec.json.encode(document, order="deterministic")


def hash_of(document: dict[str, Any]) -> str:
    """The identity of a version of the rules: `sha256:` and 64 hex digits."""
    return "sha256:" + hashlib.sha256(canonical(document)).hexdigest()
