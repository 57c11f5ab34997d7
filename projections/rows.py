"""Rows of read models: typed structs on their way out of and into SQL."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import msgspec
from django.db.backends.utils import CursorWrapper

from projections.sql import statement

Row = TypeVar("Row", bound=msgspec.Struct)


def select(
    cursor: CursorWrapper, name: str, row: type[Row], params: Mapping[str, Any]
) -> list[Row]:
    """What the statement `name` selects; its columns are the fields of `row`, in order."""
    cursor.execute(statement(name), params)
    return [row(*values) for values in cursor.fetchall()]


def put(cursor: CursorWrapper, name: str, rows: Sequence[msgspec.Struct]) -> None:
    """Write whole rows with the statement `name`, in one round trip."""
    if rows:
        cursor.execute(statement(name), {"rows": msgspec.json.encode(rows).decode()})
