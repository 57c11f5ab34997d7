"""What the tests of the runner share."""

import pytest

from projections import builds, registry
from tests.conftest import new_id
from tests.integration import tally_kit


@pytest.fixture
def tally(monkeypatch):
    """A projector with tables of its own, that keeps a row for each time it saw an event."""
    named, ours = registry.named, tally_kit.NAMED
    monkeypatch.setattr(builds, "named", lambda name: ours.get(name) or named(name))
    projector = tally_kit.made(new_id("tally").replace("-", "_"))
    yield projector
    tally_kit.forget(projector.name)
