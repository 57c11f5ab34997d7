"""`manage.py import_history`: puts somebody's own history, as JSON lines, into the store."""

import getpass
import hashlib
import json
import os
import shutil
import sys
import tempfile
from argparse import RawDescriptionHelpFormatter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

from django.core.management.base import BaseCommand, CommandError, CommandParser
from msgspec import to_builtins
from msgspec.structs import asdict, replace
from tqdm import tqdm

from licensing import connection, importing, store
from licensing.management.answering import add_json, answered

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

Commands: AcquireLicense, AddNote, CancelMembership, ChangePlan, DeactivateDevice, ExpireLicense,
ExtendLicense, GrantAllowance, RecordPlayback, RegisterDevice, ReleaseLicense, RenewLicense,
RevokeLicense, WithdrawAllowance, WithdrawExtension; their data are the bodies of the API's calls
plus the ids of the path (license_id, device_id). recorded_at is when it became known (without it:
occurred_at), and the lines of a member come in that order. Instants need an offset, such as Z.

A line with "rules": ID instead of "member" is a past event of a rule set; a line with "answered"
is an old command with its answer, as export_history --commands writes it.

A line that cannot be taken is written to FILE.rejected.jsonl with its number and the reason, and
the later lines of the same member wait there with it, because once they were in, the mended line
would come too late. All others go in. Mend the line in FILE and import it again: what is there
already adds nothing, so an interrupted import is simply run again, too. With --strict every line
is checked first, and one bad line keeps all of them out.
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
        """The file, and what to do about bad lines."""
        parser.add_argument("file", nargs="?", help="a file of JSON lines, or - for standard input")
        parser.add_argument("--check", action="store_true", help="check every line, write nothing")
        parser.add_argument(
            "--strict", action="store_true",
            help="write nothing if any line is bad, and stop at the first that cannot go in",
        )  # fmt: skip
        parser.add_argument(
            "--rejects", metavar="PATH",
            help="where rejected lines go (default FILE.rejected.jsonl, rejected.jsonl for -)",
        )  # fmt: skip
        parser.add_argument(
            "--list", action="store_true", help="list what was imported, from where and when"
        )
        add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Ends with status 1 when a line was rejected."""
        tqdm.monitor_interval = 0
        report: dict[str, Any] = {}
        with answered(self.stdout, report, wanted=options["json"]):
            if options["list"]:
                self._list(report, options)
            else:
                report |= {
                    "file": options["file"], "batch": None, "lines": 0,
                    **asdict(importing.Tally()), "rejects": None, "faults": [],
                }  # fmt: skip
                self._take(report, options)

    def _take(self, report: dict[str, Any], options: dict[str, Any]) -> None:
        if not options["file"]:
            raise CommandError("name a file of JSON lines, or - for standard input (see --help)")
        now = datetime.now(UTC)
        with _opened(options["file"]) as file:
            if options["check"] or options["strict"]:
                self._check(file, now, report)
                if options["check"]:
                    if not options["json"]:
                        lines = report["lines"]
                        self.stdout.write(f"{lines:,} lines are fine; nothing was written.")
                    return
                file.seek(0)
            self._import(file, now, report, options)

    def _check(self, file: IO[bytes], now: datetime, report: dict[str, Any]) -> None:
        faults = report["faults"]
        bad = lines = 0
        for number, raw in enumerate(self._bar(file, "Checking"), start=1):
            try:
                lines += importing.read_line(number, raw, now=now) is not None
            except importing.BadLine as error:
                bad += 1
                if bad <= SHOWN:
                    faults.append({"line": error.number, "error": error.why})
        report |= {"lines": lines, "rejected": bad}
        if bad:
            more = [f"and {bad - SHOWN:,} more"] if bad > SHOWN else []
            head = f"{bad:,} bad line{'s' if bad > 1 else ''}; nothing was imported."
            raise CommandError("\n  ".join([head, *map(_words, faults), *more]))

    def _import(
        self, file: IO[bytes], now: datetime, report: dict[str, Any], options: dict[str, Any]
    ) -> None:
        digest = hashlib.sha256()
        while chunk := file.read(1 << 20):
            digest.update(chunk)
        file.seek(0)
        batch = store.ImportBatch(uuid4(), options["file"], digest.digest(), getpass.getuser(), now)
        name = "" if options["file"] == "-" else f"{options['file']}."
        path = Path(options["rejects"] or f"{name}rejected.jsonl")
        report["batch"] = str(batch.id)
        with Rejects(path, report["faults"], strict=options["strict"]) as rejects:
            importer = importing.Importer(rejects.add)
            lines = 0
            self._keep(batch, lines, importer.tally)
            try:
                for number, raw in enumerate(self._bar(file, "Importing"), start=1):
                    try:
                        line = importing.read_line(number, raw, now=now)
                    except importing.BadLine as error:
                        importer.bad(error, raw)
                        continue
                    if line is not None:
                        lines += 1
                        importer.take(line)
                importer.finish()
            except store.StoreError as error:
                raise CommandError(f"{error}; run the same again to go on") from error
            except Stopped as error:
                raise CommandError(
                    f"{error}\n  What was written by then stays. Mend it and run the same again."
                ) from None
            finally:
                report |= {"lines": lines, **asdict(importer.tally)}
                report["rejects"] = str(path) if rejects.begun else None
        tally = importer.tally
        self._keep(batch, lines, tally, finished_at=datetime.now(UTC))
        if not options["json"]:
            self.stdout.write(
                f"Imported {lines:,} lines: {tally.events:,} new events; commands: "
                f"{tally.accepted:,} accepted, {tally.refused:,} refused, "
                f"{tally.unchanged:,} unchanged; {tally.already:,} were there already."
            )
        if tally.rejected:
            more = tally.rejected - len(rejects.first)
            head = f"{tally.rejected:,} lines were rejected; they are in {rejects.path}"
            rest = [f"and {more:,} more"] if more else []
            raise CommandError("\n  ".join([head, *map(_words, rejects.first), *rest]))

    def _keep(
        self,
        batch: store.ImportBatch,
        lines: int,
        tally: importing.Tally,
        finished_at: datetime | None = None,
    ) -> None:
        counted = replace(
            batch,
            finished_at=finished_at,
            lines=lines,
            events=tally.events,
            commands=tally.accepted + tally.refused + tally.unchanged + tally.answers,
            already=tally.already,
            rejected=tally.rejected,
        )
        store.put_import_batch(connection.opened(), counted)

    def _list(self, report: dict[str, Any], options: dict[str, Any]) -> None:
        batches = store.import_batches(connection.opened())
        report["imports"] = [
            to_builtins(asdict(batch) | {"sha256": batch.sha256.hex()}) for batch in batches
        ]
        if options["json"]:
            return
        for batch in batches:
            when = batch.started_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
            end = "" if batch.finished_at else "  not finished"
            self.stdout.write(
                f"{when}  {batch.source}  by {batch.imported_by}: {batch.lines:,} lines, "
                f"{batch.events:,} events, {batch.commands:,} commands, {batch.already:,} there "
                f"already, {batch.rejected:,} rejected; SHA-256 {batch.sha256.hex()[:12]}…{end}"
            )
        if not batches:
            self.stdout.write("Nothing was imported yet.")

    def _bar(self, file: IO[bytes], name: str) -> Iterator[bytes]:
        with tqdm(
            desc=name, total=os.fstat(file.fileno()).st_size, unit="B", unit_scale=True,
            file=self.stderr, disable=not self.stderr.isatty(), dynamic_ncols=True,
        ) as bar:  # fmt: skip
            for line in file:
                yield line
                bar.update(len(line))


class Stopped(Exception):
    """The first line that could not go in, of a strict import."""


class Rejects:
    """The file of rejected lines; it appears with the first of them."""

    def __init__(self, path: Path, first: list[dict[str, Any]], *, strict: bool) -> None:
        self.path = path
        self.first = first
        """The first few, each with its `line` and `error`."""
        self._strict = strict
        self._file: IO[bytes] | None = None

    def __enter__(self) -> "Rejects":
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    @property
    def begun(self) -> bool:
        """Whether the file is there."""
        return self._file is not None

    def add(self, number: int, why: str, raw: bytes) -> None:
        """One line: its number, why it was rejected, and its text as it was."""
        if len(self.first) < SHOWN:
            self.first.append({"line": number, "error": why})
        if self._strict:
            raise Stopped(f"line {number}: {why}")
        if self._file is None:
            try:
                # Personal data: for the one who imports, whatever the umask says.
                descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            except OSError as error:
                raise CommandError(f"cannot write {self.path}: {error.strerror}") from None
            self._file = os.fdopen(descriptor, "wb")
        text = raw.rstrip(b"\r\n").decode("utf-8", "backslashreplace")
        self._file.write(json.dumps({"line": number, "error": why, "text": text}).encode() + b"\n")


def _words(fault: dict[str, Any]) -> str:
    return f"line {fault['line']}: {fault['error']}"


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
