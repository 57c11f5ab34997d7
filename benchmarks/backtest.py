"""What a backtest of everybody costs beside the plain reading of the same decisions, on one core.

    python -m benchmarks.backtest [--decisions 100000] [--rounds 3] [--home FOLDER]

Makes a history in a PostgreSQL of its own: the demo's members live their years in memory, by the
code that decides for real, on a catalogue forty times as large, and what would have been appended
is copied in as it would stand there (but for the chain of hashes, which no backtest reads). A
million decisions take some ten minutes to make, and 5 GB in TMPDIR.

Then other rules are tried on them, first order and closed loop, by one process and the server's for
it. Printed are seconds by the clock, and of work of the two together: what it takes on one core
that has nothing else to do. Members whose ids begin like `everybody` are lived again without
screening, to see that the result is the same.
"""

import argparse
import itertools
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
from tqdm import tqdm

from benchmarks.run import product, say

UNTIL = datetime(2026, 10, 1, tzinfo=UTC)
MONTHS, SEED = 12, 7
MADE = "history-is-made"
CHUNK = 500  # members that live side by side: a page of the table holds events of many
TITLES = 40  # for each film of the demo
DECISIONS = ("AcquireLicense", "RenewLicense")
EVENTS = (
    "bucket", "stream_id", "version", "position", "event_id", "type", "schema_version", "data",
    "metadata", "occurred_at", "recorded_at", "appended_at", "hash",
)  # fmt: skip
COMMANDS = (
    "bucket", "stream_id", "command_id", "seq", "name", "data", "data_hash", "outcome",
    "first_version", "last_version", "decided_at",
)  # fmt: skip
HEADS = ("bucket", "stream_id", "version", "last_hash", "recorded_at", "command_seq")
TYPES = {
    "bucket": "int4", "stream_id": "text", "version": "int4", "position": "int8",
    "event_id": "uuid", "type": "text", "schema_version": "int2", "data": "jsonb",
    "metadata": "jsonb", "occurred_at": "timestamptz", "recorded_at": "timestamptz",
    "appended_at": "timestamptz", "hash": "bytea", "command_id": "text", "seq": "int4",
    "name": "text", "data_hash": "bytea", "outcome": "jsonb", "first_version": "int4",
    "last_version": "int4", "decided_at": "timestamptz", "last_hash": "bytea",
    "command_seq": "int4",
}  # fmt: skip
PLAIN = """
COPY (SELECT stream_id, version, type, occurred_at, metadata, data FROM event
       WHERE type IN ('LicenseIssued', 'AcquisitionRefused', 'LicenseRenewed', 'RenewalRefused'))
  TO STDOUT (FORMAT binary)
"""


# -- A history --


def plan() -> Any:
    """What the demo plays, without end."""
    from licensing.demo import play

    return play.Plan(members=10**9, months=MONTHS, seed=SEED, until=UNTIL)


def begin() -> None:
    """What each process needs."""
    import django

    django.setup()


