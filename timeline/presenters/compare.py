"""What differs between two steps, in one order or in both, and the events that lie between."""

import msgspec

from licensing.domain import member as members
from licensing.history import History, Order, Step
from timeline.presenters import diff, sentences
from timeline.presenters.cursor import Cursor
from timeline.presenters.panel import ORDER_WORDS, Seen
from timeline.presenters.phrases import Phrase
from timeline.presenters.sentences import Names

MOST_ROWS = 60


class Between(msgspec.Struct, frozen=True):
    """An event that one side holds and the other does not."""

    version: int
    kind: str
    phrase: Phrase
    side: str  # "a" or "b"


class Comparison(msgspec.Struct, frozen=True):
    """The net difference from step `a` to the shown one."""

    a: int
    a_order: Order
    a_words: str
    b_words: str
    same: bool
    groups: tuple[diff.Group, ...]
    count: int
    between: tuple[Between, ...]
    between_count: int


def compare(
    other: History, a: int, history: History, cursor: Cursor, seen: Seen, most: int = diff.MOST
) -> Comparison:
    """From step `a` of `other` to the cursor's of `history`: the same steps, maybe other orders."""
    a = min(max(a, 0), other.head)
    place = other.place_of(a)
    instant = other.instant(place)
    state = other.state(place)
    state = members.as_of(state, instant) if instant else state
    names = Names.of(state)
    names.include(seen.names)
    groups = diff.groups(state, seen.shown, names, most)
    here, there = _held(history, cursor.place), _held(other, place)
    only = sorted(here ^ there)
    told = [between(other.step_at(other.place_of(v)), names, v in there) for v in only[:MOST_ROWS]]
    return Comparison(
        a=a,
        a_order=other.order,
        a_words=ORDER_WORDS[other.order],
        b_words=ORDER_WORDS[history.order],
        same=(a, other.order) == (cursor.version, history.order),
        groups=tuple(groups),
        count=sum(group.count for group in groups),
        between=tuple(told),
        between_count=len(only),
    )


def _held(history: History, place: int) -> set[int]:
    """The versions that are in the state at a place."""
    if history.order == "known":
        return set(range(1, place + 1))
    return {step.version for step in history.steps[:place]}


def between(step: Step, names: Names, in_a: bool = False) -> Between:
    """A step in words, for a list of what happened in between."""
    recorded = step.recorded
    names.learn(recorded.type, recorded.data)
    return Between(
        step.version,
        sentences.kind_of(recorded.type),
        sentences.phrase(recorded.type, recorded.data, names),
        "a" if in_a else "b",
    )
