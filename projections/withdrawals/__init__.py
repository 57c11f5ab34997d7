"""Takes every license of a title or a studio back: counted first, then done in slices by workers.

    count = withdrawals.count(target, until=now, now=now)  # a dry run
    run = withdrawals.begin(run_id, ...)                  # waits for a worker
    withdrawals.stop(run.id); withdrawals.resume(run.id)  # goes on where it was
    withdrawals.items(run.id, "refused")                  # what came of each

Only licenses issued up to `until` are taken back, so that never more is done than was shown. Each
one's command has an id made of the run and the license: done twice, it is done once.
"""

from projections.withdrawals.books import (
    OUTCOMES,
    STATES,
    Ended,
    OwnRequest,
    Run,
    again,
    begin,
    decide,
    find,
    items,
    latest,
    resume,
    stop,
)
from projections.withdrawals.targets import KINDS, Count, Sample, Target, count, since
from projections.withdrawals.working import command_id, work

__all__ = [
    "KINDS",
    "OUTCOMES",
    "STATES",
    "Count",
    "Ended",
    "OwnRequest",
    "Run",
    "Sample",
    "Target",
    "again",
    "begin",
    "command_id",
    "count",
    "decide",
    "find",
    "items",
    "latest",
    "resume",
    "since",
    "stop",
    "work",
]
