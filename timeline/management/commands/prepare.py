"""`manage.py prepare`: everything between a bare database and a product ready to be served."""

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from licensing import readability
from licensing.demo import play
from projections import jobs, runner
from timeline import demo_access, demo_people


class Command(BaseCommand):
    help = "Migrate, collect the static files, and with --demo play the demo into an empty store."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--demo", action="store_true", help="demo history, sign-ins and key")
        parser.add_argument("--url", default="", help="the address to write in demo.json")
        parser.add_argument("--members", help="for play_demo")
        parser.add_argument("--months", help="for play_demo")
        parser.add_argument("--seed", help="for play_demo")

    def handle(self, *args: Any, **options: Any) -> None:
        self._say("bringing the database up to date")
        call_command("migrate", verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
        self._check_events()
        demo_access.ensure_roles()
        if options["demo"]:
            self._play(options)
            demo_access.ensure_demo_access(options["url"])

    def _check_events(self) -> None:
        """Not fatal: members without such events are served as ever."""
        for kind in readability.unreadable():
            self._say(f"this build cannot read {kind}")

    def _play(self, options: dict[str, Any]) -> None:
        """Into an empty store, or onward where a start was cut off."""
        standing, _ = play.standing()
        if standing not in ("empty", "unfinished"):
            return
        self._say("playing the demo history")
        size = [
            f"--{name}={options[name]}"
            for name in ("members", "months", "seed")
            if options[name] is not None
        ]
        call_command("play_demo", *size)
        self._say("bringing the read models up to date")
        runner.catch_up()
        jobs.sweep(timezone.now())
        runner.catch_up()
        demo_people.ensure_profiles()

    def _say(self, line: str) -> None:
        self.stdout.write(f"playhead: {line}")
        self.stdout.flush()
