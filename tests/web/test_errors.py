"""What is said and logged when something is refused, away or broken."""

import io
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from tests.web.test_pages import staff
from timeline.views import catalogue, errors


@pytest.fixture
def agent(database: object) -> Client:
    client = staff()
    client.raise_request_exception = False
    return client


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What the log of the product says; pytest has handlers of its own beside it."""
    (handler,) = [each for each in logging.root.handlers if type(each) is logging.StreamHandler]
    said = io.StringIO()
    before = handler.setStream(said)
    yield said
    handler.setStream(before)


def away(*_: Any) -> Any:
    raise OperationalError("the connection is lost")


def broken(*_: Any) -> Any:
    raise LookupError("a fault of ours")


def test_what_is_refused_while_the_database_is_away_is_no_fault_of_ours(
    agent: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(errors, "roles_of", away)
    strict = Client(enforce_csrf_checks=True, raise_request_exception=False)
    for answer in (
        agent.get("/nothing/here/"),
        agent.post("/sign-out/", headers={"Sec-Fetch-Site": "cross-site"}),
        strict.post("/sign-in/", {"username": "a"}),
    ):
        assert (answer.status_code, answer["Retry-After"]) == (503, "5")
        assert "The database does not answer" in answer.content.decode()
        assert answer["Cache-Control"] == "no-store"


def test_a_fault_is_told_without_its_words(agent: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(errors, "roles_of", broken)
    answer = agent.get("/nothing/here/")
    assert (answer.status_code, answer["Cache-Control"]) == (500, "no-store")
    assert "Something broke" in answer.content.decode()
    assert "a fault of ours" not in answer.content.decode()


def test_a_refusal_is_a_line_in_the_log_and_a_fault_has_its_trace(
    agent: Client, logged: io.StringIO, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.ALLOWED_HOSTS = ["testserver"]
    assert agent.get("/audit/").status_code == 403
    assert agent.get("/", headers={"Host": "example.org"}).status_code == 400
    refused, *_ = said = logged.getvalue().splitlines()
    assert refused.endswith("Forbidden (Permission denied): /audit/")
    assert not [line for line in said if "Traceback" in line]
    monkeypatch.setattr(catalogue, "render", broken)
    assert agent.get("/catalogue/").status_code == 500
    assert "LookupError: a fault of ours" in logged.getvalue()
