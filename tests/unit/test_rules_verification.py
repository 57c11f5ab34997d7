"""What verification says is so: by hand, by trying every request, and by a solver."""

import copy
import itertools
import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import z3

from licensing import rules
from licensing.rules import boxes, verification
from licensing.rules.boxes import TIME, Space
from licensing.rules.ruleset import RuleSet
from licensing.rules.tables import ANYTHING, Row, row_matches

DEMO = Path(__file__).parents[2] / "licensing" / "demo"
DOCUMENT = json.loads((DEMO / "rules_2.json").read_text())
DAY_0 = datetime(2026, 1, 1, tzinfo=UTC)


def base(*rows: dict[str, Any], facts: dict[str, Any] | None = None) -> dict[str, Any]:
    """A rule set with a base table on `n` (a number) and `s` (a text), both required."""
    given = facts or {
        "n": {"path": "n", "label": "N", "required": True, "type": "integer"},
        "s": {"path": "s", "label": "S", "required": True, "type": "string"},
    }
    return {
        "schema": "rules/1", "id": "t", "title": "T", "facts": given, "counters": {},
        "limits": {}, "reasons": {},
        "tables": [{"id": "base", "title": "", "hit": "unique", "inputs": list(given),
                    "outputs": ["most"], "rows": list(rows)}],
    }  # fmt: skip


def row(row_id: str, most: int = 1, **more: Any) -> dict[str, Any]:
    dates = {name: more.pop(name) for name in ("from", "to") if name in more}
    return {"id": row_id, "when": more, "then": {"most": most}, **dates}


def restricted(*rows: dict[str, Any]) -> dict[str, Any]:
    """A base that grants 10, and these restrictions of it."""
    document = base(row("b", 10))
    document["tables"].append(
        {"id": "tight", "title": "", "hit": "collect", "inputs": ["n", "s"],
         "outputs": ["most"], "merge": {"most": "min"}, "rows": list(rows)}
    )  # fmt: skip
    return document


def found(document: dict[str, Any]) -> list[tuple[str, tuple[str, ...]]]:
    return [(each.kind, each.rows) for each in verification.examine(document)]


def test_the_demo_s_rules_have_nothing_wrong() -> None:
    assert verification.examine(DOCUMENT) == ()


def test_a_gap_is_shown_and_filled() -> None:
    document = base(row("low", n={"lt": 5}), row("high", 7, n={"ge": 8}))
    (gap,) = verification.examine(document)
    assert (gap.kind, gap.severity, gap.table) == ("gap", "blocking", "base")
    assert 5 <= gap.witness["n"] < 8
    assert gap.message == f"No row of base matches n {gap.witness['n']}."
    assert gap.proposal == {
        "id": "base-gap-1", "when": {"n": {"ge": 5, "lt": 8}}, "then": {"most": 1}
    }  # fmt: skip
    document["tables"][0]["rows"].append(gap.proposal)
    assert verification.examine(document) == ()


def test_gaps_can_be_filled_one_after_the_other() -> None:
    """Whatever is left open, proposals close it in the end, and never overlap."""
    chance = random.Random(5)
    for _ in range(60):
        document = base(*(random_row(chance, f"r{n}") for n in range(chance.randint(0, 3))))
        while any(kind == "overlap" for kind, _ in found(document)):
            document["tables"][0]["rows"].pop()
        for _ in range(40):
            gaps = [each for each in verification.examine(document) if each.kind == "gap"]
            if not gaps:
                break
            proposal = gaps[0].proposal
            assert proposal is not None
            document["tables"][0]["rows"].append({**proposal, "then": {"most": 1}})
        kinds = {kind for kind, _ in found(document)}
        assert not kinds & {"gap", "overlap"}


def test_an_overlap_names_both_rows() -> None:
    document = base(row("low", n={"lt": 5}), row("high", n={"ge": 3}))
    (overlap,) = verification.examine(document)
    assert (overlap.kind, overlap.rows) == ("overlap", ("low", "high"))
    assert 3 <= overlap.witness["n"] < 5
    assert overlap.proposal == {**row("high"), "when": {"n": {"ge": 5}}}


