"""The Celery application: its broker, its promises and its beat."""

import os
import warnings

from celery import Celery
from celery.platforms import SecurityWarning

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "timeline.settings")

# Only JSON is accepted, so a message cannot carry code; root is then the starter's own choice.
warnings.filterwarnings("ignore", category=SecurityWarning, message="You're running the worker")

app = Celery("playhead")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

# A tick only says "look": what is due is in PostgreSQL, so a lost or doubled tick changes nothing.
# A tick that nobody took within its own period is dropped, so an outage leaves no pile behind.
app.conf.beat_schedule = {
    "heartbeat": {
        "task": "projections.tasks.heartbeat",
        "schedule": 5.0,
        "options": {"expires": 5},
    },
    "catch-up": {
        "task": "projections.tasks.catch_up",
        "schedule": 2.0,
        "options": {"expires": 2},
    },
    "sweep": {
        "task": "projections.tasks.sweep",
        "schedule": 30.0,
        "options": {"expires": 30},
    },
}
