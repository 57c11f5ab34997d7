"""The lines of an import: each read strictly into a command to decide or a past event to keep."""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, NoReturn, TypeVar
from uuid import UUID

import msgspec

from licensing import codec, fold, guard, rulebook, rules, sealing
from licensing.domain import commands

T = TypeVar("T")

LONGEST_EVENT = 256 * 1024  # with its decision record
# A clock a little ahead is forgiven; a later `recorded_at` would hold the stream back for ever.
AHEAD = timedelta(minutes=5)
COMMANDS = commands.BY_NAME

_HASH = re.compile(r"([0-9a-f]{2}){1,64}")
MemberId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
CommandId = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class BadLine(Exception):
    """A line that cannot be taken, and why; nothing of it was written.

    `stream_id` is the history that the line is about, where that could be read.
    """

    def __init__(self, number: int, why: str) -> None:
        super().__init__(f"line {number}: {why}")
        self.number = number
        self.why = why
        self.stream_id: str | None = None


class CommandLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A command to be decided by the rules in force when it occurred."""

    member: MemberId
    command: str
    command_id: CommandId
    occurred_at: Instant
    data: dict[str, Any]
    recorded_at: Instant | None = None


class EventLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A past event of a member or of a rule set, taken as it is."""

    type: str
    schema_version: int
    event_id: UUID
    occurred_at: Instant
    data: dict[str, Any]
    member: MemberId | None = None
    rules: MemberId | None = None
    recorded_at: Instant | None = None
    metadata: dict[str, Any] = {}


class AnswerLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An old command with its answer, so that a retry of it stays a repeat."""

    answered: str
    command_id: CommandId
    data: dict[str, Any]
    data_hash: str
    outcome: dict[str, Any]
    first_version: int
    last_version: int
    decided_at: Instant
    member: MemberId | None = None
    rules: MemberId | None = None


class Asked(msgspec.Struct, frozen=True):
    """A command line with its command, ready to be handled."""

    number: int
    raw: bytes
    line: CommandLine
    command: commands.Command

    @property
    def stream_id(self) -> str:
        return fold.stream_of(self.line.member)

    @property
    def known_at(self) -> datetime:
        return (self.line.recorded_at or self.line.occurred_at).astimezone(UTC)


class Past(msgspec.Struct, frozen=True):
    """An event line, ready to be appended."""

    number: int
    raw: bytes
    line: EventLine

    @property
    def stream_id(self) -> str:
        return _stream_of(self.line.member, self.line.rules)

    @property
    def known_at(self) -> datetime:
        return (self.line.recorded_at or self.line.occurred_at).astimezone(UTC)


class Answered(msgspec.Struct, frozen=True):
    """An answer line, ready for the command log."""

    number: int
    raw: bytes
    line: AnswerLine

    @property
    def stream_id(self) -> str:
        return _stream_of(self.line.member, self.line.rules)


Line = Asked | Past | Answered


def read_line(number: int, raw: bytes, *, now: datetime) -> Line | None:
    """The line as something to do, or None when it is blank; raises BadLine."""
    if not raw.strip():
        return None
    found = _parse(number, raw)
    try:
        return _read(number, raw, found, now)
    except BadLine as error:
        member, rule_set = found.get("member"), found.get("rules")
        if isinstance(member, str) or isinstance(rule_set, str):
            error.stream_id = _stream_of(member, rule_set)
        raise


def _read(number: int, raw: bytes, found: dict[str, Any], now: datetime) -> Line:
    forms = [form for form in ("command", "type", "answered") if form in found]
    if len(forms) != 1:
        raise BadLine(
            number,
            'needs either "command" (to decide), "type" (a past event) or "answered" (an answer)',
        )
    read: Asked | Past
    if "command" in found:
        _check_request(number, raw, found)
        line = _convert(number, found, CommandLine)
        read = Asked(number, raw, line, _command(number, line))
        if read.known_at < line.occurred_at:
            raise BadLine(number, "recorded_at: lies before occurred_at")
    elif "answered" in found:
        return _answered(number, raw, _convert(number, found, AnswerLine))
    else:
        read = Past(number, raw, _convert(number, found, EventLine))
        _check_subject(number, read.line)
        _check_length(number, raw, guard.LINE.size if read.line.rules else LONGEST_EVENT)
        _check_event(number, read.line)
    if max(read.known_at, read.line.occurred_at) > now + AHEAD:
        raise BadLine(number, "recorded_at: lies in the future")
    return read


def _answered(number: int, raw: bytes, line: AnswerLine) -> Answered:
    _check_subject(number, line)
    if not _HASH.fullmatch(line.data_hash):
        raise BadLine(number, "data_hash: needs an even number of hexadecimal digits")
    if not 1 <= line.first_version <= line.last_version + 1 <= 2**31 - 1:
        raise BadLine(number, "first_version, last_version: are no range of versions")
    return Answered(number, raw, line)


def _check_subject(number: int, line: EventLine | AnswerLine) -> None:
    if (line.member is None) == (line.rules is None):
        raise BadLine(number, 'needs either "member" or "rules"')


def _check_request(number: int, raw: bytes, found: dict[str, Any]) -> None:
    """A command is bounded as in the API."""
    _check_length(number, raw, guard.REQUEST.size)
    try:
        guard.check(found, guard.REQUEST)
    except guard.Refused as refused:
        _refuse(number, refused)


def _check_length(number: int, raw: bytes, longest: int) -> None:
    if len(raw) > longest:
        raise BadLine(number, f"is longer than {longest} bytes")


def _stream_of(member: str | None, rule_set: str | None) -> str:
    return fold.stream_of(member) if member else rulebook.stream_of(rule_set or "")


def _parse(number: int, raw: bytes) -> dict[str, Any]:
    try:
        return guard.read_json(raw.rstrip(), guard.LINE)
    except guard.Refused as refused:
        _refuse(number, refused)


def _refuse(number: int, refused: guard.Refused) -> NoReturn:
    # A line is its own body: only a place inside it says anything.
    raise BadLine(number, str(refused).removeprefix("body: ")) from None


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


def _check_rules(number: int, line: EventLine) -> None:
    if not rulebook.reads(line.type, line.schema_version):
        raise BadLine(number, f"cannot read {line.type} version {line.schema_version} of rules")
    event = _convert(number, line.data, rulebook.EVENTS[line.type], "data")
    if not isinstance(event, rulebook.RulesPublished):
        return
    try:
        rules.parse(event.document)
    except rules.BrokenRuleSet as error:
        raise BadLine(number, f"data.document: {error}") from None
    if rules.hash_of(event.document) != event.hash:
        raise BadLine(number, "data.hash: is not that of the document")


def _check_event(number: int, line: EventLine) -> None:
    if line.rules is not None:
        _check_rules(number, line)
        return
    kind, data = codec.BY_NAME.get(line.type), line.data
    if isinstance(data.get(sealing.SEALED), str):
        data = sealing.unopened(line.type, data)  # of a history that was erased
    if kind is not None:
        _check_fields(number, data, kind)
    try:
        event = codec.decode(line.type, line.schema_version, data)
    except codec.UnreadableEvent as error:
        raise BadLine(number, str(error)) from None
    for name in event.__struct_fields__:
        value = getattr(event, name)
        if isinstance(value, datetime) and value.utcoffset() is None:
            raise BadLine(number, f"data.{name}: an instant needs an offset")


def read_lines(lines: Iterable[bytes], *, now: datetime) -> Iterator[Line | None]:
    """Every line in its order; raises BadLine at the first that cannot be taken."""
    for number, raw in enumerate(lines, start=1):
        yield read_line(number, raw, now=now)
