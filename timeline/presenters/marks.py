"""Refusals and playbacks on a lane; a late one is tied to the instant at which it became known."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from timeline.presenters import bars, clock
from timeline.presenters.axis import Window, percent
from timeline.presenters.moments import Mark
from timeline.presenters.sentences import reason_words

MOST_PLAYS = 60
ROOM_FOR_WORDS = 7.5  # percent
CLOSE = 0.9
NEAR = 1.2


class MarkShape(msgspec.Struct, frozen=True):
    """A drawn mark; `tie_x` is where a late one became known."""

    version: int
    kind: str
    words: str
    count: int
    ms: int
    later: bool
    x: str
    y: int
    tie_x: str = ""
    tie_words: str = ""


def refusals(
    marks: Sequence[Mark], view: Window, at: datetime, rows: list[float], near: float = NEAR
) -> list[MarkShape]:
    """The refusals of a lane; those that would lie on each other together."""
    groups: list[list[Mark]] = []
    for mark in sorted(marks, key=lambda mark: mark.at):
        if groups and view.at(mark.at) - view.at(groups[-1][-1].at) < near:
            groups[-1].append(mark)
        else:
            groups.append([mark])
    shapes = []
    for group in groups:
        left, right = view.clipped(group[0].at) - 1, view.clipped(group[-1].at) + 1
        shapes.append(_shape(group, view, at, bars.row(rows, left, right)))
    return shapes


def plays(marks: Sequence[Mark], view: Window, at: datetime, y: int) -> list[MarkShape]:
    """What devices reported, in a row; words stand beside a late one where there is room."""
    free = 0.0
    shapes: list[MarkShape] = []
    for group in _apart(marks, view):
        drawn = _shape(group, view, at, y)
        left = view.clipped(drawn_at(group).at)
        if drawn.tie_words and left - free < ROOM_FOR_WORDS:
            drawn = msgspec.structs.replace(drawn, tie_words="")
        free = max(free, max(view.clipped(mark.known_at or mark.at) for mark in group) + 0.6)
        shapes.append(drawn)
    return shapes


def _apart(marks: Sequence[Mark], view: Window) -> list[list[Mark]]:
    """Marks that would lie on each other together."""
    groups: list[list[Mark]] = []
    for mark in sorted(marks, key=lambda mark: mark.at):
        if groups and view.clipped(mark.at) - view.clipped(groups[-1][0].at) < CLOSE:
            groups[-1].append(mark)
        else:
            groups.append([mark])
    return groups


def drawn_at(group: Sequence[Mark]) -> Mark:
    """Which of a group is drawn: the last refusal, or the first report, rather a late one."""
    if group[-1].kind == "refused":
        return group[-1]
    return next((mark for mark in group if mark.known_at), group[0])


def dots(marks: Sequence[Mark], view: Window) -> str:
    """So many playbacks that they are one path of ticks, in a box of 1000 by 8."""
    places = sorted({round(view.clipped(mark.at) * 10) for mark in marks})
    return "".join(f"M{place} 1v6" for place in places)


def _shape(group: Sequence[Mark], view: Window, at: datetime, y: int) -> MarkShape:
    mark = drawn_at(group)
    late = mark.known_at
    when = clock.moment(mark.at)
    match mark.kind:
        case "refused":
            words = f"{mark.title} refused, {when}: {reason_words(mark.reason)}"
            if len(group) > 1:
                words = f"{len(group)} refused, the last: {words}"
        case "ended":
            words = f"{mark.title} ended, {when}"
        case _:
            words = f"{mark.title} played, {when}"
    if late:
        words += f", reported {clock.duration(late - mark.at)} later"
    if len(group) > 1 and mark.kind != "refused":
        words += f", and {len(group) - 1} more beside it"
    return MarkShape(
        version=mark.version,
        kind=mark.kind,
        words=words,
        count=len(group),
        ms=clock.millis(mark.since),
        later=mark.since > at,
        x=percent(view.clipped(mark.at)),
        y=y,
        tie_x=percent(view.clipped(late)) if late else "",
        tie_words=f"{clock.rough(late - mark.at)} late" if late else "",
    )
