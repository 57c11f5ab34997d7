"""Histories that were read lately, so that each step of a drag does not read the log again.

A past never changes, so what is kept is right as long as the head of the stream says the same;
the head is asked each time. What came since is read and added.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import datetime
from threading import Lock

from licensing import connection, history, store
from licensing.history import History, Order, Step
from timeline.presenters import filters
from timeline.presenters.filters import Filter
from timeline.presenters.moments import Moment, Story
from timeline.presenters.telling import Teller

MOST_STEPS = 120_000  # of all kept histories together, of about 2 KB each
MOST_KEPT = 64
MOST_FOUND = 24  # searches of one story


class Told:
    """A history in one order, the story it tells until the clock adds to it, and searches in it."""

    def __init__(self, past: History, teller: Teller) -> None:
        self.history, self.teller = past, teller
        self._story: Story | None = None
        self._searches: OrderedDict[object, list[Moment]] = OrderedDict()
        self._about: tuple[Story, dict[str, list[Moment]]] | None = None

    def story(self, now: datetime) -> Story:
        """The story as of `now`; it is made anew only when a license has ended since."""
        story = self._story
        if story is None or not story.as_of <= now or (story.next_end and story.next_end <= now):
            self._story = story = self.teller.story(now)
            self._searches = OrderedDict()
        return story

    def matching(self, wanted: Filter, now: datetime) -> Sequence[Moment]:
        """The rows that a filter leaves."""
        if not wanted:
            return self.story(now).moments
        return self._found(wanted, now, lambda moment: filters.matches(moment, wanted))

    def about(self, about: str, now: datetime) -> Sequence[Moment]:
        """The rows about one license, device or title."""
        story, known = self.story(now), self._about
        if known is None or known[0] is not story:
            by: dict[str, list[Moment]] = {}
            for moment in story.moments:
                for each in moment.about:
                    by.setdefault(each, []).append(moment)
            self._about = known = story, by
        return known[1].get(about, ())

    def refusals(self, now: datetime) -> Sequence[Moment]:
        """The rows of refused requests."""
        return self._found(None, now, lambda moment: moment.kind == "refused")

    def _found(
        self, key: object, now: datetime, wanted: Callable[[Moment], bool]
    ) -> Sequence[Moment]:
        story, searches = self.story(now), self._searches
        found = searches.get(key)
        if found is None:
            searches[key] = found = [moment for moment in story.moments if wanted(moment)]
            while len(searches) > MOST_FOUND:
                searches.popitem(last=False)
        return found


class Past:
    """A history in both orders, each told when it is asked for."""

    def __init__(self, head: store.Head, told: dict[Order, Told]) -> None:
        self.head, self._told = head, told

    @property
    def history(self) -> History:
        """The history in recorded order."""
        return self._told["known"].history

    def told(self, order: Order) -> Told:
        """The history in an order."""
        found = self._told.get(order)
        if found is None:
            past = self.history.as_it_happened()
            found = self._told[order] = _told(past)
        return found

    def continued(self, steps: Sequence[Step], head: store.Head) -> "Past":
        """The past with newer steps; what happened late is put in its place anew."""
        known = self._told["known"]
        whole = (*known.history.steps, *steps)
        past = History(known.history.member_id, whole, kept=known.history.kept)
        teller = known.teller.copied()
        teller.tell(steps)
        return Past(head, {"known": Told(past, teller)})


def _told(past: History) -> Told:
    teller = Teller(past.order)
    teller.tell(past.steps)
    return Told(past, teller)


_kept: OrderedDict[str, Past] = OrderedDict()
_lock = Lock()


def load(member_id: str) -> Past | None:
    """A member's past, or None for a member never heard of."""
    stream = history.stream_of(member_id)
    conn = connection.opened()
    head = store.stream_head(conn, stream)
    if head is None or head.version == 0:
        return None
    with _lock:
        kept = _kept.get(member_id)
        if kept is not None:
            _kept.move_to_end(member_id)
    if kept is not None and kept.head == head:
        return kept
    past = _continued(kept, head, stream)
    if past is None:
        past = Past(head, {"known": _told(history.load(member_id))})
    _keep(member_id, past)
    return past


def _continued(kept: Past | None, head: store.Head, stream: str) -> Past | None:
    """The kept past with the newer steps, if the log really went on from it."""
    if kept is None or head.erased_at is not None or head.version <= kept.head.version:
        return None
    conn = connection.opened()
    last = store.read_event(conn, stream, kept.head.version)
    if last is None or last.hash != kept.head.last_hash:
        return None
    newer = store.read_stream(conn, stream, after=kept.head.version, until=head.version)
    return kept.continued([*map(history.decoded, newer)], head)


def _keep(member_id: str, past: Past) -> None:
    if past.history.head != past.head.version or past.history.head > MOST_STEPS:
        return  # somebody wrote meanwhile, or it alone is too much
    with _lock:
        _kept[member_id] = past
        _kept.move_to_end(member_id)
        while len(_kept) > MOST_KEPT or (
            len(_kept) > 1 and sum(each.history.head for each in _kept.values()) > MOST_STEPS
        ):
            _kept.popitem(last=False)


def forget(member_id: str) -> None:
    """Lets go of what was kept, so that the next page reads the log again."""
    with _lock:
        _kept.pop(member_id, None)
