"""Compiled rules decide as the tables say, row by row; and nothing that is broken passes."""

import copy
import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from licensing import rules
from licensing.rules.facts import Count
from licensing.rules.tables import row_matches

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DEMO = Path(__file__).parents[2] / "licensing" / "demo"
DOCUMENT = json.loads((DEMO / "rules_2.json").read_text())

TEXTS, NUMBERS = ["a", "b", "c", "d"], [-2, 0, 1, 2, 3, 5, 8]


def cells(values: list[Any], *, bounds: bool) -> st.SearchStrategy[dict[str, Any]]:
    some = st.lists(st.sampled_from(values[:-1]), min_size=1, max_size=3, unique=True)
    kinds: list[st.SearchStrategy[dict[str, Any]]] = [
        some.map(lambda chosen: {"in": chosen}),
        some.map(lambda chosen: {"not_in": chosen}),
        st.booleans().map(lambda null: {"is_null": null}),
        st.just({}),
    ]
    if bounds:
        bound = st.dictionaries(
            st.sampled_from(["ge", "gt", "le", "lt"]), st.integers(-3, 6), min_size=1, max_size=2
        )
        kinds += [bound, st.tuples(bound, some).map(lambda both: {**both[0], "not_in": both[1]})]
    return st.one_of(kinds)


def days(number: int | None) -> str | None:
    return None if number is None else (NOON + timedelta(days=number)).isoformat()


@st.composite
def tables(draw: st.DrawFn) -> dict[str, Any]:
    """A rule set with one restriction table on a text, a number, a truth value and time."""
    rows = []
    for number in range(draw(st.integers(0, 7))):
        when = {}
        if draw(st.booleans()):
            when["text"] = draw(cells(TEXTS, bounds=False) | st.just({"list": "some"}))
        if draw(st.booleans()):
            when["number"] = draw(cells(NUMBERS, bounds=True))
        if draw(st.booleans()):
            when["truth"] = draw(st.sampled_from([{"in": [True]}, {"not_in": [True]}]))
        start, end = draw(st.none() | st.integers(-3, 3)), draw(st.none() | st.integers(-3, 3))
        rows.append(
            {"id": f"r{number}", "when": when, "then": {"most": draw(st.integers(0, 9))},
             "from": days(start), "to": days(end), "disabled": draw(st.integers(0, 4)) == 0}
        )  # fmt: skip
    fact = {name: {"path": name, "label": name} for name in ("text", "number", "truth")}
    return {
        "schema": "rules/1", "id": "t", "title": "T", "facts": fact, "counters": {},
        "limits": {}, "reasons": {}, "lists": {"some": ["a", "c"]},
        "tables": [
            {"id": "base", "title": "", "hit": "unique", "inputs": [], "outputs": ["most"],
             "rows": [{"id": "b", "when": {}, "then": {"most": 10}}]},
            {"id": "tight", "title": "", "hit": "collect", "inputs": list(fact),
             "outputs": ["most"], "merge": {"most": "min"}, "rows": rows},
        ],
    }  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(
    tables(),
    st.lists(
        st.tuples(
            st.sampled_from([None, *TEXTS, "another"]),
            st.sampled_from([None, *NUMBERS, -99, 99]),
            st.sampled_from([None, True, False]),
            st.integers(-4, 4),
        ),
        min_size=1,
        max_size=20,
    ),
)
def test_the_masks_say_what_the_rows_say(
    document: dict[str, Any], asked: list[tuple[Any, Any, Any, int]]
) -> None:
    ruleset = rules.parse(document)
    compiled = rules.Compiled(ruleset)
    for text, number, truth, day in asked:
        request = {"text": text, "number": number, "truth": truth}
        at = NOON + timedelta(days=day)
        facts = compiled.facts_of(request)
        if compiled.fault_of(facts) is not None:
            continue  # a type that no cell of this table has
        matched = [
            row
            for table in ruleset.tables
            for row in table.rows
            if row_matches(row, facts, at, ruleset.lists)
        ]
        found = compiled.outcome(facts, at)
        assert found.matched == tuple(row.id for row in matched)
        assert found.out["most"] == min(int(row.then["most"]) for row in matched)


