"""Events that this build cannot read: listed raw, a stop for their own member, nobody else's."""

import uuid

import pytest
from django.core.management import CommandError, call_command

from licensing import connection, history, readability, store
from projections import hints, runner
from projections.read_models import member_directory
from tests.conftest import new_id
from tests.integration.store_kit import NOON
from tests.web.api_client import ApiClient
from tests.web.test_pages import staff
from timeline.models import ApiKey

# Of a later build, of an unknown type, and of a known shape that does not hold.
ALIENS = {
    "later version": ("LicenseReleased", 7, {"license_id": "l-1"}),
    "unknown type": ("LicenseTeleported", 1, {"to": "the moon"}),
    "broken payload": ("LicenseRenewed", 1, {"license_id": "l-1", "expires_at": "tomorrow"}),
}


@pytest.fixture(autouse=True)
def no_hints(monkeypatch: pytest.MonkeyPatch) -> None:
    """No broker listens here."""
    monkeypatch.setattr(hints, "nudge", lambda: None)


@pytest.fixture
def api() -> ApiClient:
    """A client that may do everything."""
    return ApiClient(ApiKey.issue("unreadable")[1])


@pytest.fixture(params=ALIENS.values(), ids=list(ALIENS))
def alien(request: pytest.FixtureRequest, api: ApiClient) -> tuple[str, str, int]:
    """A member whose third event cannot be read; a readable one follows it."""
    name, version, data = request.param
    member = new_id()
    api.acquire(member, "seven-samurai", "ipad")
    for kind, schema_version, content in (
        (name, version, data),
        ("PlanChanged", 1, {"plan": "premium"}),
    ):
        event = store.NewEvent(uuid.uuid4(), kind, schema_version, content, {}, NOON)
        record = store.CommandRecord(uuid.uuid4().hex, "Alien", {}, b"-", {"outcome": "accepted"})
        store.append(connection.opened(), history.stream_of(member), [event], record)
    return member, name, version


def test_it_is_listed_raw_and_the_state_stops_before_it(
    api: ApiClient, alien: tuple[str, str, int]
) -> None:
    member, name, version = alien
    status, page = api.get(f"/members/{member}/timeline")
    assert (status, len(page["items"])) == (200, 4)
    listed = page["items"][2]
    assert (listed["type"], listed["schema_version"]) == (name, version)
    assert listed["unreadable"]
    assert [item["unreadable"] for item in page["items"] if item is not listed] == [None] * 3
    status, one = api.get(f"/members/{member}/events/3")
    assert (status, one["read"], one["changes"]) == (200, None, [])
    assert one["stored"]["data"] == listed["data"]
    assert one["before"] == one["after"]
    status, state = api.get(f"/members/{member}/state")
    assert (status, state["state"]["version"], state["state"]["plan"]) == (200, 2, None)
    # What comes after it is not folded over the hole.
    assert api.get(f"/members/{member}/events/4")[1]["after"]["plan"] is None


def test_commands_on_its_member_are_refused_and_on_others_not(
    api: ApiClient, alien: tuple[str, str, int]
) -> None:
    member = alien[0]
    status, problem = api.acquire(member, "metropolis", "ipad")
    assert (status, problem["code"]) == (409, "stream_unreadable")
    assert history.head(member) == 4
    assert api.acquire(new_id(), "metropolis", "ipad")[0] == 200


def test_its_pages_show_the_steps_and_say_where_reading_stops(alien: tuple[str, str, int]) -> None:
    member, name, _ = alien
    agent = staff()
    for step in (2, 3, 4):
        for tab in ("changed", "state", "why", "raw"):
            answer = agent.get(f"/members/{member}/timeline/{step}/?tab={tab}")
            assert answer.status_code == 200
    shown = agent.get(f"/members/{member}/timeline/3/").content.decode()
    assert "cannot be read" in shown
    assert name in agent.get(f"/members/{member}/timeline/3/?tab=raw").content.decode()


def test_read_models_go_on(api: ApiClient, alien: tuple[str, str, int]) -> None:
    other = new_id()
    api.acquire(other, "metropolis", "ipad")
    runner.catch_up()
    assert [found.member_id for found in member_directory.search(other)] == [other]


def test_the_check_at_start_names_what_has_no_reader(capsys: pytest.CaptureFixture[str]) -> None:
    stream, kind = new_id("member-m"), f"Invented{uuid.uuid4().hex[:6]}"
    event = store.NewEvent(uuid.uuid4(), kind, 3, {}, {}, NOON)
    record = store.CommandRecord("c", "Alien", {}, b"-", {})
    store.append(connection.opened(), stream, [event], record)
    (found,) = [each for each in readability.unreadable() if each.type == kind]
    assert (found.schema_version, found.count, found.stream_id) == (3, 1, stream)
    assert str(found) == f"{kind} version 3: 1 event, for one in {stream}"
    with pytest.raises(CommandError, match="cannot be read by this build"):
        call_command("check_events")
    assert f"{kind} 3  cannot be read, for one in {stream}" in capsys.readouterr().out
