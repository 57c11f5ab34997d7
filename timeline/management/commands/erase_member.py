"""`manage.py erase_member`: the person behind a member is gone, and a certificate says so."""

import json
import re
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from licensing import erasing as histories
from licensing import trail
from timeline import erasing
from timeline.http import MEMBER_ID

REQUEST = re.compile(r"[A-Za-z0-9][A-Za-z0-9._#/-]{0,63}", re.ASCII)


class Command(BaseCommand):
    """Erases one member for good."""

    help = (
        "Erase the person behind a member: profile, key, keyframes and rows of read models are "
        "deleted, and further commands are refused. The history keeps its shape and its chain. "
        "Cannot be undone. Prints a certificate as JSON; ends with status 1 if anything is left, "
        "and may then be run again. Other processes forget the key within five seconds."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Whom, on whose request, and where the certificate goes."""
        parser.add_argument("member", help="the member's id")
        parser.add_argument(
            "--request", required=True, metavar="ID",
            help="the number of the request; it is kept for ever, so nothing personal",
        )  # fmt: skip
        parser.add_argument("--yes", action="store_true", help="do not ask before")
        parser.add_argument("--out", metavar="FILE", help="write the certificate there")

    def handle(self, *args: Any, **options: Any) -> None:
        """Ends with status 1 when nothing could be erased, or not all."""
        member, request = options["member"], options["request"]
        if not MEMBER_ID.fullmatch(member):
            raise CommandError(f"{member}: no such member")
        if not REQUEST.fullmatch(request):
            raise CommandError("--request: letters, digits and . _ # / - only, at most 64")
        if not options["yes"] and input(f"Erase {member} for ever? Type the id again: ") != member:
            raise CommandError("nothing was erased")
        who, now = trail.at_the_command_line(), timezone.now()
        try:
            certificate = erasing.erase(member, request, who=who, now=now)
        except (histories.UnknownMember, trail.NotNoted) as error:
            raise CommandError(str(error)) from None
        text = json.dumps(certificate.as_dict(), indent=2)
        self.stdout.write(text)
        if options["out"]:
            Path(options["out"]).write_text(text + "\n")
        if not certificate.complete:
            raise CommandError("not all of it is gone: run this again")
