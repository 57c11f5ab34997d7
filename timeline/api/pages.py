"""Keyset paging: `{items, next}`, where `next` says where the page ended, in an opaque token."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

import msgspec
from pydantic import Field

from timeline import paging
from timeline.api.problems import invalid

T = TypeVar("T")

Limit = Annotated[int, Field(ge=1, le=500, description="how many items at most")]
After = Annotated[str | None, Field(max_length=500, description="the `next` of the page before")]


def page(
    found: Sequence[T], limit: int, place: Callable[[T], list[Any]], shown: Callable[[T], Any]
) -> dict[str, Any]:
    """The answer for `found`, which holds one more than `limit` if there is a next page."""
    items = found[:limit]
    more = len(found) > limit
    return {
        "items": [shown(item) for item in items],
        "next": paging.token(place(items[-1])) if more else None,
    }


def place_of(after: str | None, kind: type[T]) -> T | None:
    """The place in a token, checked to be of `kind`; None for the first page."""
    if not after:
        return None
    try:
        return paging.read(after, kind)
    except ValueError as error:
        raise invalid("query.after", str(error)) from None


def number_of(after: str | None) -> int:
    """The number after which the page begins: from a token, or written as it is."""
    if after and after.isascii() and after.isdecimal() and len(after) <= 15:
        return int(after)
    place = place_of(after, tuple[Annotated[int, msgspec.Meta(ge=0, le=2**53)]])
    return place[0] if place else 0
