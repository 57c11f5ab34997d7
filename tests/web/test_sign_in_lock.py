"""Guessing a password locks the name out, with a page that says for how long."""

from django.contrib.auth.models import User
from django.test import Client, override_settings

from tests.conftest import new_id


@override_settings(AXES_ENABLED=True)
def test_guessing_is_locked_out():
    client, name = Client(), new_id("guessed")
    User.objects.create_user(name, password="right-password-1")
    answers = [
        client.post("/sign-in/", {"username": name, "password": "wrong"}).status_code
        for _ in range(5)
    ]
    assert answers == [200, 200, 200, 200, 429]
    locked = client.post("/sign-in/", {"username": name, "password": "right-password-1"})
    assert locked.status_code == 429
    assert b"Too many tries" in locked.content
    assert locked["Retry-After"] == "600"


@override_settings(AXES_ENABLED=True, NAME_FAILURE_LIMIT=8)
def test_guessing_from_many_addresses_locks_the_name():
    name, other = new_id("guessed"), new_id("other")
    for user in (name, other):
        User.objects.create_user(user, password="right-password-1")
    wrong, right = ({"username": name, "password": p} for p in ("wrong", "right-password-1"))
    answers = [
        Client(REMOTE_ADDR=f"192.0.2.{number}").post("/sign-in/", wrong).status_code
        for number in range(8)
    ]
    assert answers == [200] * 7 + [429]
    locked = Client(REMOTE_ADDR="192.0.2.99").post("/sign-in/", right)
    assert locked.status_code == 429
    assert b"Too many tries" in locked.content
    someone = Client(REMOTE_ADDR="192.0.2.1").post("/sign-in/", right | {"username": other})
    assert someone.status_code == 302


@override_settings(AXES_ENABLED=True, NAME_FAILURE_LIMIT=8)
def test_fewer_failures_than_that_leave_the_owner_in():
    name = new_id("forgetful")
    User.objects.create_user(name, password="right-password-1")
    for number in range(7):
        wrong = {"username": name, "password": "wrong"}
        Client(REMOTE_ADDR=f"192.0.2.{number}").post("/sign-in/", wrong)
    right = {"username": name, "password": "right-password-1"}
    assert Client(REMOTE_ADDR="192.0.2.50").post("/sign-in/", right).status_code == 302


@override_settings(AXES_ENABLED=True)
def test_a_wrong_password_and_an_unknown_name_read_the_same():
    name = new_id("known")
    User.objects.create_user(name, password="right-password-1")
    pages = []
    for who in (name, new_id("unknown")):
        answer = Client().post("/sign-in/", {"username": who, "password": "wrong"})
        html = answer.content.decode().replace(who, "NAME")
        pages.append((answer.status_code, html.partition("<form")[2].partition("value=")[0]))
        assert "That name and password do not go together." in html
    assert pages[0] == pages[1]
