"""Takes the fix of each hazard away, one at a time, and sees that its tests notice.

    python -m tests.mutants [H6 H10 ...]

Works in a copy of the tree; nothing here is changed. Ends with status 1 when a mutant lives.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec

ROOT = Path(__file__).parents[2]
LEFT_OUT = shutil.ignore_patterns(".venv", ".git", ".playhead", ".*_cache", "__pycache__")
MOST_S = 120
TABLE = Path(__file__).parent / "mutants.toml"


class Mutant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One fix of one hazard of docs/hazards.md, or ("-") of one promise of the store.

    `fix` stands in `file` so many times, and becomes `without`; one of `tests` must fail then.
    """

    hazard: str
    what: str
    file: str
    fix: str
    without: str
    tests: list[str]
    times: int = 1

    def __str__(self) -> str:
        return f"{self.hazard:<4} {self.what}"


class _File(msgspec.Struct, forbid_unknown_fields=True):
    mutant: list[Mutant]


MUTANTS = msgspec.toml.decode(
    (Path(__file__).parent / "mutants.toml").read_bytes(), type=_File
).mutant


def killed(mutant: Mutant, folder: Path) -> bool:
    """Whether the tests fail on the mutated tree."""
    tree = folder / "tree"
    shutil.copytree(ROOT, tree, ignore=LEFT_OUT)
    place = tree / mutant.file
    text = place.read_text()
    if text.count(mutant.fix) != mutant.times:
        raise SystemExit(f"{mutant}: {mutant.fix!r} stands {text.count(mutant.fix)} times")
    place.write_text(text.replace(mutant.fix, mutant.without))
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *mutant.tests]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    with subprocess.Popen(
        command, cwd=tree, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as ran:
        try:
            said, _ = ran.communicate(timeout=MOST_S)
        except subprocess.TimeoutExpired:
            # A test that never ends has noticed too; interrupted, it stops the server it started.
            ran.send_signal(signal.SIGINT)
            ran.communicate()
            return True
    if ran.returncode not in (0, 1):
        raise SystemExit(f"{mutant}: the tests did not run\n{said.decode()}")
    return ran.returncode == 1


def main() -> None:
    """Tries the mutants that are named, or all of them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("hazards", nargs="*", metavar="HAZARD", help="as in docs/hazards.md")
    named = {name.upper() for name in parser.parse_args().hazards}
    if unknown := named - {mutant.hazard for mutant in MUTANTS}:
        parser.error(f"no mutant of {', '.join(sorted(unknown))}")
    chosen = [mutant for mutant in MUTANTS if not named or mutant.hazard in named]
    lived = 0
    for number, mutant in enumerate(chosen, 1):
        with tempfile.TemporaryDirectory(prefix="playhead-mutant-") as folder:
            Path(folder).chmod(0o755)
            dead = killed(mutant, Path(folder))
        lived += not dead
        said = "killed" if dead else "LIVED "
        sys.stdout.write(f"{number:>3}/{len(chosen)}  {said}  {mutant}\n")
        sys.stdout.flush()
    raise SystemExit(1 if lived else 0)


if __name__ == "__main__":
    main()
