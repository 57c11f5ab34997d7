"""The store's connection: Django's own, handed down as it is."""

from typing import TYPE_CHECKING, Any

from django.db import connection

if TYPE_CHECKING:
    import psycopg


def opened() -> "psycopg.Connection[Any]":
    """The open psycopg connection of this thread."""
    connection.ensure_connection()
    return connection.connection  # type: ignore[no-any-return]
