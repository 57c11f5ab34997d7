"""Reads asked for again by their ETag, and writes that depend on what was read."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.http import HttpResponse
from django.utils import timezone

from licensing import catalogue, history, keyframes, rulebook
from licensing.domain import member as members
from projections import runner
from tests.conftest import new_id
from tests.web.api_client import ApiClient, publish_rules
from timeline.api import conditional
from timeline.models import ApiKey

Fresh = Callable[..., str]


@pytest.fixture(scope="module")
def api(no_broker: None) -> ApiClient:
    """A client that may do everything."""
    publish_rules()
    return ApiClient(ApiKey.issue("conditional")[1])


@pytest.fixture
def member(api: ApiClient, fresh: Fresh) -> str:
    """Somebody with a device and a license."""
    member_id = fresh()
    assert api.acquire(member_id, "film", "d1")[0] == 200
    return member_id


def at_once(count: int, write: Callable[[int], object]) -> None:
    """So many writers side by side, each with connections of its own."""

    def one(number: int) -> None:
        try:
            write(number)
        finally:
            connections.close_all()

    writers = [threading.Thread(target=one, args=[number]) for number in range(count)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()


def again(api: ApiClient, path: str, tag: str) -> HttpResponse:
    return api.send("GET", path, If_None_Match=tag)


BY_VERSION = ["timeline", "state", "state?version=1", "changes?from=0", "events/1"]
BY_CLOCK = ["", "licenses"]


@pytest.mark.parametrize("part", [*BY_VERSION, *BY_CLOCK])
def test_what_was_read_is_not_folded_again(
    api: ApiClient, member: str, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/members/{member}/{part}".rstrip("/")
    first = api.send("GET", path)
    assert first.status_code == 200
    assert first["ETag"].startswith("W/") == (part in BY_CLOCK)

    def fold(*_: Any, **__: Any) -> None:
        raise AssertionError("folded")

    for name in ("load", "state_as_at", "around"):
        monkeypatch.setattr(history, name, fold)
    for tag in (first["ETag"], f'"other", {first["ETag"]}'):
        answer = again(api, path, tag)
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer["ETag"] == first["ETag"]
        assert answer["X-Request-Id"]


@pytest.mark.parametrize("part", ["timeline", "state", "changes?from=0", "", "licenses"])
def test_the_next_event_makes_another_answer(api: ApiClient, member: str, part: str) -> None:
    path = f"/members/{member}/{part}".rstrip("/")
    tag = api.send("GET", path)["ETag"]
    assert api.post(f"/members/{member}/notes", {"text": "called"})[0] == 200
    answer = again(api, path, tag)
    assert (answer.status_code, answer["ETag"] != tag) == (200, True)


def test_the_past_stays_the_same(api: ApiClient, member: str) -> None:
    paths = [f"/members/{member}/{part}" for part in ("state?version=1", "events/2")]
    tags = [api.send("GET", path)["ETag"] for path in paths]
    assert api.post(f"/members/{member}/notes", {"text": "called"})[0] == 200
    for path, tag in zip(paths, tags, strict=True):
        assert again(api, path, tag).status_code == 304


def test_a_tag_holds_for_one_address_and_one_build(
    api: ApiClient, member: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/members/{member}/timeline"
    tag = api.send("GET", path)["ETag"]
    for odd in (f"{path}?limit=1", f"/members/{member}/state"):
        assert again(api, odd, tag).status_code == 200
    for odd in ("", "12", '"', tag.strip('"'), tag.replace("2.", "3."), '"' * 5000, 'W/"-.-.-"'):
        assert again(api, path, odd).status_code == 200, odd
    assert again(api, path, "*").status_code == 304
    monkeypatch.setattr(conditional, "build", lambda: "the next one")
    assert again(api, path, tag).status_code == 200


def test_what_is_not_there_has_no_tag_and_no_304(api: ApiClient, member: str) -> None:
    for path in (f"/members/{member}/state?version=99", f"/members/{member}/events/99", "/none"):
        answer = again(api, path, "*")
        assert (answer.status_code, "ETag" in answer) == (404, False)
    assert again(api, "/rules/download-license/drafts/none", "*").status_code == 404


def test_the_clock_ends_a_license_without_an_event(
    api: ApiClient, member: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/members/{member}/licenses"
    first = api.send("GET", path)
    ends = members.next_end(history.state_as_at(member)[0], timezone.now())
    assert ends is not None
    for instant, status in ((ends - timedelta(seconds=1), 304), (ends, 200)):
        monkeypatch.setattr(timezone, "now", lambda instant=instant: instant)
        assert again(api, path, first["ETag"]).status_code == status
    assert api.get(path)[1]["items"][0]["status"] == "expired"
    for_ever = api.send("GET", path)["ETag"]
    monkeypatch.setattr(timezone, "now", lambda: ends + timedelta(days=3650))
    assert again(api, path, for_ever).status_code == 304


def test_rules_titles_and_lists_have_tags_too(api: ApiClient, member: str) -> None:
    title = new_id("film")
    api.put(f"/titles/{title}", {"name": "M"})
    runner.catch_up()
    last = len(rulebook.versions())
    rules = "/rules/download-license"
    for path in (
        f"{rules}/versions",
        f"{rules}/versions/{last}",
        f"{rules}/drafts",
        f"/titles/{title}",
        f"/members?q={member}",
        "/decisions?rule=b-basic",
    ):
        first = api.send("GET", path)
        assert again(api, path, first["ETag"]).status_code == 304, path
    before = {path: api.send("GET", f"{rules}/{path}")["ETag"] for path in ("versions", "drafts")}
    draft = {"title": "Another", "draft_id": new_id("draft")}
    assert api.post(f"{rules}/drafts", draft)[0] == 200
    for path, tag in before.items():
        assert again(api, f"{rules}/{path}", tag).status_code == 200


def test_the_tag_of_a_read_is_an_expected_version(api: ApiClient, member: str) -> None:
    tag = api.send("GET", f"/members/{member}/state")["ETag"]
    note = {"text": "seen at this state"}
    assert api.post(f"/members/{member}/notes", note, If_Match=tag)[0] == 200
    status, problem = api.post(f"/members/{member}/notes", note, If_Match=tag)
    assert (status, problem["code"]) == (409, "wrong_expected_version")


def test_a_draft_is_edited_only_as_it_was_read(api: ApiClient) -> None:
    path = f"/rules/download-license/drafts/{new_id('draft')}"
    begun = {"title": "Another", "draft_id": path.rpartition("/")[2]}
    assert api.post("/rules/download-license/drafts", begun)[0] == 200
    read = api.send("GET", path)
    tag, document = read["ETag"], read.json()["document"]
    assert again(api, path, tag).status_code == 304

    def edit(title: str, said: dict[str, int] | None = None, **headers: str) -> tuple[int, Any]:
        status, answer = api.put(
            path, {"document": {**document, "title": title}, **(said or {})}, **headers
        )
        return status, answer.get("code", answer.get("outcome"))

    # What others do with the rule set is nothing to this draft.
    other = {"title": "Of others", "draft_id": new_id("draft")}
    assert api.post("/rules/download-license/drafts", other)[0] == 200
    assert edit("first", If_Match=tag)[0] == 200
    assert edit("lost", If_Match=tag) == (409, "draft_changed")
    assert edit("lost", {"revision": 0}) == (409, "draft_changed")
    assert edit("lost", {"revision": 1}, If_Match='"0"') == (422, "invalid_input")
    assert edit("lost") == (422, "invalid_input")
    assert edit("lost", If_Match="W/1") == (422, "invalid_input")
    assert api.get(path)[1]["document"]["title"] == "first"
    assert edit("second", If_Match='"1"')[0] == 200
    assert edit("third", {"revision": 2}, If_Match=api.send("GET", path)["ETag"])[0] == 200
    assert edit("fourth", If_Match="*")[0] == 200
    assert api.get(path)[1]["revision"] == 4
    assert api.put(f"{path}x", {"document": document}, If_Match="*")[0] == 404


def test_a_title_is_replaced_only_as_it_was_read(api: ApiClient) -> None:
    path = f"/titles/{new_id('film')}"
    missing = api.put(path, {"name": "M"}, If_Match="*")
    assert (missing[0], missing[1]["code"]) == (409, "title_changed")
    assert api.put(path, {"name": "M"}, If_None_Match="*")[0] == 200
    assert api.put(path, {"name": "N"}, If_None_Match="*")[0] == 409
    tag = api.send("GET", path)["ETag"]
    assert api.put(path, {"name": "N"}, If_Match=f"W/{tag}")[0] == 409
    assert api.put(path, {"name": "M", "year": 1931}, If_Match=tag)[0] == 200
    assert api.put(path, {"name": "lost"}, If_Match=tag)[0] == 409
    assert api.get(path)[1]["attributes"] == {"name": "M", "year": 1931}


def test_of_many_who_read_the_same_title_one_writes(api: ApiClient) -> None:
    path = f"/titles/{new_id('film')}"
    api.put(path, {"name": "M"})
    tag, got = api.send("GET", path)["ETag"], []

    at_once(6, lambda n: got.append(api.put(path, {"name": f"M {n}"}, If_Match=tag)[0]))
    assert sorted(got) == [200] + [409] * 5


def test_of_many_who_list_a_title_first_one_does(database: object) -> None:
    title, got = new_id("film"), []

    def write(n: int) -> None:
        try:
            catalogue.put_if(title, {"name": f"M {n}"}, lambda known: known is None)
            got.append(n)
        except catalogue.Changed:
            pass

    at_once(6, write)
    assert [catalogue.get(title)] == [{"name": f"M {n}"} for n in got]


def test_a_state_with_keyframes_has_the_same_tag_without_them(api: ApiClient, member: str) -> None:
    path = f"/members/{member}/state"
    first = api.send("GET", path)
    keyframes.keep(*_last(member))
    assert again(api, path, first["ETag"]).status_code == 304
    assert api.send("GET", path).content == first.content


def _last(member: str) -> tuple[Any, bytes]:
    past = history.load(member)
    return past.state(past.head), past.steps[-1].recorded.hash
