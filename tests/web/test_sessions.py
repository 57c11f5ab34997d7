"""How long a sign-in lasts, and what ends it before."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from licensing.models import AuditEntry
from tests.conftest import new_id
from tests.web.story import tell
from tests.web.test_pages import staff
from timeline.sessions import BEGAN, NOTED_S, SEEN

PART = {"HX-Request": "true", "HX-Target": "section#panel"}


def shift(client: Client, **seconds: float) -> None:
    """Let these instants of the session lie further back."""
    session = client.session
    for name, back in seconds.items():
        session[name] -= back
    session.save()


@pytest.fixture(scope="module")
def member(database: object, published_rules: object) -> str:
    found = new_id("m")
    tell(found)
    return found


def name_of(client: Client) -> str:
    return str(User.objects.get(pk=client.session["_auth_user_id"]).get_username())


def test_whoever_does_nothing_is_signed_out_and_told(settings: Any) -> None:
    client = staff()
    name, key = name_of(client), client.session.session_key
    shift(client, **{SEEN: settings.SESSION_IDLE_AGE - 5})
    assert client.get("/members/").status_code == 200
    shift(client, **{SEEN: settings.SESSION_IDLE_AGE + 5})
    answer = client.get("/members/")
    assert (answer.status_code, answer["Location"]) == (302, "/sign-in/?ended=1&next=/members/")
    assert "You were signed out" in client.get(answer["Location"]).content.decode()
    assert not client.session.exists(key)
    row = AuditEntry.objects.get(who=name, action="sign-out")
    assert row.purpose == "nothing was done"


def test_whoever_works_on_is_signed_out_at_the_end_of_the_day(settings: Any) -> None:
    client = staff()
    name = name_of(client)
    shift(client, **{BEGAN: settings.SESSION_COOKIE_AGE - 5})
    assert client.get("/members/").status_code == 200
    shift(client, **{BEGAN: 10})
    assert client.get("/members/").status_code == 302
    row = AuditEntry.objects.get(who=name, action="sign-out")
    assert row.purpose == "the longest time was over"


def test_working_keeps_one_signed_in_at_a_statement_a_minute() -> None:
    client = staff()
    first = client.session[SEEN]
    client.get("/members/")
    assert client.session[SEEN] == first
    shift(client, **{SEEN: NOTED_S + 1})
    client.get("/members/")
    assert client.session[SEEN] >= first
    assert client.session[BEGAN] == pytest.approx(first, abs=1)


def test_what_a_page_asks_by_itself_keeps_nobody_signed_in(member: str) -> None:
    client = staff()
    shift(client, **{SEEN: NOTED_S + 100})
    before = client.session[SEEN]
    assert client.get(f"/members/{member}/timeline/live/", headers=PART).status_code == 200
    assert client.get("/operations/", headers=PART).status_code == 200
    assert client.session[SEEN] == before
    client.get(f"/members/{member}/timeline/3/", headers=PART)
    assert client.session[SEEN] > before


def test_a_part_of_a_page_leads_the_whole_page_to_the_sign_in(settings: Any, member: str) -> None:
    client = staff()
    shift(client, **{SEEN: settings.SESSION_IDLE_AGE + 5})
    shown = {"HX-Current-URL": f"http://testserver/members/{member}/timeline/2/"}
    answer = client.get(f"/members/{member}/timeline/3/", headers=PART | shown)
    assert answer.status_code == 401
    assert answer["HX-Redirect"].startswith("/sign-in/?ended=1&next=%2Fmembers%2F")


def test_signing_in_begins_a_new_session(settings: Any) -> None:
    name = new_id("user")
    User.objects.create_user(name, password="right-password-1")
    client = Client()
    client.get("/sign-in/")
    session = client.session
    session["planted"] = True
    session.save()
    before = session.session_key
    client.cookies[settings.SESSION_COOKIE_NAME] = before
    client.post("/sign-in/", {"username": name, "password": "right-password-1"})
    assert client.session.session_key != before
    assert not client.session.exists(before)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"


@pytest.mark.parametrize("what", ["disabled", "password"])
def test_a_disabled_person_and_a_new_password_end_every_session(what: str) -> None:
    client = staff()
    user = User.objects.get(pk=client.session["_auth_user_id"])
    assert client.get("/members/").status_code == 200
    if what == "disabled":
        user.is_active = False
    else:
        user.set_password("another-password-1")
    user.save()
    assert client.get("/members/")["Location"].startswith("/sign-in/")
