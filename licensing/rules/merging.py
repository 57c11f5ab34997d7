"""Two changes of one document brought together: mine on top of theirs.

Where both changed the same place to different things somebody has to choose; all else is kept.
"""

from collections.abc import Collection
from typing import Any

import msgspec
from msgspec import UNSET

from licensing.rules.edits import ORDER, Edit, applied, between

Path = tuple[str, ...]


class Clash(msgspec.Struct, frozen=True):
    """A place that both changed: what either made of it."""

    path: Path
    mine: Edit
    theirs: tuple[Edit, ...]


class Merged(msgspec.Struct, frozen=True):
    """The document with both changes; at each clash theirs counts, unless mine was chosen."""

    document: dict[str, Any]
    clashes: tuple[Clash, ...]


def merged(
    base: dict[str, Any], mine: dict[str, Any], theirs: dict[str, Any], keep: Collection[Path] = ()
) -> Merged:
    """My change of `base` made to `theirs`; `keep` are the clashes where mine counts."""
    ours, others = between(base, mine), between(base, theirs)
    clashes: list[Clash] = []
    taken: list[Edit] = []
    orders: list[Edit] = []
    for edit in ours:
        if edit.path[-1] == ORDER:
            orders.append(edit)
            continue
        against = tuple(other for other in others if _meet(edit.path, other.path))
        if against and [_plain(edit)] != [_plain(other) for other in against]:
            clashes.append(Clash(edit.path, edit, against))
            if edit.path not in keep:
                continue
        taken.append(edit)
    made = applied(
        theirs, [*_revived(taken, theirs), *(_order(each, theirs, taken) for each in orders)]
    )
    return Merged(made, tuple(clashes))


def _plain(edit: Edit) -> bytes:
    after = None if edit.after is UNSET else [edit.after]
    return msgspec.json.encode([edit.path, after], order="deterministic")


def _meet(one: Path, other: Path) -> bool:
    if ORDER in (one[-1], other[-1]):
        return False
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


def _revived(taken: list[Edit], theirs: dict[str, Any]) -> list[Edit]:
    """Without edits inside a row that they removed: what is left of it would be no row."""
    kept = []
    for edit in taken:
        if len(edit.path) > 4 and edit.path[0] == "tables" and edit.path[2] == "rows":
            rows = _ids(theirs, edit.path[:3])
            if rows is not None and edit.path[3] not in rows:
                continue
        kept.append(edit)
    return kept


def _ids(document: dict[str, Any], path: Path) -> list[str] | None:
    """The ids in a list of the document, or None where the path leads to none."""
    value: Any = document
    for key in path:
        if isinstance(value, dict):
            value = value.get(key)
        elif isinstance(value, list):
            value = next((each for each in value if each.get("id") == key), None)
        else:
            return None
    if not isinstance(value, list):
        return None
    return [each["id"] for each in value]


def _order(mine: Edit, theirs: dict[str, Any], taken: list[Edit]) -> Edit:
    """Their order without what I took away, and what I added behind what I put it behind."""
    before = mine.before if isinstance(mine.before, list) else []
    after = mine.after if isinstance(mine.after, list) else []
    there = _ids(theirs, mine.path[:-1]) or []
    gone = {
        edit.path[-1] for edit in taken if edit.after is UNSET and edit.path[:-1] == mine.path[:-1]
    }
    if there == before and all(each in after or each in gone for each in before):
        return mine
    order = [each for each in there if each not in gone]
    for place, each in enumerate(after):
        if each in before or each in order:
            continue
        known = [order.index(other) for other in after[:place] if other in order]
        order.insert(known[-1] + 1 if known else 0, each)
    return Edit(mine.path, mine.before, order)
