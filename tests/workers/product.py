"""The product without its pages: a PostgreSQL, a broker, workers and beats, all the test's own."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from tests.workers.brokers import Broker
from timeline import embedded

ROOT = Path(__file__).parents[2]
PREPARE = """
import sys
import django
django.setup()
from datetime import datetime, timedelta
from benchmarks.spike import past
past(int(sys.argv[1]), datetime.fromisoformat(sys.argv[2]), sys.argv[3], float(sys.argv[4]))
"""
SEND = """
import sys
import django
django.setup()
import msgspec
from tests.workers.app import app
for name, kwargs, times in msgspec.json.decode(sys.argv[1]):
    first = app.send_task(name, kwargs=kwargs)
    for _ in range(times - 1):
        app.send_task(name, kwargs=kwargs, task_id=first.id)
"""


@dataclass
class Process:
    """A worker or a beat, in a session of its own."""

    name: str
    command: list[str]
    environment: Mapping[str, str]
    output: Path
    process: "subprocess.Popen[bytes]" = field(init=False)

    def start(self) -> None:
        """Begin, or begin again."""
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                self.command, cwd=ROOT, env=dict(self.environment), stdin=subprocess.DEVNULL,
                stdout=output, stderr=output, start_new_session=True,
                preexec_fn=embedded.die_with_parent(signal.SIGTERM),
            )  # fmt: skip

    def all(self, number: signal.Signals) -> None:
        """Signal it with all its children."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def children(self) -> list[int]:
        """Its pool's processes."""
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in path.read_text().split()]

    def stop(self) -> None:
        """End it for good."""
        if hasattr(self, "process"):
            self.all(signal.SIGCONT)
            self.all(signal.SIGKILL)
            self.process.wait()


