"""What a projector is: a name, a version, the events it wants, and how it folds them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import msgspec

from projections.feed import Event, category_of, subject_of
from projections.sql import statement

Row = TypeVar("Row", bound=msgspec.Struct)

ERASED = "MemberErased"
"""The event after which no row names its member any more."""


class Read(Protocol):
    """Reads rows of the side that is being written."""

    def __call__(self, text: str, row: type[Row], params: Mapping[str, Any]) -> list[Row]:
        """What the statement selects; its columns are the fields of `row`, in order."""


@dataclass(frozen=True, slots=True)
class Put:
    """Rows to be written by a statement that takes them as one JSON parameter, `rows`."""

    text: str
    rows: Sequence[msgspec.Struct]


class Gone(msgspec.Struct, frozen=True, order=True):
    """A member who was erased."""

    bucket: int
    member_id: str


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
    into the events' metadata. `personal` are the tables that name members, by `bucket` and
    `member_id`: the rows of who is erased are deleted there, whatever the fold wants.
    """

    name: str
    version: int
    category: str
    types: frozenset[str] | None
    tables: tuple[str, ...]
    load: Load
    fold: Fold
    metadata: bool = False
    personal: tuple[str, ...] = ()

    def wants(self, event: Event) -> bool:
        """Whether this event is of the projector's category and one of its types, or an erasure."""
        if not self._folds(event) and not (self.personal and event.type == ERASED):
            return False
        return category_of(event.stream_id) == self.category

    def forgets(self, event: Event) -> bool:
        """Whether this event deletes what there is of its member."""
        return bool(self.personal) and event.type == ERASED and self.wants(event)

    def known(self, read: Read, events: Sequence[Event]) -> Any:
        """What the fold needs to know before these events, some of which are erasures perhaps."""
        return self.load(read, [event for event in events if self._folds(event)])

    def effects(self, known: Any, events: Sequence[Event]) -> list[Put]:
        """What to write, in this order: what the fold says, then nothing more of who was erased."""
        folded = [event for event in events if self._folds(event)]
        puts = list(self.fold(known, folded)) if folded else []
        gone = sorted({Gone(e.bucket, subject_of(e.stream_id)) for e in events if self.forgets(e)})
        if gone:
            text = statement("forget_members")
            puts += [Put(text.replace("{table}", table), gone) for table in self.personal]
        return puts

    def _folds(self, event: Event) -> bool:
        return self.types is None or event.type in self.types


def nothing(read: Read, events: Sequence[Event]) -> None:
    """For folds that need no earlier row."""
