"""What a projector is: a name, a version, the events it wants, and how it folds them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import msgspec

from projections.feed import Event, category_of

Row = TypeVar("Row", bound=msgspec.Struct)


class Read(Protocol):
    """Reads rows of the side that is being written."""

    def __call__(self, text: str, row: type[Row], params: Mapping[str, Any]) -> list[Row]:
        """What the statement selects; its columns are the fields of `row`, in order."""


@dataclass(frozen=True, slots=True)
class Put:
    """Rows to be written by a statement that takes them as one JSON parameter, `rows`."""

    text: str
    rows: Sequence[msgspec.Struct]


Load = Callable[[Read, Sequence[Event]], Any]
Fold = Callable[[Any, Sequence[Event]], Sequence[Put]]


@dataclass(frozen=True)
class Projector:
    """Folds one category of streams into tables of its own.

    `load(read, events)` reads the rows that the events will change: of any number of buckets, in
    one query. `fold(known, events)` takes what was loaded and the events of one bucket, in feed
    order, and returns what to write; it reads and writes nothing itself. The runner writes it in
    the transaction that moves the checkpoint, or not at all, so an effect is neither lost nor
    doubled; what was loaded is thrown away if anybody else was faster.

    `tables` are the tables' names as statements write them: `{name}` stands for the projection's
    own name and the side, so `{name}_device` is `name_a_device` or `name_b_device`. A change of
    what the tables hold needs a higher `version`; the runners then build it beside the old one.
    `types` are the event types wanted, or None for all. `metadata` says whether the fold looks
    into the events' metadata.
    """

    name: str
    version: int
    category: str
    types: frozenset[str] | None
    tables: tuple[str, ...]
    load: Load
    fold: Fold
    metadata: bool = False

    def wants(self, event: Event) -> bool:
        """Whether this event is of the projector's category and one of its types."""
        if self.types is not None and event.type not in self.types:
            return False
        return category_of(event.stream_id) == self.category


def nothing(read: Read, events: Sequence[Event]) -> None:
    """For folds that need no earlier row."""
