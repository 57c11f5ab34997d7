"""What was asked of a member and what happened, in the order of decision."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from licensing import connection, deciding, fold, sealing, store
from licensing.domain import commands
from licensing.domain import member as members
from licensing.domain.commands import Command, ExpireLicense
from licensing.domain.values import Moment

# Between the clock of a decision and the store's lies a moment; a report made later is late.
SAME_MOMENT = timedelta(seconds=5)

_DECODE = {name: msgspec.json.Decoder(kind).decode for name, kind in commands.BY_NAME.items()}


class Happened(msgspec.Struct, frozen=True):
    """An event that was recorded, as a fold needs it."""

    version: int
    event: members.Event
    occurred_at: datetime
    recorded_at: datetime
    rules: str | None


class Item(msgspec.Struct, frozen=True):
    """A command with its events; or, without a command, an event that was imported as it was.

    `after` is the version at which it was decided, `job` whether the calendar asked for it, `row`
    the rules' row that decided.
    """

    moment: Moment
    after: int
    events: tuple[Happened, ...]
    command: Command | None = None
    outcome: str = "given"
    job: bool = False
    row: str | None = None

    @property
    def name(self) -> str:
        """The command's name, or that of the event."""
        return type(self.command or self.events[0].event).__name__


def recorded(member_id: str) -> list[Item]:
    """Everything of a member, oldest decision first; raises fold.UnreadableStream."""
    stream = fold.stream_of(member_id)
    ((told, asked),) = store.read_pasts(connection.opened(), [stream])
    return items_of(stream, told, asked)


def items_of(
    stream: str,
    told: Sequence[store.PastFact],
    asked: Sequence[store.PastCommand],
    until: datetime | None = None,
) -> list[Item]:
    """The items of a stream, as far as they were recorded by `until`.

    Raises fold.UnreadableStream.
    """
    if until is not None:
        told = [fact for fact in told if fact.recorded_at <= until]
        head = told[-1].version if told else 0
        asked = [each for each in asked if each.decided_at <= until and each.last_version <= head]
    given = {fact.version: fact for fact in told}
    items = []
    for command in asked:
        if command.name not in _DECODE and command.first_version in given:
            continue  # what no rules decide and nobody can ask for again, as an erasure, is given
        versions = range(command.first_version, command.last_version + 1)
        items.append(_commanded(stream, command, [given.pop(version) for version in versions]))
    items += (_given(stream, fact) for fact in given.values())
    # A command without events was decided between two versions; what follows it comes after.
    items.sort(key=lambda item: (item.after, bool(item.events)))
    return items


def _commanded(stream: str, asked: store.PastCommand, told: Sequence[store.PastFact]) -> Item:
    try:
        command = _DECODE[asked.name](sealing.opened_json(stream, asked.name, asked.data))
    except (KeyError, msgspec.ValidationError) as error:
        raise fold.UnreadableStream(f"A {asked.name} cannot be read: {error}") from None
    return Item(
        moment=_moment(command, asked, told),
        after=asked.first_version - 1,
        events=tuple(_happened(stream, fact) for fact in told),
        command=command,
        outcome=str(asked.outcome),
        job=isinstance(command, ExpireLicense) or (bool(told) and told[0].actor == "job"),
        row=told[-1].row if told else asked.row,
    )


def _moment(command: Command, asked: store.PastCommand, told: Sequence[store.PastFact]) -> Moment:
    if isinstance(command, ExpireLicense):
        return Moment(asked.decided_at, asked.decided_at)
    late = asked.occurred_at
    at = datetime.fromisoformat(late) if late is not None else None
    if at is None:
        at = told[0].occurred_at if told else asked.decided_at
    live = not isinstance(command, deciding.REPORTS) or asked.decided_at - at < SAME_MOMENT
    return Moment(now=at if live and late is None else asked.decided_at, at=at)


def _given(stream: str, fact: store.PastFact) -> Item:
    moment = Moment(fact.recorded_at, fact.occurred_at)
    return Item(moment, fact.version - 1, (_happened(stream, fact),), row=fact.row)


def _happened(stream: str, fact: store.PastFact) -> Happened:
    data = sealing.opened_json(stream, fact.type, fact.data)
    event, why = fold.read(fact.type, fact.schema_version, data)
    if event is None:
        raise fold.UnreadableStream(why or "An event cannot be read.")
    return Happened(fact.version, event, fact.occurred_at, fact.recorded_at, fact.rules)


def as_json(event: members.Event) -> dict[str, Any]:
    """An event as plain values, for comparing and for showing."""
    return {"type": type(event).__name__, "data": msgspec.to_builtins(event)}
