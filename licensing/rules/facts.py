"""Facts as data: where a value is found in a request, and how a member's own history is counted."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any, Literal, Protocol

import msgspec

from licensing.rules.tables import Cell, Scalar, cell_holds
from licensing.rules.windows import Span, Window, span, within

Type = Literal["string", "integer", "boolean"]
PYTHON: Mapping[Type, type] = {"string": str, "integer": int, "boolean": bool}

Kind = Literal["downloads", "playbacks", "renewals", "releases", "refusals"]

# What an occurrence knows without its license being looked up.
PLAIN = frozenset({"title_id", "device_id", "studio"})

# What a counter's paths may begin with: all that an occurrence ever says.
COUNTED = PLAIN | {"title", "device", "context"}


class Fact(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An attribute of the request. `path` is dotted; a `domain` closes the set of values.

    Without a `type` it is that of the values it is compared with.
    """

    path: str
    label: str
    required: bool = False
    domain: tuple[str, ...] | None = None
    type: Type | None = None


class Counter(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A count over what this member did.

    `of` says what is counted, `same` which attributes must equal the request's, `distinct` what
    is counted once, `live` restricts to licenses active now, `window` to the last hours or days or
    the calendar's, and `where` to occurrences whose attributes satisfy these cells. Attributes
    are dotted paths in what the license was issued with: `studio`, `title.quality`, `device.type`.
    """

    of: Kind
    label: str
    same: tuple[str, ...] = ()
    distinct: str | None = None
    live: bool = False
    window: int | Literal["calendar_year"] | Window | None = None
    where: dict[str, Cell] = {}

    @property
    def adds_one(self) -> bool:
        """Whether every request would add one to it."""
        return self.distinct is None and not self.where

    @property
    def plain(self) -> bool:
        """Whether it asks for nothing that only the license knows."""
        return {*self.same, *self.where, self.distinct} - {None} <= PLAIN


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


def count(
    counter: Counter,
    request: Mapping[str, Any],
    past: Past,
    at: datetime,
    *,
    zone: tzinfo = UTC,
    lists: Mapping[str, tuple[Scalar, ...]] | None = None,
) -> Count:
    """Count the occurrences that the counter asks for, without and with the request itself.

    A request that the counter's own conditions leave out adds nothing.
    """
    same = {name: lookup(request, name) for name in counter.same}
    lists = lists or {}
    window = span(counter.window, at, zone)
    counted = [
        occurrence.attributes
        for occurrence in past(counter, same, *window)
        if _counts(counter, occurrence, same, window, lists)
    ]
    joins = _fits(counter.where, request, lists)
    if counter.distinct is None:
        return Count(len(counted), len(counted) + joins)
    seen = {lookup(attributes, counter.distinct) for attributes in counted}
    after = seen | {lookup(request, counter.distinct)} if joins else seen
    return Count(len(seen), len(after))


def _counts(
    counter: Counter,
    occurrence: Occurrence,
    same: Mapping[str, Any],
    window: Span,
    lists: Mapping[str, tuple[Scalar, ...]],
) -> bool:
    attributes = occurrence.attributes
    return (
        occurrence.of == counter.of
        and (occurrence.live or not counter.live)
        and within(window, occurrence.at)
        and all(lookup(attributes, name) == value for name, value in same.items())
        and _fits(counter.where, attributes, lists)
    )


def _fits(
    where: Mapping[str, Cell],
    attributes: Mapping[str, Any],
    lists: Mapping[str, tuple[Scalar, ...]],
) -> bool:
    return all(cell_holds(cell, lookup(attributes, name), lists) for name, cell in where.items())
