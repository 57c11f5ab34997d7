"""Puts imported lines into the store, in their order and once; what is there already is left."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from licensing import connection as connections
from licensing import history, service, store
from licensing.domain import commands
from licensing.import_lines import Asked, BadLine, EventLine, Past, read_line, read_lines
from licensing.store.integrity import canonical

__all__ = ["BadLine", "Importer", "Tally", "read_line", "read_lines"]

ACTOR = service.Actor("import", "import_history")
REPORTS = (commands.RecordPlayback, commands.ReleaseLicense)


class Tally(msgspec.Struct):
    """What an import did."""

    accepted: int = 0
    refused: int = 0
    unchanged: int = 0
    events: int = 0
    already: int = 0


class Importer:
    """Puts lines into the store, in their order; what is there already is left as it is.

    Past events of one member that were recorded at the same moment and follow one another are
    one append: they were one decision. Close it with `finish`.
    """

    def __init__(self) -> None:
        self.tally = Tally()
        self._run: list[Past] = []
        self._streams: dict[str, _Stream] = {}

    def take(self, line: Asked | Past) -> None:
        """Write the line, or keep an event for the run that it belongs to; raises BadLine."""
        if isinstance(line, Past) and self._run and _together(self._run[-1], line):
            self._run.append(line)
            return
        self.finish()
        if isinstance(line, Past):
            self._run.append(line)
        else:
            self._handle(line)

    def finish(self) -> None:
        """Write what was kept."""
        run, self._run = self._run, []
        if run:
            self._append(run)

    def _handle(self, asked: Asked) -> None:
        line, known_at = asked.line, asked.known_at
        stream_id = history.stream_of(line.member)
        self._streams.pop(stream_id, None)
        conn = connections.opened()
        already = store.find_command(conn, stream_id, line.command_id) is not None
        if not already:
            head = store.stream_head(conn, stream_id)
            _check_order(asked.number, known_at, head.recorded_at if head else None)
        try:
            answer = service.handle(
                line.member,
                asked.command,
                command_id=line.command_id,
                actor=ACTOR,
                now=known_at if isinstance(asked.command, REPORTS) else line.occurred_at,
                at=line.occurred_at,
                recorded_at=known_at,
                data_hash=_hash([line.command, line.occurred_at, line.data]),
            )
        except (
            service.CommandError, service.UnreadableStream, service.NoRules, store.StoreError
        ) as error:  # fmt: skip
            raise BadLine(asked.number, str(error)) from error
        if already:
            self.tally.already += 1
        else:
            setattr(self.tally, answer.outcome, getattr(self.tally, answer.outcome) + 1)
            self.tally.events += len(answer.events)

    def _append(self, run: list[Past]) -> None:
        stream_id = history.stream_of(run[0].line.member)
        stream = self._stream(stream_id)
        new = []
        for past in run:
            if past.line.event_id in stream.contents:
                _check_same(past, stream.contents[past.line.event_id])
                self.tally.already += 1
            else:
                new.append(past)
        if not new:
            return
        _check_order(new[0].number, new[0].known_at, stream.recorded_at)
        events = [_new_event(past.line) for past in new]
        contents = {past.line.event_id: _content(past.line) for past in new}
        if len(contents) < len(new):
            raise BadLine(new[-1].number, "event_id: appears twice")
        try:
            appended = store.append(
                connections.opened(),
                stream_id,
                events,
                _record(new, contents),
                expected=stream.version,
                recorded_at=new[0].known_at,
            )
        except store.StoreError as error:
            raise BadLine(new[0].number, str(error)) from error
        stream.version, stream.recorded_at = appended.version, new[0].known_at
        stream.contents |= contents
        self.tally.events += len(new)

    def _stream(self, stream_id: str) -> "_Stream":
        known = self._streams.pop(stream_id, None)
        if known is None:
            known = _Stream.read(stream_id)
        # Kept in the order of use: lines of one member mostly stand near each other.
        self._streams[stream_id] = known
        if len(self._streams) > 200:
            del self._streams[next(iter(self._streams))]
        return known


class _Stream(msgspec.Struct):
    """What must be known of a stream to append past events to it once."""

    version: int
    recorded_at: datetime | None
    contents: dict[UUID, bytes]

    @classmethod
    def read(cls, stream_id: str) -> "_Stream":
        recorded = store.read_stream(connections.opened(), stream_id)
        contents = {
            event.event_id: _hash(
                [event.type, event.schema_version, event.occurred_at, event.data, event.metadata]
            )
            for event in recorded
        }
        return cls(len(recorded), recorded[-1].recorded_at if recorded else None, contents)


def _together(one: Past, other: Past) -> bool:
    return one.line.member == other.line.member and one.known_at == other.known_at


def _check_order(number: int, known_at: datetime, head: datetime | None) -> None:
    if head is not None and known_at < head:
        raise BadLine(
            number,
            f"recorded_at: {known_at.isoformat()} lies before the end of this member's history, "
            f"{head.isoformat()}; the lines of a member must come in the order they were recorded",
        )


def _check_same(past: Past, stored: bytes) -> None:
    if _content(past.line) != stored:
        raise BadLine(
            past.number, f"event_id: {past.line.event_id} is in the store with another content"
        )


def _new_event(line: EventLine) -> store.NewEvent:
    return store.NewEvent(
        event_id=line.event_id,
        type=line.type,
        schema_version=line.schema_version,
        data=line.data,
        metadata=line.metadata,
        occurred_at=line.occurred_at,
    )


def _record(run: list[Past], contents: Mapping[UUID, bytes]) -> store.CommandRecord:
    # The first event names the command: a run cut elsewhere the next time is found by its events.
    return store.CommandRecord(
        command_id=f"import/{run[0].line.event_id}",
        name="ImportEvents",
        data={"event_ids": [str(event_id) for event_id in contents]},
        data_hash=_hash([digest.hex() for digest in contents.values()]),
        outcome={"outcome": "accepted", "license_id": None},
    )


def _content(line: EventLine) -> bytes:
    return _hash([line.type, line.schema_version, line.occurred_at, line.data, line.metadata])


def _hash(value: list[Any]) -> bytes:
    plain = [
        item.astimezone(UTC).isoformat() if isinstance(item, datetime) else item for item in value
    ]
    return hashlib.sha256(canonical(plain)).digest()
