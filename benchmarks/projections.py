"""Read models: what an idle product costs, from append to read, and a rebuild of a million events.

    python -m benchmarks.projections [--events 1000000] [--models A,B] [--each]
        [--seconds 20] [--rate 300]

Starts a PostgreSQL of its own with its default settings. A worker and a beat run as the launcher
starts them: first with nothing to do, and last while events are appended at a rate. In between a
member's story is told by the real service and multiplied in the store, under other ids; nobody
reads those hashes. Two runners rebuild a read model while searches read and events still come in;
with `--each` every one, one after another. `--models` leaves out the worker and the beat.
"""

import argparse
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.run import product, publish
from benchmarks.spike import said

TEMPLATES = 40
CAUGHT_UP_S = 240.0
NAMES = ("worker", "beat", "PostgreSQL")
MULTIPLY = """
INSERT INTO event
SELECT bucket, stream_id, version,
       h.position + row_number() OVER (PARTITION BY bucket ORDER BY stream_id, version),
       gen_random_uuid(), type, schema_version, replace(data::text, old, new)::jsonb,
       replace(metadata::text, old, new)::jsonb, occurred_at, recorded_at, clock_timestamp(), hash
  FROM (SELECT bucket_of('member-' || new) AS bucket, 'member-' || new AS stream_id, c.*
          FROM (SELECT e.*, substr(e.stream_id, 8) AS old, substr(e.stream_id, 8) || '-' || n AS new
                  FROM event e, generate_series(%(first)s::int, %(last)s::int) n
                 WHERE e.stream_id ~ '^member-template-[0-9]+$')
               c (b, s, version, p, i, type, schema_version, data, metadata, occurred_at,
                  recorded_at, a, hash, old, new)) made
  JOIN bucket_head h USING (bucket)
"""
HEADS = """
INSERT INTO stream_head (bucket, stream_id, version, last_hash, recorded_at, command_seq)
SELECT e.bucket, e.stream_id, e.version, e.hash, e.recorded_at, 0
  FROM event e
 WHERE NOT EXISTS (SELECT FROM stream_head h
                    WHERE (h.bucket, h.stream_id) = (e.bucket, e.stream_id))
   AND e.version = (SELECT max(version) FROM event l
                     WHERE (l.bucket, l.stream_id) = (e.bucket, e.stream_id))
"""
ENDS = """
UPDATE bucket_head h SET position = e.position, appended_at = clock_timestamp()
  FROM (SELECT bucket, max(position) AS position FROM event GROUP BY 1) e
 WHERE e.bucket = h.bucket AND e.position > h.position
"""
REACHED = """
SELECT bucket, min(c.position) FROM projection_checkpoint c
  JOIN projection_build b USING (projection, generation)
 WHERE b.state = 'live' GROUP BY 1
"""


def fill(superuser: str, events: int) -> int:
    """Tell a few members' stories and multiply them; how many events there are."""
    from tests.web.story import tell

    publish()
    each = sum(tell(f"template-{number:02}") for number in range(TEMPLATES))
    copies = max(0, events // each - 1)
    with psycopg.connect(superuser) as conn:
        for first in range(1, copies + 1, 250):
            conn.execute(MULTIPLY, {"first": first, "last": min(first + 249, copies)})
            conn.execute(ENDS)
        conn.execute(HEADS)
    with psycopg.connect(superuser, autocommit=True) as conn:
        conn.execute("VACUUM ANALYZE event, stream_head, bucket_head")
        ((count,),) = conn.execute("SELECT count(*) FROM event").fetchall()
        return int(count)


def runner(names: list[str]) -> None:
    """A worker process that follows the feed in turns as a task has them."""
    import django

    django.setup()
    from projections import registry
    from projections import runner as runners

    while True:
        runners.catch_up(1.5, projectors=[registry.named(name) for name in names])
        time.sleep(0.1)


def writer(rate: int, seconds: float, sent: Any, *, hints: bool) -> None:
    """Append so many events a second, each to a member of its own, as they come in."""
    import django

    django.setup()
    from licensing import connection, store
    from projections import hints as hinting

    conn = connection.opened()
    began = time.monotonic()
    number, written = 0, []
    while (passed := time.monotonic() - began) < seconds:
        if number >= passed * rate:
            time.sleep(0.002)
            continue
        number += 1
        stream = f"member-new-{os.getpid()}-{number}"
        now = datetime.now(UTC)
        data = {"plan": "premium", "country": "NL", "previous_plan": None, "previous_country": None}
        event = store.NewEvent(uuid.uuid4(), "PlanChanged", 2, data, {}, now)
        record = store.CommandRecord(uuid.uuid4().hex, "ChangePlan", {}, b"b", {"outcome": "ok"})
        done = store.append(conn, stream, [event], record)
        written.append((store.bucket_of(stream), done.events[0].position, time.time()))
        if hints:
            hinting.nudge()
    sent.put(written)


@contextmanager
def running(*commands: list[str]) -> Iterator[list[int]]:
    """Celery processes; their ids."""
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "celery", "--app", "timeline", "--quiet", *command],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        )
        for command in commands
    ]  # fmt: skip
    try:
        yield [process.pid for process in started]
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait()


