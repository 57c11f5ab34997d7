"""What differs between two documents, field by field, with rows and tables known by their ids.

A list of objects with ids is taken as a mapping by id with an order of its own, so that an edit of
a row is the same edit wherever the row stands.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

ORDER = "#order"


class Edit(msgspec.Struct, frozen=True):
    """One value that was and is; a missing side means that there was, or is, none."""

    path: tuple[str, ...]
    before: Any | UnsetType = UNSET
    after: Any | UnsetType = UNSET


def between(before: Any, after: Any) -> tuple[Edit, ...]:
    """The edits that make `after` of `before`."""
    return tuple(_differing((), _keyed(before), _keyed(after)))


def applied(document: Any, edits: Iterable[Edit]) -> Any:
    """The document after edits that were made of it."""
    keyed = _keyed(document)
    for edit in edits:
        keyed = _set(keyed, edit.path, edit.after)
    return _unkeyed(keyed)


def _differing(path: tuple[str, ...], one: Any, two: Any) -> Iterator[Edit]:
    if isinstance(one, dict) and isinstance(two, dict):
        for key in [*one, *(key for key in two if key not in one)]:
            yield from _differing((*path, key), one.get(key, UNSET), two.get(key, UNSET))
    elif one is UNSET or two is UNSET or _json(one) != _json(two):
        yield Edit(path, _said(one), _said(two))


def _json(value: Any) -> bytes:
    # Not by ==, for which 1 is True.
    return msgspec.json.encode(value, order="deterministic")


def _said(value: Any) -> Any:
    return UNSET if value is UNSET else _unkeyed(value)


def _keyed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _keyed(inner) for key, inner in value.items()}
    if isinstance(value, list):
        ids = [inner.get("id") if isinstance(inner, dict) else None for inner in value]
        named = [each for each in ids if isinstance(each, str) and each != ORDER]
        if value and len(set(named)) == len(value):
            by_id = {each: _keyed(inner) for each, inner in zip(named, value, strict=True)}
            return {**by_id, ORDER: named}
    return value


def _unkeyed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    order = value.get(ORDER)
    if isinstance(order, list):
        return [_unkeyed(value[each]) for each in order]
    return {key: _unkeyed(inner) for key, inner in value.items()}


def _set(value: Any, path: tuple[str, ...], after: Any) -> Any:
    key, rest = path[0], path[1:]
    inner = value if isinstance(value, dict) else {}
    if rest:
        return {**inner, key: _set(inner.get(key), rest, after)}
    if after is UNSET:
        return {each: kept for each, kept in inner.items() if each != key}
    return {**inner, key: _keyed(after)}
