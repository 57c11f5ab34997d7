"""CSV: what came from outside stays text in a spreadsheet."""

import csv
import io

import pytest

from timeline import sheets

FORMULAS = [
    "=1+1", "+1", "-1+2", "@SUM(A1)", "\tx", "\rx", "\n=x", " =1+1", "=HYPERLINK(\"http://x\")",
    "=cmd|' /C calc'!A0", "-2+3+cmd|' /C calc'!A0", "@x", "+x", "=", "-",
]  # fmt: skip
PLAIN = ["", "a=b", "m-1", "1+1", "x@example.org", 'said "so"', "two\nlines", "ünï"]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_becomes_text(text: str) -> None:
    assert sheets.cell(text) == f"'{text}"


@pytest.mark.parametrize("text", PLAIN)
def test_plain_text_stays_as_it_is(text: str) -> None:
    assert sheets.cell(text) == text


def test_a_file_reads_back_as_it_was_written() -> None:
    rows = [(1, "a", None), (-2, 'b "c", d', "=e\nf")]
    text = "".join(sheets.lines(("n", "x", "y"), rows))
    assert list(csv.reader(io.StringIO(text, newline=""))) == [
        ["n", "x", "y"], ["1", "a", ""], ["-2", 'b "c", d', "'=e\nf"],
    ]  # fmt: skip
