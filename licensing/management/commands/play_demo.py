"""`manage.py play_demo`: fills an empty store with a believable history, lived through commands."""

import os
import time
from argparse import ArgumentTypeError
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from licensing.demo import play
from licensing.demo.stories import STORIES


class Command(BaseCommand):
    """Plays the demo."""

    help = (
        "Fill an empty store with a believable history: real films, members with habits, and a "
        "few named members whose stories are worth opening. Every event is decided by the "
        "command service. The same options give the same history; an interrupted demo is "
        "played on from where it stopped."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """The size of the demo."""
        parser.add_argument(
            "--members", type=_at_least(len(STORIES)), default=200,
            help=f"members altogether, the {len(STORIES)} named ones included (default 200); "
            "about 57 events each in 18 months, so 17,500 give about a million",
        )  # fmt: skip
        parser.add_argument(
            "--months", type=_at_least(play.FEWEST_MONTHS), default=18,
            help=f"how long the story is, at least {play.FEWEST_MONTHS} (default 18)",
        )  # fmt: skip
        parser.add_argument("--seed", type=int, default=7, help="chance (default 7)")
        parser.add_argument(
            "--until", type=_instant, default=None,
            help="when the story ends, e.g. 2026-11-01T12:00:00Z (default now)",
        )  # fmt: skip
        parser.add_argument(
            "--workers", type=_at_least(1), default=min(2, os.cpu_count() or 1),
            help="processes that live members side by side (default: up to 2)",
        )  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        """Play, play on, or say why not."""
        standing, earlier = play.standing()
        if standing == "finished":
            self.stdout.write("The demo was played already; nothing to do.")
            return
        if standing == "other":
            raise CommandError(
                "The store already holds another history, and the demo plays into an empty one "
                "only. Start with another PLAYHEAD_HOME or database."
            )
        now = datetime.now(UTC).replace(microsecond=0)
        plan = earlier or play.Plan(
            members=options["members"],
            months=options["months"],
            seed=options["seed"],
            until=options["until"] or now,
        )
        if plan.until > now:
            raise CommandError(f"--until {plan.until.isoformat()} is still to come.")
        if earlier is not None:
            self.stdout.write(f"Playing on the demo of {earlier.until:%Y-%m-%d %H:%M} UTC.")
        began = time.monotonic()
        events = self._play(plan, options["workers"])
        seconds = time.monotonic() - began
        self.stdout.write(
            f"Demo played: {plan.members:,} members, {events:,} events in {seconds:.0f} s. "
            f"Open one of: {', '.join(story.member_id for story in STORIES)}."
        )

    def _play(self, plan: play.Plan, workers: int) -> int:
        on_terminal = self.stderr.isatty()
        # A monitoring thread would be one more thing to stop.
        tqdm.monitor_interval = 0
        lived = written = told = 0
        with tqdm(
            total=plan.members, desc="Demo", unit="member", file=self.stderr,
            disable=not on_terminal, dynamic_ncols=True,
        ) as bar:  # fmt: skip

            def progress(members: int, events: int) -> None:
                nonlocal lived, written, told
                lived, written = lived + members, written + events
                bar.set_postfix_str(f"{written:,} events", refresh=False)
                bar.update(members)
                if not on_terminal and lived * 10 // plan.members > told:
                    told = lived * 10 // plan.members
                    self.stderr.write(f"Demo: {lived} of {plan.members} members, {written} events")

            return play.play(plan, workers=min(workers, plan.members), progress=progress)


def _at_least(least: int) -> Any:
    def number(text: str) -> int:
        value = int(text)
        if value < least:
            raise ArgumentTypeError(f"must be at least {least}")
        return value

    return number


def _instant(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no instant") from None
    if found.utcoffset() is None:
        raise ArgumentTypeError(f"{text!r} needs an offset, such as Z")
    return found.astimezone(UTC)
