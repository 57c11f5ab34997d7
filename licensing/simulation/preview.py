"""A command tried at the head: what it would do, decided by the code that decides for real.

The database itself is told that nothing may be written, so a preview cannot leave anything behind.
"""

import hashlib
from datetime import datetime
from typing import Any

import msgspec
from django.db import connection, transaction

from licensing import deciding, history, naming, rulebook, rules, terms
from licensing.deciding import Decided
from licensing.domain import member as members
from licensing.domain.commands import AcquireLicense, Command, ExtendLicense
from licensing.domain.license import License
from licensing.domain.member import Member
from licensing.domain.values import DomainError, Moment
from licensing.rules import PublishedRules


class Preview(msgspec.Struct, frozen=True):
    """What would come of a command after version `version`, with the clock at `now`.

    `before` and `after` have the clock applied. `error` is why it cannot be decided at all; then
    `decided` is None. `turns` would turn the verdict. `alike` tells a preview from one that would
    do something else. `room` is how each limit stands before and after it.
    """

    command: Command
    version: int
    now: datetime
    in_force: PublishedRules
    before: Member
    after: Member
    decided: Decided | None
    error: DomainError | None
    turns: tuple[rules.Turn, ...]
    room: tuple[tuple[rules.LimitCheck, ...], tuple[rules.LimitCheck, ...]] = ((), ())

    @property
    def events(self) -> tuple[members.Event, ...]:
        """The events that would be appended."""
        return self.decided.events if self.decided else ()

    @property
    def alike(self) -> str:
        """The hash of what it would do: outcome and events, not the margins around them."""
        told = {
            "outcome": self.decided.outcome if self.decided else "error",
            "events": [[type(x).__name__, msgspec.to_builtins(x)] for x in self.events],
        }
        return hashlib.sha256(rules.canonical(told)).hexdigest()


def preview(member_id: str, command: Command, *, command_id: str, now: datetime) -> Preview:
    """Try a command on the member as of now; raises history.UnreadableStream and NoRules.

    `command_id` is that of the command to come, so that both make the same ids.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        return _tried(member_id, command, command_id, now)


def _tried(member_id: str, command: Command, command_id: str, now: datetime) -> Preview:
    moment = Moment(now=now, at=now)
    member = history.current(member_id, keep=False)
    in_force = rulebook.current(now)
    before = members.as_of(member, now)
    try:
        command = naming.named(command, history.stream_of(member_id), command_id, now)
        decided = deciding.decide(command, member, moment, lambda at: in_force)
    except DomainError as error:
        return Preview(command, member.version, now, in_force, before, before, None, error, ())
    followed = _followed(member, decided, moment)
    after = members.as_of(followed, now)
    turns = _turns(in_force, member, command, decided, moment)
    about, studio = _about(member, command), getattr(command, "studio", None)
    room = (
        terms.room(in_force, member, about, studio, moment),
        terms.room(in_force, followed, about, studio, moment),
    )
    return Preview(
        command, member.version, now, in_force, before, after, decided, None, turns, room
    )


def _followed(member: Member, decided: Decided, moment: Moment) -> Member:
    """The member after the events of a decision."""
    record: dict[str, Any] = decided.decision or {}
    hash = record.get("rules", {}).get("hash")
    for event in decided.events:
        at = deciding.occurred_at(event, moment)
        members.expect(member, [(event, at)])
        member = members.evolve(member, event, at, decided_at=moment.now, rules=hash)
    return member


def _about(member: Member, command: Command) -> License | None:
    """The license that a command is about, or one that it touches."""
    named = member.licenses.get(getattr(command, "license_id", None) or "")
    device_id = getattr(command, "device_id", None)
    on = (x for x in members.live(member) if x.device_id == device_id)
    return named or next(on, None)


def _turns(
    in_force: PublishedRules, member: Member, command: Command, decided: Decided, moment: Moment
) -> tuple[rules.Turn, ...]:
    if decided.outcome == "unchanged":
        return ()
    match command:
        case AcquireLicense():
            return terms.nearest(in_force, member, command, moment)
        case ExtendLicense():
            return terms.nearest_extension(in_force, member, command, moment)
        case _:
            return ()
