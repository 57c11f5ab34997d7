"""In production, which is wherever another machine may come: HTTPS, and nothing to warn of."""

import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.test import Client

import timeline
from tests.web.api_client import ApiClient
from timeline.models import ApiKey

ROOT = Path(timeline.__file__).parents[1]


def read_settings(monkeypatch: pytest.MonkeyPatch, **environment: str) -> dict[str, Any]:
    """The settings as this environment makes them."""
    for name in ("PLAYHEAD_HOSTS", "PLAYHEAD_ORIGINS", "PLAYHEAD_HTTPS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return runpy.run_path(str(ROOT / "timeline" / "settings.py"))


@pytest.mark.parametrize(
    ("environment", "secure"),
    [
        ({}, False),
        ({"PLAYHEAD_HOSTS": "localhost,127.0.0.1"}, False),
        ({"PLAYHEAD_HOSTS": "playhead.example"}, True),
        ({"PLAYHEAD_HOSTS": "localhost,playhead.example"}, True),
        ({"PLAYHEAD_HOSTS": "*"}, True),
        ({"PLAYHEAD_ORIGINS": "https://playhead.example"}, True),
        ({"PLAYHEAD_HOSTS": "playhead.example", "PLAYHEAD_HTTPS": "0"}, False),
        ({"PLAYHEAD_HTTPS": "1"}, True),
    ],
)
def test_cookies_are_secure_wherever_another_machine_may_come(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], secure: bool
) -> None:
    made = read_settings(monkeypatch, **environment)
    assert made.get("SESSION_COOKIE_SECURE", False) is secure
    assert made.get("CSRF_COOKIE_SECURE", False) is secure
    assert made.get("SECURE_SSL_REDIRECT", False) is secure
    assert made.get("SESSION_COOKIE_NAME", "sessionid") == (
        "__Host-session" if secure else "sessionid"
    )
    assert made["DEBUG"] is False


def test_django_has_nothing_to_warn_of() -> None:
    environment = {**os.environ, "PLAYHEAD_HOSTS": "playhead.example"}
    environment |= {"DJANGO_SETTINGS_MODULE": "timeline.settings"}
    environment.pop("DJANGO_ALLOW_ASYNC_UNSAFE", None)  # of the browser's tests only
    checked = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stderr


def test_passwords_are_kept_by_argon2_and_none_is_a_common_one(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    made = read_settings(monkeypatch)
    settings.PASSWORD_HASHERS = made["PASSWORD_HASHERS"]
    kept = make_password("a long enough word")
    assert kept.startswith("argon2$argon2id$")
    assert check_password("a long enough word", kept)
    settings.AUTH_PASSWORD_VALIDATORS = made["AUTH_PASSWORD_VALIDATORS"]
    validate_password("a long enough word")
    for known in ("123123123123", "eleven char"):
        with pytest.raises(ValidationError):
            validate_password(known)


def test_secrets_made_on_first_use_are_for_the_owners_eyes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("PLAYHEAD_SECRET_KEY", "PLAYHEAD_DATA_KEY"):
        monkeypatch.delenv(name, raising=False)
    made = read_settings(monkeypatch, PLAYHEAD_HOME=str(tmp_path))
    for setting, name in (("SECRET_KEY", "secret_key"), ("DATA_KEY", "data_key")):
        path = tmp_path / name
        assert path.stat().st_mode & 0o777 == 0o600
        assert made[setting] == path.read_text()
        assert len(made[setting]) == 64
    again = read_settings(monkeypatch, PLAYHEAD_HOME=str(tmp_path))
    assert (again["SECRET_KEY"], again["DATA_KEY"]) == (made["SECRET_KEY"], made["DATA_KEY"])


@pytest.fixture
def production(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    made = read_settings(monkeypatch, PLAYHEAD_HOSTS="testserver")
    for name in made:
        if name.startswith(("SECURE_", "SESSION_COOKIE_", "CSRF_COOKIE_")):
            setattr(settings, name, made[name])
    return settings


def test_a_page_is_led_to_https_and_told_to_stay_there(production: Any) -> None:
    answer = Client().get("/sign-in/?next=/members/")
    assert answer.status_code == 301
    assert answer["Location"] == "https://testserver/sign-in/?next=/members/"
    page = Client().get("/sign-in/", headers={"X-Forwarded-Proto": "https"})
    assert page.status_code == 200
    assert page["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"
    cookie = page.cookies["__Host-csrf"]
    assert cookie["secure"]
    assert cookie["path"] == "/"
    assert not cookie["domain"]


def test_a_key_in_plain_text_is_refused_and_not_led_on(production: Any) -> None:
    api = ApiClient(ApiKey.issue("production")[1])
    answer = api.send("GET", "/members/m-1")
    assert answer.status_code == 403
    assert answer.json()["code"] == "https_required"
    assert api.send("GET", "/members", X_Forwarded_Proto="https").status_code == 200


def test_whoever_asks_how_we_are_may_ask_from_beside_us(production: Any) -> None:
    assert Client().get("/healthz").status_code == 200
    assert Client().get("/readyz").status_code in (200, 503)
