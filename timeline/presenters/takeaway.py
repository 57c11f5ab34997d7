"""The rows of a history as they are taken along in a sheet: the sentence of each, and its facts."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from licensing.history import History
from timeline.presenters.filters import ACTORS, OUTCOMES, TYPES
from timeline.presenters.moments import Moment

COLUMNS = (
    "step", "at", "what", "sentence", "remarks", "outcome", "actor", "license_id", "device_id",
    "title_id", "asked", "occurred_at", "recorded_at", "type", "event_id",
)  # fmt: skip


def sheet(
    past: History, found: Sequence[Moment], repeats: Mapping[int, int]
) -> Iterator[tuple[Any, ...]]:
    """A line for each of the rows `found` in `past`, in the order of COLUMNS.

    `step` is empty for what the clock did; `asked` counts the requests that a refusal answered.
    """
    for moment in found:
        event = None if moment.version is None else past.step_at(moment.place).recorded
        repeated = 0 if moment.version is None else repeats.get(moment.version, 0)
        yield (
            moment.version,
            moment.at,
            TYPES.get(moment.type, moment.type),
            moment.phrase.text,
            "; ".join(tag.text for tag in moment.tags),
            "; ".join(OUTCOMES.get(word, word) for word in moment.outcomes),
            ACTORS.get(moment.actor, moment.actor),
            *(_about(moment, kind) for kind in ("license", "device", "title")),
            repeated + 1 if repeated else None,
            event and event.occurred_at,
            event and event.recorded_at,
            moment.type if event else "",
            event and event.event_id,
        )


def _about(moment: Moment, kind: str) -> str:
    """The ids of one kind that a row is about: more than one when a device took several along."""
    return " ".join(
        each.removeprefix(f"{kind}:") for each in moment.about if each.startswith(f"{kind}:")
    )
