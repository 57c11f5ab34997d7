"""Looking at a member leaves a row first; nothing is shown when it cannot be left."""

import csv
import json
import re
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from licensing import trail
from licensing.models import AuditEntry
from licensing.trail import NotNoted
from tests.conftest import new_id
from tests.web import every_view
from tests.web.api_client import ApiClient, publish_rules
from tests.web.story import tell
from tests.web.test_policy import address
from timeline import policy
from timeline.api import keys
from timeline.api.keys import Key
from timeline.models import ApiKey


@pytest.fixture(scope="module")
def member(database: object, published_rules: object) -> str:
    publish_rules()
    found = new_id("m")
    tell(found)
    return found


def signed_in(role: str = "agent") -> tuple[Client, str]:
    user = User.objects.create_user(new_id("user"), password="not used")
    user.groups.add(Group.objects.get_or_create(name=role)[0])
    client = Client(raise_request_exception=False)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client, user.username


def rows(who: str, **having: Any) -> list[AuditEntry]:
    found = AuditEntry.objects.filter(who=who, **having).exclude(action__startswith="sign-")
    return list(found.order_by("id"))


def broken(*_: Any, **__: Any) -> Any:
    raise NotNoted("cannot be written")


def test_steps_and_fragments_are_covered_by_one_row(member: str) -> None:
    client, name = signed_in()
    for version in (1, 2, 3):
        assert client.get(f"/members/{member}/timeline/{version}/").status_code == 200
    part = {"HX-Request": "true", "HX-Target": "section#panel"}
    assert client.get(f"/members/{member}/timeline/?v=4", headers=part).status_code == 200
    (row,) = rows(name)
    assert (row.kind, row.roles, row.action) == ("staff", "agent", "read")
    assert (row.subject, row.purpose, row.address) == (member, "history", "127.0.0.1")
    assert row.session
    assert row.session != client.session.session_key


def test_another_sign_in_and_another_member_are_rows_of_their_own(member: str) -> None:
    client, name = signed_in()
    other = new_id("m")
    client.get(f"/members/{member}/timeline/")
    client.get(f"/members/{other}/timeline/")
    client.force_login(
        User.objects.get(username=name), backend="django.contrib.auth.backends.ModelBackend"
    )
    client.session.cycle_key()
    assert {row.subject for row in rows(name)} == {member, other}


def test_every_page_about_a_member_leaves_a_row(member: str) -> None:
    about = [view for view in every_view.pages() if "member_id" in view.route]
    assert len(about) >= 2
    for view in about:
        asked = policy.declared(view.callback)
        assert asked is not None
        role = next(role for role in policy.STAFF_ROLES if policy.permits([role], asked.reads))
        client, name = signed_in(role)
        client.get(address(view.route, member))
        assert rows(name, subject=member), view.route


