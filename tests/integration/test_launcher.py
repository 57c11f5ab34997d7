"""The product started as a person starts it: ready, found again, told why not, and gone."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
READY_SECONDS = 400


class Product:
    """One `manage.py serve` with its output in a file."""

    def __init__(self, home: Path, port: int) -> None:
        self.home, self.port = home, port
        self.output = home.with_suffix(".out")
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PLAYHEAD_", "DATABASE_", "DJANGO_", "CELERY_", "PYTEST_"))
        }
        with self.output.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "serve"],
                cwd=ROOT,
                env=inherited
                | {
                    "PLAYHEAD_HOME": str(home),
                    "PLAYHEAD_PORT": str(port),
                    "PLAYHEAD_DEMO_MEMBERS": "13",
                    "PLAYHEAD_DEMO_MONTHS": "6",
                },
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    def said(self) -> str:
        return self.output.read_text(errors="replace")

    def get(self, path: str) -> tuple[int, bytes]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def wait_until_ready(self, seconds: float = READY_SECONDS) -> float:
        """Seconds until /readyz said yes."""
        began = time.monotonic()
        last: object = None
        while time.monotonic() - began < seconds:
            assert self.process.poll() is None, self.said()
            try:
                last = self.get("/readyz")
                if last[0] == 200:
                    return time.monotonic() - began
            except OSError as error:
                last = error
            time.sleep(0.2)
        raise AssertionError(f"not ready in {seconds} s: {last}\n{self.said()}")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(60)


def processes_of(home: Path) -> dict[int, str]:
    """What still runs with this home, in its environment or its arguments."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            environment = (entry / "environ").read_bytes().split(b"\0")
            arguments = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if f"PLAYHEAD_HOME={home}".encode() in environment or str(home).encode() in arguments:
            found[int(entry.name)] = arguments.replace(b"\0", b" ").decode(errors="replace")
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("launcher") / "home"


@pytest.fixture
def start() -> Iterator[Callable[[Path, int], Product]]:
    """Start a product that is surely stopped after the test."""
    started: list[Product] = []

    def starter(home: Path, port: int) -> Product:
        started.append(Product(home, port))
        return started[-1]

    yield starter
    for product in started:
        product.stop()


def members(product: Product) -> int:
    """How many members the demo key finds."""
    access = json.loads((product.home / "demo.json").read_text())
    request = urllib.request.Request(
        access["url"] + "/api/v1/members?limit=50",
        headers={"Authorization": f"Bearer {access['api_key']}"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return len(json.load(answer)["items"])


@pytest.mark.slow
def test_serves_is_found_again_and_leaves_nothing(
    home: Path, start: Callable[[Path, int], Product]
) -> None:
    first = start(home, free_port())
    first.wait_until_ready()
    assert first.get("/healthz")[0] == 200
    access = json.loads((home / "demo.json").read_text())
    assert access["url"] == f"http://127.0.0.1:{first.port}"
    assert "agent" in {user["role"] for user in access["users"]}
    assert (home / "demo.json").stat().st_mode & 0o077 == 0
    assert access["users"][0]["password"] in first.said()
    before = members(first)
    assert before == 13

    assert first.stop(signal.SIGTERM) == 0
    assert processes_of(home) == {}
    assert "Traceback" not in first.said()

    second = start(home, free_port())
    second.wait_until_ready()
    again = json.loads((home / "demo.json").read_text())
    assert (again["users"], again["api_key"]) == (access["users"], access["api_key"])
    assert "playing the demo" not in second.said()
    assert members(second) == before

    third = start(home, free_port())
    assert third.process.wait(READY_SECONDS) == 1
    assert (
        third.said().strip() == f"playhead: Playhead is already running on the data folder {home}"
    )
    assert second.process.poll() is None

    worker = next(pid for pid, line in processes_of(home).items() if " worker " in line)
    os.kill(worker, signal.SIGKILL)
    until = time.monotonic() + READY_SECONDS
    while "worker was ended by signal 9; starting it again" not in second.said():
        assert time.monotonic() < until, second.said()
        time.sleep(0.2)
    second.wait_until_ready()

    assert second.stop(signal.SIGINT) == 0
    assert processes_of(home) == {}
    assert "Traceback" not in second.said()


@pytest.mark.slow
def test_takes_its_processes_along_when_it_is_killed_outright(
    home: Path, start: Callable[[Path, int], Product]
) -> None:
    product = start(home, free_port())
    product.wait_until_ready()
    product.process.kill()
    product.process.wait()
    until = time.monotonic() + READY_SECONDS
    while left := processes_of(home):
        assert time.monotonic() < until, left
        time.sleep(0.2)


def test_says_in_one_line_that_the_port_is_taken(
    tmp_path: Path, start: Callable[[Path, int], Product]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        product = start(tmp_path / "home", port)
        assert product.process.wait(READY_SECONDS) == 1
    assert product.said() == (
        f"playhead: cannot listen on 127.0.0.1 port {port} (address already in use): "
        "stop what uses it, or choose another with PLAYHEAD_PORT\n"
    )


def test_says_in_one_line_that_the_data_folder_is_half_made(
    tmp_path: Path, start: Callable[[Path, int], Product]
) -> None:
    home = tmp_path / "home"
    (home / "postgres").mkdir(parents=True)
    (home / "postgres" / "PG_VERSION").write_text("18\n")
    product = start(home, free_port())
    assert product.process.wait(READY_SECONDS) == 1
    assert product.said() == (
        f"playhead: the data folder {home / 'postgres'} is half made "
        "(global/pg_control is missing): move it away or delete it, then start again\n"
    )


def test_says_in_one_line_that_the_home_cannot_be_a_folder(
    tmp_path: Path, start: Callable[[Path, int], Product]
) -> None:
    home = tmp_path / "home"
    home.write_text("a file")
    product = start(home, free_port())
    assert product.process.wait(READY_SECONDS) == 1
    assert product.said().count("\n") == 1
    assert product.said().startswith("playhead: cannot ")
