"""The Celery tasks: hints to look, with no logic of their own.

The beat (timeline.celery) ticks each at its interval; a lost or doubled tick changes nothing.
"""

from typing import Any

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from licensing import backtests
from projections import census, deliveries, jobs, runner, samples, withdrawals
from projections import heartbeat as heartbeats
from projections.deliveries import Hint
from projections.ticks import tick

SWEEP_SECONDS = 8.0
LEVEL_SECONDS = 1.0
"""How long a sweep lets the projections go first, after each page, if they are not level before."""


@shared_task(base=Hint)
def catch_up(*, seconds: float = 1.5, every: float | None = None, **kwargs: Any) -> None:
    """Bring the projections level, and keep polling for `seconds`; `every` is a beat's interval."""
    if every is None or tick("catch-up", every):
        runner.follow(seconds)


@shared_task(base=Hint)
def sweep(*, every: float | None = None, **kwargs: Any) -> None:
    """Renew and expire what is due; a beat's tick calls others to help where there is much."""
    if every is None:
        _sweep()
    elif tick("sweep", every):
        for _ in range(settings.SWEEPERS - 1 if jobs.crowded(timezone.now()) else 0):
            sweep.apply_async(expires=SWEEP_SECONDS, retry=False)
        _sweep()


def _sweep() -> None:
    """What is long due can wait; what was just appended is looked for."""
    jobs.sweep(
        timezone.now(),
        seconds=SWEEP_SECONDS,
        between=lambda: runner.catch_up(LEVEL_SECONDS),
    )


@shared_task(base=Hint)
def backtest(*, every: float | None = None, **kwargs: Any) -> None:
    """Go on for a while with the backtest that has waited longest, if there is one."""
    if every is None or tick("backtest", every):
        backtests.work_on_next(seconds=8)


@shared_task(base=Hint)
def withdraw(*, every: float | None = None, **kwargs: Any) -> None:
    """Go on for a while with the withdrawal that has waited longest, if there is one."""
    if every is None or tick("withdraw", every):
        withdrawals.work(seconds=8)


@shared_task(base=Hint)
def heartbeat(**kwargs: Any) -> None:
    """Say that beat, broker and a worker are alive."""
    heartbeats.beat()


@shared_task(base=Hint)
def measure(*, every: float | None = None, **kwargs: Any) -> None:
    """Note how far the projections are, count new events by type, forget old books."""
    if every is None or tick("measure", every):
        samples.take()
        census.count()
        census.measure()
        deliveries.forget_old()
        heartbeats.forget_old()
