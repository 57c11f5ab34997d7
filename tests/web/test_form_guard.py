"""Forms come in through the guard too: by their size, and by what their fields hold."""

import pytest
from django.test import Client

from licensing.models import AuditEntry
from tests.conftest import new_id
from tests.web.story import tell
from tests.web.test_pages import staff


@pytest.fixture(scope="module")
def member(database: object, published_rules: object) -> str:
    found = new_id("m")
    tell(found)
    return found


def test_a_field_that_no_text_can_hold_is_named(member: str) -> None:
    agent = staff()
    before = AuditEntry.objects.filter(action="reveal").count()
    for name, value, where in (
        ("reason", "because \x00 of it", "reason"),
        ("x\x00y", "fine", "x\\u0000y"),
        ("reason", "x" * (1024 * 1024 + 1), "reason"),
    ):
        answer = agent.post(f"/members/{member}/profile/", {"reason": "because of it", name: value})
        assert answer.status_code == 422, name
        html = answer.content.decode()
        assert "What was sent cannot be taken" in html
        assert f"({where})" in html
        assert 'aria-label="Main"' in html
    assert AuditEntry.objects.filter(action="reveal").count() == before


def test_a_part_of_a_page_says_it_in_its_place(member: str) -> None:
    part = {"HX-Request": "true", "HX-Target": "div#profile"}
    answer = staff().post(f"/members/{member}/profile/", {"reason": "a\x00bcdef"}, headers=part)
    assert answer.status_code == 422
    assert answer.content.startswith(b'<p class="say say-bad" role="alert">')


def test_a_form_that_says_it_is_large_is_not_read() -> None:
    for client in (staff(), Client()):
        large = client.post("/sign-in/", {"username": "x" * (6 * 1024 * 1024 + 1)})
        assert large.status_code == 413
        assert "A form may hold 6 MB" in large.content.decode()
    lying = Client().post("/sign-in/", {"username": "x"}, headers={"Content-Length": "9" * 30})
    assert lying.status_code == 413
    assert Client().post("/sign-in/", {}, headers={"Content-Length": "-5"}).status_code == 413


def test_the_api_says_it_in_its_own_words() -> None:
    answer = Client().post("/api/v1/titles/x", "x" * (7 * 1024 * 1024), "application/json")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.status_code < 500
