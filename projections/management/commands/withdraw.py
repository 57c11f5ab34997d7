"""`manage.py withdraw`: what taking a title or a studio back would be, and the doing of it."""

import uuid
from argparse import ArgumentParser
from time import sleep
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from licensing import trail
from projections import withdrawals
from projections.withdrawals import Count, Run, Target

WAIT_S = 0.5


class Command(BaseCommand):
    """Counts a withdrawal, and with --yes begins it and works on it to its end."""

    help = (
        "Count the active licenses of a title or a studio, and show five of them; with --yes take "
        "them back. It can be cut off at any time: --resume goes on, and no license is taken back "
        "twice. More than PLAYHEAD_WITHDRAW_ALONE licenses wait for a second person on the page."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What, why, and whether to do it."""
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--title", metavar="ID", help="the id of a title")
        what.add_argument("--studio", metavar="NAME", help="the name of a studio")
        what.add_argument("--resume", metavar="ID", type=uuid.UUID, help="one that was cut off")
        parser.add_argument("--reason", default="", help="stands in every history it concerns")
        parser.add_argument("--case", default="", help="the number of a case")
        parser.add_argument("--yes", action="store_true", help="do it; without, only count")

    def handle(self, *args: Any, **options: Any) -> None:
        """The dry run; or all of it, with a progress bar."""
        tqdm.monitor_interval = 0
        if options["resume"]:
            run = withdrawals.resume(options["resume"])
            if run is None:
                raise CommandError("There is no such withdrawal.")
        else:
            begun = self._begun(options)
            if begun is None:
                return
            run = begun
        self.stdout.write(f"Withdrawal {run.id}")
        if run.state == "asked":
            self.stdout.write(f"It waits for a second person at /withdrawals/{run.id}/")
            return
        self._work(run, quiet=options["verbosity"] == 0)

    def _begun(self, options: dict[str, Any]) -> Run | None:
        target = Target("title", options["title"])
        if options["studio"]:
            target = Target("studio", options["studio"])
        now = timezone.now()
        count = withdrawals.count(target, until=now, now=now)
        self._tell(count)
        if not options["yes"]:
            self.stdout.write("Nothing was written. With --yes they are taken back.")
            return None
        if not options["reason"].strip():
            raise CommandError("Say why with --reason.")
        who, run_id = trail.at_the_command_line(), uuid.uuid4()
        trail.record(
            who, "act", f"{target.kind}:{target.name}", purpose="withdraw, begin",
            reason=options["reason"], case=options["case"], withdrawal=str(run_id),
            licenses=count.licenses, members=count.members,
        )  # fmt: skip
        return withdrawals.begin(
            run_id, target, until=now, reason=options["reason"][:500], case=options["case"][:40],
            shown=count.licenses, members=count.members, who=who, who_id=f"command:{who.who}",
            second=count.licenses > int(settings.WITHDRAW_ALONE),
        )  # fmt: skip

    def _tell(self, count: Count) -> None:
        self.stdout.write(f"{count.licenses:,} active licenses of {count.members:,} members")
        for each in count.sample:
            title = each.title_name or each.title_id
            self.stdout.write(f"  {each.member_id}  {title}, until {each.expires_at:%Y-%m-%d}")

    def _work(self, run: Run, *, quiet: bool) -> None:
        quiet = quiet or not self.stderr.isatty()
        with tqdm(desc="Withdrawing", unit=" licenses", file=self.stderr, disable=quiet) as bar:
            while not run.over:
                # A worker may have it in hand, or the license index has to catch up first.
                if withdrawals.work(seconds=1, run_id=run.id) is None:
                    sleep(WAIT_S)
                run = withdrawals.find(run.id) or run
                if run.gathered:
                    bar.total = run.found
                elif not run.over:
                    sleep(WAIT_S)
                bar.update(run.ended - bar.n)
        self.stdout.write(
            f"{run.state}: {run.withdrawn:,} taken back, {run.gone:,} already gone, "
            f"{run.refused:,} refused"
        )
        if run.state == "failed":
            raise CommandError(run.error)
