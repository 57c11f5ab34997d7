"""The examples that are kept with a rule set: what each must come to, and what it comes to."""

from datetime import UTC, datetime

import msgspec

from licensing.rules.compiled import Compiled
from licensing.rules.evaluate import Evaluation, decide
from licensing.rules.facts import Count
from licensing.rules.ruleset import Case

# An example without an instant is one of any time; rows with dates need one.
SOME_TIME = datetime(2026, 1, 1, tzinfo=UTC)


class CaseResult(msgspec.Struct, frozen=True):
    """How an example came out: what differs from what was expected, in words."""

    case: Case
    found: Evaluation
    differences: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether it came out as expected."""
        return not self.differences


def run(rules: Compiled) -> tuple[CaseResult, ...]:
    """Every example of a rule set, decided on the facts and counts that it gives."""
    return tuple(_run(rules, case) for case in rules.ruleset.cases)


def _run(rules: Compiled, case: Case) -> CaseResult:
    given = {**rules.ruleset.defaults, **case.given}

    def counts(name: str) -> Count:
        before = case.counts.get(name, 0)
        return Count(before, before + 1)

    found = decide(rules, case.purpose, given, counts, case.at or SOME_TIME)
    return CaseResult(case, found, tuple(_differences(case, found)))


def _differences(case: Case, found: Evaluation) -> list[str]:
    expected, told = case.expect, []
    if found.reason != expected.reason:
        told.append(f"{_verdict(found.reason)} instead of {_verdict(expected.reason)}")
    if expected.row is not None and found.row != expected.row:
        told.append(f"decided by {found.row} instead of {expected.row}")
    if expected.rows is not None and set(found.matched) != set(expected.rows):
        told.append(f"matched {', '.join(found.matched)} instead of {', '.join(expected.rows)}")
    for name, value in expected.out.items():
        if found.out.get(name) != value:
            told.append(f"{name} is {found.out.get(name)} instead of {value}")
    return told


def _verdict(reason: str | None) -> str:
    return "granted" if reason is None else f"refused with {reason}"