def worker_and_beat() -> Any:
    """As the launcher starts them."""
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    worker = ["worker", "--loglevel", "error", "--concurrency", "2", "--hostname", "b@b", *quiet]
    return running(worker, ["beat", "--loglevel", "error", "--pidfile="])


def used(root: int) -> float:
    """Processor seconds of a process and all below it, those that have ended too."""
    fields = Path(f"/proc/{root}/stat").read_text().rpartition(")")[2].split()
    own = sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")  # utime, stime, cutime, cstime
    below = Path(f"/proc/{root}/task/{root}/children").read_text().split()
    return own + sum(used(int(pid)) for pid in below)


def idle(superuser: str, seconds: float) -> None:
    """What it costs where nothing happens and nothing is due."""
    with psycopg.connect(superuser, autocommit=True) as conn, worker_and_beat() as pids:
        pids = [*pids, _parent(conn.info.backend_pid)]
        time.sleep(15)
        before = [used(pid) for pid in pids]
        time.sleep(seconds)
        spent = [used(pid) - old for pid, old in zip(pids, before, strict=True)]
    told = ", ".join(f"{n} {100 * s / seconds:.1f} %" for n, s in zip(NAMES, spent, strict=True))
    said(f"idle (load {os.getloadavg()[0]:.0f}), of one core: {told}", time.monotonic())


def freshness(superuser: str, rate: int, seconds: float) -> None:
    """How long from an append until every read model has it: while jobs that were due long ago are
    caught up, and once there is nothing due."""
    with psycopg.connect(superuser, autocommit=True) as conn, worker_and_beat() as pids:
        pids = [*pids, _parent(conn.info.backend_pid)]
        time.sleep(15)
        began, left = time.monotonic(), due()
        told = f"{left} jobs overdue, of which the worker does what it can"
        _measured(conn, rate, seconds, told, pids)
        while due() and time.monotonic() - began < CAUGHT_UP_S:
            time.sleep(2)
        said(f"{due()} jobs still due", began)
        time.sleep(5)
        told = "nothing else due" if not due() else "jobs still due"
        _measured(conn, rate, seconds, told, pids)


def due() -> int:
    """How many obligations are due now."""
    from django.utils import timezone

    from projections import jobs

    return sum(int(kind["due"]) for kind in jobs.status(timezone.now())["items"])


