"""`manage.py import_history`: puts somebody's own history, as JSON lines, into the store."""

import shutil
import sys
import tempfile
from argparse import RawDescriptionHelpFormatter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from licensing import importing

SHOWN = 10

EPILOG = """\
Each line is one JSON object; blank lines are skipped. A command is decided now, by the rules in
force when it occurred (before the first publication, by the first rules):

  {"member": "m-1", "command": "AcquireLicense", "command_id": "c-1",
   "occurred_at": "2026-01-01T10:00:00Z",
   "data": {"title_id": "casablanca", "device_id": "d-1", "title": {"studio": "Warner Bros."}}}

A past event is taken as it is:

  {"member": "m-1", "type": "LicenseReleased", "schema_version": 1,
   "event_id": "9b2d6a52-6f0c-4c0e-8d55-0d2f0a1c7e11",
   "occurred_at": "2026-01-02T08:00:00Z", "recorded_at": "2026-01-02T08:00:05Z",
   "data": {"license_id": "l-1"}, "metadata": {}}

Commands: AcquireLicense, ChangePlan, ExpireLicense, RecordPlayback, RegisterDevice,
ReleaseLicense, RenewLicense; their data are the bodies of the API's calls plus the ids of the
path (license_id, device_id). recorded_at is when it became known (without it: occurred_at), and
the lines of a member come in that order. Instants need an offset, such as Z.

Every line is checked before the first is written. The same file again adds nothing, so an
interrupted import is simply run again.
"""


class Command(BaseCommand):
    """Imports a history."""

    help = "Import histories from JSON lines: commands to decide and past events to keep."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """The parser, with the format of the lines as it is written above."""
        parser = super().create_parser(prog_name, subcommand, epilog=EPILOG, **kwargs)
        parser.formatter_class = RawDescriptionHelpFormatter
        return parser

    def add_arguments(self, parser: CommandParser) -> None:
        """The file."""
        parser.add_argument("file", help="a file of JSON lines, or - for standard input")
        parser.add_argument("--check", action="store_true", help="check every line, write nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        """Check all lines, then write them one by one."""
        tqdm.monitor_interval = 0
        now = datetime.now(UTC)
        with _opened(options["file"]) as file:
            lines = self._check(file, now)
            if options["check"]:
                self.stdout.write(f"{lines:,} lines are fine; nothing was written.")
                return
            file.seek(0)
            tally = self._write(file, now, lines)
        self.stdout.write(
            f"Imported {lines:,} lines: {tally.events:,} new events; commands: "
            f"{tally.accepted:,} accepted, {tally.refused:,} refused, "
            f"{tally.unchanged:,} unchanged; {tally.already:,} were there already."
        )

    def _check(self, file: IO[bytes], now: datetime) -> int:
        faults: list[str] = []
        bad = lines = 0
        for number, raw in enumerate(self._bar(file, "Checking", None), start=1):
            try:
                lines += importing.read_line(number, raw, now=now) is not None
            except importing.BadLine as error:
                bad += 1
                if bad <= SHOWN:
                    faults.append(str(error))
        if bad:
            more = [f"and {bad - SHOWN:,} more"] if bad > SHOWN else []
            head = f"{bad:,} bad line{'s' if bad > 1 else ''}; nothing was imported."
            raise CommandError("\n  ".join([head, *faults, *more]))
        return lines

    def _write(self, file: IO[bytes], now: datetime, lines: int) -> importing.Tally:
        importer = importing.Importer()
        try:
            for line in importing.read_lines(self._bar(file, "Importing", lines), now=now):
                if line is not None:
                    importer.take(line)
            importer.finish()
        except importing.BadLine as error:
            raise CommandError(
                f"{error}\n  The lines before it are imported. Mend it and run the same again."
            ) from error
        return importer.tally

    def _bar(self, file: IO[bytes], name: str, total: int | None) -> Iterator[bytes]:
        bar = tqdm(
            file, desc=name, total=total, unit="line", file=self.stderr,
            disable=not self.stderr.isatty(), dynamic_ncols=True,
        )  # fmt: skip
        return iter(bar)


@contextmanager
def _opened(name: str) -> Iterator[IO[bytes]]:
    """The file; standard input is kept aside, because it is read twice."""
    if name == "-":
        with tempfile.TemporaryFile() as kept:
            shutil.copyfileobj(sys.stdin.buffer, kept)
            kept.seek(0)
            yield kept
        return
    with ExitStack() as stack:
        try:
            file = stack.enter_context(Path(name).open("rb"))
        except OSError as error:
            raise CommandError(f"cannot read {name}: {error.strerror}") from None
        yield file
