"""The pulse of a process: its own heartbeat row, from a thread, and a worker that went deaf ends.

A worker can go deaf: it lost its broker without noticing, or holds as many messages as it may, for
processes that were killed. It lives, so nobody starts it anew, and takes nothing; only comparing
what it took with a beat that is alive shows it. What is known to make it deaf ends it at once
(`timeline/pool.py`).
"""

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

import structlog
from django.db import connection
from django.utils import timezone

from projections import heartbeat

log = structlog.get_logger(__name__)

EVERY = 5.0
# Longer than any task may run, with time left in the minute within which lost work is done again.
DEAF_AFTER = 30.0
# A tick goes to one of the workers, so that each of many is called rarely.
PER_WORKER = 17.0
LAST_WORDS = 10.0


def end(why: str, busy: Callable[[], bool] = lambda: True) -> None:
    """End this process for its keeper to start it anew; what is being done has a while to end."""
    log.error(why)
    os.kill(os.getpid(), signal.SIGTERM)
    until = time.monotonic() + LAST_WORDS
    while busy() and time.monotonic() < until:
        time.sleep(0.2)
    # It may wait for tasks whose processes are gone: nobody is coming.
    os._exit(1)


class Pulse:
    """Beats every five seconds; `took` notes a message, `watch` ends a process that is deaf.

    The row is this process's own. One that is stopped takes it away; that of one that was killed
    stays for an hour, or until the next of its program starts on this host.
    """

    def __init__(
        self, program: str, kind: str, *, watch: bool = False, every: float = EVERY
    ) -> None:
        self._program, self._kind, self._watch, self._every = program, kind, watch, every
        self._name = heartbeat.row_of(program)
        self._started_at = timezone.now()
        self._took_at: datetime | None = None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)

    def start(self) -> None:
        """Beat from now on."""
        self._thread.start()

    def stop(self, wait: float = 0.0) -> None:
        """Beat no more: the process is on its way down, and has `wait` seconds to say so."""
        self._stopped.set()
        if wait and self._thread.is_alive():
            self._thread.join(wait)

    def took(self) -> None:
        """A message came."""
        self._took_at = timezone.now()

    def _run(self) -> None:
        followed = False
        while True:
            try:
                if not followed:
                    heartbeat.follow(self._program)
                    followed = True
                self.beat()
                if self._watch and self.deaf(timezone.now()):
                    end("no message for too long while the beat goes on; ending to start anew")
            except Exception as error:  # the database is away, which others say louder
                log.warning("no heartbeat", error=repr(error))
                connection.close()
            if self._stopped.wait(self._every):
                with suppress(Exception):  # then it is missed for an hour
                    heartbeat.forget([self._name])
                connection.close()
                return

    def beat(self) -> None:
        """Write the row."""
        heartbeat.beat(
            self._name,
            self._kind,
            pid=os.getpid(),
            started_at=self._started_at,
            took_at=self._took_at,
        )

    def deaf(self, now: datetime) -> bool:
        """Whether others are called all the time, and this worker has long not been."""
        others = [each for each in heartbeat.heartbeats() if each.alive]
        if not any(each.kind == heartbeat.BEAT for each in others):
            return False
        workers = sum(each.kind == heartbeat.PROCESS for each in others)
        silent = (now - (self._took_at or self._started_at)).total_seconds()
        return silent > max(DEAF_AFTER, PER_WORKER * workers)
