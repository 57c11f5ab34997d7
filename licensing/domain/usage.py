"""When a member downloaded, played, renewed what: the occurrences that counters count.

Kept by studio and in all, each cut into months, so that a counter over a window looks at that
window and not at the whole history. (By title, the title's own `Download` knows.) Late reports are
put where they belong.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from licensing.domain import pages
from licensing.domain.pages import Pages

Kind = Literal["downloads", "playbacks", "renewals", "releases", "refusals"]


class Use(msgspec.Struct, frozen=True, array_like=True):
    """One download, playback or the like, with the attributes that counters mostly ask for.

    The license knows the others; a refusal has none.
    """

    at: datetime
    title_id: str
    device_id: str
    studio: str | None
    license_id: str | None = None


class Usage(msgspec.Struct, frozen=True):
    """All uses of one member; the first and the last instant bound the search."""

    first: datetime | None = None
    last: datetime | None = None
    lists: Pages[tuple[Use, ...]] = Pages(full=2)


def add(usage: Usage, kind: Kind, use: Use) -> Usage:
    """The usage with one more use, in its place in time."""
    lists = usage.lists
    for key in keys_of(kind, use.studio, use.at):
        uses = lists.get(key, ())
        place = bisect_right(uses, use.at, key=lambda each: each.at)
        lists = lists.put(key, (*uses[:place], use, *uses[place:]))
    return Usage(
        first=min(usage.first or use.at, use.at),
        last=max(usage.last or use.at, use.at),
        lists=lists,
    )


def keys_of(kind: Kind, studio: str | None, at: datetime) -> tuple[str, str]:
    """The lists that a use belongs to."""
    utc = at.astimezone(UTC)
    month = f"{utc.year}-{utc.month:02}"
    return f"{kind}/{month}", f"{kind}/{studio}/{month}"


def between(
    usage: Usage,
    kind: Kind,
    same: Mapping[str, Any],
    start: datetime | None,
    end: datetime | None,
) -> Iterator[Use]:
    """At least every use from `start` to `end` whose attributes are as in `same`.

    None leaves an end open. More may come: the shortest list that holds them all is given.
    """
    if usage.first is None or usage.last is None:
        return
    start = usage.first if start is None else max(start, usage.first)
    end = usage.last if end is None else min(end, usage.last)
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    prefix = f"{kind}/{same['studio']}" if "studio" in same else kind
    keys = [f"{prefix}/{month}" for month in _months(start, end)]
    pages.fetch([(usage.lists, keys)])
    for key in keys:
        yield from usage.lists.get(key, ())


def _months(start: datetime, end: datetime) -> Iterator[str]:
    for count in range(start.year * 12 + start.month - 1, end.year * 12 + end.month):
        yield f"{count // 12}-{count % 12 + 1:02}"
