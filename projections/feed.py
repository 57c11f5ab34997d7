"""The store's feed, as the projectors read it: spans of buckets, in order, decoded once."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from functools import cached_property
from typing import Any

import msgspec

from licensing import codec, connection, store

__all__ = ["Event", "by_license", "by_member", "category_of", "read", "read_stream", "subject_of"]

_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Event:
    """An event of the feed, in today's shape whatever shape it was written in.

    `data` and `metadata` are decoded when they are first asked for, once for all projectors.
    `data` raises UnreadableEvent for a schema version that this build does not know.
    """

    def __init__(self, passed: store.Passed) -> None:
        self.bucket: int = passed.bucket
        self.stream_id: str = passed.stream_id
        self.version: int = passed.version
        self.position: int = passed.position
        self.type: str = passed.type
        self.schema_version: int = passed.schema_version
        self.occurred_at: datetime = passed.occurred_at
        self.recorded_at: datetime = passed.recorded_at
        self.appended_at: datetime = passed.appended_at
        self._passed = passed

    @cached_property
    def data(self) -> dict[str, Any]:
        """What the event says; not to be changed."""
        return codec.lift(self.type, self.schema_version, self._passed.data)

    @cached_property
    def metadata(self) -> dict[str, Any]:
        """Who caused the event, and what decided; empty unless the projector asks for it."""
        return _decode(self._passed.metadata)


def category_of(stream_id: str) -> str:
    """`member` of `member-m1`."""
    return stream_id.partition("-")[0]


def subject_of(stream_id: str) -> str:
    """`m1` of `member-m1`."""
    return stream_id.partition("-")[2]


def by_member(events: Iterable["Event"]) -> dict[str, list[Any]]:
    """The members that events are about, as parameters: buckets, members."""
    keys = sorted({(event.bucket, subject_of(event.stream_id)) for event in events})
    return {"buckets": [key[0] for key in keys], "members": [key[1] for key in keys]}


def by_license(events: Iterable["Event"]) -> dict[str, list[Any]]:
    """The licenses that events are about, as parameters: buckets, members, licenses.

    An event without a `license_id`, or that cannot be read, is left to the fold to refuse.
    """
    keys = set()
    for event in events:
        with suppress(ValueError, KeyError):
            keys.add((event.bucket, subject_of(event.stream_id), str(event.data["license_id"])))
    found = sorted(keys)
    return {
        "buckets": [key[0] for key in found],
        "members": [key[1] for key in found],
        "licenses": [key[2] for key in found],
    }


def read(
    spans: Sequence[tuple[int, int, int]],
    types: Iterable[str] | None = None,
    *,
    metadata: bool = True,
) -> list[Event]:
    """The events of spans (bucket, after, until), in one query."""
    wanted = None if types is None else sorted(types)
    found = store.read_spans(connection.opened(), spans, types=wanted, metadata=metadata)
    return [Event(passed) for passed in found]


def read_stream(stream_id: str, from_version: int, until_position: int) -> list[Event]:
    """The events of one stream from a version on, as far as a checkpoint has come."""
    found = store.read_stream(connection.opened(), stream_id, after=from_version - 1)
    return [Event(_passed(event)) for event in found if event.position <= until_position]


def _passed(event: store.RecordedEvent) -> store.Passed:
    return store.Passed(
        event.bucket,
        event.stream_id,
        event.version,
        event.position,
        event.type,
        event.schema_version,
        str(event.data_json),
        str(event.metadata_json),
        event.occurred_at,
        event.recorded_at,
        event.appended_at,
    )
