"""The Celery tasks: hints to look, with no logic of their own.

The beat (timeline.celery) ticks catch_up and backtest every 2 s, sweep every 30 s and heartbeat
every 5 s; a lost or doubled tick changes nothing.
"""

from typing import Any

from celery import shared_task
from django.utils import timezone

from licensing import backtests
from projections import heartbeat as heartbeats
from projections import jobs, runner


@shared_task
def catch_up(*, seconds: float = 1.5, **kwargs: Any) -> None:
    """Bring the projections level, and keep polling for `seconds`."""
    runner.follow(seconds)


@shared_task
def sweep(**kwargs: Any) -> None:
    """Renew and expire what is due."""
    jobs.sweep(timezone.now(), seconds=8)


@shared_task
def backtest(**kwargs: Any) -> None:
    """Go on for a while with the backtest that has waited longest, if there is one."""
    backtests.work_on_next(seconds=8)


@shared_task
def heartbeat(**kwargs: Any) -> None:
    """Say that a worker is alive."""
    heartbeats.beat()
