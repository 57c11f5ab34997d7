"""Why, now or then, and what would turn it: a dry run by the code that decides for real."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from licensing import history, service
from licensing.domain.commands import AcquireLicense, ChangePlan, ReleaseLicense
from tests.conftest import new_id
from timeline.presenters import explanations

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
API = service.Actor("api", "tests")


def ask(member: str, command: Any, hours: float = 0) -> service.Answer:
    now = NOON + timedelta(hours=hours)
    return service.handle(
        member, command, command_id=new_id("c"), actor=API, now=now, recorded_at=now
    )


def explain(member: str, command: AcquireLicense, hours: float, *, past: bool = False) -> Any:
    at = NOON + timedelta(hours=hours)
    now = at if not past else NOON + timedelta(hours=100)
    return service.explain(member, command, now=now, at=at if past else None)


@pytest.fixture
def full() -> str:
    """A member whose two devices hold downloads, the second until the ninth hour."""
    member = new_id("m")
    ask(member, ChangePlan("standard", "NL"))
    ask(member, AcquireLicense("t1", "d1", "l1"), 1)
    ask(member, AcquireLicense("t2", "d2", "l2"), 2)
    ask(member, ReleaseLicense("l2"), 9)
    return member


THIRD = AcquireLicense("t3", "d3")


def test_a_past_moment_is_asked_with_what_was_known_then(full: str) -> None:
    head = history.head(full)
    then, now = explain(full, THIRD, 5, past=True), explain(full, THIRD, 10)
    assert (then.decided.outcome, then.decided.decision["reason"]) == ("refused", "DEVICE_LIMIT")
    assert (now.decided.outcome, now.version) == ("accepted", head)
    assert then.version == head - 1
    before_all = explain(full, THIRD, -1, past=True)
    assert (before_all.version, before_all.decided.outcome) == (0, "accepted")
    assert history.head(full) == head


def words(found: Any) -> list[str]:
    return [explanations.turn(turn, found.decided.outcome) for turn in found.turns]


def test_what_would_turn_a_refusal_was_tried(full: str) -> None:
    found = explain(full, THIRD, 5, past=True)
    told = words(found)
    assert told[0] == ("It would be allowed with 1 more device allowed, or as many fewer counted.")
    assert "It would be allowed if plan were premium." in told
    assert "It would be allowed if plan were basic." not in told
    # What is offered holds: with the plan, the request is granted.
    ask(full, AcquireLicense("t4", "d2"), 10)
    assert explain(full, THIRD, 11).decided.outcome == "refused"
    ask(full, ChangePlan("premium"), 12)
    assert explain(full, THIRD, 13).decided.outcome == "accepted"


def test_what_would_end_a_grant_is_its_tightest_limit(full: str) -> None:
    assert words(explain(full, THIRD, 10)) == ["It would be refused with 1 more device in use."]
