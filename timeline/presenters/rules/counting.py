"""The count of a declaration over real histories, as a card that fills."""

import msgspec

from timeline.counting import Sample, State, pack

MOST = 12


class Line(msgspec.Struct, frozen=True):
    """One value: how many requests had it, and a bar in percent."""

    value: str
    count: int
    width: str


class Card(msgspec.Struct, frozen=True):
    """What is counted so far; `token` goes on with it."""

    name: str
    progress: int
    members: str
    requests: int
    without: int
    done: bool
    lines: tuple[Line, ...]
    more: int
    samples: tuple[Sample, ...]
    token: str


def card(state: State) -> Card:
    """The state in figures, numbers in their order and texts by how often they came."""
    numbers = state.part == "counters"
    ordered = sorted(state.values.items(), key=lambda each: int(each[0]) if numbers else -each[1])
    most = max(state.values.values(), default=1)
    lines = tuple(
        Line(value, count, f"{100 * count / most:.2f}%") for value, count in ordered[:MOST]
    )
    progress = 100 if state.done else min(99, 100 * state.members // max(state.total, 1))
    return Card(
        state.name, progress, f"{state.members:,} of {max(state.total, state.members):,} members",
        state.requests, state.without, state.done, lines, max(0, len(ordered) - MOST),
        tuple(state.samples), pack(state),
    )  # fmt: skip
