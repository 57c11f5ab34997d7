"""What every test has: one real PostgreSQL, migrated by its owner, and fresh ids.

Appends cannot be rolled back or flushed, so the database is open to all tests for good and
each test works on ids of its own.
"""

import json
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import hypothesis
import pytest
from django.core.management import call_command
from django.db import connections
from pytest_django.plugin import DjangoDbBlocker

import licensing
from licensing import rulebook, rulemaking, service
from projections import hints
from tests.settings import SERVER
from timeline.embedded import Addresses

# A shared machine may be slow for a moment; that is no finding.
hypothesis.settings.register_profile("playhead", deadline=None)
hypothesis.settings.load_profile("playhead")


def new_id(prefix: str = "m") -> str:
    """An id nobody used before: "m-<12 hex>"."""
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


@pytest.fixture(scope="session", autouse=True)
def database(django_db_blocker: DjangoDbBlocker) -> Iterator[Addresses]:
    """The server of this test run; gives the addresses of its roles."""
    SERVER.start()
    try:
        django_db_blocker.unblock()
        call_command("migrate", verbosity=0)
        yield SERVER.addresses
    finally:
        connections.close_all()
        SERVER.stop()


@pytest.fixture(scope="session")
def django_db_setup(database: Addresses) -> None:
    """The `db` fixture finds the server's database instead of making a test database."""


@pytest.fixture
def fresh() -> Callable[..., str]:
    """`fresh("m")` gives an id of its own to a test."""
    return new_id


@pytest.fixture(scope="module")
def no_broker(database: Addresses) -> Iterator[None]:
    """Nobody is told of new events, because no broker listens."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hints, "nudge", lambda: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def published_rules(database: Addresses) -> None:
    """The demo's first rule set, in force since 2024, so that commands can be decided."""
    document = json.loads((Path(licensing.__file__).parent / "demo" / "rules_1.json").read_text())
    start = datetime(2024, 1, 1, tzinfo=UTC)
    rulemaking.publish(
        rulebook.RULE_SET,
        document,
        valid_from=start,
        command_id="tests",
        actor=service.Actor("staff", "tests"),
        now=start,
    )
