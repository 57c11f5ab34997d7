"""What a projector is: a name, a version, the events it wants, and how it applies them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.db.backends.utils import CursorWrapper

from projections.feed import Event, category_of

Apply = Callable[[CursorWrapper, int, Sequence[Event]], None]
Clear = Callable[[CursorWrapper, int], None]


@dataclass(frozen=True)
class Projector:
    """Folds one category of streams into tables of its own.

    `apply(cursor, bucket, events)` writes what the events of one bucket mean, in feed order,
    inside the runner's transaction, which moves the checkpoint too: it neither commits nor
    repeats. `clear(cursor, bucket)` forgets one bucket. A change of what the tables hold needs
    a higher `version`; the runners then rebuild it bucket by bucket.
    `types` are the event types wanted, or None for all.
    """

    name: str
    version: int
    category: str
    types: frozenset[str] | None
    apply: Apply
    clear: Clear

    def wants(self, event: Event) -> bool:
        """Whether this event is of the projector's category and one of its types."""
        if category_of(event.stream_id) != self.category:
            return False
        return self.types is None or event.type in self.types
