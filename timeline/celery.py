"""The Celery application: its broker, its promises and its beat."""

import os
import warnings
from typing import Any

from celery import Celery
from celery.signals import worker_ready

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "timeline.settings")

# Only JSON is accepted, so a message cannot carry code; root is then the starter's own choice.
warnings.filterwarnings("ignore", message="You're running the worker with superuser")

app = Celery("playhead")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

# A tick only says "look": what is due is in PostgreSQL, so a lost or doubled tick changes nothing.
# A tick that nobody took in time is dropped, so an outage leaves no pile behind.
app.conf.beat_schedule = {
    "heartbeat": {
        "task": "projections.tasks.heartbeat",
        "schedule": 5.0,
        "options": {"expires": 15},
    },
    "catch-up": {
        "task": "projections.tasks.catch_up",
        "schedule": 2.0,
        "options": {"expires": 2},
    },
    "backtest": {
        "task": "projections.tasks.backtest",
        "schedule": 2.0,
        "options": {"expires": 2},
    },
    "sweep": {
        "task": "projections.tasks.sweep",
        "schedule": 30.0,
        "options": {"expires": 30},
    },
}


@worker_ready.connect
def _beat_at_once(**kwargs: Any) -> None:
    """A worker that is up shows it through the broker, without waiting for the next tick."""
    app.send_task("projections.tasks.heartbeat", expires=15)
