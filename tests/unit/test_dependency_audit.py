"""`make audit` asks about every pin, and says so when it could not ask."""

import runpy
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

REQUIREMENTS = Path(__file__).parents[2] / "requirements"
STUB = """
import pathlib, sys
pathlib.Path(sys.argv[1]).write_text(pathlib.Path("pyproject.toml").read_text())
assert sys.argv[3] == "audit", sys.argv
sys.exit(int(sys.argv[2]))
"""


@pytest.fixture(scope="module")
def audit() -> dict[str, Any]:
    return runpy.run_path(str(REQUIREMENTS / "audit.py"))


def test_it_asks_about_every_pin(audit: dict[str, Any], tmp_path: Path) -> None:
    named = {
        line.split("==")[0]
        for path in REQUIREMENTS.glob("*.txt")
        for line in path.read_text().splitlines()
        if "==" in line.split("#")[0] and not line.startswith(" ")
    }
    assert len(named) > 90
    (tmp_path / "uv.py").write_text(STUB)
    asked = tmp_path / "asked.toml"
    audit["audit"]([sys.executable, str(tmp_path / "uv.py"), str(asked), "0"])
    dependencies = tomllib.loads(asked.read_text())["project"]["dependencies"]
    assert {pin.split("==")[0] for pin in dependencies} == named
    assert not [pin for pin in dependencies if "--hash" in pin or "\\" in pin]


@pytest.mark.parametrize(("ended", "status"), [(0, 0), (1, 1), (2, 2), (101, 2)])
def test_no_answer_is_not_taken_for_a_clean_one(
    audit: dict[str, Any], tmp_path: Path, capfd: Any, ended: int, status: int
) -> None:
    (tmp_path / "uv.py").write_text(STUB)
    command = [sys.executable, str(tmp_path / "uv.py"), str(tmp_path / "asked"), str(ended)]
    assert audit["audit"](command) == status
    said = capfd.readouterr().out
    assert ("it needs the network" in said) is (status == 2)