def _measured(
    conn: psycopg.Connection[Any], rate: int, seconds: float, when: str, pids: list[int]
) -> None:
    before, since = [used(pid) for pid in pids], time.monotonic()
    context = multiprocessing.get_context("spawn")
    sent = context.Queue()
    process = context.Process(target=writer, args=(rate, seconds, sent), kwargs={"hints": True})
    seen: list[tuple[float, dict[int, int]]] = []
    process.start()
    written: list[tuple[int, int, float]] = []
    while not written or any(seen[-1][1][bucket] < at for bucket, at, _ in written):
        seen.append((time.time(), dict(conn.execute(REACHED).fetchall())))
        if not written and not sent.empty():
            written = sent.get()
        time.sleep(0.02)
    process.join()
    took = time.monotonic() - since
    spent = [100 * (used(pid) - old) / took for pid, old in zip(pids, before, strict=True)]
    late = sorted(_lateness(written, seen))
    at = [late[int(len(late) * part) - 1] for part in (0.5, 0.95, 0.99, 1.0)]
    told = " / ".join(f"{value:.2f}" for value in at)
    load = os.getloadavg()[0]
    said(
        f"{len(late) / seconds:.0f} events/s (load {load:.0f}, {when}); p50/p95/p99/most {told} s;"
        f" of one core: {', '.join(f'{n} {s:.0f} %' for n, s in zip(NAMES, spent, strict=True))}",
        time.monotonic(),
    )


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _lateness(
    written: list[tuple[int, int, float]], seen: list[tuple[float, dict[int, int]]]
) -> Iterator[float]:
    """Of each event: from its append until a look found it passed by every live read model."""
    by_bucket: dict[int, list[tuple[int, float]]] = {}
    for bucket, position, at in written:
        by_bucket.setdefault(bucket, []).append((position, at))
    for bucket, events in by_bucket.items():
        looks = iter(seen)
        now, reached = next(looks)
        for position, at in events:
            while reached[bucket] < position:
                now, reached = next(looks)
            yield max(now - at, 0.0)


def rebuild(names: list[str], kept: list[str], began: float) -> None:
    """Two runners rebuild some read models, while pages read and events come in."""
    from projections import builds
    from projections.read_models import member_directory

    context = multiprocessing.get_context("spawn")
    sent = context.Queue()
    for name in names:
        builds.request(name, by="bench", reason="to measure")
    processes = [context.Process(target=runner, args=(kept,), daemon=True) for _ in range(2)]
    processes.append(
        context.Process(target=writer, args=(20, 3600, sent), kwargs={"hints": False}, daemon=True)
    )
    start = time.monotonic()
    for process in processes:
        process.start()
    reads: list[float] = []
    try:
        while growing := [build for name in names if (build := builds.in_progress(name))]:
            for _ in range(20):
                at = time.monotonic()
                member_directory.search(f"template-{len(reads) % TEMPLATES:02}-7")
                reads.append(time.monotonic() - at)
                time.sleep(0.1)
            left = max(build.left for build in growing)
            rate = sum(build.rate for build in growing)
            said(f"{len(growing)} building, {left} events left at most, {rate:.0f}/s", began)
    finally:
        for process in processes:
            process.terminate()
            process.join()
    took = time.monotonic() - start
    reads.sort()
    for name in names:
        live = builds.live(name)
        assert live is not None
        assert live.comparison is not None
        found = live.comparison
        said(f"{name}: {found.rows} rows in {found.buckets} buckets equal: {found.equal}", began)
    load = os.getloadavg()[0]
    said(f"rebuilt {', '.join(names)} in {took:.0f} s (load {load:.0f})", began)
    middle, p95 = reads[len(reads) // 2], reads[int(len(reads) * 0.95)]
    told = f"median {middle * 1000:.0f}, p95 {p95 * 1000:.0f} ms"
    said(f"{len(reads)} searches meanwhile: {told}", began)


def main() -> None:
    """Prints a line for each figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--models", default="", help="only these are kept, the first is rebuilt")
    parser.add_argument("--each", action="store_true", help="rebuild all that are kept, in turn")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rate", type=int, default=300)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="projections-") as folder, product(Path(folder)):
        import django

        django.setup()
        from django.core.management import call_command
        from django.db import connections

        from projections import registry
        from projections import runner as runners
        from projections.registry import PROJECTORS
        from timeline import embedded

        superuser = embedded.Server(Path(folder)).addresses.conninfo(embedded.SUPERUSER)
        call_command("migrate", verbosity=0)
        if not options.models:
            connections.close_all()
            idle(superuser, options.seconds)
        began = time.monotonic()
        events = fill(superuser, options.events)
        said(f"{events} events", began)
        start = time.monotonic()
        kept = options.models.split(",") if options.models else [p.name for p in PROJECTORS]
        runners.catch_up(projectors=[registry.named(name) for name in kept])
        took = time.monotonic() - start
        said(f"{len(kept)} level from nothing in {took:.0f} s, one runner", began)
        for name in kept if options.each else kept[:1]:
            rebuild([name], kept, began)
        if not options.models:
            connections.close_all()
            freshness(superuser, options.rate, options.seconds)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "timeline.settings")
    main()
