"""The one place at which commands in bulk are done, and who has it."""

import threading
import time
from collections.abc import Callable


class Place:
    """Held by one at a time; whoever rests in it for too long loses it to the next who asks.

    Resting is waiting for a client to read: a client that stops reading must not keep everybody
    else from sending. `patience` is in seconds of `clock`.
    """

    def __init__(self, patience: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience = patience
        self._clock = clock
        self._lock = threading.Lock()
        self._holder: object | None = None
        self._resting_since: float | None = None

    def take(self, who: object) -> bool:
        """Whether `who` has it now: it was free, its own, or its holder has rested too long."""
        with self._lock:
            if not self._is_open_to(who):
                return False
            self._holder, self._resting_since = who, None
            return True

    def is_open(self) -> bool:
        """Whether somebody else would get it now."""
        with self._lock:
            return self._is_open_to(None)

    def rest(self, who: object) -> None:
        """`who` does nothing until it takes the place again."""
        with self._lock:
            if self._holder is who:
                self._resting_since = self._clock()

    def leave(self, who: object) -> None:
        """Free for the next, if `who` still has it."""
        with self._lock:
            if self._holder is who:
                self._holder = self._resting_since = None

    def _is_open_to(self, who: object | None) -> bool:
        if self._holder is None or self._holder is who:
            return True
        since = self._resting_since
        return since is not None and self._clock() - since > self._patience
