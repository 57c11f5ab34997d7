"""Gathers past events by bucket and writes them by the chunk, leaving what is there already."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

import msgspec

from licensing import connection as connections
from licensing import rulebook, sealing, store
from licensing.domain.membership import MemberErased
from licensing.import_lines import Past
from licensing.store.integrity import content_hash

MOST_GATHERED = 20_000  # events, of all buckets together
MOST_KNOWN = 200_000  # events, of all remembered histories together
TRIES = 5

ERASED = MemberErased.__name__

Key = tuple[bytes, datetime]


class Counts(Protocol):
    """What is counted here of an import's tally."""

    events: int
    already: int


class _Known(msgspec.Struct):
    """What must be known of a stream to append past events to it once."""

    version: int
    recorded_at: datetime | None
    contents: dict[UUID, Key]


class PastEvents:
    """The events that wait for their chunk; `reject` is told of those that cannot go in."""

    def __init__(self, counts: Counts, reject: Callable[[Past, str], None]) -> None:
        self._counts = counts
        self._reject = reject
        self._gathered: dict[int, list[Past]] = {}
        self._size = 0
        self._known: OrderedDict[str, _Known] = OrderedDict()

    def take(self, past: Past) -> None:
        """Keep the event for its bucket's chunk, and write the chunk when it is full."""
        bucket = store.bucket_of(past.stream_id)
        gathered = self._gathered.setdefault(bucket, [])
        gathered.append(past)
        self._size += 1
        if len(gathered) >= store.CHUNK:
            self._write(bucket)
        elif self._size >= MOST_GATHERED:
            self.flush()

    def flush(self, stream_id: str | None = None) -> None:
        """Write what was gathered; only that stream's bucket, if one is named."""
        if stream_id is None:
            for bucket in sorted(self._gathered):
                self._write(bucket)
        else:
            self._write(store.bucket_of(stream_id))

    def forget(self, stream_id: str) -> None:
        """Somebody else writes to this stream."""
        self._known.pop(stream_id, None)

    def _write(self, bucket: int) -> None:
        gathered = self._gathered.pop(bucket, [])
        self._size -= len(gathered)
        by_stream: dict[str, list[Past]] = {}
        for past in gathered:
            by_stream.setdefault(past.stream_id, []).append(past)
        if by_stream:
            self._append(bucket, by_stream, TRIES)

    def _append(self, bucket: int, by_stream: dict[str, list[Past]], tries: int) -> None:
        self._learn(bucket, list(by_stream))
        new = {
            stream_id: chosen
            for stream_id, pasts in by_stream.items()
            if (chosen := self._new(stream_id, pasts))
        }
        if not new:
            return
        try:
            runs = [
                store.PastRun(stream_id, self._known[stream_id].version, [_past(x) for x in pasts])
                for stream_id, pasts in new.items()
            ]
            store.import_events(connections.opened(), runs)
        except (store.StreamErased, store.OutOfOrder) as error:
            self._refuse(new.pop(error.stream_id), str(error))
            self._append(bucket, new, tries)
        except store.WrongExpectedVersion:
            # Somebody wrote to one of them meanwhile: look again.
            for stream_id in new:
                self.forget(stream_id)
            if not tries:
                raise
            self._append(bucket, new, tries - 1)
        except store.EventIdTaken as error:
            if len(new) == 1:
                (pasts,) = new.values()
                self._refuse(pasts, f"event_id: is in another history of the store; {error}")
                return
            for stream_id, pasts in new.items():
                self._append(bucket, {stream_id: pasts}, tries)
        else:
            self._written(new)

    def _written(self, new: dict[str, list[Past]]) -> None:
        for stream_id, pasts in new.items():
            known = self._known[stream_id]
            known.version += len(pasts)
            known.recorded_at = pasts[-1].known_at
            known.contents |= {past.line.event_id: _key(past) for past in pasts}
            self._counts.events += len(pasts)
            if pasts[-1].line.type == ERASED:
                # What was erased where it comes from is erased here too.
                store.erase(connections.opened(), stream_id)
                sealing.forget(stream_id)
        while len(self._known) > 1 and (
            sum(len(known.contents) for known in self._known.values()) > MOST_KNOWN
        ):
            self._known.popitem(last=False)

    def _new(self, stream_id: str, pasts: Sequence[Past]) -> list[Past]:
        """Those that are not there yet; a wrong one is rejected with all that come after it."""
        known = self._known[stream_id]
        recorded_at, new = known.recorded_at, []
        contents: dict[UUID, Key] = {}
        for place, past in enumerate(pasts):
            there = known.contents.get(past.line.event_id) or contents.get(past.line.event_id)
            if there is not None:
                if there == _key(past):
                    self._counts.already += 1
                    continue
                why = f"event_id: {past.line.event_id} is in the store with another content"
            elif recorded_at is not None and past.known_at < recorded_at:
                why = before_the_end(past.known_at, recorded_at)
            else:
                recorded_at = past.known_at
                contents[past.line.event_id] = _key(past)
                new.append(past)
                continue
            self._refuse(pasts[place:], why)
            break
        return new

    def _refuse(self, pasts: Sequence[Past], why: str) -> None:
        first, *later = pasts
        self._reject(first, why)
        for past in later:
            self._reject(past, f"waits for line {first.number} of the same history")

    def _learn(self, bucket: int, stream_ids: list[str]) -> None:
        unknown = [stream_id for stream_id in stream_ids if stream_id not in self._known]
        conn = connections.opened()
        heads = store.stream_heads(conn, bucket, unknown) if unknown else {}
        for stream_id in unknown:
            contents = {}
            if stream_id in heads:
                for event in store.read_stream(conn, stream_id):
                    data = sealing.portable(stream_id, event.type, event.data)
                    content = content_hash(
                        event.event_id, event.type, event.schema_version, data, event.metadata
                    )
                    contents[event.event_id] = content, event.occurred_at
            version, recorded_at = heads.get(stream_id, (0, None))
            self._known[stream_id] = _Known(version, recorded_at, contents)
        for stream_id in stream_ids:
            self._known.move_to_end(stream_id)


def _past(past: Past) -> store.PastEvent:
    line = past.line
    declared = rulebook.declared() if line.type in sealing.MAPS else ()
    event = store.NewEvent(
        event_id=line.event_id,
        type=line.type,
        schema_version=line.schema_version,
        data=sealing.seal(past.stream_id, line.type, line.data, declared),
        metadata=line.metadata,
        occurred_at=line.occurred_at,
    )
    return store.PastEvent(event, past.known_at)


def _key(past: Past) -> Key:
    line = past.line
    content = content_hash(line.event_id, line.type, line.schema_version, line.data, line.metadata)
    return content, line.occurred_at.astimezone(UTC)


def before_the_end(known_at: datetime, end: datetime) -> str:
    """Why a line cannot follow what is there."""
    return (
        f"recorded_at: {known_at.isoformat()} lies before the end of this history, "
        f"{end.astimezone(UTC).isoformat()}; the lines of one come in the order they were recorded"
    )
