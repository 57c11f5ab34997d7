"""What a rule set declares beside its tables: facts, counters, limits, reasons, lists, in words."""

from collections.abc import Sequence
from typing import Any

import msgspec

from licensing.rules import wording
from licensing.rules.facts import Counter, Fact
from licensing.rules.ruleset import Case, Limit, RuleSet
from licensing.rules.windows import Window

OF = {
    "downloads": "downloads",
    "playbacks": "playbacks",
    "renewals": "renewals",
    "releases": "releases",
    "refusals": "refusals",
}


class Entry(msgspec.Struct, frozen=True):
    """One declaration: its name, its label, what it says, and where it is used."""

    name: str
    label: str
    words: str
    used: int


class Declared(msgspec.Struct, frozen=True):
    """All declarations of a rule set."""

    facts: tuple[Entry, ...]
    counters: tuple[Entry, ...]
    limits: tuple[Entry, ...]
    reasons: tuple[Entry, ...]
    lists: tuple[Entry, ...]
    cases: tuple[Entry, ...]

    @property
    def groups(self) -> Sequence[tuple[str, tuple[Entry, ...]]]:
        """With their titles, those that there are."""
        named = (
            ("Facts", self.facts), ("Counters", self.counters), ("Limits", self.limits),
            ("Reasons", self.reasons), ("Lists", self.lists), ("Examples", self.cases),
        )  # fmt: skip
        return [each for each in named if each[1]]


def of(ruleset: RuleSet) -> Declared:
    """What is declared, and how often each is used."""
    types = ruleset.types()
    return Declared(
        tuple(
            Entry(name, fact.label, _fact(ruleset, name, fact, types.get(name, "")),
                  _reads(ruleset, name))
            for name, fact in ruleset.facts.items()
        ),
        tuple(
            Entry(name, counter.label, counter_words(counter),
                  sum(limit.fact == name for limit in ruleset.limits.values()))
            for name, counter in ruleset.counters.items()
        ),
        tuple(
            Entry(name, limit.label, _limit(ruleset, limit),
                  sum(name in row.then for table in ruleset.tables for row in table.rows))
            for name, limit in ruleset.limits.items()
        ),
        tuple(
            Entry(code, "", words, _reason_uses(ruleset, code))
            for code, words in ruleset.reasons.items()
        ),
        tuple(
            Entry(name, "", ", ".join(map(wording.scalar, values)), _list_uses(ruleset, name))
            for name, values in ruleset.lists.items()
        ),
        tuple(
            Entry(case.id, case.title, case_words(case), 0) for case in ruleset.cases
        ),
    )  # fmt: skip


def named(ruleset: RuleSet, part: str, name: str) -> Entry | None:
    """What one declaration says; none where the rule set declares no such thing."""
    entries: tuple[Entry, ...] = getattr(of(ruleset), part, ())
    return next((each for each in entries if each.name == name), None)


def _fact(ruleset: RuleSet, name: str, fact: Fact, kind: str) -> str:
    told = [f"read from {fact.path}", {"string": "text", "integer": "number"}.get(kind, kind)]
    if fact.domain is not None:
        told.append(f"one of {', '.join(fact.domain)}")
    if fact.required:
        told.append("required")
    if name in ruleset.defaults:
        told.append(f"{wording.scalar(ruleset.defaults[name])} when not given")
    return ", ".join(filter(None, told))


def counter_words(counter: Counter) -> str:
    """What a counter counts: `downloads with the same studio, in the last 24 hours`."""
    told = [OF[counter.of]]
    if counter.distinct is not None:
        told[0] = f"different {_attribute(counter.distinct)}s of {OF[counter.of]}"
    if counter.live:
        told[0] += " that are active now"
    if counter.same:
        told[0] += f" with the same {' and '.join(map(_attribute, counter.same))}"
    for path, cell in counter.where.items():
        told.append(f"where {path} is {wording.said(cell)}")
    if counter.window is not None or not counter.live:
        told.append(window_words(counter.window))
    return ", ".join(told)


def _attribute(path: str) -> str:
    return path.removesuffix("_id").replace(".", " ")


def window_words(window: Any) -> str:
    """The span of time that a counter looks at."""
    if window is None:
        return "ever"
    if window == "calendar_year":
        window = Window(calendar="year")
    if isinstance(window, int):
        window = Window(hours=window)
    if window.calendar is not None:
        return f"in the calendar {window.calendar}"
    if window.days is not None:
        return f"in the last {window.days} days"
    return f"in the last {window.hours} hours"


def _limit(ruleset: RuleSet, limit: Limit) -> str:
    known: dict[str, Fact | Counter] = {**ruleset.facts, **ruleset.counters}
    about = known[limit.fact].label if limit.fact in known else limit.fact
    when = " and ".join({"acquire": "downloads", "renew": "renewals"}[p] for p in limit.purposes)
    how = "leaves room for one more" if limit.kind == "room" else "is at most that now"
    return f"{when}: granted while “{about}” {how}, else {limit.reason}"


def _reads(ruleset: RuleSet, name: str) -> int:
    rows = sum(name in row.when for table in ruleset.tables for row in table.rows)
    return rows + sum(limit.fact == name for limit in ruleset.limits.values())


def _reason_uses(ruleset: RuleSet, code: str) -> int:
    rows = sum(row.reason == code for table in ruleset.tables for row in table.rows)
    return rows + sum(limit.reason == code for limit in ruleset.limits.values())


def _list_uses(ruleset: RuleSet, name: str) -> int:
    cells = [cell for table in ruleset.tables for row in table.rows for cell in row.when.values()]
    cells += [cell for counter in ruleset.counters.values() for cell in counter.where.values()]
    return sum(cell.list == name for cell in cells)


def case_words(case: Case) -> str:
    """An example in a line: `plan basic, studio Toho: granted`."""
    given = [f"{name} {'not given' if value is None else wording.scalar(value)}"
             for name, value in case.given.items()]  # fmt: skip
    given += [f"{name} {value}" for name, value in case.counts.items()]
    verdict = "granted" if case.expect.reason is None else f"refused, {case.expect.reason}"
    out = [f"{name} {wording.scalar(value)}" for name, value in case.expect.out.items()]
    by = f" by {case.expect.row}" if case.expect.row else ""
    told = ", ".join([verdict + by, *out])
    return f"{', '.join(given)}: {told}"
