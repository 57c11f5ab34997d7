"""The workers' settings read back, and what a pool makes of a process that is gone."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from celery.concurrency.prefork import TaskPool
from kombu.transport import redis

from projections import tasks
from projections.deliveries import MOST
from projections.jobs import LEASE
from timeline import pool
from timeline.celery import app

PROMISED_S = 60
READ_BACK = """
import json
from django.conf import settings
print(json.dumps(settings.CELERY_BROKER_TRANSPORT_OPTIONS))
"""


@pytest.mark.parametrize("later", [{"countdown": 5}, {"eta": datetime(2030, 1, 1, tzinfo=UTC)}])
@pytest.mark.parametrize("task", [tasks.catch_up, tasks.sweep, tasks.measure, tasks.heartbeat])
def test_what_is_due_later_is_a_row_and_no_message(task, later):
    with pytest.raises(ValueError, match="is a row"):
        task.apply_async(**later)


def test_lost_work_is_done_again_within_a_minute():
    conf = app.conf
    visible = conf.broker_transport_options["visibility_timeout"]
    assert conf.task_soft_time_limit < conf.task_time_limit
    assert 2 * conf.task_time_limit < visible < PROMISED_S
    assert conf.task_time_limit < LEASE.total_seconds() < PROMISED_S
    assert conf.task_soft_time_limit > tasks.SWEEP_SECONDS
    # What ends its worker is given up, and what waits behind it is not late.
    assert MOST * conf.worker_lost_wait < PROMISED_S / 2


def test_on_redis_workers_look_for_lost_messages_often_enough():
    """Nobody but another worker notices there: the default looks every hundred seconds."""
    told = subprocess.run(
        [sys.executable, "-c", READ_BACK], capture_output=True, text=True, check=True,
        env={**os.environ, "CELERY_BROKER_URL": "redis://localhost:1/0",
             "DJANGO_SETTINGS_MODULE": "timeline.settings"},
    )  # fmt: skip
    options = json.loads(told.stdout)
    pause = options["unacked_restore_interval"] * options["unacked_restore_throttle"]
    assert options["visibility_timeout"] + 2 * pause < PROMISED_S
    # The options are kombu's own, and kept by every channel.
    assert options.keys() - {"socket_timeout", "socket_connect_timeout"} <= {
        *redis.Channel.from_transport_options
    }


def test_messages_are_held_until_they_are_done_and_one_at_a_time():
    conf = app.conf
    assert conf.task_acks_late
    assert conf.task_reject_on_worker_lost
    assert conf.worker_prefetch_multiplier == 1
    assert conf.task_ignore_result
    assert conf.accept_content == ["json"]
    assert not conf.worker_enable_remote_control


def test_the_beat_sends_less_than_a_pool_of_one_process_takes():
    """Ticks that went stale in the queue would be dropped: nothing would be brought level."""
    taken = 1 / app.conf.broker_transport_options["polling_interval"]
    sent = sum(1 / entry["schedule"] for entry in app.conf.beat_schedule.values())
    assert sent < taken


def gone(code: int, *, pid: int = 7, controlled: bool = False) -> SimpleNamespace:
    return SimpleNamespace(pid=pid, exitcode=code, _controlled_termination=controlled)


@pytest.mark.parametrize(
    ("process", "working", "ends"),
    [
        (gone(-9), [], True),
        (gone(-9), [8], True),  # another one is at work
        (gone(-9), [7], False),  # it held a task, and no lock
        (gone(0), [], False),
        (gone(1), [], False),
        (gone(-15, controlled=True), [], False),
    ],
)
def test_a_worker_ends_when_an_idle_process_was_killed(monkeypatch, process, working, ends):
    ended = []
    monkeypatch.setattr(pool.pulse, "end", lambda why, busy: ended.append(why))
    jobs = {pid: SimpleNamespace(worker_pids=lambda pid=pid: [pid]) for pid in working}
    processes = SimpleNamespace(_cache=jobs, _pool=[], on_process_down=None)
    held = TaskPool.__new__(TaskPool)
    held._pool = processes
    pool.watch(held)
    thread = processes.on_process_down(process)
    if thread:
        thread.join()
    assert bool(ended) == ends
