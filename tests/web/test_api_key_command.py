"""Keys are issued, rotated and revoked by command; the secret is shown once, and all is noted."""

import io
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from licensing import trail
from licensing.models import AuditEntry
from tests.conftest import new_id
from tests.web.api_client import ApiClient
from timeline.models import ApiKey


def run(*given: str) -> str:
    out = io.StringIO()
    call_command("api_key", *given, stdout=out, stderr=io.StringIO())
    return out.getvalue().strip()


def issued(*options: str, scope: str = "feed:read") -> tuple[ApiKey, str]:
    name = new_id("tool")
    secret = run("issue", name, "--scope", scope, *options)
    return ApiKey.objects.get(name=name), secret


def answer(secret: str, path: str = "/events") -> int:
    return ApiClient(secret).get(path)[0]


def test_an_issued_key_does_what_it_was_issued_for_and_no_more() -> None:
    key, secret = issued()
    assert answer(secret) == 200
    assert answer(secret, "/jobs") == 403
    assert key.expires_at is not None
    assert timedelta(days=89) < key.expires_at - timezone.now() <= timedelta(days=90)


def test_the_secret_is_shown_once_and_noted_nowhere() -> None:
    key, secret = issued()
    assert secret not in run("list")
    assert key.pk in run("list")
    noted = AuditEntry.objects.get(action="key", subject=f"key:{key.pk}")
    assert noted.purpose == "manage.py api_key issue"
    assert secret not in str(vars(noted))
    assert secret.encode() not in bytes(key.secret_hash)


def test_a_rotated_key_gives_way_at_once() -> None:
    old, secret = issued()
    renewed = run("rotate", old.pk)
    assert (answer(secret), answer(renewed)) == (401, 200)
    new = ApiKey.objects.exclude(pk=old.pk).get(name=old.name)
    assert new.scopes == old.scopes
    noted = AuditEntry.objects.get(action="key", subject=f"key:{new.pk}")
    assert noted.detail["instead_of"] == old.pk


def test_a_rotated_key_may_go_on_for_a_while_but_never_longer_than_before() -> None:
    old, secret = issued()
    renewed = run("rotate", old.pk, "--keep-hours", "2")
    assert (answer(secret), answer(renewed)) == (200, 200)
    old.refresh_from_db()
    assert old.usable(timezone.now() + timedelta(hours=1))
    assert not old.usable(timezone.now() + timedelta(hours=3))
    short, _ = issued("--days", "1")
    before = short.expires_at
    run("rotate", short.pk, "--keep-hours", "48")
    short.refresh_from_db()
    assert short.expires_at == before


def test_a_revoked_key_is_refused_from_the_next_request_on() -> None:
    key, secret = issued()
    assert answer(secret) == 200
    run("revoke", key.pk)
    assert answer(secret) == 401
    run("revoke", key.pk)  # once more changes nothing
    revoked = AuditEntry.objects.filter(subject=f"key:{key.pk}", purpose__endswith="revoke")
    assert revoked.count() == 1
    assert "revoked" in next(line for line in run("list").splitlines() if key.pk in line)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["issue", " ", "--scope", "feed:read"], "name"),
        (["issue", "x" * 101, "--scope", "feed:read"], "name"),
        (["issue", "tool", "--scope", "everything"], "invalid choice"),
        (["issue", "tool", "--scope", "feed:read", "--days", "0"], "--days"),
        (["rotate", "notthere"], "no such key"),
        (["revoke", "notthere"], "no such key"),
    ],
)
def test_what_cannot_be_done_changes_nothing(given: list[str], said: str) -> None:
    before = ApiKey.objects.count()
    with pytest.raises(CommandError, match=said):
        run(*given)
    assert ApiKey.objects.count() == before


def test_an_ended_key_is_not_rotated() -> None:
    key, _ = issued()
    run("revoke", key.pk)
    with pytest.raises(CommandError, match="revoked or expired"):
        run("rotate", key.pk)


def test_what_cannot_be_noted_does_not_happen(monkeypatch: pytest.MonkeyPatch) -> None:
    key, secret = issued()

    def broken(*_: Any, **__: Any) -> None:
        raise trail.NotNoted("the audit trail cannot be written")

    monkeypatch.setattr(trail, "record", broken)
    before = ApiKey.objects.count()
    with pytest.raises(CommandError, match="audit trail"):
        issued()
    with pytest.raises(CommandError, match="audit trail"):
        run("revoke", key.pk)
    key.refresh_from_db()
    assert (ApiKey.objects.count(), key.revoked_at) == (before, None)
    monkeypatch.undo()
    assert answer(secret) == 200
