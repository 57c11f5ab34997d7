"""Who asks too often is told when to come again, and nobody else waits for it."""

import uuid
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client

from licensing.models import AuditEntry
from tests.conftest import new_id
from tests.unit.test_limits import Clock
from tests.web.api_client import ApiClient, publish_rules
from tests.web.test_pages import staff
from timeline import demo_access, limits
from timeline.limits import Buckets
from timeline.models import ApiKey


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Time stands still in the buckets, which are new."""
    clock = Clock()
    monkeypatch.setattr(limits, "BUCKETS", Buckets(clock))
    return clock


def test_a_key_gets_its_own_rate_and_then_429(clock: Clock) -> None:
    api = ApiClient(ApiKey.issue("rated", rate=3)[1])
    answers = [api.send("GET", "/members?limit=1") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    refused = answers[-1]
    assert refused["Content-Type"] == "application/problem+json"
    assert refused["Retry-After"] == "1"
    body = refused.json()
    assert (body["code"], body["status"]) == ("rate_limited", 429)
    assert "3 requests a second" in body["detail"]
    clock.now += 1
    assert api.get("/members?limit=1")[0] == 200


def test_the_usual_rate_is_the_installation_s(clock: Clock, settings: Any) -> None:
    settings.KEY_RATE = 2
    api = ApiClient(ApiKey.issue("usual")[1])
    assert [api.get("/jobs")[0] for _ in range(3)] == [200, 200, 429]


def test_other_keys_do_not_wait_and_none_can_spend_another_s(clock: Clock) -> None:
    (mine, secret), (_, other) = ApiKey.issue("mine", rate=1), ApiKey.issue("other", rate=1)
    forged = ApiClient(secret[:20] + "x" + secret[21:])
    assert {forged.get("/jobs")[0] for _ in range(5)} == {401}
    assert [ApiClient(secret).get("/jobs")[0] for _ in range(2)] == [200, 429]
    assert ApiClient(other).get("/jobs")[0] == 200
    assert AuditEntry.objects.filter(who=mine.pk).count() <= 1


def test_a_command_that_waited_is_not_done_and_may_be_sent_again(clock: Clock) -> None:
    publish_rules()
    api = ApiClient(ApiKey.issue("writer", rate=1)[1])
    member, command = new_id("m"), str(uuid.uuid4())
    assert api.get("/members?limit=1")[0] == 200
    asked = {"Idempotency_Key": command}
    assert api.acquire(member, "film", "d1", **asked)[0] == 429
    clock.now += 1
    assert api.get(f"/members/{member}")[1]["version"] == 0
    clock.now += 1
    assert api.acquire(member, "film", "d1", **asked)[0] == 200


def test_a_person_gets_a_page_and_a_part_of_a_page_stays(clock: Clock, settings: Any) -> None:
    settings.USER_RATE = 2
    client = staff()
    assert [client.get("/members/").status_code for _ in range(3)] == [200, 200, 429]
    answer = client.get("/members/")
    assert answer["Retry-After"] == "1"
    assert "Wait 1 second," in answer.content.decode()
    part = client.get("/members/", headers={"HX-Request": "true", "HX-Target": "div#found"})
    assert (part.status_code, part["HX-Reswap"], part.content) == (429, "none", b"")
    assert staff().get("/members/").status_code == 200
    clock.now += 1
    assert client.get("/members/").status_code == 200


def test_guessing_passwords_is_slow_from_one_address(clock: Clock, settings: Any) -> None:
    settings.SIGN_IN_RATE = 2
    name = new_id("user")
    User.objects.create_user(name, password="right-password-1")
    tries = [
        Client().post("/sign-in/", {"username": new_id("u"), "password": "wrong"}).status_code
        for _ in range(3)
    ]
    assert tries == [200, 200, 429]
    right = {"username": name, "password": "right-password-1"}
    elsewhere = Client(REMOTE_ADDR="192.0.2.7").post("/sign-in/", right)
    assert elsewhere.status_code == 302


def test_the_command_sets_a_rate_and_rotation_keeps_it() -> None:
    name = new_id("tool")
    call_command("api_key", "issue", name, "--scope", "feed:read", "--rate", "7")
    old = ApiKey.objects.get(name=name)
    assert old.requests_a_second() == 7
    call_command("api_key", "rotate", old.pk)
    assert ApiKey.objects.exclude(pk=old.pk).get(name=name).rate == 7
    with pytest.raises(CommandError, match="--rate"):
        call_command("api_key", "issue", name, "--scope", "feed:read", "--rate", "0")


def test_the_demo_s_key_has_200_a_second(settings: Any, tmp_path: Any) -> None:
    settings.HOME = tmp_path
    demo_access.ensure_roles()
    demo_access.ensure_demo_access("http://127.0.0.1:1")
    keys = ApiKey.objects.filter(name="demo", revoked_at=None)
    assert [key.requests_a_second() for key in keys] == [200]
