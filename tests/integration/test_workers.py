"""A real worker and a real beat on pgmq, killed and confused; `make faults` does more, and to all.

The other brokers, outages of a minute, and workers that stand still are in `tests/faults`.
"""

from collections.abc import Iterator

import pytest

from tests.workers.brokers import Pgmq
from tests.workers.product import Product
from tests.workers.product import product as made
from tests.workers.scenarios import Kills


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    """A product of its own, with quick timeouts."""
    with made(lambda server, folder: Pgmq(server), quick=True) as ready:
        yield ready


class TestPgmq(Kills):
    """Few licenses: each case is over as soon as they are renewed."""

    licenses = 40
    kills = (0.3,)
