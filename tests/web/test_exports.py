"""What is taken along: whole, named after member and version, noted first, and safe to open."""

import csv
import io
import json
from datetime import UTC, datetime

import pytest
from django.db import connection as django_connection
from django.test import Client

from licensing import connection, exporting, history, service, store
from licensing.domain.commands import RegisterDevice
from licensing.history import stream_of
from licensing.models import AuditEntry
from tests.conftest import new_id
from tests.web.story import tell
from tests.web.test_pages import staff
from timeline import audit, sending
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
    for what in ("events.jsonl", "state.json", "rows.csv"):
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
    for what in ("events.jsonl", "state.json", "rows.csv"):
        answer = client.get(f"/members/{member}/export/{what}")
        assert answer.status_code == 503
        assert b"casablanca" not in answer.getvalue()


def test_exports_are_for_staff(told: tuple[str, int]) -> None:
    for what in ("events.jsonl", "state.json", "rows.csv"):
        url = f"/members/{told[0]}/export/{what}"
        assert Client().get(url).status_code == 302
        assert staff(role=None).get(url).status_code == 403


def listed(client: Client, member: str, query: str = "") -> list[dict[str, str]]:
    text = body(client, f"/members/{member}/export/rows.csv{query}").decode()
    return list(csv.DictReader(io.StringIO(text)))


def test_rows_are_those_that_the_filter_leaves(agent: Client, told: tuple[str, int]) -> None:
    member, last = told
    every = listed(agent, member)
    assert [int(row["step"]) for row in every if row["step"]] == [*range(1, last + 1)]
    clock = [row for row in every if not row["step"]]
    assert clock
    assert {row["what"] for row in clock} == {"Expired by the clock"}
    assert all(row["event_id"] == row["recorded_at"] == "" for row in clock)
    refused = listed(agent, member, "?outcome=refused")
    assert refused == [row for row in every if "Refused" in row["outcome"]]
    assert 0 < len(refused) < len(every)
    event = store.read_event(connection.opened(), stream_of(member), int(refused[0]["step"]))
    assert event
    assert refused[0]["event_id"] == str(event.event_id)
    assert datetime.fromisoformat(refused[0]["recorded_at"]) == event.recorded_at
    page = agent.get(f"/members/{member}/timeline/5/?outcome=refused").content.decode()
    assert f'href="/members/{member}/export/rows.csv?outcome=refused"' in page
    assert f"{len(refused)} rows" in page
    assert listed(agent, member, "?q=nothing+like+it") == []


def test_rows_come_in_the_order_that_is_asked_for(agent: Client, told: tuple[str, int]) -> None:
    member, _ = told
    known, happened = listed(agent, member), listed(agent, member, "?order=happened")
    assert [row["at"] for row in happened] == sorted(row["at"] for row in happened)
    assert [row["step"] for row in happened] != [row["step"] for row in known]
    assert {row["event_id"] for row in happened} == {row["event_id"] for row in known}
    by_event = {row["event_id"]: row for row in known if row["event_id"]}
    for row in happened:
        if row["event_id"]:
            assert row["occurred_at"] == by_event[row["event_id"]]["occurred_at"]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "  ="])
def test_no_cell_is_a_formula(agent: Client, published_rules: object, start: str) -> None:
    member = new_id("m")
    actor = service.Actor("device", "tests")
    evil = f'{start}HYPERLINK("https://elsewhere.example","x")'
    command = RegisterDevice(f"{member}-d", "tv", evil)
    service.handle(
        member, command, command_id=new_id("c"), actor=actor, now=datetime.now(UTC)
    )  # fmt: skip
    for row in listed(agent, member):
        for cell in row.values():
            assert not cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r"))


def test_rows_are_noted_with_their_filter(told: tuple[str, int]) -> None:
    member, last = told
    client, start = staff(), datetime.now(UTC)
    listed(client, member, "?outcome=refused&order=happened")
    row = AuditEntry.objects.get(action="export", subject=member, purpose="rows", at__gte=start)
    assert row.detail == {"version": last, "order": "happened", "filters": "outcome=refused"}


@pytest.mark.parametrize("query", ["?q=%00", "?from=0001-01-01&to=9999-12-31", "?type=%F0&order=x"])
def test_no_query_breaks_the_rows(agent: Client, told: tuple[str, int], query: str) -> None:
    listed(agent, told[0], query)


@pytest.mark.parametrize("what", ["events.jsonl", "rows.csv"])
def test_no_connection_is_held_while_the_client_reads(
    agent: Client, told: tuple[str, int], what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "BLOCK", 1)
    monkeypatch.setattr(exporting, "PAGE", 2)
    answer = agent.get(f"/members/{told[0]}/export/{what}")
    held = [django_connection.connection for _ in answer.streaming_content]
    answer.close()
    assert len(held) > 3
    assert held == [None] * len(held)
