"""`manage.py serve`: the whole product on this machine, until it is told to stop."""

from typing import Any

from django.core.management.base import BaseCommand

from timeline import launcher


class Command(BaseCommand):
    help = "Start database, web, worker and beat; stop them all on Ctrl-C or SIGTERM."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        raise SystemExit(launcher.serve())
