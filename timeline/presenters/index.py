"""The index from which the script moves the playhead without asking."""

from collections.abc import Sequence
from typing import Any

from timeline.presenters import clock
from timeline.presenters.cursor import Cursor
from timeline.presenters.moments import Moment, Story
from timeline.presenters.sentences import KIND_WORDS

WHOLE = 20_000  # steps that are sent one by one
AROUND = 2_000  # and of a longer history, on each side of the playhead
BUCKETS = 1_200  # instants of the rest
_LETTERS = {
    "granted": "g", "renewed": "r", "played": "p", "expired": "e", "ended": "x", "refused": "f",
    "account": "a",
}  # fmt: skip


def index(story: Story, cursor: Cursor, *, versions: bool) -> dict[str, Any]:
    """When each step was (first in milliseconds, then the distances) and of which kind.

    `v` are the versions in the order of the story, as distances too, where `versions` asks for
    them. Of a long history only the steps from `from` on are told, and of the others every
    `stride`th instant.
    """
    steps = [moment for moment in story.moments if moment.version is not None]
    told: dict[str, Any] = {"limits": _limits(story)}
    part: Sequence[Moment] = steps
    if len(steps) > WHOLE:
        start = max(0, min(cursor.place - 1 - AROUND, len(steps) - 2 * AROUND))
        part = steps[start : start + 2 * AROUND]
        stride = -(-len(steps) // BUCKETS)
        told |= {"from": start + 1, "stride": stride, "rough": _times(steps[::stride])}
    told |= {"t": _times(part), "k": "".join(_LETTERS.get(moment.kind, "a") for moment in part)}
    if versions:
        told["v"] = _distances([moment.anchor for moment in part])
    return told


def _times(moments: Sequence[Moment]) -> list[int]:
    return _distances([clock.millis(moment.at) for moment in moments])


def _distances(numbers: Sequence[int]) -> list[int]:
    return [now - was for was, now in zip([0, *numbers], numbers, strict=False)]


def _limits(story: Story) -> dict[str, list[list[int]]]:
    limits: dict[str, list[list[int]]] = {}
    for band in story.bands:
        if band.limit in ("max_devices", "max_downloads"):
            limits.setdefault(band.limit, []).append([clock.millis(band.start), band.max])
    return limits


def value_text(cursor: Cursor, head: int, kind: str) -> str:
    """What the slider says aloud."""
    if not cursor.version:
        return "Before the first event"
    return f"Step {cursor.version} of {head}, {clock.stamp(cursor.at)}, {KIND_WORDS[kind]}"
