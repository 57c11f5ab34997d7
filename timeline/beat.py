"""The beat's scheduler: its schedule is in memory, and its own heartbeat shows that it is alive."""

from typing import Any

from celery.beat import Scheduler as InMemory

from projections import heartbeat
from projections.pulse import Pulse

LAST_BEAT_S = 2.0


class Scheduler(InMemory):
    """Intervals only, so that there is no file to be lost or torn by a beat that was killed."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._pulse: Pulse | None = None

    def tick(self, *args: Any, **kwargs: Any) -> Any:
        """Send what is due; the first one starts the pulse."""
        if self._pulse is None:
            self._pulse = Pulse("beat", heartbeat.BEAT)
            self._pulse.start()
        return super().tick(*args, **kwargs)

    def close(self) -> None:
        """The beat ends, and is not to be missed."""
        if self._pulse is not None:
            self._pulse.stop(wait=LAST_BEAT_S)
        super().close()
