"""The store's feed, as the projectors read it: one bucket after a checkpoint, in order."""

from licensing import connection, store
from licensing.store import RecordedEvent as Event

__all__ = ["Event", "category_of", "read", "read_stream", "subject_of"]


def category_of(stream_id: str) -> str:
    """`member` of `member-m1`."""
    return stream_id.partition("-")[0]


def subject_of(stream_id: str) -> str:
    """`m1` of `member-m1`."""
    return stream_id.partition("-")[2]


def read(bucket: int, after: int, limit: int) -> list[Event]:
    """The next events of one bucket, read in the transaction of this thread."""
    return store.read_feed(connection.opened(), bucket, after, limit)


def read_stream(stream_id: str, from_version: int, until_position: int) -> list[Event]:
    """The events of one stream from a version on, as far as a checkpoint has come."""
    events = store.read_stream(connection.opened(), stream_id, after=from_version - 1)
    return [event for event in events if event.position <= until_position]
