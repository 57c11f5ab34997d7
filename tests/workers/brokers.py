"""The three brokers, on a port or in a database of the test's own, to be taken away and back."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psycopg

from timeline import embedded


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Broker:
    """What the tests do to a broker. `missing` says why it cannot be had here, or is empty."""

    url = ""
    missing = ""

    def start(self) -> None:
        """Begin, or begin again on the same data."""

    def stop(self) -> None:
        """Be gone."""

    def purge(self) -> None:
        """Lose every message."""


class Pgmq(Broker):
    """The queue in the product's own PostgreSQL; it is gone when its role may not connect."""

    url = "pgmq://localhost"

    def __init__(self, server: embedded.Server) -> None:
        self._superuser = server.addresses.conninfo(embedded.SUPERUSER)

    def start(self) -> None:
        self._run(f"ALTER ROLE {embedded.BROKER} LOGIN")

    def stop(self) -> None:
        self._run(f"ALTER ROLE {embedded.BROKER} NOLOGIN")
        self._run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            f" WHERE usename = '{embedded.BROKER}'"
        )

    def purge(self) -> None:
        self._run("SELECT pgmq.purge_queue(queue_name) FROM pgmq.list_queues()")

    def _run(self, statement: str) -> None:
        with psycopg.connect(self._superuser, autocommit=True) as conn:
            conn.execute(statement.encode())


class _Server(Broker):
    """A broker that is a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._processes: list[subprocess.Popen[bytes]] = []

    def stop(self) -> None:
        for process in reversed(self._processes):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        for process in reversed(self._processes):
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self._processes = []

    def _spawn(self, command: Sequence[str], **environment: str) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "output").open("ab") as output:
            self._processes.append(
                subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                    env={**os.environ, **environment}, start_new_session=True, cwd=self.folder,
                    preexec_fn=embedded.die_with_parent(signal.SIGTERM),
                )
            )  # fmt: skip

    def _wait_for(self, seconds: float, greeting: bytes, answer: bytes) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as conn:
                conn.settimeout(2)
                conn.sendall(greeting)
                if answer in conn.recv(512):
                    return
            time.sleep(0.1)
        raise AssertionError((self.folder / "output").read_text(errors="replace")[-2000:])


class Redis(_Server):
    """Debian's redis-server, which keeps nothing over a restart: a worse loss than usual."""

    missing = "" if shutil.which("redis-server") else "redis-server is not installed"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        self._spawn(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
             "--appendonly", "no", "--dir", str(self.folder)]
        )  # fmt: skip
        self._wait_for(20, b"PING\r\n", b"PONG")

    def purge(self) -> None:
        self._wait_for(20, b"FLUSHALL\r\n", b"OK")


class RabbitMQ(_Server):
    """Debian's rabbitmq-server, with a port mapper of its own."""

    PROGRAM = "/usr/lib/rabbitmq/bin/rabbitmq-server"
    missing = "" if os.access(PROGRAM, os.X_OK) else "rabbitmq-server is not installed"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}//"
        self._mapper, self._peers = free_port(), free_port()

    def _environment(self) -> dict[str, str]:
        return {
            "HOME": str(self.folder), "ERL_EPMD_PORT": str(self._mapper),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1", "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self._peers), "RABBITMQ_NODENAME": f"t{self.port}@localhost",
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "plugins"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none",
        }  # fmt: skip

    def start(self) -> None:
        environment = self._environment()
        self._spawn(["epmd", "-port", str(self._mapper), "-address", "127.0.0.1"], **environment)
        self._spawn([self.PROGRAM], **environment)
        self._wait_for(60, b"AMQP\x00\x00\x09\x01", b"RabbitMQ")

    def purge(self) -> None:
        import amqp

        with amqp.Connection(f"127.0.0.1:{self.port}") as conn:
            conn.channel().queue_purge("playhead")