@pytest.mark.parametrize(
    "cell", [{"ge": 5, "lt": 5}, {"in": []}, {"in": [3], "not_in": [3]}, {"is_null": True}]
)
def test_a_row_that_can_match_nothing_is_found(cell: dict[str, Any]) -> None:
    document = base(row("all"), row("never", n=cell))
    assert found(document) == [("unreachable", ("never",))]


def test_dates_that_contradict_each_other_are_found() -> None:
    late, early = "2026-02-01T00:00:00Z", "2026-01-01T00:00:00Z"
    document = base(row("all"), row("never", **{"from": late, "to": early}))
    assert found(document) == [("dates", ("never",))]


def test_a_hole_in_time_is_a_gap() -> None:
    document = base(
        row("old", to="2026-01-10T00:00:00Z"), row("new", **{"from": "2026-01-12T00:00:00Z"})
    )
    (gap,) = verification.examine(document)
    assert gap.kind == "gap"
    assert gap.at is not None
    assert datetime(2026, 1, 10, tzinfo=UTC) <= gap.at < datetime(2026, 1, 12, tzinfo=UTC)


def test_a_disabled_row_is_as_good_as_none() -> None:
    low, high = row("low", n={"lt": 5}), row("high", 7, n={"ge": 5})
    assert verification.examine(base(low, high, {**row("both"), "disabled": True})) == ()
    (gap,) = verification.examine(base(low, {**high, "disabled": True}))
    assert gap.kind == "gap"
    ruleset = rules.parse(base(low, {**high, "disabled": True}))
    assert verification.verify_row(ruleset, "high") == (gap,)


def test_a_restriction_shadowed_by_several_is_redundant() -> None:
    document = restricted(
        row("low", 2, n={"lt": 5}), row("high", 3, n={"ge": 5}), row("s", 3, s={"in": ["a"]})
    )
    assert found(document) == [("redundant", ("s",))]
    document["tables"][1]["rows"][2]["then"]["most"] = 2
    assert found(document) == []


def test_of_twins_the_later_is_redundant_and_what_the_base_does_needs_no_row() -> None:
    assert found(restricted(row("a", 3), row("b2", 3))) == [("redundant", ("b2",))]
    assert found(restricted(row("loose", 11))) == [("redundant", ("loose",))]


def test_a_broken_document_and_a_failing_example_are_findings() -> None:
    document = copy.deepcopy(DOCUMENT)
    document["tables"][0]["rows"][0]["when"]["plan"] = {"in": ["gold"]}
    document["limits"]["max_devices"]["fact"] = "elephants"
    assert len(verification.examine(document)) == 2
    case = {"id": "c", "given": {"plan": "basic"}, "expect": {"reason": "DEVICE_LIMIT"}}
    (failing,) = verification.examine({**DOCUMENT, "cases": [case]})
    assert (failing.kind, failing.rows, failing.witness) == ("example", ("c",), {"plan": "basic"})


def test_one_row_is_verified_as_all_are() -> None:
    chance = random.Random(8)
    for _ in range(150):
        document = random_document(chance)
        ruleset = rules.parse(document)
        whole = verification.verify(ruleset)
        for row_id in ruleset.rows():
            alone = verification.verify_row(ruleset, row_id)
            for kind in ("unreachable", "dates", "gap"):
                mine = [each for each in alone if each.kind == kind]
                same = [
                    each for each in whole if each.kind == kind and each.rows in ((), (row_id,))
                ]
                unique = ruleset.rows()[row_id][0].hit == "unique"
                assert mine == same or (kind == "gap" and not unique)
            # What could go together with others can go alone.
            if ("redundant", (row_id,)) in [(each.kind, each.rows) for each in whole]:
                assert any(each.kind == "redundant" for each in alone)


# -- Every request tried, and a solver asked --


def random_row(chance: random.Random, row_id: str) -> dict[str, Any]:
    when: dict[str, Any] = {}
    if chance.random() < 0.7:
        low = chance.randint(0, 6)
        when["n"] = chance.choice(
            [{"ge": low}, {"lt": low}, {"ge": low, "lt": low + chance.randint(0, 3)}, {"gt": low},
             {"le": low}, {"in": [low, low + 2]}, {"not_in": [low]}, {"is_null": False},
             {"is_null": True}, {"le": low, "not_in": [low - 1]}]
        )  # fmt: skip
    if chance.random() < 0.6:
        texts = chance.sample(["a", "b", "c"], chance.randint(1, 2))
        when["s"] = chance.choice(
            [{"in": texts}, {"not_in": texts}, {"list": "some"}, {"is_null": True}]
        )
    made: dict[str, Any] = {"id": row_id, "when": when, "then": {"most": chance.randint(1, 4)}}
    if chance.random() < 0.2:
        made["from"] = (DAY_0 + timedelta(days=chance.randint(0, 3))).isoformat()
    if chance.random() < 0.2:
        made["to"] = (DAY_0 + timedelta(days=chance.randint(0, 4))).isoformat()
    return made


