"""Watches over a worker's pool: one whose idle process was killed is not to be trusted any more.

Where the broker's transport knows no event loop (pgmq), the pool's processes share one pipe, and
whoever waits for the next task holds its lock. Killed there, a process takes the lock along: every
other one, and those that replace it, wait for ever, and the worker takes nothing more.
"""

import threading
from typing import Any

from celery.concurrency.asynpool import AsynPool
from celery.concurrency.prefork import TaskPool

from projections import pulse


def watch(pool: Any) -> None:
    """End the worker, to be started anew, as soon as an idle process of its pool was killed."""
    if not isinstance(pool, TaskPool):
        return  # no processes
    processes: Any = pool._pool  # type: ignore[attr-defined]
    if isinstance(processes, AsynPool):
        return  # a pipe for each process: what one takes along is its own

    def down(process: Any) -> threading.Thread | None:
        if not _killed(process) or _at_work(processes, process.pid):
            return None
        why = "an idle process of the pool was killed, and may have taken the lock along"
        ending = threading.Thread(target=pulse.end, args=(why, lambda: _busy(processes)))
        ending.start()
        return ending

    processes.on_process_down = down


def _killed(process: Any) -> bool:
    return (process.exitcode or 0) < 0 and not process._controlled_termination


def _at_work(processes: Any, pid: int) -> bool:
    """Whether it had begun a task: then it held no lock, and the task is delivered again."""
    return any(pid in job.worker_pids() for job in list(processes._cache.values()))


def _busy(processes: Any) -> bool:
    """Whether a process that is alive has a task in hand."""
    alive = {process.pid for process in processes._pool if process.exitcode is None}
    jobs = list(processes._cache.values())
    return any(not job.ready() and alive & set(job.worker_pids()) for job in jobs)
