"""Real workers and a real beat on pgmq, killed, stopped and cut off; `make faults` has the rest."""

from collections.abc import Iterator

import pytest

from tests.workers.brokers import Pgmq
from tests.workers.product import Product
from tests.workers.product import product as made
from tests.workers.scenarios import Faults


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    folder = tmp_path_factory.mktemp("pgmq")
    with made(folder, lambda server, _: Pgmq(server), quick=True) as ready:
        yield ready


class TestPgmq(Faults):
    """Short: less is due, and the outages are seconds."""

    licenses = 120
    outage_s = 3.0
