"""Long answers: sent as they are read, and holding nothing while the client takes its time."""

from collections.abc import Iterator
from itertools import islice

from django.db import connection

BLOCK = 200
"""Lines sent at once."""


def in_blocks(lines: Iterator[bytes]) -> Iterator[bytes]:
    """The lines, many at a time. Between two blocks no connection is held: read page by page."""
    while block := b"".join(islice(lines, BLOCK)):
        connection.close()
        yield block
