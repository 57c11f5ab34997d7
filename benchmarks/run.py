"""What the store and the command service cost beside the physical limit, in one run on one server.

    python -m benchmarks.run [--rounds 5] [--seconds 2]

Starts a PostgreSQL of its own with its default settings (fsync and synchronous_commit on), measures
in rounds, and prints ratios made inside each round: on a shared machine only those mean something.
"""

import argparse
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

RAW = """
CREATE TABLE raw_event (
  bucket int NOT NULL, stream_id text NOT NULL, version int NOT NULL, position bigint NOT NULL,
  type text NOT NULL, data jsonb NOT NULL, metadata jsonb NOT NULL,
  occurred_at timestamptz NOT NULL, recorded_at timestamptz NOT NULL,
  PRIMARY KEY (bucket, stream_id, version), UNIQUE (bucket, position))
"""
INSERT = r"""
\set member random(1, 100000)
\set n :n + 1
\set seq :client_id * 100000000 + :n
INSERT INTO raw_event VALUES (:member % 1024, 'member-' || :member::int, :seq, :seq,
  'LicenseIssued', :data::jsonb, :meta::jsonb, now(), now());
"""
SHAPES = {"1 client": (1, 1), "2 x 4": (2, 4)}


@contextmanager
def product(home: Path) -> Iterator[dict[str, str]]:
    """A server with a migrated store; its environment."""
    from timeline import embedded

    server = embedded.Server(home)
    server.start()
    try:
        environment = {
            **os.environ, **server.addresses.environment(), "PLAYHEAD_HOME": str(home),
            "DJANGO_SETTINGS_MODULE": "timeline.settings", "PLAYHEAD_DB_POOL": "0",
            # Nobody is held back while it is measured.
            "PLAYHEAD_USER_RATE": "1000000", "PLAYHEAD_KEY_RATE": "1000000",
        }  # fmt: skip
        os.environ.update(environment)
        yield environment
    finally:
        server.stop()


