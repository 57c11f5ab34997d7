"""What was asked of a member and what happened, in the order of decision."""

from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec.structs import replace

from licensing import connection, deciding, fold, sealing, store
from licensing.domain import commands
from licensing.domain import member as members
from licensing.domain.commands import Command, ExpireLicense
from licensing.domain.values import Moment

# Between the clock of a decision and the store's lies a moment; a report made later is late.
SAME_MOMENT = timedelta(seconds=5)


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
    conn, stream = connection.opened(), fold.stream_of(member_id)
    told = {event.version: event for event in store.read_stream(conn, stream)}
    items: list[Item] = []
    for row in store.read_commands(conn, stream):
        events = [told.pop(v) for v in range(row.first_version, row.last_version + 1)]
        row = replace(row, data=sealing.opened(stream, row.name, row.data))
        items.append(_commanded(row, events))
    items += (_given(event) for event in told.values())
    # A command without events was decided between two versions; what follows it comes after.
    items.sort(key=lambda item: (item.after, bool(item.events)))
    return items


def _commanded(row: store.CommandRow, events: list[store.RecordedEvent]) -> Item:
    try:
        command = msgspec.convert(row.data, commands.BY_NAME[row.name])
    except (KeyError, msgspec.ValidationError) as error:
        raise fold.UnreadableStream(f"A {row.name} cannot be read: {error}") from None
    metadata = events[-1].metadata if events else row.outcome
    actor = metadata.get("actor")
    return Item(
        moment=_moment(command, row, events),
        after=row.first_version - 1,
        events=tuple(map(_happened, events)),
        command=command,
        outcome=str(row.outcome.get("outcome")),
        job=isinstance(command, ExpireLicense)
        or (isinstance(actor, dict) and actor.get("kind") == "job"),
        row=(metadata.get("decision") or {}).get("row"),
    )


def _moment(command: Command, row: store.CommandRow, events: list[store.RecordedEvent]) -> Moment:
    if isinstance(command, ExpireLicense):
        return Moment(row.decided_at, row.decided_at)
    late = row.data.get("occurred_at")
    at = datetime.fromisoformat(late) if isinstance(late, str) else None
    if at is None:
        at = events[0].occurred_at if events else row.decided_at
    live = not isinstance(command, deciding.REPORTS) or row.decided_at - at < SAME_MOMENT
    return Moment(now=at if live and late is None else row.decided_at, at=at)


def _given(event: store.RecordedEvent) -> Item:
    happened = _happened(event)
    moment = Moment(event.recorded_at, event.occurred_at)
    return Item(moment, event.version - 1, (happened,))


def _happened(event: store.RecordedEvent) -> Happened:
    step = fold.decoded(event)
    if step.event is None:
        raise fold.UnreadableStream(step.unreadable or "An event cannot be read.")
    return Happened(step.version, step.event, step.occurred_at, step.recorded_at, step.rules)


def as_json(event: members.Event) -> dict[str, Any]:
    """An event as plain values, for comparing and for showing."""
    return {"type": type(event).__name__, "data": msgspec.to_builtins(event)}
