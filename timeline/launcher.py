"""Starts the product's processes, keeps them up, and leaves none behind."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, TextIO

import psycopg
from django.conf import settings

from timeline import embedded

STOP_SECONDS = 20
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
STEADY_SECONDS = 60


class CannotStart(Exception):
    """Why the product cannot be started, in one line for the person at the terminal."""


class Stop(BaseException):
    """Somebody asked to stop: Ctrl-C or SIGTERM."""


@dataclass
class Child:
    """One process of the product, in a session of its own: Ctrl-C reaches only the launcher."""

    name: str
    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    pause: float = FIRST_PAUSE
    due: float = 0.0
    environment: Mapping[str, str] = field(default_factory=dict)

    def start(self) -> None:
        self.process = spawn(self.command, self.environment)
        self.started = time.monotonic()

    def look_after(self, now: float) -> None:
        """Restart it when it died, each time later while it keeps dying."""
        if self.process is None:
            if now >= self.due:
                self.start()
            return
        code = self.process.poll()
        if code is None:
            return
        kill_session(self.process, signal.SIGKILL)
        self.process = None
        if now - self.started > STEADY_SECONDS:
            self.pause = FIRST_PAUSE
        self.due = now + self.pause
        say(f"{self.name} {_ended(code)}; starting it again in {self.pause:g} s")
        self.pause = min(self.pause * 2, LONGEST_PAUSE)


def serve() -> int:
    """Run the product until it is told to stop; the exit code says how that went."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    try:
        with ExitStack() as stack:
            try:
                _serve(stack)
            finally:
                _ignore_signals()  # what follows is the stopping itself
    except Stop:
        say("stopped")
        return 0
    except (CannotStart, embedded.EmbeddedError) as error:
        print(f"playhead: {error}", file=sys.stderr, flush=True)
        return 1
    return 0


def _serve(stack: ExitStack) -> None:
    home: Path = settings.HOME
    host = os.environ.get("PLAYHEAD_BIND") or "127.0.0.1"
    url = f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{settings.PORT}"  # noqa: S104
    _claim_home(home, stack)
    _refuse_taken_port(host, settings.PORT)
    own_database = not os.environ.get("DATABASE_URL")
    server: embedded.Server | None = None
    environment: dict[str, str] = {"PLAYHEAD_HOME": str(home)}
    if own_database:
        server = embedded.Server(home)
        # Registered before the start, so that a signal in its middle stops it too.
        stack.callback(server.stop)
        server.start()
        environment |= server.addresses.environment()
    else:
        _prepare_broker()
    demo = os.environ.get("PLAYHEAD_DEMO", "1" if own_database else "0") == "1"
    run_to_end(_prepare_command(demo, url), environment)
    children = _children(host, environment)
    stack.callback(stop_all, children)
    for child in children:
        child.start()
    _wait_for_web(children, host)
    _announce(url, home, demo)
    while True:
        time.sleep(0.25)
        now = time.monotonic()
        if server is not None and not server.running():
            say("PostgreSQL ended; starting it again")
            server.start()
        for child in children:
            child.look_after(now)


def _prepare_command(demo: bool, url: str) -> list[str]:
    command = [sys.executable, "manage.py", "prepare"]
    if demo:
        command += ["--demo", "--url", url]
        for name in ("members", "months", "seed"):
            if value := os.environ.get(f"PLAYHEAD_DEMO_{name.upper()}"):
                command += [f"--{name}", value]
    return command


def _children(host: str, environment: Mapping[str, str]) -> list[Child]:
    celery = [sys.executable, "-m", "celery", "--app", "timeline", "--quiet"]
    waiting = settings.BODY_SEATS + settings.BULK_SEATS
    web = [
        sys.executable, "-m", "granian", "timeline.wsgi:application",
        "--interface", "wsgi", "--host", host, "--port", str(settings.PORT),
        "--workers", os.environ.get("PLAYHEAD_WEB_PROCESSES") or "1",
        "--blocking-threads", str(waiting + settings.WEB_THREADS), "--http", "1", "--no-ws",
        "--log-level", "warning", "--workers-kill-timeout", "10",
    ]  # fmt: skip
    worker = [
        *celery, "worker", "--loglevel", "warning",
        "--concurrency", os.environ.get("PLAYHEAD_WORKER_PROCESSES") or "2",
        # Short, because pgmq cannot hold the queue that a long node name gives.
        "--hostname", "worker@playhead",
        "--without-gossip", "--without-mingle", "--without-heartbeat",
    ]  # fmt: skip
    beat = [*celery, "beat", "--loglevel", "warning", "--pidfile="]
    return [
        Child("web", web, environment=environment),
        Child("worker", worker, environment=environment),
        Child("beat", beat, environment=environment),
    ]


