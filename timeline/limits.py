"""How many requests a caller may send: a token bucket for each, in this process's memory.

A bucket holds as many requests as its rate allows in one second, and fills up at that rate. Nothing
is shared: with several web processes each counts by itself, so a caller gets at most so many times
the rate, and a restart begins with full buckets. That bounds what one caller costs the others; it
is no accounting, and it asks nobody else before it answers.
"""

import math
import time
from collections.abc import Callable
from threading import Lock

import msgspec

MOST = 10_000
"""How many callers are remembered; a bucket that is full again says nothing and goes first."""


class Exceeded(Exception):
    """A caller sent too much; `wait` is the whole seconds until one more request would pass."""

    def __init__(self, wait: int) -> None:
        super().__init__(f"too many requests; wait {wait} s")
        self.wait = wait


class _Bucket(msgspec.Struct):
    """What was left at an instant of the clock, and how fast it fills."""

    left: float
    at: float
    rate: int

    def fill(self, now: float, rate: int) -> None:
        passed = max(now - self.at, 0.0)
        self.left = min(self.left + passed * rate, float(rate))
        self.at, self.rate = now, rate

    def full_at(self) -> float:
        return self.at + (self.rate - self.left) / self.rate


class Buckets:
    """The buckets of one process; `clock` gives seconds that never go back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, most: int = MOST) -> None:
        self._clock = clock
        self._most = most
        self._of: dict[str, _Bucket] = {}
        self._lock = Lock()

    def take(self, caller: str, rate: int) -> None:
        """Counts one request of `caller`, who may send `rate` a second; raises Exceeded."""
        now = self._clock()
        with self._lock:
            bucket = self._of.get(caller)
            if bucket is None:
                if len(self._of) >= self._most:
                    self._make_room(now)
                bucket = self._of[caller] = _Bucket(float(rate), now, rate)
            bucket.fill(now, rate)
            if bucket.left < 1.0:
                raise Exceeded(max(math.ceil((1.0 - bucket.left) / rate), 1))
            bucket.left -= 1.0

    def __len__(self) -> int:
        return len(self._of)

    def _make_room(self, now: float) -> None:
        for caller in [name for name, bucket in self._of.items() if bucket.full_at() <= now]:
            del self._of[caller]
        while len(self._of) >= self._most:
            del self._of[next(iter(self._of))]


BUCKETS = Buckets()


def take(caller: str, rate: int) -> None:
    """Counts one request in this process's buckets; raises Exceeded."""
    BUCKETS.take(caller, rate)