class Lived:
    """A member's life in memory: the rows that it would have left in the store."""

    def __init__(self, number: int) -> None:
        from licensing import fold, rulebook, store
        from licensing.demo import play
        from licensing.domain.member import Member

        self.life = play.life_of(plan(), number)
        self.member = Member(self.life.persona.member_id)
        self.stream = fold.stream_of(self.member.member_id)
        self.bucket = store.bucket_of(self.stream)
        self.variant = number % TITLES
        self.rules = rulebook.versions()
        self.events: list[tuple[Any, ...]] = []
        self.commands: list[tuple[Any, ...]] = []
        self.answers: dict[str, Any] = {}
        self.decisions = 0

    def live(self) -> None:
        """From the first day to the last."""
        speech = self.life.live()
        deed = next(speech, None)
        while deed is not None:
            try:
                deed = speech.send(self._answer(deed))
            except StopIteration:
                return

    def head(self) -> tuple[Any, ...]:
        """The row of the stream."""
        version, last = len(self.events), self.events[-1]
        return self.bucket, self.stream, version, last[-1], last[10], len(self.commands)

    def _answer(self, deed: Any) -> Any:
        if deed.command_id not in self.answers:
            self.answers[deed.command_id] = self._decided(deed)
        return self.answers[deed.command_id]

    def _decided(self, deed: Any) -> Any:
        import msgspec

        from licensing import deciding, service
        from licensing.domain import member as members
        from licensing.domain.values import Moment
        from licensing.store.integrity import canonical

        now = deed.at
        command = self._named(deed.command, deed.command_id)
        reported = deed.occurred_at if isinstance(command, deciding.REPORTS) else None
        moment = Moment(now, reported or now)
        decided = deciding.decide(command, self.member, moment, self._rules_at)
        name = type(command).__name__
        self.decisions += name in DECISIONS
        envelope = {
            "command_id": deed.command_id, "command": name,
            "actor": {"kind": deed.actor_kind, "id": deed.actor_id},
            "correlation_id": deed.command_id, "causation_id": deed.command_id,
        }  # fmt: skip
        data = msgspec.to_builtins(command)
        if moment.at != now:
            data["occurred_at"] = moment.at.isoformat()
        first = len(self.events) + 1
        hash = decided.decision["rules"]["hash"] if decided.decision else None
        new = service._new_events(self.stream, deed.command_id, decided, envelope, moment)
        for event, made in zip(decided.events, new, strict=True):
            self.member = members.evolve(
                self.member, event, made.occurred_at, decided_at=now, rules=hash
            )
            self.events.append(
                (
                    self.bucket, self.stream, len(self.events) + 1, 0, made.event_id, made.type,
                    made.schema_version, canonical(made.data), canonical(made.metadata),
                    made.occurred_at, now, now, bytes(32),
                )
            )  # fmt: skip
        outcome = service._outcome(decided)
        self.commands.append(
            (
                self.bucket, self.stream, deed.command_id, len(self.commands) + 1, name,
                canonical(data), bytes(32), canonical(outcome), first, len(self.events), now,
            )
        )  # fmt: skip
        return SimpleNamespace(
            outcome=decided.outcome, events=new, decision=decided.decision, version=0
        )

    def _rules_at(self, at: datetime) -> Any:
        in_force = [each for each in self.rules if each.valid_from <= at]
        return in_force[-1] if in_force else self.rules[0]

    def _named(self, command: Any, command_id: str) -> Any:
        from msgspec.structs import replace

        from licensing.demo import films
        from licensing.domain.commands import AcquireLicense, RegisterDevice

        match command:
            case AcquireLicense():
                film = films.by_id()[command.title_id]
                quality = ("SD", "HD", "4K")[(self.variant + film.runtime_min) % 3]
                return replace(
                    command,
                    title_id=f"{film.title_id}-{self.variant}",
                    license_id=f"lic-{command_id[:16]}",
                    title={**film.attributes(), "quality": quality},
                )
            case RegisterDevice():  # whose name would be sealed under a key from the store
                return replace(command, name=None)
            case _:
                return command


def fill(conninfo: str, chunk: int) -> int:
    """Have one chunk of members live, and copy what they left; returns their decisions."""
    lived = [Lived(number) for number in range(chunk * CHUNK, (chunk + 1) * CHUNK)]
    for each in lived:
        each.live()
    lived = [each for each in lived if each.events]
    events = sorted((row for each in lived for row in each.events), key=lambda row: row[10])
    commands = sorted((row for each in lived for row in each.commands), key=lambda row: row[10])
    # Places in the feed, which no backtest reads, need only differ.
    numbered = ((*row[:3], chunk * 10**6 + n, *row[4:]) for n, row in enumerate(events, 1))
    with psycopg.connect(conninfo, autocommit=True, options="-c synchronous_commit=off") as conn:
        _copy(conn, "event", EVENTS, numbered)
        _copy(conn, "command_log", COMMANDS, iter(commands))
        _copy(conn, "stream_head", HEADS, (each.head() for each in lived))
    return sum(each.decisions for each in lived)


