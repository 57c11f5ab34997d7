"""Counts how often a message was delivered, because no broker of ours tells the task.

A task that kills its worker is delivered again for ever; after five times it is not begun again.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import structlog
from celery import Task
from django.db import connection

from projections.parking import OUTAGES
from projections.sql import statement

log = structlog.get_logger(__name__)

MOST = 5
KEPT = timedelta(days=7)


@dataclass(frozen=True)
class Delivery:
    """A message that was delivered more than once; given up when too many workers were lost."""

    message_id: str
    task: str
    deliveries: int
    first_at: datetime
    last_at: datetime
    gave_up_at: datetime | None


if TYPE_CHECKING:
    Base = Task[Any, Any]
else:
    Base = Task


class Hint(Base):
    """A task that only says "look". It is counted while it runs, and cannot be put off.

    What is to happen at a later time is a due row: a message with an ETA would be delivered
    again with each visibility timeout that passes before it.
    """

    abstract = True

    def apply_async(  # type: ignore[override]  # all else is passed on as it is
        self, args: Any = None, kwargs: Any = None, **options: Any
    ) -> Any:
        """Send the hint; refuses a time in the future."""
        if options.get("eta") is not None or options.get("countdown") is not None:
            raise ValueError("What is due later is a row, not a message with an ETA.")
        return super().apply_async(args, kwargs, **options)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run, unless this message has ended too many workers."""
        if self.request.called_directly or not self.request.id:
            return self.run(*args, **kwargs)
        with counted(self.request.id, self.name) as ours:
            return self.run(*args, **kwargs) if ours else None


@contextmanager
def counted(message_id: str, task: str) -> Iterator[bool]:
    """Count a delivery while it is worked on; False when it is to be left alone."""
    asked: dict[str, Any] = {"id": message_id[:200], "task": task, "most": MOST}
    with connection.cursor() as cursor:
        cursor.execute(statement("delivery_begin"), asked)
        (ours,) = cursor.fetchone()
    if not ours:
        log.error("message given up: its workers were lost", task=task, message=message_id)
        yield False
        return
    try:
        yield True
    finally:
        with suppress(*OUTAGES), connection.cursor() as cursor:
            cursor.execute(statement("delivery_end"), {"id": message_id[:200]})


def suspicious(limit: int = 20) -> list[Delivery]:
    """The messages that were delivered more than once and not ended, the given up first."""
    with connection.cursor() as cursor:
        cursor.execute(statement("deliveries_open"), {"limit": limit})
        return [Delivery(*row) for row in cursor.fetchall()]


def forget_old() -> None:
    """Drop what is older than a week."""
    with connection.cursor() as cursor:
        asked: dict[str, Any] = {"age": KEPT}
        cursor.execute(statement("deliveries_forget"), asked)