class Product:
    """One server, one broker; workers and beats to be started and ended at will."""

    def __init__(self, folder: Path, server: embedded.Server, broker: Broker, *, quick: bool):
        self.folder, self.server, self.broker = folder, server, broker
        self.processes: list[Process] = []
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PLAYHEAD_", "DATABASE_", "DJANGO_", "CELERY_", "PYTEST_"))
        }
        self.environment = {
            **inherited, **server.addresses.environment(), "PLAYHEAD_HOME": str(folder),
            "DJANGO_SETTINGS_MODULE": "timeline.settings", "CELERY_BROKER_URL": broker.url,
            "FAULTS_QUICK": "1" if quick else "0", "PYTHONPATH": str(ROOT),
        }  # fmt: skip
        self._runs = 0

    def worker(self, name: str = "w1", *, concurrency: int = 2, **environment: str) -> Process:
        """Start a worker as the launcher does."""
        options = [
            "--loglevel", "warning", "--concurrency", str(concurrency), "--hostname", f"{name}@t",
            "--without-gossip", "--without-mingle", "--without-heartbeat",
        ]  # fmt: skip
        return self._start(name, ["worker", *options], environment)

    def beat(self, name: str = "beat") -> Process:
        """Start a beat as the launcher does."""
        return self._start(name, ["beat", "--loglevel", "warning", "--pidfile="], {})

    def _start(self, name: str, what: list[str], environment: Mapping[str, str]) -> Process:
        celery = [sys.executable, "-m", "celery", "--app", "tests.workers.app", "--quiet"]
        process = Process(
            name, [*celery, *what], {**self.environment, **environment}, self.folder / f"{name}.out"
        )
        process.start()
        self.processes.append(process)
        return process

    def end_processes(self) -> None:
        """End all workers and beats."""
        for process in self.processes:
            process.stop()
        self.processes = []

    def run(self, script: str, *arguments: str) -> None:
        """Run a few lines of Python in the product's environment."""
        subprocess.run(
            [sys.executable, "-c", script, *arguments],
            cwd=ROOT, env=self.environment, check=True, timeout=120,
        )  # fmt: skip

    def manage(self, *arguments: str) -> None:
        """Run a management command."""
        subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT, env=self.environment, check=True, timeout=120, stdout=subprocess.DEVNULL,
        )  # fmt: skip

    def send(self, *messages: tuple[str, dict[str, Any], int]) -> None:
        """Send messages (task, arguments, how many copies under one id)."""
        import msgspec

        self.run(SEND, msgspec.json.encode(messages).decode())

    def due(self, licenses: int, *, within: float) -> str:
        """Let licenses fall due from now on, within so many seconds; returns their prefix."""
        from datetime import UTC, datetime

        self._runs += 1
        prefix = f"run{self._runs}"
        self.run(PREPARE, str(licenses), datetime.now(UTC).isoformat(), prefix, str(within))
        return prefix

    def ask(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of the database, as its superuser sees them."""
        conninfo = self.server.addresses.conninfo(embedded.SUPERUSER)
        with psycopg.connect(conninfo, autocommit=True) as conn:
            return conn.execute(query.encode(), values).fetchall()

    def wait(self, what: Callable[[], bool], seconds: float) -> float:
        """Seconds until it is so; fails with what the processes said."""
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            if what():
                return time.monotonic() - began
            for process in self.processes:  # as the launcher looks after them
                if process.process.poll() is not None:
                    process.all(signal.SIGKILL)
                    process.start()
            time.sleep(0.2)
        said = "\n".join(
            f"--- {path.name}\n{path.read_text(errors='replace')[-3000:]}"
            for path in sorted(self.folder.glob("*.out"))
        )
        raise AssertionError(f"not so after {seconds} s\n{self._standing()}\n{said}")

    def _standing(self) -> str:
        """What the database knows, for whoever has to find out why."""
        return "\n".join(
            f"{about}: {self.ask(query)}"
            for about, query in (
                ("renewed", f"SELECT renewals, count(*) FROM {self.live_calendar} GROUP BY 1"),
                ("attempts", "SELECT outcome, claimed, count(*) FROM job_attempt GROUP BY 1, 2"),
                ("errors", "SELECT last_error, count(*) FROM job_attempt GROUP BY 1"),
                ("ticks", "SELECT job, ticks, doubled, now() - ticked_at FROM job_tick"),
                ("deliveries", "SELECT task, deliveries, gave_up_at FROM task_delivery"),
            )
        )

    def notes(self, what: str) -> list[tuple[float, int]]:
        """When a task noted something, in seconds since the epoch, and in which process."""
        return [
            (float(at), pid)
            for at, pid in self.ask(
                "SELECT extract(epoch FROM at), pid FROM fault_note WHERE what = %s ORDER BY at",
                what,
            )
        ]

    def freeze(self, number: signal.Signals) -> None:
        """Stop or continue PostgreSQL, every process of it."""
        postmaster = int((self.server.data / "postmaster.pid").read_text().split("\n", 1)[0])
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        pids = [postmaster, *map(int, children)]
        for pid in pids if number == signal.SIGSTOP else reversed(pids):
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    @property
    def live_calendar(self) -> str:
        """The table that is read: of the side that a build of the present code has."""
        ((side,),) = self.ask(
            "SELECT coalesce(max(side), 'a') FROM projection_build"
            " WHERE projection = 'renewal_calendar' AND state = 'live'"
        )
        return f"renewal_calendar_{side}"

    def open(self, prefix: str) -> int:
        """How many of a run's licenses were not renewed yet."""
        ((count,),) = self.ask(
            f"""SELECT count(*) FROM {self.live_calendar} c
                WHERE member_id LIKE %s || '-%%' AND renewals = 0""",
            prefix,
        )
        return int(count)

    def unsaid(self, prefix: str) -> int:
        """How many of a run's attempts have no outcome."""
        ((count,),) = self.ask(
            "SELECT count(*) FROM job_attempt WHERE member_id LIKE %s || '-%%' AND outcome IS NULL",
            prefix,
        )
        return int(count)

    def calendar(self, prefix: str) -> int:
        """How many of a run's licenses the calendar knows."""
        ((count,),) = self.ask(
            f"SELECT count(*) FROM {self.live_calendar} WHERE member_id LIKE %s || '-%%'", prefix
        )
        return int(count)

    def check_exactly_once(self, prefix: str, licenses: int, *, given_up: int = 0) -> None:
        """Every obligation of a run was met, with one event and one outcome, under one id."""
        events = self.ask(
            """SELECT data ->> 'license_id', count(*), count(DISTINCT metadata ->> 'command_id')
                 FROM event
                WHERE stream_id LIKE 'member-' || %s || '-%%' AND type = 'LicenseRenewed'
                GROUP BY 1""",
            prefix,
        )
        assert len(events) == licenses - given_up
        assert {tuple(counts) for _, *counts in events} == {(1, 1)}
        others = self.ask(
            """SELECT DISTINCT type FROM event
                WHERE stream_id LIKE 'member-' || %s || '-%%'""",
            prefix,
        )
        assert {kind for (kind,) in others} == {"LicenseIssued", "LicenseRenewed"}
        outcomes = dict(
            self.ask(
                """SELECT coalesce(outcome, 'open'), count(*) FROM job_attempt
                    WHERE member_id LIKE %s || '-%%' GROUP BY 1""",
                prefix,
            )
        )
        wanted = {"accepted": licenses - given_up} | ({"gave up": given_up} if given_up else {})
        assert outcomes == wanted

    def lateness(self, prefix: str) -> list[float]:
        """How long after it was due each obligation was met, in seconds, sorted."""
        found = self.ask(
            """SELECT extract(epoch FROM finished_at - greatest(due_at, %s)) FROM job_attempt
                WHERE member_id LIKE %s || '-%%' AND outcome = 'accepted' ORDER BY 1""",
            self.ready_at, prefix,
        )  # fmt: skip
        return [float(seconds) for (seconds,) in found]

    @property
    def ready_at(self) -> Any:
        """When the last run's past was all written."""
        ((at,),) = self.ask("SELECT max(appended_at) FROM event WHERE type = 'LicenseIssued'")
        return at


def p95(values: list[float]) -> float:
    """The 95th percentile."""
    return sorted(values)[max(0, -(-len(values) * 95 // 100) - 1)]


@contextmanager
def product(
    broker_of: Callable[[embedded.Server, Path], Broker], *, quick: bool
) -> Iterator[Product]:
    """A product that is ready to have workers; all it started is gone at the end.

    In a folder of its own: pytest's is closed to the server's user whenever another pytest starts.
    """
    with tempfile.TemporaryDirectory(prefix="playhead-faults-") as name:
        folder = Path(name)
        server = embedded.Server(folder)
        server.start()
        broker = broker_of(server, folder / "broker")
        made = Product(folder, server, broker, quick=quick)
        try:
            broker.start()
            made.manage("migrate", "--verbosity", "0")
            owner = server.addresses.conninfo(embedded.OWNER)
            with psycopg.connect(owner, autocommit=True) as conn:
                conn.execute(
                    """CREATE TABLE IF NOT EXISTS fault_note (
                         what text, pid int, at timestamptz NOT NULL DEFAULT clock_timestamp())"""
                )
            yield made
        finally:
            made.end_processes()
            broker.stop()
            made.freeze(signal.SIGCONT)
            server.stop()
