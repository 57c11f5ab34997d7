"""The store's connection: Django's own, handed down as it is."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import psycopg
from django.db import connection
from psycopg.rows import tuple_row


def opened() -> "psycopg.Connection[Any]":
    """The open psycopg connection of this thread."""
    connection.ensure_connection()
    return connection.connection  # type: ignore[no-any-return]


def select(text: str, parameters: Mapping[str, Any], *, planned: bool = True) -> list[Any]:
    """The rows of a query, read in binary form on this thread's connection.

    `planned` lets the server keep its plan for the next time; a query over a table that grows
    from empty meanwhile is better planned anew. Raises Django's database errors.
    """
    with connection.wrap_database_errors, _cursor() as cursor:
        cursor.execute(text.encode(), parameters, prepare=planned, binary=True)
        return cursor.fetchall()


def server_version() -> int:
    """The server's version as one number, such as 180004."""
    return opened().info.server_version


class Together:
    """The statements of one transaction, sent without waiting for one another."""

    def __init__(self, pipeline: psycopg.Pipeline) -> None:
        self._pipeline = pipeline

    def send(self, text: str, parameters: Mapping[str, Any]) -> None:
        """Have a statement executed some time before the end."""
        with _cursor() as cursor:
            cursor.execute(text.encode(), parameters, prepare=True)

    def count(self, text: str, parameters: Iterable[Mapping[str, Any]]) -> int:
        """Execute a statement now, once with each of these, and wait for the number of rows."""
        with ExitStack() as stack:
            cursors = []
            for each in parameters:
                cursors.append(stack.enter_context(_cursor()))
                cursors[-1].execute(text.encode(), each, prepare=True)
            # With a mere flush the server would not know that it is waiting, and wait for ever.
            self._pipeline.sync()
            return sum(len(cursor.fetchall()) for cursor in cursors)


@contextmanager
def together() -> Iterator[Together]:
    """A transaction of its own, in two or three round trips whatever it holds.

    An error of a statement is raised at the latest at its end, and nothing is kept. Needs a
    connection without a transaction. Raises Django's database errors.
    """
    conn = opened()
    with connection.wrap_database_errors:
        try:
            with conn.pipeline() as pipeline, conn.transaction():
                yield Together(pipeline)
        except BaseException:
            with suppress(psycopg.Error):  # the connection is gone, and its transaction with it
                conn.rollback()
            raise


def _cursor() -> "psycopg.Cursor[tuple[Any, ...]]":
    # Django's own cursors interpolate on the client, which neither prepares nor knows binary.
    return psycopg.Cursor(opened(), row_factory=tuple_row)
