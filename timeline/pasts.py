"""Histories that were read lately, so that each step of a drag does not read the log again.

A past never changes, so what is kept is right as long as the head of the stream says the same;
the head is asked each time. What came since is read and added.
"""

from collections import OrderedDict
from datetime import datetime
from threading import Lock

from licensing import connection, history, store
from licensing.history import History
from timeline.presenters import moments
from timeline.presenters.moments import Story

MOST_STEPS = 60_000  # of all kept histories together
MOST_KEPT = 64


class Past:
    """A history, and the story it tells until the clock adds to it."""

    def __init__(self, told: History, head: store.Head) -> None:
        self.history, self.head = told, head
        self._story: Story | None = None

    def story(self, now: datetime) -> Story:
        """The story as of `now`; it is read anew only when a license has ended since."""
        story = self._story
        if story is None or not story.as_of <= now or (story.next_end and story.next_end <= now):
            self._story = story = moments.read(self.history, now)
        return story


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
    past = _continued(kept, head, stream) or Past(history.load(member_id), head)
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
    steps = (*kept.history.steps, *map(history.decoded, newer))
    return Past(History(kept.history.member_id, steps), head)


def _keep(member_id: str, past: Past) -> None:
    if past.history.head != past.head.version or past.history.head > MOST_STEPS // 2:
        return  # somebody wrote meanwhile, or it is too long to be kept
    with _lock:
        _kept[member_id] = past
        _kept.move_to_end(member_id)
        while len(_kept) > MOST_KEPT or (
            len(_kept) > 1 and sum(each.history.head for each in _kept.values()) > MOST_STEPS
        ):
            _kept.popitem(last=False)
