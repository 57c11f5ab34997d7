"""Decides a command on a member, with nothing read and nothing written: for real, or as a trial."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from licensing import terms
from licensing.domain import member as members
from licensing.domain.commands import (
    AcquireLicense,
    Command,
    ExtendLicense,
    RecordPlayback,
    ReleaseLicense,
    RenewLicense,
)
from licensing.domain.decider import Terms
from licensing.domain.license import LicenseExpired
from licensing.domain.member import Member
from licensing.domain.values import Moment
from licensing.rules import PublishedRules

# What devices report, perhaps late; everything else is decided at the server's time.
REPORTS = (ReleaseLicense, RecordPlayback)

RulesAt = Callable[[datetime], PublishedRules]
"""The rules in force at an instant."""


class Decided(msgspec.Struct, frozen=True):
    """A decision before it is written: outcome, events, and the record of what decided."""

    outcome: str
    events: tuple[members.Event, ...]
    decision: dict[str, Any] | None
    license_id: str | None
    same_as: int | None = None


def decide(command: Command, member: Member, moment: Moment, rules_at: RulesAt) -> Decided:
    """What comes of a command by the rules that `rules_at` gives for an instant.

    Raises a DomainError when the command is about something the member does not have.
    """
    members.expect_command(member, command, moment.now)
    offered = _terms(command, member, moment, rules_at)
    events = members.decide(command, member, offered, moment)
    license_id = getattr(command, "license_id", None)
    if not events:
        held = isinstance(command, AcquireLicense) and members.held(member, command, moment.now)
        return Decided("unchanged", (), None, held.license_id if held else license_id)
    record = offered.record if offered else None
    last = events[-1]
    if isinstance(last, members.Refused):
        earlier = member.refusals.get(members.request_key(last))
        if earlier is not None and _same(earlier, last.reason, record, moment):
            return Decided("refused", (), record, license_id, same_as=earlier.version)
        return Decided("refused", tuple(events), record, license_id)
    return Decided("accepted", tuple(events), record, license_id)


def _terms(command: Command, member: Member, moment: Moment, rules_at: RulesAt) -> Terms | None:
    match command:
        case AcquireLicense():
            return terms.for_acquisition(rules_at(moment.now), member, command, moment)
        case RenewLicense():
            return terms.for_renewal(rules_at(moment.now), member, command, moment)
        case ExtendLicense():
            return terms.for_extension(rules_at(moment.now), member, command, moment)
        case _:
            return None


def _same(
    earlier: members.Refusal, reason: str, record: dict[str, Any] | None, moment: Moment
) -> bool:
    hash = record["rules"]["hash"] if record else None
    recent = moment.now - earlier.at <= members.SAME_REFUSAL_WITHIN
    return recent and (earlier.reason, earlier.rules) == (reason, hash)


def occurred_at(event: members.Event, moment: Moment) -> datetime:
    """When an event of a command happened."""
    # An expiry happened when the clock passed it, not when the job came round.
    return event.expired_at if isinstance(event, LicenseExpired) else moment.at
