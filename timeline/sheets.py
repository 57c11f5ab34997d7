"""CSV that a spreadsheet takes for what it is: text, and never a formula."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from django.http import StreamingHttpResponse

from timeline import sending

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


class _Line:
    """What csv.writer writes to: gives each line back."""

    def write(self, text: str) -> str:
        return text


def lines(heading: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """The lines of a CSV file, the heading first."""
    writer = csv.writer(_Line())
    yield writer.writerow(heading)
    for row in rows:
        yield writer.writerow([cell(value) for value in row])


def cell(value: Any) -> str:
    """One value as text; what a spreadsheet would calculate begins with an apostrophe."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    text = "" if value is None else str(value)
    # Spreadsheets skip spaces before they look for a formula.
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text


def answer(
    name: str, heading: Sequence[str], rows: Iterable[Sequence[Any]]
) -> StreamingHttpResponse:
    """A CSV file to be saved under `name`, sent as its rows are read."""
    return StreamingHttpResponse(
        sending.in_blocks(line.encode() for line in lines(heading, rows)),
        content_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
        },
    )
