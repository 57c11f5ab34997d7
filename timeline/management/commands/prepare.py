"""`manage.py prepare`: everything between a bare database and a product ready to be served."""

from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser

from licensing import connection, store
from timeline import demo_access
from timeline.views.health import DEMO_MARK


class Command(BaseCommand):
    help = "Migrate, collect the static files, and with --demo play the demo into an empty store."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--demo", action="store_true", help="demo history, sign-ins and key")
        parser.add_argument("--url", default="", help="the address to write in demo.json")
        parser.add_argument("--members", type=int)
        parser.add_argument("--months", type=int)
        parser.add_argument("--seed", type=int)

    def handle(self, *args: Any, **options: Any) -> None:
        self._say("bringing the database up to date")
        call_command("migrate", verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
        demo_access.ensure_roles()
        if not options["demo"]:
            return
        chosen = {
            name: options[name]
            for name in ("members", "months", "seed")
            if options[name] is not None
        }
        self._play(chosen)
        demo_access.ensure_demo_access(options["url"])

    def _play(self, chosen: dict[str, int]) -> None:
        """Into an empty store, or onward where a start was cut off: the mark says which."""
        mark = settings.HOME / DEMO_MARK
        empty = not any(store.bucket_heads(connection.for_reading()).values())
        if not empty and not mark.exists():
            return
        self._say("playing the demo history" if empty else "playing the demo history to its end")
        mark.touch()
        call_command("play_demo", **chosen)
        mark.unlink()

    def _say(self, line: str) -> None:
        self.stdout.write(f"playhead: {line}")
        self.stdout.flush()
