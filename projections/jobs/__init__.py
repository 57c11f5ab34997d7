"""The jobs: due renewals and expiries become commands, each once, however often it is swept."""

from projections.jobs.claiming import KINDS, LEASE, MOST_LOST, PAGE, Obligation
from projections.jobs.control import Control, controls, pause, resume, set_rate, try_again
from projections.jobs.recording import GIVE_UP_AFTER, backoff
from projections.jobs.standing import (
    Attempt,
    Kind,
    crowded,
    failing,
    failing_page,
    status,
    upcoming,
)
from projections.jobs.sweeping import Swept, sweep

__all__ = [
    "GIVE_UP_AFTER",
    "KINDS",
    "LEASE",
    "MOST_LOST",
    "PAGE",
    "Attempt",
    "Control",
    "Kind",
    "Obligation",
    "Swept",
    "backoff",
    "controls",
    "crowded",
    "failing",
    "failing_page",
    "pause",
    "resume",
    "set_rate",
    "status",
    "sweep",
    "try_again",
    "upcoming",
]