def _copy(
    conn: psycopg.Connection[Any], table: str, columns: tuple[str, ...], rows: Iterator[Any]
) -> None:
    from licensing.store import arrays

    statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN (FORMAT binary)"
    with conn.cursor().copy(statement.encode()) as copy:
        copy.set_types([TYPES[name] for name in columns])
        places = [n for n, name in enumerate(columns) if TYPES[name] == "jsonb"]
        for row in rows:
            told = list(row)
            for place in places:
                told[place] = arrays.Json(told[place])
            copy.write_row(told)


def history(conninfo: str, decisions: int) -> int:
    """Fill the store until it holds so many decisions; returns how many it holds."""
    context, made = multiprocessing.get_context("spawn"), 0
    workers = os.cpu_count() or 1
    bar = tqdm(total=decisions, unit=" decisions", disable=None, desc="making a history")
    with bar, ProcessPoolExecutor(workers, mp_context=context, initializer=begin) as pool:
        chunks = itertools.count()
        waiting: set[Future[int]] = set()
        mean = 0.0
        while waiting or made < decisions:
            while len(waiting) < workers and made + mean * len(waiting) < decisions:
                waiting.add(pool.submit(fill, conninfo, next(chunks)))
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for future in done:
                mean = future.result()
                made += int(mean)
                bar.update(int(mean))
    with psycopg.connect(conninfo, autocommit=True) as conn:
        conn.execute("VACUUM (ANALYZE) event, command_log, stream_head")
    return made


# -- Other rules --


def document() -> dict[str, Any]:
    """The rules that decided last."""
    import licensing

    text = (Path(licensing.__file__).parent / "demo" / "rules_2.json").read_text()
    found: dict[str, Any] = json.loads(text)
    return found


def one_studio() -> dict[str, Any]:
    """One studio's titles less often a year."""
    found = document()
    rows = next(table["rows"] for table in found["tables"] if table["id"] == "studio")
    next(row for row in rows if row["id"] == "st-warner")["then"]["studio_year_max"] = 6
    return found


def new_counter() -> dict[str, Any]:
    """At most 2 downloads a day of one studio's titles in 4K, in Brazil: nothing counted it."""
    found = document()
    found["facts"]["quality"] = {"path": "title.quality", "label": "Quality"}
    found["counters"]["studio_4k_today"] = {
        "of": "downloads", "label": "4K today", "same": ["studio"],
        "window": {"calendar": "day"}, "where": {"title.quality": {"in": ["4K"]}},
    }  # fmt: skip
    found["limits"]["studio_4k_max"] = {
        "fact": "studio_4k_today", "label": "4K a day", "reason": "STUDIO_4K_DAILY",
        "purposes": ["acquire"],
    }  # fmt: skip
    found["reasons"]["STUDIO_4K_DAILY"] = "No more today."
    found["tables"].append(
        {
            "id": "daily", "title": "Daily", "hit": "collect",
            "inputs": ["studio", "country", "quality"], "outputs": ["studio_4k_max"],
            "merge": {"studio_4k_max": "min"},
            "rows": [
                {
                    "id": "d-1", "label": "Toho 4K in Brazil", "source": "a benchmark",
                    "owner": "Benchmarks", "then": {"studio_4k_max": 2},
                    "when": {"studio": {"in": ["Toho"]}, "country": {"in": ["BR"]},
                             "quality": {"in": ["4K"]}},
                }
            ],
        }
    )  # fmt: skip
    return found


def a_plan() -> dict[str, Any]:
    """A device more for everybody on a plan: refusals of a third of all members turn."""
    found = document()
    base = found["tables"][0]["rows"]
    next(row for row in base if row["id"] == "b-basic")["then"]["max_devices"] = 2
    return found


TRIED = {
    "a studio's yearly limit": one_studio,
    "a counter nobody had": new_counter,
    "a device more on a plan": a_plan,
}


# -- The measure --


def alone() -> None:
    """No helpers beside the server's process for this one: they would work on other cores."""
    from licensing import connection

    connection.opened().execute("SET max_parallel_workers_per_gather TO 0")


