"""`manage.py doctor`: is everything as it must be, and what to do if not."""

from argparse import ArgumentParser
from typing import Any

import msgspec
from django.core.management.base import BaseCommand
from tqdm import tqdm

from licensing.audit import Finding, Progress
from projections import doctor

MARKS = {"ok": "ok     ", "warning": "warning", "failed": "FAILED "}


class Command(BaseCommand):
    """Examines store, projections and server."""

    help = (
        "Examine the store, the projections and the server: gapless feeds, true heads, hash "
        "chains, keyframes, checkpoints, settings, rights, readable events. Ends with status 1 "
        "when something failed. Changes nothing; may run beside a working product."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """How much, and for whom."""
        parser.add_argument("--full", action="store_true", help="recompute every hash chain")
        parser.add_argument(
            "--sample", type=int, default=doctor.SAMPLE, metavar="N",
            help=f"streams and keyframes to recompute (default {doctor.SAMPLE})",
        )  # fmt: skip
        parser.add_argument("--json", action="store_true", help="one JSON object, for machines")
        parser.add_argument("--strict", action="store_true", help="status 1 for warnings too")

    def handle(self, *args: Any, **options: Any) -> None:
        """Prints each finding as it is made."""
        tqdm.monitor_interval = 0
        found: list[Finding] = []
        progress = self._progress if self.stderr.isatty() and not options["json"] else None
        for finding in doctor.examine(
            full=options["full"], sample=options["sample"], progress=progress
        ):
            found.append(finding)
            if not options["json"]:
                self.stdout.write(f"{MARKS[finding.status]}  {finding.title}: {finding.said}")
                if finding.todo:
                    self.stdout.write(f"         {finding.todo}")
        failed = sum(finding.status == "failed" for finding in found)
        warned = sum(finding.status == "warning" for finding in found)
        bad = failed or (options["strict"] and warned)
        if options["json"]:
            whole = {"ok": not bad, "failed": failed, "warnings": warned, "findings": found}
            self.stdout.write(msgspec.json.format(msgspec.json.encode(whole), indent=2).decode())
        if bad:
            raise SystemExit(1)

    def _progress(self, name: str) -> Progress:
        bar = tqdm(desc=name, unit="", file=self.stderr, leave=False)

        def tell(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)
            if done == total:
                bar.close()

        return tell
