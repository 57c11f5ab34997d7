"""Keys of the API, who members are, whom somebody opened last, what support keeps of its work."""

import hashlib
import hmac
import re
import secrets
import zlib
from collections.abc import Iterable
from datetime import datetime
from typing import ClassVar, Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone

from timeline.actions.models import ApprovalRequest, StaffAction, StaffDay

__all__ = ["SCOPES", "ApiKey", "ApprovalRequest", "StaffAction", "StaffDay"]

SCOPES = (
    "member:read",
    "member:write",
    "title:write",
    "feed:read",
    "operations:read",
    "operations:write",
    "rules:read",
    "rules:write",
    "rules:approve",
)
"""What a key may be allowed to do; reading and writing apart, per kind of thing."""

MOST_A_SECOND = 10_000
"""The highest rate that a key may be given."""

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SECRET = re.compile(r"plh_([0-9A-Za-z]{8})_([0-9A-Za-z]{43})([0-9A-Za-z]{6})", re.ASCII)


class ApiKey(models.Model):
    """One key: its secret is shown once, when it is issued, and only its hash is kept."""

    id = models.CharField(primary_key=True, max_length=8, editable=False)
    name = models.CharField(max_length=100)
    secret_hash = models.BinaryField(max_length=32)
    scopes = ArrayField(models.CharField(max_length=32), default=list)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    # Requests a second; without it, as many as the installation gives every key.
    rate = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(MOST_A_SECOND)]
    )

    class Meta:
        verbose_name = "API key"
        ordering: ClassVar[list[str]] = ["created_at", "id"]

    def __str__(self) -> str:
        return f"{self.name} ({self.id})"

    @classmethod
    def issue(
        cls,
        name: str,
        scopes: Iterable[str] = SCOPES,
        *,
        expires_at: datetime | None = None,
        rate: int | None = None,
        key_id: str | None = None,
    ) -> tuple[Self, str]:
        """A new key and its secret, which nothing can show again; `key_id` is one of `new_id`."""
        granted = sorted(set(scopes))
        if unknown := [scope for scope in granted if scope not in SCOPES]:
            raise ValueError(f"unknown scopes: {', '.join(unknown)}")
        key_id = key_id or cls.new_id()
        unsigned = f"plh_{key_id}_{_letters(43)}"
        secret = unsigned + _checksum(unsigned)
        row = cls(
            id=key_id,
            name=name,
            secret_hash=_digest(secret),
            scopes=granted,
            expires_at=expires_at,
            rate=rate,
        )
        row.save(force_insert=True)
        return row, secret

    @staticmethod
    def new_id() -> str:
        """An id for a key that is yet to be issued."""
        return _letters(8)

    @classmethod
    def find(cls, secret: str) -> Self | None:
        """The usable key with this secret; a mistyped one fails its checksum, without a query."""
        parts = _SECRET.fullmatch(secret)
        if parts is None or _checksum(secret[:-6]) != parts[3]:
            return None
        row = cls.objects.filter(pk=parts[1]).first()
        if row is None or not hmac.compare_digest(bytes(row.secret_hash), _digest(secret)):
            return None
        return row if row.usable(timezone.now()) else None

    def usable(self, now: datetime) -> bool:
        """Neither revoked nor past its last day."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    def allows(self, scope: str) -> bool:
        """Whether this key was issued for `scope`."""
        return scope in self.scopes

    def requests_a_second(self) -> int:
        """How many requests this key may send in one second."""
        usual: int = settings.KEY_RATE
        return self.rate or usual

    def revoke(self) -> None:
        """Ends the key, from the next request on."""
        self.revoked_at = timezone.now()
        self.save(update_fields=["revoked_at"])


class MemberProfile(models.Model):
    """Who a member is, encrypted; read and written by `timeline.profiles` alone."""

    member_id = models.CharField(primary_key=True, max_length=64)
    email = models.BinaryField()
    name = models.BinaryField()
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["member_id"]

    def __str__(self) -> str:
        return self.member_id


class KnownEmail(models.Model):
    """The keyed hash of an e-mail that a member has or had."""

    digest = models.BinaryField(max_length=32)
    member_id = models.CharField(max_length=64, db_index=True)
    current = models.BooleanField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["digest", "member_id"], name="known_email_once")
        ]

    def __str__(self) -> str:
        return f"{self.member_id}{'' if self.current else ', formerly'}"


class RecentMember(models.Model):
    """A member whom somebody opened, and when last; a pseudonym, and nothing else of them."""

    user = models.ForeignKey("auth.User", on_delete=models.CASCADE, related_name="+")
    member_id = models.CharField(max_length=64)
    seen_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar[list[str]] = ["-seen_at", "-pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["user", "member_id"], name="recent_member_once")
        ]

    def __str__(self) -> str:
        return self.member_id


def _letters(count: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(count))


def _digest(secret: str) -> bytes:
    # A fast hash is enough: the secret holds 256 bits of chance, so it cannot be guessed from it.
    return hashlib.sha256(secret.encode()).digest()


def _checksum(text: str) -> str:
    number, letters = zlib.crc32(text.encode()), ""
    for _ in range(6):
        number, digit = divmod(number, len(_ALPHABET))
        letters = _ALPHABET[digit] + letters
    return letters
