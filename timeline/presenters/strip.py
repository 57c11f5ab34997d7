"""How many events happened when, as a few paths: a refusal is never averaged away."""

from collections.abc import Iterable
from datetime import timedelta

import msgspec

from timeline.presenters.axis import Window, percent
from timeline.presenters.moments import Moment

STRIP_BUCKETS = 120
OVERVIEW_BUCKETS = 180
MOST_CROSSES = 40


class Cross(msgspec.Struct, frozen=True):
    """Stands above a column with a refusal."""

    x: str
    y: str


class Strip(msgspec.Struct, frozen=True):
    """Columns as paths in a box of `buckets` by `height`, by kind: plain, ref and clock."""

    paths: tuple[tuple[str, str], ...]
    crosses: tuple[Cross, ...]
    buckets: int
    height: int
    words: str


def density(
    moments: Iterable[Moment], view: Window, *, buckets: int, height: int, headroom: int = 3
) -> Strip:
    """The columns of a strip; `headroom` stays free above them."""
    counts: dict[int, list[int]] = {}
    for moment in moments:
        if not view.start <= moment.at <= view.end:
            continue
        place = min(int(view.at(moment.at) / 100 * buckets), buckets - 1)
        count = counts.setdefault(place, [0, 0, 0])
        count[1 if moment.kind == "refused" else 2 if moment.version is None else 0] += 1
    most = max((sum(count) for count in counts.values()), default=1)
    scale = (height - headroom) / max(most, 4)
    drawn: dict[str, list[str]] = {"plain": [], "ref": [], "clock": []}
    crosses = []
    for place, count in sorted(counts.items()):
        top = float(height)
        for kind, number in zip(("plain", "ref", "clock"), count, strict=True):
            if number:
                tall = min(max(1.5, number * scale), top)
                top -= tall
                drawn[kind].append(f"M{place + 0.12:.2f} {top:.1f}h.76v{tall:.1f}h-.76z")
        if count[1]:
            crosses.append(Cross(percent(place / buckets * 100), f"{max(top - 7, 0):.1f}"))
    return Strip(
        tuple((kind, "".join(path)) for kind, path in drawn.items() if path),
        tuple(crosses) if len(crosses) <= MOST_CROSSES else (),
        buckets,
        height,
        _per((view.end - view.start) / buckets if not view.knots else None),
    )


def _per(span: timedelta | None) -> str:
    if span is None:
        return "Events"
    hours = span / timedelta(hours=1)
    if hours < 1:
        return f"Events per {max(1, round(hours * 60))} min"
    return f"Events per {round(hours)} h" if hours < 48 else f"Events per {round(hours / 24)} d"
