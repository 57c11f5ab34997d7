"""The product as it is served: granian in a process of its own, on the tests' database."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
START_S = 60


@contextmanager
def served(**environment: str) -> Iterator[str]:
    """The address of a server that lives as long as the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable, "-m", "granian", "timeline.wsgi:application", "--interface", "wsgi",
        "--host", "127.0.0.1", "--port", str(port), "--workers", "1", "--blocking-threads", "7",
        "--http", "1", "--no-ws", "--log-level", "warning",
    ]  # fmt: skip
    settings = {
        "DJANGO_SETTINGS_MODULE": "timeline.settings",
        "PLAYHEAD_DB_POOL": "5",
    } | environment
    process = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **settings}, stdin=subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(url, process)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def collect_static_files() -> None:
    """Once for the tests' home; whoever looks at a page of the server needs them."""
    settings = {"DJANGO_SETTINGS_MODULE": "timeline.settings"}
    command = [sys.executable, "manage.py", "collectstatic", "--no-input", "--verbosity", "0"]
    subprocess.run(command, cwd=ROOT, env={**os.environ, **settings}, check=True)


def _wait_for(url: str, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + START_S
    while True:
        try:
            urllib.request.urlopen(f"{url}/healthz", timeout=5).close()
            return
        except (OSError, urllib.error.URLError):
            assert process.poll() is None, "the server ended"
            assert time.monotonic() < until, "the server does not answer"
            time.sleep(0.1)