def spawn(command: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        cwd=settings.BASE_DIR,
        env={**os.environ, **environment, "DJANGO_SETTINGS_MODULE": "timeline.settings"},
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=embedded.die_with_parent(signal.SIGTERM),
    )


def run_to_end(command: Sequence[str], environment: Mapping[str, str]) -> None:
    """One step of the preparation; a signal to us ends it too."""
    process = spawn(command, environment)
    try:
        code = process.wait()
    except BaseException:
        kill_session(process, signal.SIGTERM)
        _wait([process], STOP_SECONDS)
        kill_session(process, signal.SIGKILL)
        raise
    if code:
        raise CannotStart(f"`{' '.join(command[1:3])}` {_ended(code)}; its last lines are above")


def stop_all(children: Sequence[Child]) -> None:
    """Ask all at once, wait, and end what did not listen, with all it started."""
    processes = [child.process for child in children if child.process is not None]
    for process in processes:
        process.terminate()
    _wait(processes, STOP_SECONDS)
    for process in processes:
        kill_session(process, signal.SIGKILL)
        process.wait()


def kill_session(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Signal a child's whole group; its id is the child's pid, and stays taken while one lives."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def say(line: str) -> None:
    print(f"playhead: {line}", flush=True)


def _wait(processes: Sequence[subprocess.Popen[bytes]], seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until and any(process.poll() is None for process in processes):
        time.sleep(0.05)


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stop


def _ignore_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def _ended(code: int) -> str:
    return f"was ended by signal {-code}" if code < 0 else f"ended with {code}"


def _claim_home(home: Path, stack: ExitStack) -> None:
    """Two launchers on one data folder would fight; the lock ends with its process."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        lock: TextIO = stack.enter_context((home / "lock").open("a"))
    except OSError as error:
        raise CannotStart(f"cannot write in the data folder {home}: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise CannotStart(f"Playhead is already running on the data folder {home}") from error


def _refuse_taken_port(host: str, port: int) -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, OverflowError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise CannotStart(
                f"cannot listen on {host} port {port} ({why.lower()}): "
                "stop what uses it, or choose another with PLAYHEAD_PORT"
            ) from error


def _prepare_broker() -> None:
    """On a database that is not ours, put the queue's schema in place unless a broker is named."""
    if not settings.CELERY_BROKER_URL.startswith("pgmq:"):
        return
    owner: dict[str, Any] = settings.DATABASES["owner"]
    try:
        broker = psycopg.conninfo.conninfo_to_dict(settings.BROKER_CONN).get("user")
        with psycopg.connect(settings.BROKER_CONN, connect_timeout=5) as conn:
            role = str(broker or conn.info.user)
            if conn.execute("SELECT to_regclass('pgmq.meta')").fetchone() != (None,):
                return
        from timeline.settings import conninfo

        with psycopg.connect(conninfo(owner), connect_timeout=5) as conn:
            embedded.install_pgmq(conn, role)
    except psycopg.Error as error:
        why = " ".join(str(error).split())
        raise CannotStart(f"cannot prepare the broker in the database: {why}") from error


def _wait_for_web(children: Sequence[Child], host: str) -> None:
    """The address is printed when it answers, not before."""
    address = ("127.0.0.1" if host == "0.0.0.0" else host, settings.PORT)  # noqa: S104
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with suppress(OSError):
            socket.create_connection(address, timeout=1).close()
            return
        for child in children:
            child.look_after(time.monotonic())
        time.sleep(0.1)


def _announce(url: str, home: Path, demo: bool) -> None:
    say(f"serving on {url}")
    if demo:
        access = json.loads((home / "demo.json").read_text())
        for user in access["users"]:
            say(f"  sign in as {user['username']:<15} {user['password']}")
        say(f"  API key and sign-ins are in {home / 'demo.json'}")
    say("press Ctrl-C to stop")