def random_document(chance: random.Random) -> dict[str, Any]:
    """A base table and one of restrictions, on a number, a text and time; with nulls or without."""
    document = base(*(random_row(chance, f"b{n}") for n in range(chance.randint(1, 4))))
    for fact in document["facts"].values():
        fact["required"] = chance.random() < 0.5
    if chance.random() < 0.3:
        document["facts"]["s"]["domain"] = ["a", "b", "c"]
    document["lists"] = {"some": ["a", "c"]}
    document["tables"].append(
        {"id": "tight", "title": "", "hit": "collect", "inputs": ["n", "s"],
         "outputs": ["most"], "merge": {"most": "min"},
         "rows": [random_row(chance, f"t{n}") for n in range(chance.randint(0, 4))]}
    )  # fmt: skip
    return document


def requests(ruleset: RuleSet) -> list[tuple[dict[str, Any], datetime]]:
    """Every request that the rules of the random tables tell apart, and more."""
    numbers: list[Any] = [*range(-2, 12)]
    texts: list[Any] = ["a", "b", "c"] + ([] if ruleset.facts["s"].domain else ["zzz"])
    for values, name in ((numbers, "n"), (texts, "s")):
        if not ruleset.facts[name].required:
            values.append(None)
    days = [DAY_0 + timedelta(hours=12 * n - 24) for n in range(14)]
    return [
        ({"n": n, "s": s}, at) for n, s, at in itertools.product(numbers, texts, days)
    ]  # fmt: skip


def test_every_verdict_is_that_of_trying_all_requests() -> None:
    chance = random.Random(3)
    seen: set[str] = set()
    narrowed = 0
    for _ in range(120):
        ruleset = rules.parse(random_document(chance))
        asked = requests(ruleset)
        hits = {
            each.id: {
                place
                for place, (facts, at) in enumerate(asked)
                if row_matches(each, facts, at, ruleset.lists)
            }
            for table in ruleset.tables
            for each in table.rows
        }
        whole = verification.verify(ruleset)
        seen |= {each.kind for each in whole}
        told = {(each.kind, each.rows) for each in whole}
        rows = ruleset.tables[0].rows
        covered = set().union(*(hits[each.id] for each in rows))
        assert any(kind == "gap" for kind, _ in told) == (len(covered) < len(asked))
        for one, two in itertools.combinations(rows, 2):
            both = hits[one.id] & hits[two.id]
            assert (("overlap", (one.id, two.id)) in told) == bool(both)
        for row_id, matched in hits.items():
            never = {("unreachable", (row_id,)), ("dates", (row_id,))} & told
            assert bool(never) == (not matched)
        removed = {ids[0] for kind, ids in told if kind == "redundant"}
        assert least(ruleset, hits, set()) == least(ruleset, hits, removed)
        for finding in whole:
            if finding.kind in ("gap", "overlap", "redundant"):
                at = finding.at or DAY_0
                matching = {
                    each.id
                    for table in ruleset.tables
                    for each in table.rows
                    if row_matches(each, finding.witness, at, ruleset.lists)
                }
                assert set(finding.rows) <= matching
                if finding.kind == "overlap" and finding.proposal is not None:
                    narrowed += 1
                    new = msgspec.convert(finding.proposal, Row)
                    (other,) = set(finding.rows) - {new.id}
                    assert hits[new.id] - hits[other] == {
                        place
                        for place, (facts, at) in enumerate(asked)
                        if row_matches(new, facts, at, ruleset.lists)
                    }
                if finding.kind == "gap":
                    assert not matching & {each.id for each in rows}
    assert seen == {"gap", "overlap", "unreachable", "dates", "redundant"}
    assert narrowed > 10


