"""What is taken along: whole, named after member and version, noted first, and safe to open."""

import json
from datetime import UTC, datetime

import pytest
from django.test import Client

from licensing import exporting, history
from licensing.history import stream_of
from licensing.models import AuditEntry
from tests.conftest import new_id
from tests.web.story import tell
from tests.web.test_pages import staff
from timeline import audit
from timeline.presenters import state


@pytest.fixture(scope="module")
def told(database: object, published_rules: object) -> tuple[str, int]:
    member = new_id("m")
    return member, tell(member)


@pytest.fixture(scope="module")
def agent(database: object) -> Client:
    return staff()


def body(client: Client, url: str) -> bytes:
    answer = client.get(url)
    assert answer.status_code == 200, url
    return answer.getvalue()


def test_events_are_what_an_import_takes_back(agent: Client, told: tuple[str, int]) -> None:
    member, last = told
    answer = agent.get(f"/members/{member}/export/events.jsonl")
    assert answer.streaming
    assert answer["Content-Disposition"] == f'attachment; filename="{member}-v{last}-events.jsonl"'
    assert answer["Cache-Control"] == "no-store"
    lines = answer.getvalue().splitlines()
    assert len(lines) == last
    assert {json.loads(line)["member"] for line in lines} == {member}
    assert b"".join(exporting.lines(stream_of(member))).splitlines() == lines


def test_the_state_is_that_of_the_step(agent: Client, told: tuple[str, int]) -> None:
    member, last = told
    for query, version in (("", last), ("?v=5", 5), ("?v=0", 0)):
        answer = agent.get(f"/members/{member}/export/state.json{query}")
        assert f"{member}-v{version}-state.json" in answer["Content-Disposition"]
        found = json.loads(answer.content)
        expected = history.state_as_at(member, version=version)[0]
        assert found["version"] == version
        assert found["state"] == json.loads(json.dumps(state.as_json(expected)))


@pytest.mark.parametrize("what", ["state.json?v=99999", "state.json?v=-1", "state.json?v=%00"])
def test_no_such_step_is_said(agent: Client, told: tuple[str, int], what: str) -> None:
    answer = agent.get(f"/members/{told[0]}/export/{what}")
    assert answer.status_code == 404
    assert "no such step" in answer.content.decode()


def test_nobody_to_export_is_said(agent: Client) -> None:
    for what in ("events.jsonl", "state.json"):
        assert agent.get(f"/members/{new_id('gone')}/export/{what}").status_code == 404
        assert agent.get(f"/members/%22%0d%0a/export/{what}").status_code == 404


def test_exports_are_noted_each_one_and_first(
    told: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    member, last = told
    client, start = staff(), datetime.now(UTC)
    body(client, f"/members/{member}/export/events.jsonl")
    body(client, f"/members/{member}/export/state.json?v=3")
    rows = AuditEntry.objects.filter(action="export", subject=member, at__gte=start).order_by("id")
    assert [(row.purpose, row.detail["version"]) for row in rows] == [
        ("events", last),
        ("state", 3),
    ]

    def away(*_: object, **__: object) -> None:
        raise audit.NotNoted("cannot be written")

    monkeypatch.setattr(audit, "record", away)
    for what in ("events.jsonl", "state.json"):
        answer = client.get(f"/members/{member}/export/{what}")
        assert answer.status_code == 503
        assert b"casablanca" not in answer.getvalue()


def test_exports_are_for_staff(told: tuple[str, int]) -> None:
    for what in ("events.jsonl", "state.json"):
        url = f"/members/{told[0]}/export/{what}"
        assert Client().get(url).status_code == 302
        assert staff(role=None).get(url).status_code == 403
