"""Hints to the workers that there is something new; losing one costs nothing but a poll."""

import os
import threading
import time

import structlog

log = structlog.get_logger(__name__)

EVERY = 0.1


class Nudger:
    """Sends at most one hint per interval, from a thread of its own, never from a request's."""

    def __init__(self, every: float = EVERY) -> None:
        self._every = every
        self._wanted = threading.Event()
        self._lock = threading.Lock()
        self._pid: int | None = None

    def nudge(self) -> None:
        """Ask for a hint to be sent soon; returns at once."""
        self._wanted.set()
        if self._pid != os.getpid():
            self._start()

    def _start(self) -> None:
        with self._lock:
            # A fork keeps the object and loses the thread, so the process counts.
            if self._pid != os.getpid():
                threading.Thread(target=self._run, name="projection-hints", daemon=True).start()
                self._pid = os.getpid()

    def _run(self) -> None:
        while self._wanted.wait():
            self._wanted.clear()
            self._send()
            time.sleep(self._every)

    def _send(self) -> None:
        from projections import runner, tasks  # late: a hint's sender need not load the runner

        try:
            turn = {"seconds": runner.POLL}
            tasks.catch_up.apply_async(kwargs=turn, expires=5, retry=False)
        except Exception as error:
            log.warning("hint not sent; the workers will find out by polling", error=repr(error))


_nudger = Nudger()


def nudge() -> None:
    """Hint that something was appended: at most ten a second per process, never blocking."""
    _nudger.nudge()
