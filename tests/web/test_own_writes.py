"""What a caller has just done is in the next list, or the answer says that it may not be."""

import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from licensing import store
from projections import freshness, hints, runner
from tests.conftest import new_id
from tests.web.api_client import ApiClient
from tests.web.test_pages import staff
from timeline import own_writes
from timeline.models import ApiKey
from timeline.own_writes import CATCHING_UP, COOKIE, HEADER

BEHIND = "Catching up: what you just did"


@pytest.fixture(scope="module")
def api(database: object, published_rules: object) -> ApiClient:
    return ApiClient(ApiKey.issue("own writes")[1])


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """No broker listens, and the read models are level when a test begins."""
    sent: list[int] = []
    monkeypatch.setattr(hints, "nudge", lambda: sent.append(1))
    runner.catch_up()
    return sent


def sleeping(monkeypatch: pytest.MonkeyPatch, then: Callable[[], object]) -> None:
    """Do something whenever a read would sleep."""
    clock = SimpleNamespace(monotonic=time.monotonic, sleep=lambda seconds: then())
    monkeypatch.setattr(freshness, "time", clock)


def change_plan(api: ApiClient, member: str, key: str = "one") -> HttpResponse:
    body = {"plan": "basic", "country": "DE"}
    return api.send("POST", f"/members/{member}/plan", body, Idempotency_Key=key)


def listed(api: ApiClient, member: str, position: str) -> tuple[bool, str | None]:
    """Whether the list has the member, and what it says of being behind."""
    answer = api.send("GET", f"/members?q={member}", Playhead_Position=position)
    assert answer.status_code == 200
    return member in answer.content.decode(), answer.headers.get(CATCHING_UP)


def test_an_answer_carries_its_position(api: ApiClient, quiet: list[int]) -> None:
    member = new_id("m")
    bucket, position = map(int, change_plan(api, member).headers[HEADER].split("."))
    assert bucket == store.bucket_of(f"member-{member}")
    with connection.cursor() as cursor:
        cursor.execute("SELECT position FROM bucket_head WHERE bucket = %s", [bucket])
        assert cursor.fetchone() == (position,)
    assert change_plan(api, member).headers[HEADER] == f"{bucket}.{position}"  # a repeat
    # What changes nothing is nowhere in the feed, and wakes the workers all the same.
    assert HEADER not in change_plan(api, member, "two").headers
    assert len(quiet) == 3


def test_a_list_that_could_not_wait_long_enough_says_so(api: ApiClient) -> None:
    member = new_id("m")
    position = change_plan(api, member).headers[HEADER]
    assert listed(api, member, position) == (False, "license_index, member_directory")
    runner.catch_up()
    assert listed(api, member, position) == (True, None)


def test_a_list_waits_for_what_was_just_done(
    api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The workers begin only after the read has looked in vain."""
    monkeypatch.setattr(freshness, "LONGEST_S", 60.0)
    looked = threading.Event()
    sleeping(monkeypatch, looked.set)
    member = new_id("m")
    position = change_plan(api, member).headers[HEADER]

    def work() -> None:
        looked.wait(60)
        runner.catch_up()
        connection.close()

    worker = threading.Thread(target=work)
    worker.start()
    assert listed(api, member, position) == (True, None)
    worker.join()
    assert looked.is_set()


def test_a_position_that_is_not_in_the_feed_is_not_waited_for(
    api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as one from before a restore, or one that somebody made up."""
    sleeping(monkeypatch, lambda: pytest.fail("waited"))
    for made_up in ("5.999999999999999", "9999.1", "5.-1", "5", "x.y", "5." + "9" * 40):
        assert listed(api, new_id("m"), made_up) == (False, None)


def test_histories_never_wait(api: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    sleeping(monkeypatch, lambda: pytest.fail("waited"))
    member = new_id("m")
    position = change_plan(api, member).headers[HEADER]
    answer = api.send("GET", f"/members/{member}", Playhead_Position=position)
    assert answer.json()["version"] == 1
    assert CATCHING_UP not in answer.headers


def wrote(position: str) -> Client:
    """A browser that has just done something."""
    client = staff()
    client.cookies[COOKIE] = position
    return client


def test_a_page_says_that_it_is_catching_up(api: ApiClient) -> None:
    member = new_id("m")
    browser = wrote(change_plan(api, member).headers[HEADER])
    page = browser.get("/")
    assert BEHIND in page.content.decode()
    assert 'role="status"' in page.content.decode()
    runner.catch_up()
    assert BEHIND not in browser.get("/").content.decode()


def test_a_browser_keeps_the_position_of_what_it_did(api: ApiClient) -> None:
    """A short while, out of reach of scripts; tools get the header alone."""

    def act(request: HttpRequest) -> HttpResponse:
        request.wrote = "7.12"  # type: ignore[attr-defined]
        return HttpResponse()

    answered = own_writes.ReadYourWrites(act)
    kept = answered(RequestFactory().post("/")).cookies[COOKIE]
    assert (kept.value, kept["httponly"], kept["samesite"]) == ("7.12", True, "Lax")
    assert kept["max-age"] == own_writes.KEPT_S
    by_tool = answered(RequestFactory().post("/", headers={"Authorization": "Bearer k"}))
    assert COOKIE not in by_tool.cookies
    assert by_tool.headers[HEADER] == "7.12"


def test_the_headers_are_described() -> None:
    from timeline.api.api import api as ninja

    described = ninja.get_openapi_schema(path_prefix="/api/v1/")["paths"]
    listing = described["/api/v1/members"]["get"]
    assert HEADER in [each["name"] for each in listing["parameters"]]
    assert CATCHING_UP in listing["responses"][200]["headers"]
    command = described["/api/v1/members/{member_id}/plan"]["post"]
    assert HEADER in command["responses"][200]["headers"]
