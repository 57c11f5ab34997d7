"""Asks the past of a rule set: its steps, and all drafts and versions as at any of them."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from licensing import connection, rulebook, store
from licensing.rules import life
from licensing.rules.life import Life


class RuleStep(msgspec.Struct, frozen=True):
    """One recorded event of a rule set with its domain event, None where it cannot be read."""

    version: int
    recorded: store.RecordedEvent
    event: life.Event | None

    @property
    def by(self) -> str:
        """Who caused it."""
        actor = self.recorded.metadata.get("actor")
        return str(actor.get("id", "")) if isinstance(actor, dict) else ""


class RuleHistory:
    """A rule set's steps in recorded order, which is the only one: nothing is reported late."""

    order = "known"

    def __init__(self, rule_set: str, steps: Iterable[RuleStep]) -> None:
        self.rule_set = rule_set
        self.steps = tuple(steps)
        unreadable = (step.version for step in self.steps if step.event is None)
        self.readable_until = next(unreadable, len(self.steps) + 1) - 1
        self._lives = [Life()]

    @property
    def head(self) -> int:
        """The version of the last step."""
        return len(self.steps)

    def step_at(self, place: int) -> RuleStep:
        """The step at a place, from 1."""
        return self.steps[place - 1]

    def version_at(self, place: int) -> int:
        """The version at a place: the same."""
        return max(place, 0)

    def place_of(self, version: int) -> int:
        """The place of a version: the same."""
        return version

    def instant(self, place: int) -> datetime | None:
        """When a step was recorded; None before the first."""
        return self.steps[place - 1].recorded.recorded_at if 0 < place <= self.head else None

    def state(self, place: int) -> Life:
        """All drafts and versions after a step, as far as the steps can be read.

        Lives share the documents that did not change, so that one is kept for each step.
        """
        place = min(place, self.readable_until)
        while len(self._lives) <= place:
            step = self.steps[len(self._lives) - 1]
            assert step.event is not None
            self._lives.append(life.evolve(self._lives[-1], step.event, step.by))
        return self._lives[place]


def load(rule_set: str) -> RuleHistory:
    """The whole history of a rule set; empty for one never heard of."""
    read = store.read_stream(connection.opened(), rulebook.stream_of(rule_set))
    return RuleHistory(rule_set, map(_decoded, read))


def _decoded(recorded: store.RecordedEvent) -> RuleStep:
    return RuleStep(recorded.version, recorded, _event(recorded))


def _event(recorded: store.RecordedEvent) -> life.Event | None:
    if not rulebook.reads(recorded.type, recorded.schema_version):
        return None
    try:
        return msgspec.convert(recorded.data, rulebook.EVENTS[recorded.type])
    except msgspec.ValidationError:
        return None
