"""The Celery application: its broker, its promises and its beat."""

import os
import warnings
from typing import Any

from celery import Celery
from celery.signals import task_received, worker_ready, worker_shutting_down
from kombu import Connection

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "timeline.settings")

# Only JSON is accepted, so a message cannot carry code; root is then the starter's own choice.
warnings.filterwarnings("ignore", message="You're running the worker with superuser")


class Playhead(Celery):
    """Celery whose senders are told nothing: the transport on pgmq tells every connection.

    A sender never reads, so that PostgreSQL's process waits for it without end, holds all
    notifications that come after, and keeps a database from being dropped.
    """

    def connection_for_write(self, url: str | None = None, **options: Any) -> Connection:
        """A connection to send by."""
        if "use_notify" in self.conf.broker_transport_options:
            given = options.pop("transport_options", None) or {}
            options["transport_options"] = given | {"use_notify": False}
        return super().connection_for_write(url, **options)


app = Playhead("playhead")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


def _tick(task: str, every: float, *, expires: float) -> dict[str, Any]:
    """One entry of the beat; a tick that nobody took in time is dropped, not piled up."""
    return {
        "task": f"projections.tasks.{task}",
        "schedule": every,
        "kwargs": {"every": every},
        "options": {"expires": expires},
    }


# A tick only says "look": what is due is in PostgreSQL, so a lost or doubled tick changes nothing.
app.conf.beat_schedule = {
    "heartbeat": _tick("heartbeat", 5.0, expires=15),
    "catch-up": _tick("catch_up", 2.0, expires=2),
    "backtest": _tick("backtest", 2.0, expires=2),
    "withdraw": _tick("withdraw", 2.0, expires=2),
    "sweep": _tick("sweep", 10.0, expires=10),
    "measure": _tick("measure", 30.0, expires=30),
}
app.conf.beat_scheduler = "timeline.beat:Scheduler"

_pulses: list[Any] = []


@worker_ready.connect
def _begin(sender: Any = None, **kwargs: Any) -> None:
    """A worker that is up shows it through the broker, without waiting for the next tick."""
    from projections import heartbeat
    from projections.pulse import Pulse
    from timeline import pool

    pool.watch(sender.pool)
    pulse = Pulse(str(sender.hostname), heartbeat.PROCESS, watch=True)
    pulse.start()
    _pulses.append(pulse)
    app.send_task("projections.tasks.heartbeat", expires=15)


@task_received.connect
def _took(**kwargs: Any) -> None:
    for pulse in _pulses:
        pulse.took()


@worker_shutting_down.connect
def _end(**kwargs: Any) -> None:
    for pulse in _pulses:
        pulse.stop()
