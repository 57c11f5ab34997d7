"""Which worker works on which slice of the buckets: so that two do not do the same work.

A lease guards nothing: when it ends while its worker was stopped, the checkpoints tell the two
apart. It is short, so that what a dead worker held is soon taken up.
"""

import os
import socket
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from licensing import connection
from projections.sql import statement

SLICES = 16
SECONDS = 5.0


@contextmanager
def of(slices: Sequence[int], most: int) -> Iterator[list[int]]:
    """Take up to `most` of these slices, as far as they are free, and give them back."""
    owner = f"{socket.gethostname()}/{os.getpid()}/{uuid.uuid4().hex[:8]}"
    asked = {"slices": list(slices), "most": most, "owner": owner, "seconds": SECONDS}
    taken = [number for (number,) in connection.select(statement("take_leases"), asked)]
    try:
        yield taken
    finally:
        if taken:
            connection.select(statement("return_leases"), {"owner": owner})
