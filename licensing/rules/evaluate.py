"""One decision: which rows match, what they grant, and the first limit that leaves no room.

Anything missing, unknown or broken is a refusal with a code, never a silently skipped row.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from licensing.rules.facts import Count, Past, count, lookup
from licensing.rules.ruleset import Limit, Purpose, RuleSet
from licensing.rules.tables import Row, Table, row_matches

FACT_MISSING = "FACT_MISSING"
FACT_UNKNOWN = "FACT_UNKNOWN"
RULES_GAP = "RULES_GAP"
RULES_OVERLAP = "RULES_OVERLAP"


class LimitCheck(msgspec.Struct, frozen=True):
    """One limit against one value: `value` of `max`, `margin` left, by `row`."""

    limit: str
    fact: str
    label: str
    value: int
    max: int
    margin: int
    ok: bool
    row: str
    allowances: tuple[str, ...] = ()


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


def evaluate(
    ruleset: RuleSet,
    purpose: Purpose,
    request: Mapping[str, Any],
    past: Past,
    at: datetime,
    allowances: Sequence[Allowed] = (),
) -> Evaluation:
    """Decide one request at `at` against the member's past and what support has allowed."""
    facts = {
        name: _with_default(ruleset, name, lookup(request, fact.path))
        for name, fact in ruleset.facts.items()
    }
    fault = _fault(ruleset, facts)
    if fault is not None:
        return _refusal(fault[0], facts, fault[1])
    matched = [
        (table, row)
        for table in ruleset.tables
        for row in table.rows
        if row_matches(row, facts, at, ruleset.lists)
    ]
    for table in ruleset.tables:
        hits = sum(1 for found, _ in matched if found is table)
        if table.hit == "unique" and hits != 1:
            return _refusal(RULES_GAP if hits == 0 else RULES_OVERLAP, facts, table.id)
    out, decisive = _merge(matched)
    raised = _raise(out, ruleset, allowances)
    counts = {
        limit.fact: _count(ruleset, limit, facts, request, past, at)
        for name, limit in ruleset.limits.items()
        if purpose in limit.purposes and name in out
    }
    if None in counts.values():
        missing = next(name for name, value in counts.items() if value is None)
        return _refusal(FACT_MISSING, facts, missing)
    checks = tuple(
        _check(name, limit, counts[limit.fact], out[name], decisive[name], raised.get(name, ()))
        for name, limit in ruleset.limits.items()
        if purpose in limit.purposes and name in out
    )
    reason, row = _first_reason(ruleset, matched, out, decisive, checks)
    return Evaluation(
        reason=reason,
        row=row or _main_row(matched),
        facts={**_used(facts), **{check.fact: check.value for check in checks}},
        matched=tuple(row.id for _, row in matched),
        decisive=decisive,
        out=out,
        limits=checks,
    )


def _with_default(ruleset: RuleSet, name: str, value: Any) -> Any:
    return ruleset.defaults.get(name) if value is None else value


def _used(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if value is not None}


def _fault(ruleset: RuleSet, facts: dict[str, Any]) -> tuple[str, str] | None:
    for name, fact in ruleset.facts.items():
        value = facts[name]
        if value is None and fact.required:
            return FACT_MISSING, name
        if value is not None and not isinstance(value, str | int | bool):
            return FACT_UNKNOWN, name
        if value is not None and fact.domain is not None and value not in fact.domain:
            return FACT_UNKNOWN, name
    return None


def _refusal(reason: str, facts: dict[str, Any], detail: str) -> Evaluation:
    return Evaluation(reason, None, _used(facts), (), {}, {}, (), detail)


def _merge(matched: list[tuple[Table, Row]]) -> tuple[dict[str, Any], dict[str, str]]:
    out: dict[str, Any] = {}
    decisive: dict[str, str] = {}
    # Base tables first, so that a restriction always has something to tighten.
    for table, row in sorted(matched, key=lambda found: found[0].hit != "unique"):
        for name, value in row.then.items():
            if name not in out or (table.hit == "collect" and value < out[name]):
                # `min` for numbers and `and` for booleans are the same comparison: False < True.
                out[name], decisive[name] = value, row.id
    return out, decisive


def _raise(
    out: dict[str, Any], ruleset: RuleSet, allowances: Sequence[Allowed]
) -> dict[str, tuple[str, ...]]:
    """Raise limits by what support has allowed; which allowances raised which."""
    raised: dict[str, tuple[str, ...]] = {}
    for allowed in allowances:
        # Without a limit there is nothing to raise, and what is no limit is not support's to give.
        if allowed.limit in ruleset.limits and allowed.limit in out:
            out[allowed.limit] += allowed.amount
            raised[allowed.limit] = (*raised.get(allowed.limit, ()), allowed.id)
    return raised


def _count(
    ruleset: RuleSet,
    limit: Limit,
    facts: dict[str, Any],
    request: Mapping[str, Any],
    past: Past,
    at: datetime,
) -> Count | None:
    counter = ruleset.counters.get(limit.fact)
    if counter is not None:
        return count(counter, request, past, at)
    value = facts[limit.fact]
    return Count(value, value + 1) if isinstance(value, int) else None


def _check(
    name: str,
    limit: Limit,
    found: Count | None,
    most: int,
    row: str,
    allowances: tuple[str, ...],
) -> LimitCheck:
    assert found is not None
    compared = found.after if limit.kind == "room" else found.before
    return LimitCheck(
        limit=name,
        fact=limit.fact,
        label=limit.label,
        value=found.before,
        max=most,
        margin=most - found.before,
        ok=compared <= most,
        row=row,
        allowances=allowances,
    )


def _first_reason(
    ruleset: RuleSet,
    matched: list[tuple[Table, Row]],
    out: dict[str, Any],
    decisive: dict[str, str],
    checks: tuple[LimitCheck, ...],
) -> tuple[str | None, str | None]:
    by_id = {row.id: row for _, row in matched}
    if out.get("allow") is False:
        row = by_id[decisive["allow"]]
        return row.reason or "NOT_ALLOWED", row.id
    for check in checks:
        if not check.ok:
            return by_id[check.row].reason or ruleset.limits[check.limit].reason, check.row
    return None, None


def _main_row(matched: list[tuple[Table, Row]]) -> str | None:
    return next((row.id for table, row in matched if table.hit == "unique"), None)
