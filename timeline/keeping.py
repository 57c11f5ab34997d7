"""Issues, rotates and revokes keys of the API: each change is noted, or is not made."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, Protocol

from django.db import transaction
from django.utils import timezone

from timeline.models import MOST_A_SECOND, ApiKey

DAYS = 90
MOST_DAYS = 3650
MOST_KEPT_HOURS = 24 * 30


class CannotBe(ValueError):
    """What was asked for, and why it cannot be; `field` is the argument that is wrong."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field}: {why}" if field else why)
        self.field = field
        self.why = why


class Note(Protocol):
    """Writes the row: `note("issue", key, instead_of="...")`; raises NotNoted."""

    def __call__(self, deed: str, key: ApiKey, /, **more: Any) -> None: ...


def issue(
    note: Note,
    name: str,
    scopes: Iterable[str],
    *,
    days: int = DAYS,
    rate: int | None = None,
    key_id: str | None = None,
) -> tuple[ApiKey, str]:
    """A new key and its secret, which nothing can show again; raises CannotBe.

    `key_id`, which `ApiKey.new_id` makes, lets one form issue one key, however often it is sent.
    """
    name = name.strip()
    if not name or len(name) > 100 or not name.isprintable():
        raise CannotBe("name", "1 to 100 printable characters")
    if rate is not None and not 1 <= rate <= MOST_A_SECOND:
        raise CannotBe("rate", f"1 to {MOST_A_SECOND}")
    end = _end(days)
    with transaction.atomic():
        _refuse_known(key_id)
        key, secret = ApiKey.issue(name, scopes, expires_at=end, rate=rate, key_id=key_id)
        note("issue", key)
    return key, secret


def rotate(
    note: Note,
    old_id: str,
    *,
    days: int = DAYS,
    keep_hours: int = 0,
    key_id: str | None = None,
) -> tuple[ApiKey, str]:
    """A key with the name, scopes and rate of another one, which ends now or in some hours.

    Raises CannotBe, and ApiKey.DoesNotExist.
    """
    end, now = _end(days), timezone.now()
    if not 0 <= keep_hours <= MOST_KEPT_HOURS:
        raise CannotBe("keep_hours", f"0 to {MOST_KEPT_HOURS}")
    with transaction.atomic():
        old = _locked(old_id)
        _refuse_known(key_id)
        if not old.usable(now):
            raise CannotBe("", f"{old.pk}: is revoked or expired; issue a new key")
        new, secret = ApiKey.issue(
            old.name, old.scopes, expires_at=end, rate=old.rate, key_id=key_id
        )
        if keep_hours:
            until = now + timedelta(hours=keep_hours)
            old.expires_at = min(old.expires_at or until, until)
            old.save(update_fields=["expires_at"])
        else:
            old.revoke()
        note("rotate", new, instead_of=old.pk)
    return new, secret


def revoke(note: Note, key_id: str) -> ApiKey:
    """Ends a key, from the next request on; raises ApiKey.DoesNotExist."""
    with transaction.atomic():
        key = _locked(key_id)
        if key.revoked_at is None:
            key.revoke()
            note("revoke", key)
    return key


def noted_by(record: Callable[..., None], where: str) -> Note:
    """How `record` (`audit.record`, `trail.record`, without who) notes a deed at a place."""

    def note(deed: str, key: ApiKey, /, **more: Any) -> None:
        scopes = list(key.scopes)
        record("key", f"key:{key.pk}", purpose=f"{where} {deed}", scopes=scopes, **more)

    return note


def _end(days: int) -> datetime:
    if not 1 <= days <= MOST_DAYS:
        raise CannotBe("days", f"1 to {MOST_DAYS}")
    return timezone.now() + timedelta(days=days)


def _locked(key_id: str) -> ApiKey:
    return ApiKey.objects.select_for_update().get(pk=key_id)


def _refuse_known(key_id: str | None) -> None:
    if key_id is not None and ApiKey.objects.filter(pk=key_id).exists():
        raise CannotBe("", f"{key_id} was issued already; its secret cannot be shown again")
