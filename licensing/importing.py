"""Reads somebody's own history: JSON lines of commands to decide and of past events to keep."""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, NoReturn, TypeVar
from uuid import UUID

import msgspec

from licensing import codec, history, service, store
from licensing import connection as connections
from licensing.domain import commands
from licensing.store.integrity import canonical, check_storable

T = TypeVar("T")

LONGEST_LINE = 64 * 1024
DEEPEST = 32
# A clock a little ahead is forgiven; a later `recorded_at` would hold the stream back for ever.
AHEAD = timedelta(minutes=5)
ACTOR = service.Actor("import", "import_history")
COMMANDS: Mapping[str, type[commands.Command]] = {
    kind.__name__: kind
    for kind in (
        commands.AcquireLicense,
        commands.ChangePlan,
        commands.ExpireLicense,
        commands.RecordPlayback,
        commands.RegisterDevice,
        commands.ReleaseLicense,
        commands.RenewLicense,
    )
}
REPORTS = (commands.RecordPlayback, commands.ReleaseLicense)

MemberId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
CommandId = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class BadLine(Exception):
    """A line that cannot be taken, and why; nothing of it was written."""

    def __init__(self, number: int, why: str) -> None:
        super().__init__(f"line {number}: {why}")
        self.number = number
        self.why = why


class CommandLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A command to be decided by the rules in force when it occurred."""

    member: MemberId
    command: str
    command_id: CommandId
    occurred_at: Instant
    data: dict[str, Any]
    recorded_at: Instant | None = None


class EventLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A past event, taken as it is."""

    member: MemberId
    type: str
    schema_version: int
    event_id: UUID
    occurred_at: Instant
    data: dict[str, Any]
    recorded_at: Instant | None = None
    metadata: dict[str, Any] = {}


class Asked(msgspec.Struct, frozen=True):
    """A command line with its command, ready to be handled."""

    number: int
    line: CommandLine
    command: commands.Command

    @property
    def known_at(self) -> datetime:
        return (self.line.recorded_at or self.line.occurred_at).astimezone(UTC)


class Past(msgspec.Struct, frozen=True):
    """An event line, ready to be appended."""

    number: int
    line: EventLine

    @property
    def known_at(self) -> datetime:
        return (self.line.recorded_at or self.line.occurred_at).astimezone(UTC)


class Tally(msgspec.Struct):
    """What an import did."""

    accepted: int = 0
    refused: int = 0
    unchanged: int = 0
    events: int = 0
    already: int = 0


# -- Reading a line --


def read_line(number: int, raw: bytes, *, now: datetime) -> Asked | Past | None:
    """The line as something to do, or None when it is blank; raises BadLine."""
    if not raw.strip():
        return None
    found = _parse(number, raw)
    if ("command" in found) == ("type" in found):
        raise BadLine(number, 'needs either "command" (to decide) or "type" (a past event)')
    read: Asked | Past
    if "command" in found:
        line = _convert(number, found, CommandLine)
        read = Asked(number, line, _command(number, line))
        if read.known_at < line.occurred_at:
            raise BadLine(number, "recorded_at: lies before occurred_at")
    else:
        read = Past(number, _convert(number, found, EventLine))
        _check_event(number, read.line)
    if max(read.known_at, read.line.occurred_at) > now + AHEAD:
        raise BadLine(number, "recorded_at: lies in the future")
    return read


def _parse(number: int, raw: bytes) -> dict[str, Any]:
    if len(raw) > LONGEST_LINE:
        raise BadLine(number, f"is longer than {LONGEST_LINE} bytes")

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise BadLine(number, f"{twice}: the key appears twice")
        return found

    try:
        value = json.loads(raw.decode(), object_pairs_hook=once)
    except UnicodeDecodeError as error:
        raise BadLine(number, f"is not UTF-8 at byte {error.start + 1}") from None
    except json.JSONDecodeError as error:
        raise BadLine(number, f"is not JSON: {error.msg} at column {error.colno}") from None
    except (RecursionError, ValueError):
        raise BadLine(number, "is not plain JSON") from None
    if not isinstance(value, dict):
        raise BadLine(number, "is not a JSON object")
    _check_values(number, value)
    return value


def _check_values(number: int, value: dict[str, Any]) -> None:
    if _deeper_than(value, DEEPEST):
        raise BadLine(number, f"is nested deeper than {DEEPEST}")
    for name, item in value.items():
        try:
            check_storable(item, name)
        except store.NotStorable as error:
            raise BadLine(number, f"{error.path}: {error.why} cannot be kept") from None


def _deeper_than(value: Any, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_deeper_than(item, levels - 1) for item in inner)


def _convert(number: int, value: Any, kind: type[T], path: str = "") -> T:
    try:
        return msgspec.convert(value, kind, strict=True)
    except msgspec.ValidationError as error:
        _bad_value(number, str(error), path)


def _bad_value(number: int, message: str, path: str) -> NoReturn:
    found = re.fullmatch(r"(.*?)(?: - at `\$\.?(.*?)`)?", message, re.DOTALL)
    why, inner = (found[1], found[2]) if found else (message, None)
    place = ".".join(part for part in (path, inner) if part)
    raise BadLine(number, f"{place}: {why}" if place else why)


def _command(number: int, line: CommandLine) -> commands.Command:
    kind = COMMANDS.get(line.command)
    if kind is None:
        known = ", ".join(sorted(COMMANDS))
        raise BadLine(number, f"command: {line.command!r} is not one of {known}")
    _check_fields(number, line.data, kind)
    return _convert(number, line.data, kind, "data")


def _check_fields(number: int, data: dict[str, Any], kind: type[msgspec.Struct]) -> None:
    # The domain's structs read what older builds wrote, so they skip what they do not know.
    for name in data:
        if name not in kind.__struct_fields__:
            raise BadLine(number, f"data.{name}: unknown field")


def _check_event(number: int, line: EventLine) -> None:
    kind = codec.BY_NAME.get(line.type)
    if kind is not None:
        _check_fields(number, line.data, kind)
    try:
        event = codec.decode(line.type, line.schema_version, line.data)
    except codec.UnreadableEvent as error:
        raise BadLine(number, str(error)) from None
    for name in event.__struct_fields__:
        value = getattr(event, name)
        if isinstance(value, datetime) and value.utcoffset() is None:
            raise BadLine(number, f"data.{name}: an instant needs an offset")


# -- Writing --


def read_lines(lines: Iterable[bytes], *, now: datetime) -> Iterator[Asked | Past | None]:
    """Every line in its order; raises BadLine at the first that cannot be taken."""
    for number, raw in enumerate(lines, start=1):
        yield read_line(number, raw, now=now)


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
        conn = connections.for_reading()
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
                connections.for_appending(),
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
        recorded = store.read_stream(connections.for_reading(), stream_id)
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
