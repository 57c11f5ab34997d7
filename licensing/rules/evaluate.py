"""One decision: which rows match, what they grant, and the first limit that leaves no room.

Anything missing, unknown or broken is a refusal with a code, never a silently skipped row.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from licensing.rules.compiled import FACT_MISSING, Compiled, Outcome
from licensing.rules.facts import Count, Past, count
from licensing.rules.ruleset import Limit, Purpose


class LimitCheck(msgspec.Struct, frozen=True, gc=False):
    """One limit against one value: `value` of `max`, `margin` left, by `row`.

    `adds` is what the request itself adds to the value, where that does not follow from the rules:
    a further download on a device that has one adds nothing to the devices.
    """

    limit: str
    fact: str
    label: str
    value: int
    max: int
    margin: int
    ok: bool
    row: str
    allowances: tuple[str, ...] = ()
    adds: int | None = None


class Allowed(NamedTuple):
    """An allowance that counts for this request: `limit` is higher by `amount`."""

    id: str
    limit: str
    amount: int


class Evaluation(msgspec.Struct, frozen=True):
    """What the rules said. `reason` is None when the request may be granted."""

    reason: str | None
    row: str | None
    facts: dict[str, Any]
    matched: tuple[str, ...]
    decisive: dict[str, str]
    out: dict[str, Any]
    limits: tuple[LimitCheck, ...]
    detail: str | None = None


Counts = Callable[[str], Count | None]
"""The value of a counter by its name, asked for when a limit needs it; None where it has none."""


def evaluate(
    rules: Compiled,
    purpose: Purpose,
    request: Mapping[str, Any],
    past: Past,
    at: datetime,
    allowances: Sequence[Allowed] = (),
) -> Evaluation:
    """Decide one request at `at` against the member's past and what support has allowed."""
    facts = rules.facts_of(request)
    ruleset = rules.ruleset

    def counts(name: str) -> Count | None:
        counter = ruleset.counters[name]
        zone = rules.zone_of(facts)
        return count(counter, request, past, at, zone=zone, lists=ruleset.lists)

    return decide(rules, purpose, facts, counts, at, allowances)


def decide(
    rules: Compiled,
    purpose: Purpose,
    facts: Mapping[str, Any],
    counts: Counts,
    at: datetime,
    allowances: Sequence[Allowed] = (),
) -> Evaluation:
    """Decide on facts and counters that are known already."""
    fault = rules.fault_of(facts)
    if fault is not None:
        return _refusal(fault, facts)
    found = rules.outcome(facts, at)
    if found.fault is not None:
        return _refusal(found.fault, facts)
    out, raised = found.out, _NONE
    if allowances:
        out, raised = _raise(found.out, rules, allowances)
    checks: list[LimitCheck] = []
    known = {name: value for name, value in facts.items() if value is not None}
    for name, limit in rules.ruleset.limits.items():
        if purpose in limit.purposes and name in out:
            value = _value(rules, limit, facts, counts)
            if value is None:
                return _refusal((FACT_MISSING, limit.fact), facts)
            known[limit.fact] = value.before
            row = found.decisive[name]
            counter = rules.ruleset.counters.get(limit.fact)
            adds = None if counter is None or counter.adds_one else value.after - value.before
            checks.append(_check(name, limit, value, out[name], row, raised.get(name, ()), adds))
    reason, row_id = _first_reason(rules, found, checks)
    return Evaluation(
        reason, row_id or found.main, known, found.matched, found.decisive, out, tuple(checks)
    )


_NONE: dict[str, tuple[str, ...]] = {}


def _refusal(fault: tuple[str, str], facts: Mapping[str, Any]) -> Evaluation:
    known = {name: value for name, value in facts.items() if value is not None}
    return Evaluation(fault[0], None, known, (), {}, {}, (), fault[1])


def _raise(
    out: dict[str, Any], rules: Compiled, allowances: Sequence[Allowed]
) -> tuple[dict[str, Any], dict[str, tuple[str, ...]]]:
    """The outputs with what support has allowed; which allowances raised which."""
    higher, raised = dict(out), dict(_NONE)
    for allowed in allowances:
        # Without a limit there is nothing to raise, and what is no limit is not support's to give.
        if allowed.limit in rules.ruleset.limits and allowed.limit in higher:
            higher[allowed.limit] += allowed.amount
            raised[allowed.limit] = (*raised.get(allowed.limit, ()), allowed.id)
    return higher, raised


def _value(rules: Compiled, limit: Limit, facts: Mapping[str, Any], counts: Counts) -> Count | None:
    if limit.fact in rules.ruleset.counters:
        return counts(limit.fact)
    value = facts.get(limit.fact)
    return None if value is None else Count(value, value + 1)


def _check(
    name: str,
    limit: Limit,
    found: Count,
    most: int,
    row: str,
    allowances: tuple[str, ...],
    adds: int | None,
) -> LimitCheck:
    compared = found.after if limit.kind == "room" else found.before
    return LimitCheck(
        name,
        limit.fact,
        limit.label,
        found.before,
        most,
        most - found.before,
        compared <= most,
        row,
        allowances,
        adds,
    )


def _first_reason(
    rules: Compiled, found: Outcome, checks: Sequence[LimitCheck]
) -> tuple[str | None, str | None]:
    if found.out.get("allow") is False:
        row = rules.row(found.decisive["allow"])
        return row.reason or "NOT_ALLOWED", row.id
    for check in checks:
        if not check.ok:
            row = rules.row(check.row)
            return row.reason or rules.ruleset.limits[check.limit].reason, check.row
    return None, None
