"""Launch day: 100,000 licenses fall due within one hour, and the jobs drain them.

    python -m benchmarks.spike [--licenses 100000] [--sweepers 2] [--profile]

Starts a PostgreSQL of its own with its default settings, imports a past in which the licenses were
issued, brings the projections level, and lets sweeps and a runner work side by side, as workers do.
Prints progress and the rate.
"""

import argparse
import cProfile
import multiprocessing
import os
import pstats
import sys
import tempfile
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.run import product

EACH = 2
"""Licenses of one member that fall due together: what was downloaded for one trip."""

TERMS = {
    "license_h": 168, "playback_h": 48, "renew_max": 2, "renew_ext_h": 168, "renew_window_h": 24,
    "renew_life_h": 1440,
}  # fmt: skip


def past(licenses: int, due_from: datetime, prefix: str = "spike", within: float = 3600.0) -> None:
    """Import members with licenses whose renewal falls due within seconds from `due_from` on."""
    import json

    import licensing
    from licensing import rulebook, rulemaking, service
    from licensing.import_lines import EventLine, Past
    from licensing.import_past import PastEvents

    document = json.loads((Path(licensing.__file__).parent / "demo" / "rules_1.json").read_text())
    start = datetime(2024, 1, 1, tzinfo=UTC)
    rulemaking.publish(
        rulebook.RULE_SET, document, valid_from=start, command_id="spike",
        actor=service.Actor("staff", "spike"), now=start,
    )  # fmt: skip

    class Tally:
        events = 0
        already = 0

    def refuse(past: Past, why: str) -> None:
        raise SystemExit(why)

    events = PastEvents(Tally(), refuse)
    issued = due_from - timedelta(hours=TERMS["license_h"] - TERMS["renew_window_h"])
    for number in range(licenses // EACH):
        member = f"{prefix}-{number:06}"
        at = issued + timedelta(seconds=within * number * EACH / licenses)
        for each in range(EACH):
            when = at + timedelta(microseconds=each)
            data = {
                "license_id": f"{prefix}-{number:06}-{each}", "title_id": f"title-{number % 997}",
                "device_id": "tablet", "title": {"studio": f"studio-{number % 31}"},
                "device": {"type": "tablet"}, "context": {},
                "expires_at": (when + timedelta(hours=TERMS["license_h"])).isoformat(),
                "terms": TERMS,
            }  # fmt: skip
            line = EventLine("LicenseIssued", 1, uuid.uuid4(), when, data, member=member)
            events.take(Past(number * EACH + each + 1, b"", line))
    events.flush()


def sweeper(seconds: float) -> None:
    """One worker process: sweeps of eight seconds, as the task makes them, by the clock.

    What a sweep gave back at its end is due again at that time: a clock that stood still would
    never come to it.
    """
    import django

    django.setup()
    from projections import jobs

    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not jobs.sweep(datetime.now(UTC), seconds=8).attempted:
            time.sleep(0.2)


def follower(seconds: float) -> None:
    """The runner beside them."""
    import django

    django.setup()
    from projections import runner

    runner.follow(seconds)


def main() -> None:
    """Prints one line each few seconds, and the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--licenses", type=int, default=100_000)
    parser.add_argument("--sweepers", type=int, default=2)
    parser.add_argument("--profile", action="store_true", help="one sweep of 8 s under cProfile")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="spike-") as folder, product(Path(folder)):
        _run(options)


def _run(options: argparse.Namespace) -> None:
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connections

    from projections import jobs, runner

    call_command("migrate", verbosity=0)
    began = time.monotonic()
    now = datetime.now(UTC)
    past(options.licenses, now - timedelta(hours=1))
    said(f"imported {options.licenses} licenses", began)
    began = time.monotonic()
    runner.catch_up()
    said("projections level", began)
    if options.profile:
        profile = cProfile.Profile()
        swept = profile.runcall(jobs.sweep, now, seconds=8)
        sys.stdout.write(f"{swept}\n")
        pstats.Stats(profile).sort_stats("cumulative").print_stats(45)
        return
    connections.close_all()
    context = multiprocessing.get_context("spawn")
    workers = [
        context.Process(target=sweeper, args=(3600,), daemon=True) for _ in range(options.sweepers)
    ]
    workers.append(context.Process(target=follower, args=(3600,), daemon=True))
    began = time.monotonic()
    for worker in workers:
        worker.start()
    try:
        left = options.licenses
        while left:
            time.sleep(5)
            renew = jobs.status(now)["items"][0]
            left = renew["due"]
            done = sum(renew["outcomes"].values())
            said(f"{done} done, {left} due, {done / (time.monotonic() - began):.0f}/s", began)
    finally:
        for worker in workers:
            worker.terminate()
            worker.join()
    took = time.monotonic() - began
    accepted = jobs.status(now)["items"][0]["outcomes"]
    said(f"{options.licenses} done, {options.licenses / took:.0f}/s: {accepted}", began)


def said(what: str, began: float) -> None:
    """A line with the seconds since."""
    sys.stdout.write(f"{time.monotonic() - began:7.1f} s  {what}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "timeline.settings")
    main()
