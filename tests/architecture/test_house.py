"""The house is as its papers say: documented paths exist, SQL is used, vendored files are whole."""

import base64
import hashlib
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PATHS = re.compile(r"`((?:licensing|projections|timeline|tests|docs)/[\w./]+)`")
LINKS = re.compile(r"\]\((?!http)([^)#]+)\)")


def prose() -> list[Path]:
    return [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", prose(), ids=lambda page: page.name)
def test_what_the_docs_name_is_there(page):
    text = page.read_text()
    named = [ROOT / path for path in PATHS.findall(text)]
    linked = [page.parent / path for path in LINKS.findall(text)]
    assert [str(path) for path in [*named, *linked] if not path.exists()] == []


@pytest.mark.parametrize("package", ["licensing", "projections"])
def test_every_statement_is_asked_for(package):
    code = "\n".join(path.read_text() for path in (ROOT / package).rglob("*.py"))
    statements = [
        path.stem for path in (ROOT / package).rglob("*.sql") if "migrations" not in path.parts
    ]
    assert statements
    # Read models share statement names that are made of their own name: <name>_put, <name>_clear.
    suffixes = [stem for stem in statements if f'"{stem}"' not in code]
    unused = [stem for stem in suffixes if not re.search(rf"_{stem.rsplit('_', 1)[1]}\b", code)]
    assert unused == []


@pytest.mark.parametrize("folder", ["static/vendor", "tests/browser/vendor"])
def test_vendored_files_are_as_recorded(folder):
    vendor = ROOT / folder
    recorded = json.loads((vendor / "VENDORED.json").read_text())
    hashes = {name: said for package in recorded for name, said in package["files"].items()}
    kept = {
        str(path.relative_to(vendor)): path
        for path in vendor.rglob("*")
        if path.is_file() and path.name != "VENDORED.json"
    }
    assert kept.keys() == hashes.keys()
    for name, path in kept.items():
        digest = hashlib.sha384(path.read_bytes()).digest()
        assert hashes[name] == f"sha384-{base64.b64encode(digest).decode()}", name
    assert all(package["license_file"] in package["files"] for package in recorded)


def test_requirements_are_pinned_by_hash_and_name_no_host():
    for path in (ROOT / "requirements").glob("*.txt"):
        text = path.read_text()
        pins = [line for line in text.splitlines() if "==" in line and not line.startswith("#")]
        assert pins
        assert text.count("--hash=sha256:") >= len(pins)
        assert not re.search(r"https?://|--(extra-)?index-url|--find-links", text)
