"""The product's Celery application with short intervals, and tasks that misbehave.

`FAULTS_QUICK=1` shortens visibility timeout, task limits and leases in the same proportions, so
that a test of `make test` need not wait for a minute; without it all is as the product has it.
"""

import os
import signal
import time
from datetime import timedelta
from typing import Any

import django
from celery import shared_task
from django.db import connection

django.setup()

from licensing import service  # noqa: E402  (models want the apps first)
from projections import tasks  # noqa: E402
from projections.deliveries import Hint  # noqa: E402
from projections.jobs import claiming  # noqa: E402
from timeline.celery import app  # noqa: E402

QUICK = os.environ.get("FAULTS_QUICK") == "1"
VISIBILITY_S = 11 if QUICK else app.conf.broker_transport_options.get("visibility_timeout", 0)

if QUICK:
    claiming.LEASE = timedelta(seconds=6)
    app.conf.update(task_soft_time_limit=3, task_time_limit=5, worker_lost_wait=1.0)
    # Turns far shorter than the limit, as the product's are: a turn that is cut off leaves its page
    # to the leases, and whoever waits for these on a busy machine sees nothing but the limit.
    tasks.SWEEP_SECONDS = 1.0
    if "visibility_timeout" in app.conf.broker_transport_options:
        app.conf.broker_transport_options["visibility_timeout"] = VISIBILITY_S
for name, every in (("sweep", 1.0), ("catch-up", 1.0), ("heartbeat", 1.0)):
    entry = app.conf.beat_schedule[name]
    entry["schedule"] = every
    if "every" in entry["kwargs"]:
        entry["kwargs"] = {"every": every}
if QUICK:
    app.conf.beat_schedule["catch-up"]["kwargs"]["seconds"] = 0.7
# No backtests and no withdrawals here: they would only take turns.
for name in ("backtest", "withdraw"):
    app.conf.beat_schedule.pop(name, None)

# A license whose renewal ends the process that decides it.
DEADLY = os.environ.get("FAULTS_DEADLY_LICENSE", "")
_handle = service.handle


def _handle_or_die(member_id: str, command: Any, **rest: Any) -> Any:
    if DEADLY and getattr(command, "license_id", None) == DEADLY:
        os.kill(os.getpid(), signal.SIGKILL)
    if slow := float(os.environ.get("FAULTS_SLOW_S", "0")):
        time.sleep(slow)
    return _handle(member_id, command, **rest)


service.handle = _handle_or_die


@shared_task(base=Hint, name="tests.poison")
def poison() -> None:
    """Ends the process that runs it, each time."""
    _note("poison")
    os.kill(os.getpid(), signal.SIGKILL)


@shared_task(base=Hint, name="tests.probe")
def probe(name: str, seconds: float = 0.0) -> None:
    """Notes when it began and when it ended."""
    _note(f"{name} began")
    time.sleep(seconds)
    _note(f"{name} ended")


def _note(what: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO fault_note (what, pid) VALUES (%s, %s)", [what, os.getpid()])
