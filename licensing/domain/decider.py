"""What a decider is given besides its state: the terms that the rules offer, with their reasons."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import msgspec

S = TypeVar("S")
E = TypeVar("E")


class Terms(msgspec.Struct, frozen=True):
    """What the rules say about one command: the merged outputs, and the first reason to refuse.

    `out` maps output names to values (hours for `*_h`, counts for `*_max` and `max_*`).
    `reason` is None when every limit leaves room; `record` is the decision record for metadata.
    """

    out: dict[str, Any]
    reason: str | None
    record: dict[str, Any]


def fold(evolve: Callable[[S, E], S], state: S, events: Iterable[E]) -> S:
    """Apply `evolve` to each event in turn."""
    for event in events:
        state = evolve(state, event)
    return state
