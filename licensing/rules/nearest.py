"""What would turn a verdict: the smallest changes, each tried by deciding again.

Nothing is guessed from the rows: whatever is offered was decided with the change and came out the
other way.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec

from licensing.rules.compiled import Compiled
from licensing.rules.evaluate import Allowed, Evaluation, evaluate
from licensing.rules.facts import Past
from licensing.rules.rollout import is_rollout
from licensing.rules.ruleset import Purpose
from licensing.rules.tables import Scalar

MOST = 20  # values of a fact that are tried; a list of countries says nothing that a few do not


class Part(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that would be otherwise: a limit higher by `by`, or a fact `to` another value."""

    name: str
    label: str
    by: int | None = None
    was: Scalar | None = None
    to: Scalar | None = None


class Turn(msgspec.Struct, frozen=True):
    """A change that turns the verdict: all parts together, or the instant `at` which it takes.

    `room`: limits that are higher (by an allowance), or as much less in use. `fact`: another
    request. `time`: the same request later, when a row begins or ends.
    """

    kind: Literal["room", "fact", "time"]
    parts: tuple[Part, ...] = ()
    at: datetime | None = None


def nearest(
    rules: Compiled,
    purpose: Purpose,
    request: Mapping[str, Any],
    past: Past,
    at: datetime,
    allowances: Sequence[Allowed] = (),
) -> tuple[Turn, ...]:
    """The changes that would turn the verdict on a request, the nearest of each kind first."""
    found = evaluate(rules, purpose, request, past, at, allowances)

    def granted(
        other: Mapping[str, Any] = request,
        when: datetime = at,
        more: Sequence[Allowed] = (),
    ) -> bool:
        again = evaluate(rules, purpose, other, past, when, [*allowances, *more])
        return again.reason is None

    if found.reason is None:
        return _would_end(rules, found)
    turns: list[Turn] = []
    short = [check for check in found.limits if not check.ok]
    needed = [
        Allowed("", check.limit, _missing(rules, check.limit, check.value, check.max))
        for check in short
    ]
    if short and granted(more=needed):
        labels = {check.limit: check.label for check in short}
        parts = tuple(Part(each.limit, labels[each.limit], by=each.amount) for each in needed)
        turns.append(Turn("room", parts))
    facts = rules.facts_of(request)
    for name, value in _other_facts(rules, facts):
        fact = rules.ruleset.facts[name]
        if granted(_saying(request, fact.path.split("."), value)):
            turns.append(Turn("fact", (Part(name, fact.label, was=facts.get(name), to=value),)))
    turns += [Turn("time", at=cut) for cut in _later(rules, at) if granted(when=cut)][:1]
    return tuple(turns)


def _saying(request: Mapping[str, Any], path: Sequence[str], value: Scalar) -> dict[str, Any]:
    """The request with another value at a path; its counters are counted anew by it."""
    key, *rest = path
    inner = request.get(key)
    if rest:
        return {**request, key: _saying(inner if isinstance(inner, Mapping) else {}, rest, value)}
    return {**request, key: value}


def _missing(rules: Compiled, limit: str, value: int, most: int) -> int:
    taken = value + 1 if rules.ruleset.limits[limit].kind == "room" else value
    return taken - most


def _would_end(rules: Compiled, found: Evaluation) -> tuple[Turn, ...]:
    """For a request that is granted: how much more in use would have it refused."""
    room = [check for check in found.limits if rules.ruleset.limits[check.limit].kind == "room"]
    if not room:
        return ()
    tight = min(room, key=lambda check: check.margin)
    return (Turn("room", (Part(tight.limit, tight.label, by=-max(tight.margin, 1)),)),)


def _other_facts(rules: Compiled, facts: Mapping[str, Any]) -> Iterator[tuple[str, Scalar]]:
    """Each single fact with each other value that the rules tell apart."""
    for name, fact in rules.ruleset.facts.items():
        if is_rollout(fact.path):
            continue  # nobody can ask for another number
        values = fact.domain if fact.domain is not None else rules.named(name)
        others = [value for value in values if value != facts.get(name)]
        yield from ((name, value) for value in others[:MOST])


def _later(rules: Compiled, at: datetime) -> list[datetime]:
    """The instants after `at` at which a row begins or ends, in order."""
    cuts = {cut for _, row in rules.rows for cut in (row.valid_from, row.valid_to) if cut}
    return sorted(cut for cut in cuts if cut > at)
