"""What was ever written can be read for ever: one golden file for each (type, schema version).

A golden file is never edited, because the store is full of events like it. `tests/golden/SEAL`
holds a hash of each file, chained to the line before. A new version is a new file and a new line:
`python -m tests.unit.test_golden` adds the lines of the new files, and of those only.
"""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from licensing import codec, readability, rulebook
from licensing.domain import upcasters

GOLDEN = Path(__file__).parents[1] / "golden"
SEAL = GOLDEN / "SEAL"
FILES = sorted(GOLDEN.glob("*.json"))
TYPES: dict[str, Any] = {**codec.BY_NAME, **rulebook.EVENTS}
VERSIONS = {
    **{name: codec.SCHEMA_VERSIONS[kind] for name, kind in codec.BY_NAME.items()},
    **dict.fromkeys(rulebook.EVENTS, rulebook.RULES_PUBLISHED_VERSION),
}


def sealed() -> list[tuple[str, str]]:
    """(name, hash) of each file that was sealed, in the order of sealing."""
    return [(line.split()[1], line.split()[0]) for line in SEAL.read_text().splitlines()]


def link(previous: str, name: str) -> str:
    """The hash of a golden file, its name and all that was sealed before it."""
    content = (GOLDEN / name).read_bytes()
    return hashlib.sha256(f"{previous}\n{name}\n".encode() + content).hexdigest()


def golden(path: Path) -> dict[str, Any]:
    """One golden file: type, schema_version, stored, read."""
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_no_golden_file_was_edited_or_removed() -> None:
    previous = ""
    for name, recorded in sealed():
        assert (GOLDEN / name).exists(), f"{name} was sealed and is gone"
        previous = link(previous, name)
        assert previous == recorded, f"{name} was edited: write a new schema version instead"


def test_every_golden_file_is_sealed() -> None:
    assert {path.name for path in FILES} == {name for name, _ in sealed()}


def test_every_version_ever_written_has_its_file() -> None:
    wanted = {
        f"{name}.v{version}.json"
        for name, current in VERSIONS.items()
        for version in range(1, current + 1)
    }
    assert wanted == {path.name for path in FILES}


def test_more_than_one_type_has_a_past() -> None:
    assert sum(version > 1 for version in VERSIONS.values()) >= 2


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_is_read_as_it_always_was(path: Path) -> None:
    file = golden(path)
    name, version, stored = file["type"], file["schema_version"], file["stored"]
    assert path.name == f"{name}.v{version}.json"
    assert readability.readable(name, version)
    before = json.dumps(stored)
    if name in rulebook.EVENTS:
        event: Any = msgspec.convert(stored, rulebook.EVENTS[name])
    else:
        event = codec.decode(name, version, stored)
    assert json.loads(msgspec.json.encode(event)) == file["read"]
    assert json.dumps(stored) == before  # upcasting leaves what was stored as it was


@pytest.mark.parametrize("name", VERSIONS)
def test_a_shape_changes_with_a_new_version_only(name: str) -> None:
    newest = golden(GOLDEN / f"{name}.v{VERSIONS[name]}.json")
    fields = {field.encode_name for field in msgspec.structs.fields(TYPES[name])}
    assert set(newest["stored"]) == fields
    assert newest["stored"] == newest["read"]


def test_no_upcaster_is_without_a_purpose() -> None:
    assert set(upcasters.UPCASTERS) == {
        (name, version) for name, current in VERSIONS.items() for version in range(1, current)
    }


@pytest.mark.parametrize("version", [0, -1, 3, 99])
def test_a_version_that_nobody_wrote_cannot_be_read(version: int) -> None:
    assert not readability.readable("PlanChanged", version)
    with pytest.raises(codec.UnreadableEvent, match=f"PlanChanged version {version}"):
        codec.decode("PlanChanged", version, {"plan": "basic"})


def seal_new_files() -> None:
    """Adds a line for each file that has none; never touches the lines that are there."""
    lines = SEAL.read_text().splitlines() if SEAL.exists() else []
    previous = lines[-1].split()[0] if lines else ""
    for path in FILES:
        if not any(line.split()[1] == path.name for line in lines):
            previous = link(previous, path.name)
            lines.append(f"{previous}  {path.name}")
    SEAL.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    seal_new_files()
    sys.stdout.write(SEAL.read_text())
