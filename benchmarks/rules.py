"""What a decision costs: type gate, all matched rows, the decisive row of each output, margins.

    python -m benchmarks.rules [--rounds 25]

Synthetic tables of 9 facts; counters are given, so that the rules alone are measured. Prints
microseconds a decision (median and 99th percentile over single calls) beside the time to compile,
to verify the whole, and to verify one row (the slowest of twenty).
"""

import argparse
import random
import statistics
import sys
import time
from datetime import UTC, datetime
from typing import Any

from licensing import rules
from licensing.rules.facts import Count

AT = datetime(2026, 3, 1, tzinfo=UTC)
COUNTRIES = [f"C{number:03}" for number in range(190)]
STUDIOS = [f"S{number:02}" for number in range(40)]
DEVICES = ["phone", "tablet", "tv", "laptop"]


def document(rows: int, chance: random.Random) -> dict[str, Any]:
    """A rule set with a base of four plans and so many rows in all."""
    plans = ["basic", "standard", "premium", "family"]
    facts = {
        "plan": {"path": "member.plan", "label": "Plan", "required": True, "domain": plans},
        "country": {"path": "member.country", "label": "Country"},
        "studio": {"path": "studio", "label": "Studio"},
        "title": {"path": "title_id", "label": "Title"},
        "device_type": {"path": "device.type", "label": "Device"},
        "rating": {"path": "title.rating", "label": "Rating"},
        "quality": {"path": "title.quality", "label": "Quality"},
        "bucket": {"path": "context.bucket", "label": "Bucket"},
        "kids": {"path": "context.kids", "label": "Kids"},
    }
    cells = {
        "country": lambda: {"in": chance.sample(COUNTRIES, 3)},
        "studio": lambda: {"in": chance.sample(STUDIOS, 2)},
        "rating": lambda: {"ge": chance.choice([7, 12, 16, 18])},
        "device_type": lambda: {"in": [chance.choice(DEVICES)]},
        "quality": lambda: {"not_in": ["SD"]},
        "bucket": lambda: {"lt": chance.randrange(100, 10_000)},
        "title": lambda: {"in": [f"t-{chance.randrange(2_000)}"]},
        "kids": lambda: {"in": [True]},
    }
    outputs = ["max_a", "max_b", "max_c"]
    base = [
        {"id": f"b-{plan}", "when": {"plan": {"in": [plan]}},
         "then": {"max_a": 2 + n, "max_b": 20 + n, "max_c": 50 + n}}
        for n, plan in enumerate(plans)
    ]  # fmt: skip
    tight = [
        {"id": f"r-{n}",
         "when": {name: cells[name]() for name in chance.sample(sorted(cells), 3)},
         "then": {chance.choice(outputs): chance.randrange(1, 20)}}
        for n in range(rows - len(base))
    ]  # fmt: skip
    limit = {"label": "x", "purposes": ["acquire"], "reason": "LIMIT"}
    return {
        "schema": "rules/1", "id": "bench", "title": "Bench", "facts": facts,
        "counters": {name: {"of": "downloads", "label": name} for name in "abc"},
        "limits": {name: {**limit, "fact": name[-1]} for name in outputs},
        "reasons": {"LIMIT": "No room."},
        "tables": [
            {"id": "base", "title": "Base", "hit": "unique", "inputs": ["plan"],
             "outputs": outputs, "rows": base},
            {"id": "tight", "title": "Tight", "hit": "collect", "inputs": sorted(cells),
             "outputs": outputs, "merge": dict.fromkeys(outputs, "min"), "rows": tight},
        ],
    }  # fmt: skip


def request(chance: random.Random) -> dict[str, Any]:
    """A request with every fact."""
    return {
        "title_id": f"t-{chance.randrange(3_000)}", "studio": chance.choice(STUDIOS),
        "member": {"plan": chance.choice(["basic", "standard", "premium", "family"]),
                   "country": chance.choice(COUNTRIES)},
        "device": {"type": chance.choice(DEVICES)},
        "title": {"rating": chance.choice([0, 7, 12, 16, 18]), "quality": "4K"},
        "context": {"bucket": chance.randrange(10_000), "kids": chance.random() < 0.5},
    }  # fmt: skip


def measure(rows: int, rounds: int) -> str:
    """A line about tables of so many rows."""
    chance = random.Random(7)  # noqa: S311 (no secret)
    parsed = rules.parse(document(rows, chance))
    begin = time.perf_counter()
    compiled = rules.Compiled(parsed)
    made = (time.perf_counter() - begin) * 1e3
    asked = [request(chance) for _ in range(1_000)]
    value = Count(1, 2)
    taken: list[float] = []
    for _ in range(rounds):
        for each in asked:
            begin = time.perf_counter()
            rules.decide(compiled, "acquire", compiled.facts_of(each), lambda name: value, AT)
            taken.append((time.perf_counter() - begin) * 1e6)
    middle, late = statistics.median(taken), statistics.quantiles(taken, n=100)[98]
    begin = time.perf_counter()
    rules.verify(parsed)
    whole = (time.perf_counter() - begin) * 1e3
    edits: list[float] = []
    for row_id in list(parsed.rows())[5:65:3]:
        begin = time.perf_counter()
        rules.verify_row(parsed, row_id)
        edits.append((time.perf_counter() - begin) * 1e3)
    told = f"p50 {middle:5.1f} us  p99 {late:5.1f} us  compiled in {made:.1f} ms"
    verified = f"verified in {whole:.0f} ms, one row in at most {max(edits):.0f} ms"
    return f"{rows:>6} rows x 9 facts  {told}  {verified}"


def main() -> None:
    """Measures small and large tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=25)
    rounds = parser.parse_args().rounds
    for rows in (41, 500, 2_000):
        sys.stdout.write(measure(rows, rounds) + "\n")


if __name__ == "__main__":
    main()
