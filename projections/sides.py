"""The two sides of each read model: which one is live, and statements that name their tables.

A statement writes `{license_index}_device`; what runs is `license_index_a_device` or `..._b_...`.
"""

import re
from collections.abc import Mapping
from functools import cache

from licensing import connection
from projections.sql import statement

_NAMED = re.compile(r"\{(\w+)\}")

FIRST = "a"


@cache
def named(text: str) -> tuple[str, ...]:
    """The projections that a statement names."""
    return tuple(sorted(set(_NAMED.findall(text))))


@cache
def _on(text: str, sides: tuple[tuple[str, str], ...]) -> str:
    known = dict(sides)
    return _NAMED.sub(lambda found: f"{found[1]}_{known[found[1]]}", text)


def on(text: str, sides: Mapping[str, str]) -> str:
    """The statement on the tables of the given side of each projection that it names."""
    names = named(text)
    return _on(text, tuple((name, sides.get(name, FIRST)) for name in names)) if names else text


def live() -> dict[str, str]:
    """The side of each projection that is read now."""
    return dict(connection.select(statement("live_sides"), {}))
