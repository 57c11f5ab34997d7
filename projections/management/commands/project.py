"""Brings the projections to the head of the feed, follows it, or says how far they are."""

import signal
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from projections import parking, runner
from projections.lag import lag
from projections.registry import PROJECTORS, named


class Command(BaseCommand):
    help = (
        "Apply new events to the read models. With --once until they are level, with --forever "
        "until interrupted; any number may run at once, beside the Celery workers or instead of "
        "them. `status` (the default) shows how far each projection is."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "action",
            nargs="?",
            choices=["status"],
            default="status",
            help="show state, exact lag and parked streams",
        )
        mode = parser.add_mutually_exclusive_group()
        mode.add_argument("--once", action="store_true", help="catch up with the feed, then exit")
        mode.add_argument("--forever", action="store_true", help="follow the feed until Ctrl-C")
        mode.add_argument(
            "--rebuild",
            metavar="NAME",
            choices=[projector.name for projector in PROJECTORS],
            help="fold NAME anew from its first event, bucket by bucket, while it stays readable",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["rebuild"]:
            runner.rebuild(named(options["rebuild"]))
        if options["rebuild"] or options["once"]:
            self.stdout.write(f"{runner.catch_up()} events applied, counted per projection")
        elif options["forever"]:
            self._follow()
        else:
            self._status()

    def _follow(self) -> None:
        stopped: list[int] = []
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda received, frame: stopped.append(received))
        self.stdout.write("Following the feed; Ctrl-C stops.")
        runner.forever(lambda: bool(stopped))

    def _status(self) -> None:
        for item in lag():
            behind = f"{item['lag']['events']} events, {item['lag']['seconds']:.1f} s behind"
            self.stdout.write(f"{item['name']:20} {item['state']:10} {behind}")
        for parked in parking.listing():
            at = f"{parked.stream_id} from version {parked.version}"
            tries = f"{parked.attempts} attempts"
            self.stdout.write(f"parked: {parked.projection} {at}, {tries}: {parked.error}")
