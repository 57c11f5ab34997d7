"""`manage.py api_key`: issues, lists, rotates and revokes the keys of the API."""

from argparse import ArgumentParser
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from licensing import trail
from timeline.models import MOST_A_SECOND, SCOPES, ApiKey

DAYS = 90
MOST_DAYS = 3650


class Command(BaseCommand):
    """Keeps the keys; each change is noted in the audit trail, or it does not happen."""

    help = (
        "Issue, list, rotate and revoke keys of the API. A secret is shown once, when the key is "
        "issued or rotated, and nothing can show it again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One word for what to do, and what that needs."""
        todo = parser.add_subparsers(dest="todo", required=True)
        issue = todo.add_parser("issue", help="make a key")
        issue.add_argument("name", help="who will use it; at most 100 characters")
        issue.add_argument(
            "--scope", action="append", required=True, choices=SCOPES, dest="scopes",
            help="what it may do; may be given several times",
        )  # fmt: skip
        issue.add_argument(
            "--rate", type=int, metavar="N",
            help=f"requests a second (default {settings.KEY_RATE}, or what PLAYHEAD_KEY_RATE says)",
        )  # fmt: skip
        _add_days(issue)
        todo.add_parser("list", help="all keys, without their secrets")
        rotate = todo.add_parser("rotate", help="a new key with the same name, scopes and rate")
        rotate.add_argument("key", help="the eight characters of its id")
        rotate.add_argument(
            "--keep-hours", type=int, default=0, metavar="N",
            help="let the old key work so much longer (default 0)",
        )  # fmt: skip
        _add_days(rotate)
        revoke = todo.add_parser("revoke", help="end a key, from the next request on")
        revoke.add_argument("key", help="the eight characters of its id")

    def handle(self, *args: Any, **options: Any) -> None:
        """Ends with status 1, changing nothing, for what cannot be done."""
        try:
            with transaction.atomic():
                getattr(self, f"_{options['todo']}")(options, timezone.now())
        except trail.NotNoted as error:
            raise CommandError(str(error)) from None

    def _issue(self, options: dict[str, Any], now: datetime) -> None:
        name = options["name"].strip()
        if not name or len(name) > 100 or not name.isprintable():
            raise CommandError("name: 1 to 100 printable characters")
        rate, end = options["rate"], _end(options["days"], now)
        if rate is not None and not 1 <= rate <= MOST_A_SECOND:
            raise CommandError(f"--rate: 1 to {MOST_A_SECOND}")
        key, secret = ApiKey.issue(name, options["scopes"], expires_at=end, rate=rate)
        _note("issue", key)
        self._show(key, secret)

    def _list(self, options: dict[str, Any], now: datetime) -> None:
        for key in ApiKey.objects.all():
            end = f"until {key.expires_at:%Y-%m-%d %H:%M} UTC" if key.expires_at else "without end"
            if key.revoked_at:
                end = f"revoked {key.revoked_at:%Y-%m-%d %H:%M} UTC"
            elif not key.usable(now):
                end = f"expired {key.expires_at:%Y-%m-%d %H:%M} UTC"
            rate = f"{key.requests_a_second()}/s"
            self.stdout.write(f"{key.pk}  {end}  {rate}  {','.join(key.scopes)}  {key.name}")

    def _rotate(self, options: dict[str, Any], now: datetime) -> None:
        old = _found(options["key"])
        if not old.usable(now):
            raise CommandError(f"{old.pk}: is revoked or expired; issue a new key")
        if not 0 <= options["keep_hours"] <= 24 * 30:
            raise CommandError("--keep-hours: 0 to 720")
        end = _end(options["days"], now)
        new, secret = ApiKey.issue(old.name, old.scopes, expires_at=end, rate=old.rate)
        if options["keep_hours"]:
            until = now + timedelta(hours=options["keep_hours"])
            old.expires_at = min(old.expires_at or until, until)
            old.save(update_fields=["expires_at"])
        else:
            old.revoke()
        _note("rotate", new, instead_of=old.pk)
        self._show(new, secret)

    def _revoke(self, options: dict[str, Any], now: datetime) -> None:
        key = _found(options["key"])
        if key.revoked_at is None:
            key.revoke()
            _note("revoke", key)
        self.stdout.write(f"{key.pk} is revoked")

    def _show(self, key: ApiKey, secret: str) -> None:
        self.stderr.write(f"{key.pk} is issued; this is the only time that its secret is shown:")
        self.stdout.write(secret)


def _add_days(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--days", type=int, default=DAYS, metavar="N", help=f"how long it works (default {DAYS})"
    )


def _end(days: int, now: datetime) -> datetime:
    if not 1 <= days <= MOST_DAYS:
        raise CommandError(f"--days: 1 to {MOST_DAYS}")
    return now + timedelta(days=days)


def _found(key_id: str) -> ApiKey:
    key = ApiKey.objects.select_for_update().filter(pk=key_id).first()
    if key is None:
        raise CommandError(f"{key_id}: no such key")
    return key


def _note(what: str, key: ApiKey, **more: Any) -> None:
    who, scopes = trail.at_the_command_line(), list(key.scopes)
    purpose = f"manage.py api_key {what}"
    trail.record(who, "key", f"key:{key.pk}", purpose=purpose, scopes=scopes, **more)
