"""Read your own writes: a read waits a moment for the caller's last command, or says it is behind.

A command's answer carries its position, the caller brings it along with the next read, and the
first query of each read model waits until that has come so far. Histories are folded from the
store itself and never wait.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from licensing import connection
from projections.sql import statement

LONGEST_S = 0.5
"""How long all the reads of one request wait together."""

LOOK_EVERY_S = 0.02


@dataclass
class Wish:
    """What a caller has written, and how it stands with the reads since."""

    bucket: int
    position: int
    until: float = field(default_factory=lambda: time.monotonic() + LONGEST_S)
    reached: set[str] = field(default_factory=set)
    behind: set[str] = field(default_factory=set)


_wish: ContextVar[Wish | None] = ContextVar("wish", default=None)


@contextmanager
def after(bucket: int, position: int) -> Iterator[Wish]:
    """Within this, reads wait for a position; what they did not reach is in `behind` then."""
    wish = Wish(bucket, position)
    token = _wish.set(wish)
    try:
        yield wish
    finally:
        _wish.reset(token)


def behind() -> bool:
    """Whether a read of this request did not reach what its caller has written."""
    wish = _wish.get()
    return wish is not None and bool(wish.behind)


def wait_for(models: Sequence[str]) -> None:
    """Wait until the live side of these read models has come to what the caller has written."""
    wish = _wish.get()
    if wish is None:
        return
    missing = [name for name in models if name not in wish.reached | wish.behind]
    while missing:
        asked = {"bucket": wish.bucket, "position": wish.position, "names": missing}
        late = {name for (name,) in connection.select(statement("not_reached"), asked)}
        wish.reached.update(set(missing) - late)
        missing = sorted(late)
        if missing and time.monotonic() >= wish.until:
            wish.behind.update(missing)
            return
        if missing:
            time.sleep(LOOK_EVERY_S)
