"""`manage.py prepare_server`: makes the three roles and the database on a PostgreSQL of yours."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from timeline import given


class Command(BaseCommand):
    help = (
        "On a PostgreSQL 15 or newer of yours, make the roles playhead_owner (migrates), "
        "playhead_app (works, and can change no history) and playhead_broker (the queue), the "
        "database and the rights, and print the environment to run with. What is there stays."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "admin", help="how to connect as somebody who may create roles and databases, for "
            "example postgresql://postgres@db.example.com/postgres",
        )  # fmt: skip
        parser.add_argument("--database", default="playhead", help="its name (default playhead)")
        parser.add_argument(
            "--new-passwords", action="store_true", help="for roles that are there already, too"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            environment = given.prepare(
                options["admin"], options["database"], new_passwords=options["new_passwords"]
            )
        except given.CannotPrepare as error:
            raise CommandError(str(error)) from None
        for name, value in environment.items():
            self.stdout.write(f"{name}={value}")
