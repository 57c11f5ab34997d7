"""A runner in a process of its own, that comes to a stop at the worst moment.

    python -m tests.runner_process [stop|kill] [before-write|in-write] [after-turns]

Says that it is ready, and waits for a line. Then it brings everything level and prints a line of
JSON: events passed, turns that were fenced off, and transactions that the server took back
meanwhile. Without arguments it just works.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
LEASE_S = 0.5
STOPPED_MS = 500
PAGE, BATCH, TOGETHER = 20, 60, 2
"""Small, so that there are many moments."""


class Process:
    """One runner, seen from the test."""

    def __init__(self, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.runner_process", *arguments],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "timeline.settings"},
        )  # fmt: skip

    def ready(self) -> None:
        """Wait until it could begin."""
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def begin(self) -> None:
        """Let it."""
        assert self._process.stdin is not None
        self._process.stdin.write("begin\n")
        self._process.stdin.flush()

    def until_stopped(self) -> None:
        """Wait until it has come to its stop."""
        _, status = os.waitpid(self._process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status), status

    def go_on(self) -> None:
        """Continue it."""
        self._process.send_signal(signal.SIGCONT)

    def until_killed(self) -> None:
        """Wait until it has ended as `kill` ends it."""
        assert self._process.wait(120) == -signal.SIGKILL

    def result(self) -> dict[str, int]:
        """Wait until it is done; what it printed last."""
        told, _ = self._process.communicate(timeout=240)
        assert self._process.returncode == 0, told
        return json.loads(told.splitlines()[-1])  # type: ignore[no-any-return]

    def end(self) -> None:
        """Leave nothing behind, whatever the test came to."""
        with suppress(ProcessLookupError):
            self._process.kill()
        self._process.wait()


@contextmanager
def runners(count: int, *arguments: str) -> Iterator[list[Process]]:
    """So many of them, that begin together; gone at the end."""
    processes: list[Process] = []
    try:
        for _ in range(count):
            processes.append(Process(*arguments))
        for process in processes:
            process.ready()  # or the first would have done all before the last has started
        for process in processes:
            process.begin()
        yield processes
    finally:
        for process in processes:
            process.end()


def main(how: str = "", where: str = "", after: str = "1") -> None:
    """The process itself."""
    import django

    django.setup()
    from django.db import connection

    from projections import carefully, checkpoints, leases, runner, turn

    leases.SECONDS, turn.STOPPED_MS = LEASE_S, STOPPED_MS
    turn.PAGE, turn.BATCH, turn.TOGETHER = PAGE, BATCH, TOGETHER
    counted = {"passed": 0, "fenced": 0, "taken_back": 0}
    signals = {"stop": signal.SIGSTOP, "kill": signal.SIGKILL}
    left = int(after)

    def halt() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signals[how])

    loaded, advance = turn._loaded, checkpoints.advance

    def loaded_and_halt(*about: Any) -> Any:
        known = loaded(*about)
        halt()
        return known

    def advance_and_halt(*about: Any) -> None:
        try:
            advance(*about)
        except checkpoints.Fenced:
            counted["fenced"] += 1
            raise
        if where == "in-write":
            halt()

    turn._loaded = loaded_and_halt if where == "before-write" else loaded
    checkpoints.advance = advance_and_halt
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    while True:
        try:
            counted["passed"] += runner.catch_up()
            break
        except carefully.OUTAGES:
            counted["taken_back"] += 1
            connection.close()
    connection.close()
    sys.stdout.write(json.dumps(counted) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
