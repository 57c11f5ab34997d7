"""Finds the SQL statements of the store, one per file, and runs them prepared and in binary."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import tuple_row

SQL = Path(__file__).parent / "sql"


@cache
def statement(name: str) -> bytes:
    """The text of a statement."""
    return (SQL / f"{name}.sql").read_bytes()


def rows(
    conn: psycopg.Connection[Any], name: str, parameters: Mapping[str, Any]
) -> list[tuple[Any, ...]]:
    """Runs a statement and returns its rows."""
    # Django's own cursors interpolate on the client, which neither prepares nor knows binary.
    with psycopg.Cursor(conn, row_factory=tuple_row) as cursor:
        cursor.execute(statement(name), parameters, prepare=True, binary=True)
        return cursor.fetchall()
