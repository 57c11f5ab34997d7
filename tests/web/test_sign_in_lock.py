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
