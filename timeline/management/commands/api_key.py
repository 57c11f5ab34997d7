"""`manage.py api_key`: issues, lists, rotates and revokes the keys of the API."""

from argparse import ArgumentParser
from functools import partial
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from licensing import trail
from timeline import keeping
from timeline.models import SCOPES, ApiKey


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
        record = partial(trail.record, trail.at_the_command_line())
        self.note = keeping.noted_by(record, "manage.py api_key")
        try:
            getattr(self, f"_{options['todo']}")(options)
        except keeping.CannotBe as error:
            raise CommandError(_said(error)) from None
        except ApiKey.DoesNotExist:
            raise CommandError(f"{options['key']}: no such key") from None
        except trail.NotNoted as error:
            raise CommandError(str(error)) from None

    def _issue(self, options: dict[str, Any]) -> None:
        given = {"days": options["days"], "rate": options["rate"]}
        self._show(*keeping.issue(self.note, options["name"], options["scopes"], **given))

    def _list(self, options: dict[str, Any]) -> None:
        now = timezone.now()
        for key in ApiKey.objects.all():
            end = f"until {key.expires_at:%Y-%m-%d %H:%M} UTC" if key.expires_at else "without end"
            if key.revoked_at:
                end = f"revoked {key.revoked_at:%Y-%m-%d %H:%M} UTC"
            elif not key.usable(now):
                end = f"expired {key.expires_at:%Y-%m-%d %H:%M} UTC"
            rate = f"{key.requests_a_second()}/s"
            self.stdout.write(f"{key.pk}  {end}  {rate}  {','.join(key.scopes)}  {key.name}")

    def _rotate(self, options: dict[str, Any]) -> None:
        given = {"days": options["days"], "keep_hours": options["keep_hours"]}
        self._show(*keeping.rotate(self.note, options["key"], **given))

    def _revoke(self, options: dict[str, Any]) -> None:
        key = keeping.revoke(self.note, options["key"])
        self.stdout.write(f"{key.pk} is revoked")

    def _show(self, key: ApiKey, secret: str) -> None:
        self.stderr.write(f"{key.pk} is issued; this is the only time that its secret is shown:")
        self.stdout.write(secret)


def _add_days(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--days",
        type=int,
        default=keeping.DAYS,
        metavar="N",
        help=f"how long it works (default {keeping.DAYS})",
    )


def _said(error: keeping.CannotBe) -> str:
    option = "" if error.field in ("", "name") else "--"
    return f"{option}{error}".replace("_", "-")
