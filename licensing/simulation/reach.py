"""Which recorded decisions a change of rules can reach at all, told from the two rule sets alone.

What both rule sets say the same way decides the same: facts that satisfy no changed row meet the
same rows in the same order, and so the same outcome. So a decision can differ only where its facts
satisfy what a changed row asks for, before or after the change. Of what a row asks for, only the
values that it names are looked for: more decisions are reached than can differ, and never fewer.
"""

from collections.abc import Iterator, Mapping
from itertools import product
from math import prod
from typing import Any, NamedTuple

import msgspec

from licensing import rules
from licensing.domain.license import TERM_NAMES
from licensing.rules import Compiled, Purpose, RuleSet
from licensing.rules.tables import Cell

RENEWAL_TERMS = ("renew_ext_h", "renew_life_h", "renew_grace_h")
TERMS: Mapping[Purpose, tuple[str, ...]] = {"acquire": TERM_NAMES, "renew": RENEWAL_TERMS}

MOST = 200  # patterns of one row: an index they are not, each is looked at with each decision

# What can be asked of a request and always has this type, or is absent.
CERTAIN = {
    "title_id": "string",
    "device_id": "string",
    "member.plan": "string",
    "member.country": "string",
    "license.renewals": "integer",
    "license.hours_left": "integer",
    "license.life_h": "integer",
}

Pattern = Mapping[str, Any]
"""Facts as a record keeps them: it is met where each of these is recorded with this value."""


class Reach(NamedTuple):
    """What can differ: where a pattern is met, or the title says something of another type.

    `typed` are such paths into what was asked for, each with the JSON type ("string", "boolean" or
    "integer") that all is well with.
    """

    patterns: tuple[Pattern, ...]
    typed: tuple[tuple[str, str], ...] = ()


EVERYWHERE = Reach(({},))


def reach(old: Compiled, new: Compiled, purpose: Purpose) -> Reach:
    """Where `new` can come to something else than `old` for a purpose.

    Two outcomes are one if they deny for the same reason, set the same limits and grant on the same
    terms; by which rows does not matter.
    """
    typed = _typed(old.ruleset, new.ruleset)
    if typed is None or _bases(old.ruleset) != _bases(new.ruleset):
        return EVERYWHERE
    before, after = _rows(old, purpose), _rows(new, purpose)
    common = [name for name in before if before[name] == after.get(name)]
    if common != [name for name in after if before.get(name) == after[name]]:
        return EVERYWHERE  # of two that say as much the first one counts
    patterns: dict[str, Pattern] = {}
    for compiled, told in ((old, before), (new, after)):
        for name in told.keys() - set(common):
            for pattern in _patterns(compiled.row(name).when, compiled.ruleset, old.ruleset):
                patterns[repr(sorted(pattern.items()))] = pattern
    return EVERYWHERE if {} in patterns.values() else Reach(tuple(patterns.values()), typed)


def _bases(ruleset: RuleSet) -> list[str]:
    """The tables that every request must meet exactly one row of."""
    return [each.id for each in ruleset.tables if each.hit == "unique"]


def _limits(ruleset: RuleSet, purpose: Purpose) -> set[str]:
    return {name for name, limit in ruleset.limits.items() if purpose in limit.purposes}


def _rows(compiled: Compiled, purpose: Purpose) -> dict[str, Any]:
    """By the row's id all of it that can make a difference, in the order in which rows count."""
    ruleset = compiled.ruleset
    limits = _limits(ruleset, purpose)
    told: dict[str, Any] = {}
    for table, row in sorted(compiled.rows, key=lambda pair: pair[0].hit != "unique"):
        then = {
            name: (value, definition_of_limit(ruleset, name) if name in limits else None)
            for name, value in row.then.items()
            if name == "allow" or name in limits or name in TERMS[purpose]
        }
        if then or table.hit == "unique":
            when = {
                name: (cell, None if cell.list is None else ruleset.lists[cell.list])
                for name, cell in row.when.items()
            }
            told[row.id] = table.id, table.hit, when, then, row.reason, row.valid_from, row.valid_to
    return told


def definition_of_limit(ruleset: RuleSet, name: str) -> Any:
    """What a limit means: equal where it compares the same value in the same way."""
    limit = ruleset.limits[name]
    return limit.kind, limit.reason, definition(ruleset, limit.fact)


def definition(ruleset: RuleSet, name: str) -> Any:
    """What a fact or counter means, whatever it is called: equal where the value is."""
    counter = ruleset.counters.get(name)
    if counter is None:
        fact = ruleset.facts[name]
        return fact.path, ruleset.defaults.get(name)
    lists = [ruleset.lists[cell.list] for cell in counter.where.values() if cell.list is not None]
    zones: Any = None
    if ruleset.zones is not None:
        path = ruleset.facts[ruleset.zones.fact].path
        zones = path, ruleset.defaults.get(ruleset.zones.fact), ruleset.zones.zones
    return msgspec.structs.replace(counter, label=""), lists, zones


def _typed(old: RuleSet, new: RuleSet) -> tuple[tuple[str, str], ...] | None:
    """The types on which it depends whether facts are in order; None where more than types do."""
    if old.facts.keys() - new.facts.keys():
        return None  # a fault of what is gone cannot be seen
    types, others = old.types(), new.types()
    typed = []
    for name, fact in new.facts.items():
        known, wanted = old.facts.get(name), others.get(name)
        if known is not None:
            same = (known.path, known.required, known.domain, old.defaults.get(name)) == (
                fact.path, fact.required, fact.domain, new.defaults.get(name)
            )  # fmt: skip
            if not same:
                return None
            if types.get(name) == wanted:
                continue
        elif fact.required or fact.domain is not None:
            return None
        path = "title.studio" if fact.path == "studio" else fact.path
        certain = "integer" if rules.is_rollout(path) else CERTAIN.get(path)
        if certain is not None and {wanted, types.get(name)} <= {None, certain}:
            continue
        if wanted is None or types.get(name) is not None or not path.startswith("title."):
            return None
        typed.append((path, wanted))
    return tuple(typed)


def _patterns(when: Mapping[str, Cell], ruleset: RuleSet, recorded: RuleSet) -> Iterator[Pattern]:
    """Patterns of which one is met wherever a row's cells hold; the empty one is met anywhere."""
    # What a limit compares stands among the limits of a record, and not among its facts.
    compared = {limit.fact for limit in recorded.limits.values()}
    named = {}
    for name, cell in when.items():
        values = cell.in_ if cell.in_ is not None else ruleset.lists.get(cell.list or "")
        if values is not None and name in recorded.facts and name not in compared:
            named[name] = tuple(dict.fromkeys(values))
    while named and prod(map(len, named.values())) > MOST:
        del named[max(named, key=lambda name: len(named[name]))]
    for values in product(*named.values()):
        yield dict(zip(named, values, strict=True))