VALUES: list[Any] = [
    None, "", "gold", "BASIC", "\x00", b"basic", 0, 1, -1, 7, 2**70, 1.5, float("nan"), True, False,
    [], ["basic"], {}, {"plan": "basic"},
]  # fmt: skip
REQUEST: dict[str, Any] = {
    "title_id": "t9", "device_id": "d9", "studio": "Toho", "title": {}, "device": {"type": "tv"},
    "context": {}, "member": {"plan": "standard", "country": "NL"},
    "license": {"renewals": 0, "hours_left": 5, "life_h": 10},
}  # fmt: skip
PATHS = [
    ("member", "plan"), ("member", "country"), ("member",), ("device", "type"), ("device",),
    ("studio",), ("title_id",), ("license", "renewals"), ("license", "hours_left"), ("license",),
]  # fmt: skip


def everything(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths to all places in a document."""
    found = [path] if path else []
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, inner in items:
        found += everything(inner, (*path, key))
    return found


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """A copy with one place changed."""
    made = copy.deepcopy(value)
    place = made
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = new
    return made


def at_least_as_strict(compiled: rules.Compiled, request: dict[str, Any]) -> bool:
    """Refused; or granted on facts of which each is what its declaration says."""
    found = rules.evaluate(compiled, "acquire", request, lambda *_: [], NOON)
    if found.reason is not None:
        assert found.reason.isupper()
        return True
    types = compiled.ruleset.types()
    python = {"string": str, "integer": int, "boolean": bool}
    for name, fact in compiled.ruleset.facts.items():
        value = found.facts.get(name)
        assert value is not None or not fact.required
        assert value is None or name not in types or type(value) is python[types[name]]
        assert value is None or fact.domain is None or value in fact.domain
    return found.row is not None


def test_five_thousand_mutated_requests_never_pass_unseen() -> None:
    compiled, chance = rules.Compiled(rules.parse(DOCUMENT)), random.Random(11)
    refused = 0
    for _ in range(5_000):
        request = copy.deepcopy(REQUEST)
        for path in chance.sample(PATHS, chance.randint(1, 3)):
            try:
                request = replaced(request, path, chance.choice(VALUES))
            except (TypeError, KeyError):
                continue  # the place went away with another mutation
        assert at_least_as_strict(compiled, request)
        found = rules.evaluate(compiled, "acquire", request, lambda *_: [], NOON)
        refused += found.reason is not None
    assert refused > 1_000


def test_five_thousand_mutated_rule_sets_are_refused_or_as_strict_as_they_say() -> None:
    """A cell, a bound or an output that is broken never makes a row be skipped."""
    places, chance = everything(DOCUMENT), random.Random(12)
    broken = 0
    for _ in range(5_000):
        mutated = replaced(DOCUMENT, chance.choice(places), chance.choice(VALUES))
        try:
            compiled = rules.Compiled(rules.parse(mutated))
        except rules.BrokenRuleSet:
            broken += 1
            continue
        assert at_least_as_strict(compiled, REQUEST)
        withdrawn = rules.evaluate(
            compiled, "acquire", {**REQUEST, "title_id": "metropolis"}, lambda *_: [], NOON
        )
        rows = compiled.ruleset.rows()
        row = rows.get("wd-metropolis")
        if row is None or withdrawn.reason is not None:
            continue
        # Granted only where the mutation is a rule that can be read, and says just that.
        assert row[1] != rules.parse(DOCUMENT).rows()["wd-metropolis"][1] or (
            compiled.ruleset.facts["title"].path != "title_id"
        )
    assert broken > 2_500


def test_a_truth_value_is_no_number() -> None:
    document = copy.deepcopy(DOCUMENT)
    document["facts"]["kids"] = {"path": "context.kids", "label": "Kids"}
    table = document["tables"][-1]
    table["inputs"].append("kids")
    output = next(iter(table["rows"][0]["then"].items()))
    table["rows"].append({"id": "kids", "when": {"kids": {"in": [1]}}, "then": dict([output])})
    compiled = rules.Compiled(rules.parse(document))
    for value, reason in ((1, None), (True, "FACT_UNKNOWN"), ("1", "FACT_UNKNOWN")):
        asked = {**REQUEST, "context": {"kids": value}}
        found = rules.evaluate(compiled, "acquire", asked, lambda *_: [], NOON)
        assert (found.reason == reason) or (reason is None and "kids" in found.matched)


@pytest.mark.parametrize(
    ("expect", "differences"),
    [
        ({"row": "b-standard", "out": {"max_devices": 2}}, ()),
        ({"out": {"max_devices": 9}}, ("max_devices is 2 instead of 9",)),
        ({"reason": "DEVICE_LIMIT"}, ("granted instead of refused with DEVICE_LIMIT",)),
        ({"row": "b-basic"}, ("decided by b-standard instead of b-basic",)),
        ({"rows": ["b-basic"]}, ("matched b-standard instead of b-basic",)),
    ],
)
def test_examples_are_kept_with_the_rules(expect: Any, differences: tuple[str, ...]) -> None:
    given = {"plan": "standard", "title": "casablanca"}
    case = {"id": "c1", "given": given, "counts": {}, "expect": expect}
    compiled = rules.Compiled(rules.parse({**DOCUMENT, "cases": [case]}))
    (result,) = rules.run_cases(compiled)
    assert (result.differences, result.ok) == (differences, not differences)


def test_an_example_gives_counts() -> None:
    case = {"id": "c1", "given": {"plan": "standard"}, "counts": {"devices_with_downloads": 2},
            "expect": {"reason": "DEVICE_LIMIT", "row": "b-standard"}}  # fmt: skip
    (result,) = rules.run_cases(rules.Compiled(rules.parse({**DOCUMENT, "cases": [case]})))
    assert result.ok, result.differences


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.update(cases=[{"id": "c", "given": {"color": 1}, "expect": {}}]), "color"),
        (lambda d: d.update(cases=[{"id": "c", "given": {"plan": "gold"}, "expect": {}}]), "gold"),
        (lambda d: d["facts"]["plan"].update(type="integer"), "type integer"),
        (lambda d: d["defaults"].update(plan="gold"), "gold"),
        (lambda d: d.update(zones={"fact": "country", "zones": {"NL": "Mars/Base"}}), "Mars"),
        (lambda d: d["counters"]["downloads_in_use"].update(window={}), "window"),
        (lambda d: d["counters"]["downloads_in_use"].update(window={"hours": 0}), "window"),
        (lambda d: d["counters"]["downloads_in_use"].update(of="releases"), "live"),
        (lambda d: d["counters"]["downloads_in_use"].update(same=["title.hdr"]), "title.hdr"),
        (lambda d: d["limits"]["max_devices"].update(reason="WHAT"), "WHAT"),
        (lambda d: d["tables"][0]["rows"][0]["when"].update(plan={"in": ["gold"]}), "gold"),
        (lambda d: d["tables"][0]["rows"][0]["when"].update(plan={"in": [3]}), "type string"),
        (lambda d: d["tables"][0]["rows"][0]["when"].update(plan={"ge": 3}), "type string"),
    ],
)
def test_a_document_that_cannot_decide_is_refused_with_its_place(change: Any, words: str) -> None:
    broken = copy.deepcopy(DOCUMENT)
    change(broken)
    with pytest.raises(rules.BrokenRuleSet, match=words):
        rules.parse(broken)


def test_decisions_agree_whether_counts_are_given_or_counted() -> None:
    compiled = rules.Compiled(rules.parse(DOCUMENT))
    counted = rules.evaluate(compiled, "acquire", REQUEST, lambda *_: [], NOON)
    facts = compiled.facts_of(REQUEST)
    assert rules.decide(compiled, "acquire", facts, lambda name: Count(0, 1), NOON) == counted
