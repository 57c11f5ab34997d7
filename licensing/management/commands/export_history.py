"""`manage.py export_history`: writes histories as JSON lines, which `import_history` takes back."""

import hashlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from licensing import exporting, trail
from licensing.management.answering import add_json, answered


class Command(BaseCommand):
    """Exports histories."""

    help = (
        "Write the events of every member and rule set (or one member) as JSON lines, which "
        "import_history takes back as they are. The same histories give the same bytes. "
        "An export holds personal data: keep it as you keep the database."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Where to, and what."""
        parser.add_argument(
            "file", nargs="?", default="-", help="the file to write, or - for standard output"
        )
        parser.add_argument("--member", metavar="M", help="only this member's history")
        parser.add_argument(
            "--commands", action="store_true",
            help="the commands with their answers too: without them, a retry of an old command "
            "would take effect again in the store that imports the file",
        )  # fmt: skip
        add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """A file appears whole or not at all."""
        tqdm.monitor_interval = 0
        report: dict[str, Any] = dict.fromkeys(("file", "lines", "events", "histories", "sha256"))
        # The lines may have standard output to themselves.
        out = self.stderr if options["file"] == "-" else self.stdout
        with answered(out, report, wanted=options["json"]):
            self._export(report, options)
            if options["file"] != "-" and not options["json"]:
                self.stdout.write(
                    f"Exported {report['lines']:,} lines of {report['histories']:,} histories."
                )

    def _export(self, report: dict[str, Any], options: dict[str, Any]) -> None:
        chosen = list(exporting.streams(options["member"]))
        if options["member"] and not chosen:
            raise CommandError(f"{options['member']}: no such member")
        try:
            trail.record(
                trail.at_the_command_line(), "export", options["member"] or "",
                purpose="manage.py export_history", commands=options["commands"],
            )  # fmt: skip
        except trail.NotNoted as error:
            raise CommandError(str(error)) from None
        written, digest = 0, hashlib.sha256()
        quiet = not self.stderr.isatty() or options["verbosity"] == 0 or options["json"]
        with (
            _opened(options["file"]) as file,
            tqdm(
                total=sum(events for _, events in chosen), desc="Exporting", unit=" events",
                file=self.stderr, disable=quiet, dynamic_ncols=True,
            ) as bar,
        ):  # fmt: skip
            for stream_id, events in chosen:
                for line in exporting.lines(stream_id, commands=options["commands"]):
                    file.write(line)
                    digest.update(line)
                    written += 1
                bar.update(events)
        report |= {
            "file": options["file"],
            "lines": written,
            "events": sum(events for _, events in chosen),
            "histories": len(chosen),
            "sha256": digest.hexdigest(),
        }


@contextmanager
def _opened(name: str) -> Iterator[IO[bytes]]:
    if name == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(name)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        # Personal data: for the one who exports, whatever the umask says.
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            yield file
        part.replace(path)
    except OSError as error:
        raise CommandError(f"cannot write {name}: {error.strerror}") from None
    finally:
        part.unlink(missing_ok=True)
