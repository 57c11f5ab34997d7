"""Rows of read models: typed structs on their way out of and into SQL."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import msgspec
from django.db.backends.utils import CursorWrapper

from licensing import connection
from projections import freshness, sides
from projections.projector import Read
from projections.sql import statement

Row = TypeVar("Row", bound=msgspec.Struct)


def select(
    cursor: CursorWrapper, name: str, row: type[Row], params: Mapping[str, Any]
) -> list[Row]:
    """What the statement `name` selects; its columns are the fields of `row`, in order.

    The read models that it names are read where they are live, and no staler than the caller's
    own last command, if that can be had soon (`freshness`).
    """
    run(cursor, name, params)
    return [row(*values) for values in cursor.fetchall()]


def run(cursor: CursorWrapper, name: str, params: Mapping[str, Any]) -> None:
    """Execute the statement `name`, as `select` does, for whoever fetches the rows himself."""
    text = statement(name)
    if models := sides.named(text):
        freshness.wait_for(models)
        text = sides.on(text, sides.live())
    cursor.execute(text, params)


def reading(projection: str, side: str) -> Read:
    """Reads the rows of one side, for a fold."""

    def read(text: str, row: type[Row], params: Mapping[str, Any]) -> list[Row]:
        # Planned anew: the tables of a build grow from nothing while its statements are kept.
        found = connection.select(sides.on(text, {projection: side}), params, planned=False)
        return [row(*values) for values in found]

    return read


def encoded(rows: Sequence[msgspec.Struct]) -> dict[str, str]:
    """The parameter of a statement that puts rows."""
    return {"rows": msgspec.json.encode(rows).decode()}