def least(ruleset: RuleSet, hits: dict[str, set[int]], without: set[str]) -> dict[int, int]:
    """For each request the strictest of what its rows say."""
    found: dict[int, int] = {}
    for row_id, (_, each) in ruleset.rows().items():
        if row_id not in without:
            for place in hits[row_id]:
                found[place] = min(found.get(place, 99), int(each.then["most"]))
    return found


def test_a_solver_agrees_about_a_thousand_tables() -> None:
    """Is the base complete, and which row can match at all? As z3 says."""
    chance = random.Random(4)
    verdicts = set()
    for _ in range(1_000):
        ruleset = rules.parse(random_document(chance))
        space = Space(ruleset)
        rows = ruleset.tables[0].rows
        hole = boxes.uncovered(space.whole, [space.box(each) for each in rows])
        n, n_null, s, s_null, t = z3.Ints("n n_null s s_null t")
        world = [z3.Or(n_null == 0, n_null == 1), z3.Or(s_null == 0, s_null == 1), s >= 0]
        if ruleset.facts["n"].required:
            world.append(n_null == 0)
        if ruleset.facts["s"].required:
            world.append(s_null == 0)
        if ruleset.facts["s"].domain:
            world.append(s < 3)
        terms = {each.id: formula(each, ruleset, n, n_null, s, s_null, t) for each in rows}
        solver = z3.Solver()
        solver.add(*world, z3.Not(z3.Or(*terms.values())))
        assert (hole is not None) == (solver.check() == z3.sat)
        for each in rows:
            solver = z3.Solver()
            solver.add(*world, terms[each.id])
            assert boxes.empty(space.box(each)) == (solver.check() == z3.unsat)
        verdicts.add(hole is None)
    assert verdicts == {True, False}


def test_an_index_finds_the_boxes_that_a_look_at_each_finds() -> None:
    chance = random.Random(5)

    def a_box() -> boxes.Box:
        few = [1 << chance.randrange(30) | 1 << chance.randrange(30), 0, 2**30 - 1]
        return tuple(chance.choice([*few, chance.getrandbits(30)]) for _ in range(3))

    for _ in range(100):
        some = [a_box() for _ in range(chance.randint(1, 40))]
        index = boxes.Index(some)
        for _ in range(10):
            asked = chance.choice([a_box(), *some])
            met = [each for each in some if not boxes.empty(boxes.meet(asked, each))]
            assert index.chosen(index.touching(asked)) == met


def formula(each: Row, ruleset: RuleSet, n: Any, n_null: Any, s: Any, s_null: Any, t: Any) -> Any:
    """A row as a formula: texts are numbers, a is 0, and 3 is any other; hours since day 0."""
    parts = [z3.BoolVal(True)]  # type: ignore[no-untyped-call]
    for name, value, null in (("n", n, n_null), ("s", s, s_null)):
        cell = each.when.get(name)
        if cell is None or cell == ANYTHING:
            continue
        if cell.is_null is True:
            parts.append(null == 1)
            continue
        parts.append(null == 0)
        listed = ruleset.lists[cell.list] if cell.list else None
        for members, inside in ((cell.in_, True), (cell.not_in, False), (listed, True)):
            if members is not None:
                among = z3.Or(*(value == number(member) for member in members))
                parts.append(among if inside else z3.Not(among))
        bounds = (
            (cell.ge, "__ge__"),
            (cell.gt, "__gt__"),
            (cell.le, "__le__"),
            (cell.lt, "__lt__"),
        )
        for bound, compared in bounds:
            if bound is not None:
                parts.append(getattr(value, compared)(bound))
    if each.valid_from is not None:
        parts.append(t >= int((each.valid_from - DAY_0) / timedelta(hours=1)))
    if each.valid_to is not None:
        parts.append(t < int((each.valid_to - DAY_0) / timedelta(hours=1)))
    return z3.And(*parts)


def number(member: Any) -> int:
    return "abc".index(member) if isinstance(member, str) else int(member)


def test_time_is_a_dimension_only_where_dates_are() -> None:
    assert TIME not in Space(rules.parse(base(row("all")))).names
    dated = base(row("all"), row("x", **{"from": DAY_0.isoformat()}))
    assert TIME in Space(rules.parse(dated)).names
