"""The `--json` of commands: when the work is over, one object says what became of it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.base import CommandError, CommandParser, OutputWrapper


def add_json(parser: CommandParser) -> None:
    """Adds the option."""
    parser.add_argument("--json", action="store_true", help="one JSON object, for machines")


@contextmanager
def answered(out: OutputWrapper, report: dict[str, Any], *, wanted: bool) -> Iterator[None]:
    """Writes the report, which the work inside fills, as one JSON object if that is wanted.

    Its `ok` and `error` are set here: a failure's words stand in `error`, not on standard error,
    and the command ends with the status that the failure has without `--json` too.
    """
    status, error = 0, None
    try:
        yield
    except CommandError as failure:
        if not wanted:
            raise
        status, error = failure.returncode, str(failure)
    if wanted:
        whole = {"ok": status == 0, **report, "error": error}
        # Only ASCII: the name of a file may hold bytes that are no text.
        out.write(json.dumps(whole, indent=2), style_func=str)
    if status:
        raise SystemExit(status)
