"""Sheets of texts as CSV and XLSX files, and back; whatever a file holds, it is only text to us.

Nothing in a file is run: a formula is refused, not computed. A file is bounded before it is
opened, packed and unpacked, and an XLSX part with a DTD is none.
"""

import csv
import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

from openpyxl import Workbook, load_workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.utils.exceptions import InvalidFileException

from licensing import guard

LARGEST = 5 * 1024 * 1024
UNPACKED = 50 * 1024 * 1024
MOST_PARTS = 500
MOST_ROWS = 10_001  # with the header
MOST_COLUMNS = 200
LONGEST_CELL = 32_000
Sheet = list[list[str]]
# What a spreadsheet would take for a formula; also behind a tab or a line break.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_ILLEGAL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


class Unopened(ValueError):
    """The file cannot be taken; the message says why in words."""


# -- Writing --


def to_csv(sheet: Sheet) -> bytes:
    """UTF-8 with a mark, so that spreadsheets read it as such; formulas are made texts."""
    out = io.StringIO()
    csv.writer(out).writerows([[_harmless(text) for text in line] for line in sheet])
    return out.getvalue().encode("utf-8-sig")


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) or _marked(text) else text


def _marked(text: str) -> bool:
    """Whether a text would lose its own apostrophe on the way back."""
    return text.startswith("'") and text.lstrip("'").startswith(_FORMULA)


def to_xlsx(sheets: Mapping[str, Sheet]) -> bytes:
    """A workbook of texts, a sheet each; the first line of each is its header and stays."""
    book = Workbook(write_only=True)
    for name, sheet in sheets.items():
        page = book.create_sheet(name[:31])
        page.freeze_panes = "B2"
        for number, line in enumerate(sheet):
            page.append([_cell(page, text, bold=number == 0) for text in line])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _cell(page: Any, text: str, *, bold: bool) -> Any:
    cell = WriteOnlyCell(page, value=_ILLEGAL.sub("", text))
    cell.data_type = "s"  # a text, whatever it begins with
    if bold:
        cell.font = Font(bold=True)
    return cell


# -- Reading --


def from_csv(content: bytes) -> Sheet:
    """The lines of a CSV file, its separator found by its header. Raises Unopened."""
    _bounded(content)
    try:
        text = content.decode(
            "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
        )
    except UnicodeDecodeError:
        raise Unopened("The file is not UTF-8: save it as “CSV UTF-8”.") from None
    if "\x00" in text:
        raise Unopened("This is no CSV file.")
    header = text.split("\n", 1)[0]
    separator = max(",;\t", key=header.count)
    lines: Sheet = []
    try:
        for line in csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True):
            _fits(len(lines), line)
            lines.append([_plain(each) for each in line])
    except csv.Error as wrong:
        raise Unopened(f"Line {len(lines) + 1} is no CSV: {wrong}.") from None
    return lines


def _plain(text: str) -> str:
    return text[1:] if text.startswith("'") and _guarded(text[1:]) else text


def _guarded(text: str) -> bool:
    return text.startswith(_FORMULA) or _marked(text)


def from_xlsx(content: bytes) -> dict[str, Sheet]:
    """The sheets of a workbook by their names, texts only. Raises Unopened."""
    _bounded(content)
    _unpacked(content)
    try:
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=False)
        return {page.title: _read(page) for page in book.worksheets}
    except Unopened:
        raise
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, TypeError,
            AttributeError, IndexError, SyntaxError, OSError, EOFError) as wrong:  # fmt: skip
        raise Unopened(f"The file is no workbook that can be read: {str(wrong)[:120]}.") from None


def _unpacked(content: bytes) -> None:
    """Refuse a file that unpacks to more than a table can be, before anything unpacks it."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            parts = packed.infolist()
            if len(parts) > MOST_PARTS or sum(part.file_size for part in parts) > UNPACKED:
                raise Unopened("The file unpacks to more than a table of rules can be.")
            for part in parts:
                if part.filename.endswith((".xml", ".rels")):
                    _without_dtd(packed, part)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError) as wrong:
        raise Unopened(f"The file is no workbook: {str(wrong)[:120]}.") from None
    except (ValueError, KeyError) as wrong:
        if isinstance(wrong, Unopened):
            raise
        raise Unopened("The file is no workbook.") from None


def _without_dtd(packed: zipfile.ZipFile, part: zipfile.ZipInfo) -> None:
    """What is said of a part's size may be a lie: read no more than that, and no DTD."""
    with packed.open(part) as stream:
        read = stream.read(part.file_size + 1)
    if len(read) > part.file_size:
        raise Unopened("The file lies about its size.")
    if b"<!DOCTYPE" in read or b"<!ENTITY" in read or b"<\x00!\x00D" in read:
        raise Unopened("The file defines entities, which no workbook needs.")


def _read(page: Any) -> Sheet:
    lines: Sheet = []
    for row in page.iter_rows(max_col=MOST_COLUMNS + 1):
        line = []
        for cell in row:
            if getattr(cell, "data_type", "") == "f":
                where = f"{page.title}, {cell.coordinate}"
                raise Unopened(f"There is a formula in {where}: paste its value instead.")
            line.append(_text(cell.value))
        while line and not line[-1]:
            line.pop()
        _fits(len(lines), line)
        lines.append(line)
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if hasattr(value, "isoformat"):
        return str(value.isoformat()).removesuffix("T00:00:00")
    return str(value)


def _bounded(content: bytes) -> None:
    if not content:
        raise Unopened("The file is empty.")
    if len(content) > LARGEST:
        raise Unopened(f"The file is larger than {LARGEST // 1024**2} MB.")


def _fits(count: int, line: Sequence[str]) -> None:
    if count >= MOST_ROWS:
        raise Unopened(f"There are more than {MOST_ROWS - 1:,} rows.")
    if len(line) > MOST_COLUMNS:
        raise Unopened(f"Row {count + 1} has more than {MOST_COLUMNS} columns.")
    if any(len(text) > LONGEST_CELL for text in line):
        raise Unopened(f"A cell of row {count + 1} is longer than {LONGEST_CELL:,} characters.")
    try:
        guard.check_fields([(f"row {count + 1}", line)])
    except guard.Refused as wrong:
        raise Unopened(f"A cell cannot be taken: {wrong}.") from None
