"""A declaration counted over real histories before it is used: a few members at a time.

How far it is travels with the page, signed, so that nothing is kept and nothing is written.
"""

from collections import Counter as Tally
from time import monotonic
from typing import Any

import msgspec
from django.core import signing

from licensing import connection, fold, simulation, store
from licensing.rules import Compiled
from licensing.rules.facts import Counter, Fact
from licensing.rules.ruleset import RuleSet
from licensing.simulation import Counted

SALT = "timeline.counting"
SECONDS = 0.4
PAGE = 20
MOST_VALUES = 400
MOST_SAMPLES = 8


class Sample(msgspec.Struct, frozen=True):
    """A member and the step at which the value was the largest, or the last one given."""

    member_id: str
    version: int
    title_id: str
    value: str


class State(msgspec.Struct):
    """How far the count is, and what it found: how often each value came."""

    part: str
    name: str
    definition: dict[str, Any]
    bucket: int = 0
    stream: str = ""
    members: int = 0
    total: int = 0
    requests: int = 0
    without: int = 0
    done: bool = False
    values: dict[str, int] = {}
    samples: list[Sample] = []


def begin(part: str, name: str, definition: dict[str, Any]) -> State:
    """A count that has not begun."""
    total = store.count_streams(connection.opened(), fold.stream_of(""))
    return State(part, name, definition, total=total)


def pack(state: State) -> str:
    """The state as a token that only we can make."""
    return signing.dumps(msgspec.to_builtins(state), salt=SALT, compress=True)


def unpack(token: str) -> State | None:
    """The state that a token holds, or None for one that is none of ours."""
    try:
        return msgspec.convert(signing.loads(token, salt=SALT, max_age=3600), State)
    except (signing.BadSignature, msgspec.ValidationError):
        return None


def go_on(state: State, ruleset: RuleSet, seconds: float = SECONDS) -> State:
    """Look at the next members for a moment."""
    rules = Compiled(ruleset)
    kind: Any = Counter if state.part == "counters" else Fact
    asked = msgspec.convert(state.definition, kind)
    until = monotonic() + seconds
    tally, samples = Tally(state.values), list(state.samples)
    prefix, conn = fold.stream_of(""), connection.opened()
    while True:
        page = store.read_heads(conn, prefix, (state.bucket, state.stream), PAGE)
        for bucket, stream_id, _ in page:
            member_id = stream_id.removeprefix(prefix)
            best: Counted | None = None
            for found in simulation.counted(member_id, asked, rules):
                state.requests += 1
                if found.value is None:
                    state.without += 1
                    continue
                if len(tally) < MOST_VALUES or str(found.value) in tally:
                    tally[str(found.value)] += 1
                if best is None or _more(found.value, best.value):
                    best = found
            if best is not None and best.value not in (0, None):
                told = Sample(member_id, best.version, best.title_id, str(best.value))
                samples.append(told)
            state.members += 1
            state.bucket, state.stream = bucket, stream_id
            if monotonic() >= until:
                break
        else:
            if len(page) < PAGE:
                state.done = True
            elif monotonic() < until:
                continue
        break
    samples.sort(key=lambda each: (-_number(each.value), each.member_id))
    state.values, state.samples = dict(tally), samples[:MOST_SAMPLES]
    return state


def _more(one: Any, other: Any) -> bool:
    return isinstance(one, int) and isinstance(other, int) and one > other


def _number(text: str) -> int:
    return int(text) if text.lstrip("-").isdigit() else 0