def test_nothing_is_shown_that_cannot_be_noted(
    member: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, _ = signed_in()
    url = f"/members/{member}/timeline/3/"
    monkeypatch.setattr(trail, "_run", broken)
    trail._covered.clear()
    answer = client.get(url)
    assert answer.status_code == 503
    assert b"audit trail" in answer.content
    assert member.encode() not in answer.content
    assert answer["Retry-After"] == "5"
    api = ApiClient(ApiKey.issue("tests")[1])
    status, body = api.get(f"/members/{member}/timeline")
    assert (status, body["code"]) == (503, "audit_unavailable")
    monkeypatch.undo()
    assert client.get(url).status_code == 200


def test_a_search_is_noted_without_what_was_looked_for(member: str) -> None:
    client, name = signed_in()
    client.get("/?q=somebody@example.org")
    (row,) = rows(name)
    assert (row.action, row.subject, row.purpose, row.detail) == ("read", "", "search", {})


def test_every_read_of_a_member_by_the_api_is_noted(member: str) -> None:
    readers = [
        call for call in every_view.calls() if "member_id" in call.path and call.method == "GET"
    ]
    assert len(readers) >= 6
    for call in readers:
        key, secret = ApiKey.issue("tests")
        path = re.sub(
            r"\{(?:\w+:)?(\w+)\}", lambda p: member if p[1] == "member_id" else "1", call.path
        )
        ApiClient(secret).get(path)
        (row,) = rows(key.pk)
        assert (row.kind, row.action, row.subject) == ("key", "read", member), call.path


def test_lists_and_feeds_are_noted_too() -> None:
    key, secret = ApiKey.issue("tests")
    ApiClient(secret).get("/members?q=x")
    ApiClient(secret).get("/events?bucket=1")
    ApiClient(secret).get("/events?bucket=2")
    assert [row.purpose for row in rows(key.pk)] == ["GET /members", "GET /events"]


def test_lists_for_operators_and_authors_that_name_members_are_noted() -> None:
    naming = [
        "/jobs",
        "/jobs/failing",
        "/projections/studio_usage/builds",
        "/projections/studio_usage/parked",
        "/rules/download-license/backtests",
        f"/rules/download-license/backtests/{uuid4()}",
    ]
    for path in naming:
        key, secret = ApiKey.issue("tests")
        ApiClient(secret).get(path)
        assert [row.action for row in rows(key.pk)] == ["read"], path


def test_what_changes_something_beyond_the_command_log_is_noted_each_time() -> None:
    noted = {"rules:write", "rules:approve", "title:write", "operations:write"}
    for call in every_view.calls():
        (auth,) = [auth for auth in call.operation.auth_callbacks if isinstance(auth, Key)]
        if auth is keys.OPERATE:  # its views note what is asked for, with the reason
            continue
        if auth.scope in noted and call.method != "GET":
            assert auth.records, call.path


def test_staffs_commands_are_noted_each_time(member: str) -> None:
    key, secret = ApiKey.issue("tests")
    api = ApiClient(secret)
    for text in ("one", "two"):
        assert api.post(f"/members/{member}/notes", {"text": text})[0] == 200
    assert [(r.action, r.subject) for r in rows(key.pk)] == [("act", member)] * 2
    assert "one" not in str([row.detail for row in rows(key.pk)])


def test_signing_in_and_out_leaves_rows() -> None:
    name, password = new_id("user"), "a long enough password"
    User.objects.create_user(name, password=password)
    client = Client()
    client.post("/sign-in/", {"username": name, "password": "wrong"})
    client.post("/sign-in/", {"username": new_id("nobody-knows"), "password": "wrong"})
    client.post("/sign-in/", {"username": name, "password": password})
    client.post("/sign-out/")
    mine = AuditEntry.objects.filter(who=name).order_by("id")
    assert [row.action for row in mine] == ["sign-in", "sign-out"]
    failed = AuditEntry.objects.filter(action="sign-in failed").order_by("-id")[:2]
    assert [row.detail["name"] for row in failed] == ["", name]


def test_who_cannot_be_noted_cannot_sign_in(monkeypatch: pytest.MonkeyPatch) -> None:
    name, password = new_id("user"), "a long enough password"
    User.objects.create_user(name, password=password)
    client = Client()
    monkeypatch.setattr(trail, "_run", broken)
    answer = client.post("/sign-in/", {"username": name, "password": password})
    assert answer.status_code == 503
    monkeypatch.undo()
    assert client.get("/")["Location"].startswith("/sign-in/")


def test_who_cannot_be_noted_can_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    client, _ = signed_in()
    session = client.cookies["sessionid"].value
    monkeypatch.setattr(trail, "_run", broken)
    assert client.post("/sign-out/").status_code == 302
    client.cookies["sessionid"] = session
    assert client.get("/catalogue/")["Location"].startswith("/sign-in/")


def test_a_refused_page_is_noted() -> None:
    user = User.objects.create_user(new_id("user"), password="not used")
    user.groups.add(Group.objects.get_or_create(name="viewer")[0])
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    refusing = next(
        view
        for view in every_view.pages()
        if (asked := policy.declared(view.callback))
        and asked.kind == "staff"
        and not policy.permits(["viewer"], asked.writes)
    )
    url = address(refusing.route, new_id("m"))
    assert client.post(url).status_code == 403
    (row,) = rows(user.username, action="refused")
    assert row.purpose == url


def test_the_auditor_finds_pages_and_exports(member: str) -> None:
    auditor, auditor_name = signed_in("auditor")
    agent, name = signed_in()
    who = trail.Who("staff", name, "agent", "a-session")
    for number in range(130):
        trail.record(who, "act", f"{member}-{number}", purpose="release", reason="=1+1", days=1)
    html = auditor.get("/audit/", {"who": name}).content.decode()
    assert html.count("<tr class=") == 100
    older = re.search(r'href="(\?[^"]+)" rel="next"', html)
    assert older
    rest = auditor.get("/audit/" + older[1].replace("&amp;", "&")).content.decode()
    assert rest.count("<tr class=") == 30
    assert 'rel="next"' not in rest
    one = auditor.get("/audit/", {"who": name, "subject": f"{member}-7"}).content.decode()
    assert one.count("<tr class=") == 1
    for nothing in ({"action": "reveal"}, {"until": "2001-01-01"}, {"since": "2999-01-01"}):
        assert "No entries" in auditor.get("/audit/", {"who": name, **nothing}).content.decode()
    for odd in ({"since": "2026-99-99"}, {"before": "x"}, {"who": "\x00"}, {"action": "drop"}):
        assert auditor.get("/audit/", odd).status_code == 200
    last = {"who": name, "until": "9999-12-31"}
    assert auditor.get("/audit/", last).content.decode().count("<tr class=") == 100
    answer = auditor.get("/audit/export.csv", last)
    lines = b"".join(answer.streaming_content).decode().splitlines()
    assert len(lines) == 131
    assert lines[0].startswith("id,at,kind,who")
    assert "'=1+1" in lines[1]
    (first, *_) = csv.DictReader(lines)
    assert json.loads(first["detail"]) == {"days": 1}
    mine = [(row.action, row.purpose) for row in rows(auditor_name)]
    assert mine == [("read", "audit trail"), ("export", "audit trail")]
    assert agent.get("/audit/").status_code == 403
    assert agent.get("/audit/export.csv").status_code == 403


def test_an_export_holds_every_row_once() -> None:
    auditor, _ = signed_in("auditor")
    name = new_id("user")
    for number in range(2_005):
        trail.record(trail.Who("staff", name), "act", str(number))
    answer = auditor.get("/audit/export.csv", {"who": name})
    lines = b"".join(answer.streaming_content).decode().splitlines()[1:]
    assert sorted(int(line.split(",")[6]) for line in lines) == list(range(2_005))
