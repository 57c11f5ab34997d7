"""Facts as data: where a value is found in a request, and how a member's own history is counted."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol

import msgspec


class Fact(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An attribute of the request. `path` is dotted; a `domain` closes the set of values."""

    path: str
    label: str
    required: bool = False
    domain: tuple[str, ...] | None = None


class Counter(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A count over what this member did.

    `of` says what is counted, `same` which attributes must equal the request's, `distinct` what
    is counted once, `live` restricts to licenses active now, and `window` to a rolling number of
    hours or the calendar year (UTC) of the decision.
    """

    of: Literal["downloads", "playbacks"]
    label: str
    same: tuple[str, ...] = ()
    distinct: str | None = None
    live: bool = False
    window: int | Literal["calendar_year"] | None = None


class Occurrence(msgspec.Struct, frozen=True):
    """One thing that happened, as counters see it; `live` only for a license active now."""

    of: str
    at: datetime
    live: bool
    attributes: Mapping[str, Any]


class Past(Protocol):
    """What happened before, asked for counter by counter, so that nobody walks a whole history."""

    def __call__(
        self,
        counter: Counter,
        same: Mapping[str, Any],
        start: datetime | None,
        end: datetime | None,
    ) -> Iterable[Occurrence]:
        """At least every occurrence that `counter` counts from `start` to `end`; more do no harm.

        `same` holds the attributes that must equal the request's. None leaves an end open.
        """


class Count(msgspec.Struct, frozen=True):
    """A counter's value before the request, and after it if it were granted."""

    before: int
    after: int


def lookup(request: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path, or None where the path leads nowhere."""
    value: Any = request
    for part in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(part)
    return value


def count(counter: Counter, request: Mapping[str, Any], past: Past, at: datetime) -> Count:
    """Count the occurrences that the counter asks for, without and with the request itself."""
    same = {name: request.get(name) for name in counter.same}
    counted = [
        occurrence
        for occurrence in past(counter, same, *bounds(counter.window, at))
        if occurrence.of == counter.of
        and (occurrence.live or not counter.live)
        and in_window(counter.window, occurrence.at, at)
        and all(occurrence.attributes.get(name) == value for name, value in same.items())
    ]
    if counter.distinct is None:
        return Count(len(counted), len(counted) + 1)
    seen = {occurrence.attributes.get(counter.distinct) for occurrence in counted}
    return Count(len(seen), len(seen | {request.get(counter.distinct)}))


def bounds(window: int | str | None, at: datetime) -> tuple[datetime | None, datetime | None]:
    """The instants between which all that is in the window lies; None is an open end."""
    if window is None:
        return None, None
    if isinstance(window, int):
        return at - timedelta(hours=window), None
    start = datetime(at.year, 1, 1, tzinfo=at.tzinfo)
    return start, datetime(at.year, 12, 31, 23, 59, 59, 999999, tzinfo=at.tzinfo)


def in_window(window: int | str | None, then: datetime, at: datetime) -> bool:
    """Whether `then` lies in the window that ends at `at`."""
    if window is None:
        return True
    if isinstance(window, int):
        return then > at - timedelta(hours=window)
    return then.year == at.year
