"""The store's connection: Django's own, in autocommit, handed down as it is."""

from typing import TYPE_CHECKING, Any

from django.db import connection

if TYPE_CHECKING:
    import psycopg


class InsideTransaction(RuntimeError):
    """An append inside `atomic` would hold its bucket's lock until the block ends."""


def for_reading() -> "psycopg.Connection[Any]":
    """The open psycopg connection of this thread."""
    connection.ensure_connection()
    return connection.connection  # type: ignore[no-any-return]


def for_appending() -> "psycopg.Connection[Any]":
    """The same connection, refused inside a transaction: an append stands alone."""
    if connection.in_atomic_block:
        raise InsideTransaction("Append outside of atomic(): one call, in autocommit.")
    return for_reading()