def raw_insert(conninfo: str, clients: int, seconds: float) -> float:
    """Single-row inserts of pgbench, prepared, per second: the physical limit."""
    import psycopg

    from benchmarks.peer import EVENT, METADATA
    from timeline import embedded

    with psycopg.connect(conninfo, autocommit=True) as conn:
        conn.execute("DROP TABLE IF EXISTS raw_event")
        conn.execute(RAW)
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "insert.sql"
        script.write_text(INSERT)
        said = subprocess.run(
            [
                str(embedded._binaries() / "pgbench"), "-n", "-M", "prepared", "-c", str(clients),
                "-j", str(min(clients, 2)), "-T", str(int(seconds)), "-f", str(script),
                "-D", "n=0", "-D", f"data={json.dumps(EVENT)}",
                "-D", f"meta={json.dumps(METADATA)}", conninfo,
            ],
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
    (line,) = [line for line in said.splitlines() if line.startswith("tps =")]
    return float(line.split("=")[1].split()[0])


def append_client(number: int) -> Callable[[], None]:
    """Appends one event to a random stream: heads, chain, command log."""
    from benchmarks.peer import Project

    return Project(os.environ["BENCH_CONNINFO"]).client(number)  # type: ignore[no-any-return]


def command_client(number: int) -> Callable[[], None]:
    """A whole command on a member of about a hundred events: load, decide, append."""
    import django

    django.setup()
    member = build(100)
    return lambda: whole_command(member)


def whole_command(member: str) -> None:
    """A playback is reported: one command, one event."""
    from licensing import service
    from licensing.domain.commands import RecordPlayback

    flips = whole_command.__dict__.setdefault("flips", {})
    flips[member] = "stop" if flips.get(member) == "start" else "start"
    service.handle(
        member,
        RecordPlayback("l-0", flips[member]),
        command_id=uuid.uuid4().hex,
        actor=service.Actor("device", "d-1"),
        now=datetime.now(UTC),
    )


def build(events: int) -> str:
    """A member with a past of so many events: one download played again and again, and others."""
    from licensing import codec, connection, history, store
    from licensing.domain.license import (
        LicenseIssued,
        LicenseReleased,
        PlaybackStarted,
        PlaybackStopped,
    )

    member, new = f"m-{uuid.uuid4().hex[:12]}", []
    start = datetime.now(UTC) - timedelta(hours=2 * events)
    far = datetime.now(UTC) + timedelta(days=900)
    for number in range(1 + events // 4):
        at, license_id = start + timedelta(hours=8 * number), f"l-{number}"
        title = {"studio": f"studio-{number % 12}", "name": f"Film {number % 400}"}
        told: list[Any] = [
            LicenseIssued(
                license_id, f"t-{number % 400}", f"d-{number % 3}", title, {"type": "phone"}, {},
                far, {"license_h": 48},
            ),
            PlaybackStarted(license_id),
            PlaybackStopped(license_id),
        ]  # fmt: skip
        if number:
            told.append(LicenseReleased(license_id))
        for event in told:
            name, schema_version, data = codec.encode(event)
            made = store.NewEvent(uuid.uuid4(), name, schema_version, data, {"by": "bench"}, at)
            new.append(store.PastEvent(made, at))
    new = new[:events]
    for first in range(0, events, store.CHUNK):
        run = store.PastRun(history.stream_of(member), first, new[first : first + store.CHUNK])
        store.import_events(connection.opened(), [run])
    history.frame(member)
    return member


def _work(name: str, number: int, threads: int, seconds: float, gate: Any, answers: Any) -> None:
    make = {"append": append_client, "command": command_client}[name]
    clients = [make(number * threads + n) for n in range(threads)]
    counts = [0] * threads
    gate.wait()
    end = time.perf_counter() + seconds

    def loop(place: int) -> None:
        call = clients[place] if name == "append" else make(place)
        while time.perf_counter() < end:
            call()
            counts[place] += 1

    workers = [threading.Thread(target=loop, args=(place,)) for place in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    answers.put(sum(counts) / seconds)


def rate(name: str, processes: int, threads: int, seconds: float) -> float:
    """How many calls a second so many processes of so many threads make."""
    context = multiprocessing.get_context("spawn")
    gate, answers = context.Barrier(processes), context.Queue()
    children = [
        context.Process(target=_work, args=(name, n, threads, seconds, gate, answers))
        for n in range(processes)
    ]
    for child in children:
        child.start()
    total = sum(answers.get(timeout=seconds + 120) for _ in children)
    for child in children:
        child.join()
    return float(total)


def timed(call: Callable[[], Any], times: int) -> float:
    """The median of so many calls, in milliseconds."""
    taken = []
    for _ in range(times):
        begin = time.perf_counter()
        call()
        taken.append((time.perf_counter() - begin) * 1e3)
    return statistics.median(taken)


def flatness() -> None:
    """Commands and steps after 100 and after 100,000 events."""
    import django

    django.setup()
    from licensing import fold, history

    sizes = (10, 100, 10_000, 100_000)
    members = {size: build(size) for size in sizes}

    def cold(member: str) -> None:
        history.forget(member)
        history.current(member)

    def step(member: str, size: int) -> None:
        # Nearly as far behind a keyframe as can be, wherever there is one.
        history.around(member, max(size // 2, min(size, 100)) - 3)

    calls: dict[str, Callable[[str, int], None]] = {
        "load_ms": lambda member, size: cold(member),
        "step_ms": step,
        "command_ms": lambda member, size: whole_command(member),
    }
    found: dict[str, dict[int, list[float]]] = {}
    for name, call in calls.items():
        for _ in range(40):
            for size, member in members.items():  # in turn, so that a noisy moment hits them all
                taken = timed(partial(call, member, size), 3)
                found.setdefault(name, {}).setdefault(size, []).append(taken)
    for size in sizes:
        figures = {name: round(statistics.median(found[name][size]), 2) for name in calls}
        say(f"{size:>7} events in the stream", **figures)
    member = members[10_000]
    whole = timed(lambda: fold.from_the_start(member, 10_000), 5)
    say("10,000 events read, decoded and folded from the first", ms=round(whole, 1))


def feeds(conninfo: str) -> None:
    """Reading the feeds of all buckets, decoded, beside COPY of the same rows."""
    import psycopg

    from benchmarks.peer import Project

    reader = Project(conninfo)
    with psycopg.connect(conninfo, autocommit=True) as conn:
        # The product's own events are in these feeds too: decoded to dictionaries, all alike.
        read = partial(reader.catch_up, lambda event: event.data)
        events = read()
        ratios = []
        for _ in range(5):
            decoded = timed(read, 1)

            def copy() -> None:
                with conn.cursor().copy("COPY event TO STDOUT (FORMAT binary)") as blocks:
                    for _ in blocks:
                        pass

            ratios.append(timed(copy, 1) / decoded)
    reader.close()
    say(f"feeds of {events:,} events, decoded", of_copy_to=round(statistics.median(ratios), 2))


def imports(conninfo: str) -> None:
    """Bulk import of ready events beside COPY of the same rows into the same table."""
    import psycopg

    from benchmarks.peer import Project

    project, ratios = Project(conninfo), []
    with psycopg.connect(conninfo, autocommit=True) as conn:
        conn.execute("DROP TABLE IF EXISTS copied")
        conn.execute("CREATE TABLE copied (LIKE event INCLUDING ALL)")
        for _ in range(5):
            begin = time.perf_counter()
            streams = [project.seed(500) for _ in range(20)]
            imported = time.perf_counter() - begin
            rows = "COPY (SELECT * FROM event WHERE stream_id = ANY (%s)) TO STDOUT (FORMAT binary)"
            with conn.cursor().copy(rows, [streams]) as blocks:
                binary = b"".join(bytes(block) for block in blocks)
            begin = time.perf_counter()
            with conn.cursor().copy("COPY copied FROM STDIN (FORMAT binary)") as copy:
                copy.write(binary)
            ratios.append((time.perf_counter() - begin) / imported)
        conn.execute("DROP TABLE copied")
    project.close()
    say("bulk import, 10,000 events a round", of_raw_copy=round(statistics.median(ratios), 2))


def say(name: str, **figures: float) -> None:
    """One line of the report."""
    told = "  ".join(f"{key} {value}" for key, value in figures.items())
    sys.stdout.write(f"{name:<56} {told}\n")
    sys.stdout.flush()


def main() -> None:
    """Measures everything, a line each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="playhead-bench-") as folder:
        Path(folder).chmod(0o755)
        with product(Path(folder)) as environment:
            subprocess.run(
                [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
                env=environment, check=True,
            )  # fmt: skip
            from timeline import embedded

            conninfo = embedded.Server(Path(folder)).addresses.conninfo(embedded.SUPERUSER)
            os.environ["BENCH_CONNINFO"] = conninfo
            publish()
            for shape, (processes, threads) in SHAPES.items():
                found: dict[str, list[float]] = {"append": [], "command": []}
                for _ in range(options.rounds):
                    limit = raw_insert(conninfo, processes * threads, options.seconds)
                    for name, ratios in found.items():
                        ratios.append(rate(name, processes, threads, options.seconds) / limit)
                for name, ratios in found.items():
                    say(f"{name}, {shape}", of_raw_insert=round(statistics.median(ratios), 2))
            imports(conninfo)
            feeds(conninfo)
            flatness()


def publish() -> None:
    """The demo's first rules, in force from 2010 on."""
    import django

    django.setup()
    import licensing
    from licensing import rulebook, rulemaking, service

    document = json.loads((Path(licensing.__file__).parent / "demo" / "rules_1.json").read_text())
    start = datetime(2010, 1, 1, tzinfo=UTC)
    rulemaking.publish(
        rulebook.RULE_SET, document, valid_from=start, command_id="bench",
        actor=service.Actor("staff", "bench"), now=start,
    )  # fmt: skip


if __name__ == "__main__":
    main()
