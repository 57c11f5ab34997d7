"""Puts imported lines into the store, in their order and once; what is there already is left."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from licensing import connection as connections
from licensing import rulebook, sealing, service, store
from licensing.domain import commands
from licensing.import_lines import Answered, Asked, BadLine, Line, Past, read_line, read_lines
from licensing.import_past import PastEvents, before_the_end
from licensing.store.integrity import canonical

__all__ = ["BadLine", "Importer", "Tally", "read_line", "read_lines"]

ACTOR = service.Actor("import", "import_history")
REPORTS = (commands.RecordPlayback, commands.ReleaseLicense)

Reject = Callable[[int, str, bytes], None]
"""Is told of each line that was not taken: its number, why, and the line."""


class Tally(msgspec.Struct):
    """What an import did, in lines; `events` are the new ones in the store."""

    accepted: int = 0
    refused: int = 0
    unchanged: int = 0
    answers: int = 0
    events: int = 0
    already: int = 0
    rejected: int = 0


class Importer:
    """Puts lines into the store, in the order of each history; close it with `finish`.

    A line that cannot be taken is rejected, and the later lines of the same history with it: once
    they were in, the mended line would come too late. Past events go in by the chunk, commands
    one by one.
    """

    def __init__(self, reject: Reject) -> None:
        self.tally = Tally()
        self._tell = reject
        self._held: dict[str, int] = {}
        self._past = PastEvents(self.tally, self._reject)

    def take(self, line: Line) -> None:
        """Write the line, or keep an event for its chunk."""
        if not isinstance(line, Past):
            self._past.flush(line.stream_id)
        first = self._held.get(line.stream_id)
        if first is not None:
            self._reject(line, f"waits for line {first} of the same history, which was rejected")
        elif isinstance(line, Past):
            self._past.take(line)
        else:
            try:
                if isinstance(line, Asked):
                    self._handle(line)
                else:
                    self._remember(line)
            except BadLine as error:
                self._reject(line, error.why)

    def bad(self, error: BadLine, raw: bytes) -> None:
        """A line that could not even be read."""
        self.tally.rejected += 1
        if error.stream_id is not None:
            self._held.setdefault(error.stream_id, error.number)
        self._tell(error.number, error.why, raw)

    def finish(self) -> None:
        """Write what was kept."""
        self._past.flush()

    def _reject(self, line: Line, why: str) -> None:
        self.tally.rejected += 1
        self._held.setdefault(line.stream_id, line.number)
        self._tell(line.number, why, line.raw)

    def _handle(self, asked: Asked) -> None:
        line, known_at = asked.line, asked.known_at
        stream_id = asked.stream_id
        self._past.forget(stream_id)
        conn = connections.opened()
        already = store.find_command(conn, stream_id, line.command_id) is not None
        if not already:
            head = store.stream_head(conn, stream_id)
            if head is not None and head.recorded_at is not None and known_at < head.recorded_at:
                raise BadLine(asked.number, before_the_end(known_at, head.recorded_at))
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

    def _remember(self, answered: Answered) -> None:
        line, conn = answered.line, connections.opened()
        known = store.find_command(conn, answered.stream_id, line.command_id)
        if known is not None:
            if known.data_hash.hex() != line.data_hash:
                raise BadLine(answered.number, f"command_id: {line.command_id!r} has other data")
            self.tally.already += 1
            return
        declared = rulebook.declared() if line.answered in sealing.MAPS else ()
        try:
            row = store.CommandRow(
                seq=0,  # the store counts
                command_id=line.command_id,
                name=line.answered,
                data=sealing.seal(answered.stream_id, line.answered, line.data, declared),
                outcome=line.outcome,
                first_version=line.first_version,
                last_version=line.last_version,
                decided_at=line.decided_at,
                data_hash=bytes.fromhex(line.data_hash),
            )
            self.tally.answers += store.import_commands(conn, answered.stream_id, [row])
        except store.StoreError as error:
            raise BadLine(answered.number, f"last_version: {error}") from error


def _hash(value: list[Any]) -> bytes:
    plain = [
        item.astimezone(UTC).isoformat() if isinstance(item, datetime) else item for item in value
    ]
    return hashlib.sha256(canonical(plain)).digest()
