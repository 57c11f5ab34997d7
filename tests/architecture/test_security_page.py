"""`docs/security.md` names tests that are there, for every section of the standard that applies."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| (V\d+(?:\.\d+)?) [^|]*\| ([^|]*) \| ([^|]*) \|$", re.MULTILINE)
NAMED = re.compile(r"`((?:\w+/)+test_\w+\.py)(?:::(test_\w+))?`")
# The sections of each chapter of ASVS 5.0.0; 10 and 17 do not apply as a whole.
SECTIONS = {1: 5, 2: 4, 3: 7, 4: 4, 5: 4, 6: 8, 7: 6, 8: 4, 9: 2, 11: 6, 12: 3, 13: 4, 14: 3,
            15: 4, 16: 5}  # fmt: skip


@pytest.fixture(scope="module")
def rows() -> dict[str, tuple[str, str]]:
    text = (ROOT / "docs" / "security.md").read_text()
    return {section: (here, seen) for section, here, seen in ROW.findall(text)}


def test_every_section_has_its_row(rows: dict[str, tuple[str, str]]) -> None:
    wanted = {f"V{chapter}.{n}" for chapter, last in SECTIONS.items() for n in range(1, last + 1)}
    # The seventh section of cryptography, data in use, is of level 3 alone.
    assert set(rows) == wanted | {"V10", "V17"}


def test_every_row_is_seen_by_a_test_or_says_why_not(rows: dict[str, tuple[str, str]]) -> None:
    silent = [
        section
        for section, (here, seen) in rows.items()
        if not NAMED.search(seen) and not re.search(r"not applicable|\*Open\*|docs/", here)
    ]
    assert silent == []


def test_every_test_that_is_named_is_there(rows: dict[str, tuple[str, str]]) -> None:
    named = {found for _, seen in rows.values() for found in NAMED.findall(seen)}
    assert len(named) > 60
    for file, test in named:
        tree = ast.parse((ROOT / "tests" / file).read_text())
        there = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert not test or test in there, f"{file}::{test}"


def test_whatever_is_marked_as_a_test_is_one(rows: dict[str, tuple[str, str]]) -> None:
    """A name that is mistyped would be passed over."""
    for section, (_, seen) in rows.items():
        assert not NAMED.sub("", seen).strip(" ,–"), section
