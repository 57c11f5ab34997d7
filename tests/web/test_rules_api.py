"""Rules by the API: what is sent again gets the same answer, whatever was left to the server."""

import json
import typing
from collections.abc import Callable
from typing import Any

import pytest

from licensing import rulebook, rulemaking, store
from licensing.rules import life
from projections import hints
from tests.conftest import new_id
from tests.web.api_client import RULES, ApiClient, publish_rules
from timeline.api import shapes
from timeline.models import ApiKey


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch, database: object) -> tuple[ApiClient, ApiClient]:
    """Somebody who writes rules, and somebody else who approves them."""
    monkeypatch.setattr(hints, "nudge", lambda: None)
    publish_rules()
    return ApiClient(ApiKey.issue("author")[1]), ApiClient(ApiKey.issue("approver")[1])


@pytest.fixture
def path() -> str:
    """A rule set of its own."""
    return f"/rules/{new_id('rules')}"


def document(title: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(RULES.read_text())
    return found | {"title": title}


def test_every_change_that_is_sent_again_is_answered_as_before(
    clients: tuple[ApiClient, ApiClient], path: str
) -> None:
    author, approver = clients
    answers: list[tuple[Callable[[], tuple[int, Any]], tuple[int, Any]]] = []

    def once(call: Callable[..., tuple[int, Any]], *asked: Any) -> Any:
        key = new_id("key")

        def send() -> tuple[int, Any]:
            return call(*asked, Idempotency_Key=key)

        answers.append((send, first := send()))
        assert first[0] == 200, first
        return first[1]

    def draft(title: str) -> str:
        begun = once(author.post, f"{path}/drafts", {"title": title, "document": document(title)})
        return f"{path}/drafts/{begun['draft']['draft_id']}"

    one = draft("one")
    edit = {"document": document("the first"), "revision": 0}
    first = once(author.put, one, edit)["draft"]["hash"]
    once(author.post, f"{one}/submission", {})
    once(approver.post, f"{one}/approval", {"hash": first})
    once(author.post, f"{one}/publication", {})
    two = draft("two")
    once(author.post, f"{two}/submission", {})
    second = author.get(two)[1]["hash"]
    once(approver.post, f"{two}/approval", {"hash": second})
    once(author.post, f"{two}/publication")
    once(approver.post, f"{draft('given up')}/rejection", {"reason": "not needed"})
    once(approver.post, f"{path}/rollbacks", {"hash": first, "reason": "it was better"})

    before = rulebook.head(path.rpartition("/")[2])
    for send, answer in answers:
        assert send() == answer
    assert rulebook.head(path.rpartition("/")[2]) == before


def test_the_same_key_for_another_change_is_refused(
    clients: tuple[ApiClient, ApiClient], path: str
) -> None:
    author, _ = clients
    begun = {"title": "one", "document": document("one")}
    assert author.post(f"{path}/drafts", begun, Idempotency_Key="a")[0] == 200
    status, told = author.post(f"{path}/drafts", begun | {"title": "two"}, Idempotency_Key="a")
    assert (status, told["code"]) == (409, "idempotency_key_reused")
    status, told = author.post(f"{path}/rollbacks", {"hash": "sha256:" + "0" * 64, "reason": "x"})
    assert (status, told["code"]) == (404, "unknown_version")


def test_a_draft_that_there_is_not_is_told_so_by_reads_too(
    clients: tuple[ApiClient, ApiClient], path: str
) -> None:
    author, _ = clients
    assert author.get(f"{path}/drafts/none")[1]["code"] == "unknown_draft"


def test_who_loses_every_race_may_send_the_same_again(
    clients: tuple[ApiClient, ApiClient], path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    author, _ = clients

    def lose(*_: Any, **__: Any) -> None:
        raise store.WrongExpectedVersion("rules-x", 1, 2)

    monkeypatch.setattr(rulemaking, "_append", lose)
    answer = author.send("POST", f"{path}/drafts", {"title": "a", "document": document("a")})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")


def test_every_state_of_a_draft_is_described() -> None:
    described = typing.get_type_hints(shapes.Draft)["status"]
    assert set(typing.get_args(described)) == set(typing.get_args(life.Status))