class Stopwatch:
    """What a stretch took: seconds by the clock, and seconds of work of client and server.

    The work of both together is what it takes on one core that has nothing else to do.
    """

    def __init__(self) -> None:
        from licensing import connection

        self._server = Path(f"/proc/{connection.opened().info.backend_pid}/stat")
        self._began = self._now()

    def _now(self) -> tuple[float, float]:
        server = 0.0
        if self._server.exists():
            fields = self._server.read_text().rpartition(")")[2].split()
            server = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return time.perf_counter(), time.process_time() + server

    def read(self) -> tuple[float, float]:
        """Seconds, and seconds of work."""
        now = self._now()
        return now[0] - self._began[0], now[1] - self._began[1]


def plain() -> tuple[float, float]:
    """What the same decisions take to be read, and nothing else."""
    from licensing import connection

    watch = Stopwatch()
    with connection.opened().cursor().copy(PLAIN) as blocks:
        for _ in blocks:
            pass
    return watch.read()


def trial(made: dict[str, Any], *, first_order: bool) -> tuple[tuple[float, float], Any]:
    """What it took, and what was counted."""
    from licensing import simulation

    watch, found = Stopwatch(), None
    rules = simulation.rules_of(None, made, UNTIL)
    for part in simulation.backtested(rules, until=UNTIL, first_order=first_order):
        found = part.found
    return watch.read(), found


def measure(rounds: int) -> None:
    """Each of the documents by itself, in turn with the plain reading."""
    for name, make in TRIED.items():
        for first_order in (True, False):
            clock, work, ratios, found = [], [], [], None
            for _ in range(rounds):
                _, limit = plain()
                taken, found = trial(make(), first_order=first_order)
                clock.append(taken[0])
                work.append(taken[1])
                ratios.append(taken[1] / limit)
            assert found is not None
            say(
                f"{name}, {'first order' if first_order else 'closed loop'}",
                best_s=round(min(clock), 1), median_s=round(statistics.median(clock), 1),
                best_work_s=round(min(work), 1), median_work_s=round(statistics.median(work), 1),
                of_plain_reading=round(statistics.median(ratios), 1),
                decisions=found.decisions, members=found.members, rerun=found.rerun,
                refused=found.newly_refused, allowed=found.newly_allowed,
            )  # fmt: skip


def compare(members: str) -> None:
    """Screened and not, the same of those whose ids begin like this."""
    from licensing import simulation

    for name, make in TRIED.items():
        rules = simulation.rules_of(None, make(), UNTIL)
        for first_order in (True, False):
            told: dict[bool, Any] = {}
            for prune in (True, False):
                *_, last = simulation.backtested(
                    rules, until=UNTIL, first_order=first_order, prune=prune, members=members
                )
                told[prune] = {**simulation.as_values(last.found), "rerun": None}
            assert _sorted(told[True]) == _sorted(told[False]), (name, first_order)
    say(f"screened as lived again, of {members}...", members=last.found.members)


def _sorted(values: dict[str, Any]) -> dict[str, Any]:
    """Counts of the same size stand in the order in which they were found."""
    return {
        name: sorted(map(json.dumps, value)) if isinstance(value, list) else value
        for name, value in values.items()
    }


def main() -> None:
    """Makes a history, and measures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--decisions", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--everybody", default="m-2", metavar="ID", help="how their ids begin")
    parser.add_argument("--home", type=Path, help="keep the history here, or use what is kept")
    options = parser.parse_args()
    with home(options.home) as folder, product(folder) as environment:
        subprocess.run(
            [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
            env=environment, check=True,
        )  # fmt: skip
        begin()
        from licensing.demo import play
        from timeline import embedded

        if not (folder / MADE).exists():
            play.prepare(plan())
            conninfo = embedded.Server(folder).addresses.conninfo(embedded.SUPERUSER)
            since = time.perf_counter()
            made = history(conninfo, options.decisions)
            say("a history was made", decisions=made, s=round(time.perf_counter() - since))
            (folder / MADE).touch()
        alone()
        measure(options.rounds)
        compare(options.everybody)


@contextmanager
def home(kept: Path | None) -> Iterator[Path]:
    """The folder of the server's data."""
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept
        return
    with tempfile.TemporaryDirectory(prefix="playhead-bench-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


if __name__ == "__main__":
    main()
