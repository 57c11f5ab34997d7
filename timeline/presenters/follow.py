"""Where to go next from a step: along one license, device or title, the filter, the refusals."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import msgspec

from timeline.presenters.cursor import Cursor
from timeline.presenters.moments import Moment


class Way(msgspec.Struct, frozen=True):
    """The neighbors along one thing: (version, instant of the clock or None) each."""

    previous: "Stop | None"
    next: "Stop | None"
    place: int  # how many of them come up to here
    count: int


class Stop(msgspec.Struct, frozen=True):
    """A row to go to; `t` is set where only the clock did something."""

    version: int
    t: datetime | None


class Follow(msgspec.Struct, frozen=True):
    """The thing that is followed, and what else of this step could be."""

    about: str
    kind: str
    label: str
    way: Way
    others: tuple[tuple[str, str, str], ...]  # (about, kind, label)
    chosen: bool  # rather than taken from the step


def along(found: Sequence[Moment], cursor: Cursor) -> Way:
    """The neighbors of the playhead among some rows, which stand in the order of the story."""
    stand = (cursor.place, cursor.carried, cursor.at)
    left, right = bisect_left(found, stand, key=_spot), bisect_right(found, stand, key=_spot)
    return Way(
        _stop(found[left - 1]) if left else None,
        _stop(found[right]) if right < len(found) else None,
        right,
        len(found),
    )


def follow(
    labels: Mapping[str, str],
    rows_about: Callable[[str], Sequence[Moment]],
    cursor: Cursor,
    asked: str,
    own: Sequence[str],
) -> Follow | None:
    """The neighbors along what was `asked` for, or else along what the step is about first."""
    about = asked if asked in labels else next(iter(own), "")
    if not about:
        return None
    others = [each for each in dict.fromkeys(own) if each != about]
    return Follow(
        about,
        about.partition(":")[0],
        labels.get(about, about),
        along(rows_about(about), cursor),
        tuple((each, each.partition(":")[0], labels.get(each, each)) for each in others),
        about == asked,
    )


def _spot(moment: Moment) -> tuple[int, bool, datetime]:
    return moment.place, moment.version is None, moment.at


def _stop(moment: Moment) -> Stop:
    return Stop(moment.anchor, moment.at if moment.version is None else None)
