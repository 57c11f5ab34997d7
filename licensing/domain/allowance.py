"""Goodwill: support lets a member exceed one limit of the rules for a while."""

from collections.abc import Mapping
from datetime import datetime

import msgspec
from msgspec.structs import replace

from licensing.domain.values import InvalidCommand, Moment, put

# -- Events. These names and shapes are storage. --


class AllowanceGranted(msgspec.Struct, frozen=True):
    """Until `expires_at` the limit is higher by `amount`, for one studio or title if named.

    `label` is what the rules called the limit then.
    """

    allowance_id: str
    limit: str
    amount: int
    expires_at: datetime
    reason: str
    studio: str | None = None
    title_id: str | None = None
    label: str | None = None


class AllowanceWithdrawn(msgspec.Struct, frozen=True):
    """An allowance was taken back: from now on it counts no more."""

    allowance_id: str
    reason: str


Event = AllowanceGranted | AllowanceWithdrawn

# -- State --


class Allowance(msgspec.Struct, frozen=True):
    """An allowance that was granted; the clock ends it (`holds`), or support before that."""

    allowance_id: str
    limit: str
    amount: int
    granted_at: datetime
    expires_at: datetime
    reason: str
    studio: str | None = None
    title_id: str | None = None
    label: str | None = None
    withdrawn_at: datetime | None = None


def evolve(allowances: dict[str, Allowance], event: Event, at: datetime) -> dict[str, Allowance]:
    """The allowances after `event`."""
    match event:
        case AllowanceGranted():
            return put(allowances, event.allowance_id, granted(event, at))
        case AllowanceWithdrawn():
            known = allowances.get(event.allowance_id)
            if known is None:
                return allowances
            return put(allowances, event.allowance_id, replace(known, withdrawn_at=at))


def granted(event: AllowanceGranted, at: datetime) -> Allowance:
    """The allowance of an event."""
    return Allowance(
        allowance_id=event.allowance_id,
        limit=event.limit,
        amount=event.amount,
        granted_at=at,
        expires_at=event.expires_at,
        reason=event.reason,
        studio=event.studio,
        title_id=event.title_id,
        label=event.label,
    )


def holds(allowance: Allowance, studio: str | None, title_id: str, instant: datetime) -> bool:
    """Whether it counts at `instant` for a title of a studio."""
    return (
        instant < allowance.expires_at
        and allowance.withdrawn_at is None
        and allowance.studio in (None, studio)
        and allowance.title_id in (None, title_id)
    )


# -- Commands and decisions --

MOST = 10_000


class GrantAllowance(msgspec.Struct, frozen=True):
    """Support grants `amount` more of one limit of the rules: counts, or hours for limits in hours.

    The same allowance id again with the same words changes nothing. The service names the id, if
    the caller did not, and the label.
    """

    limit: str
    amount: int
    expires_at: datetime
    reason: str
    studio: str | None = None
    title_id: str | None = None
    allowance_id: str | None = None
    label: str | None = None


class WithdrawAllowance(msgspec.Struct, frozen=True):
    """Support takes an allowance back."""

    allowance_id: str
    reason: str


def grant(
    allowances: Mapping[str, Allowance], command: GrantAllowance, moment: Moment
) -> list[Event]:
    """Raises InvalidCommand for one that could never count, or for an id of another one."""
    assert command.allowance_id is not None  # the service names it before it asks
    event = AllowanceGranted(
        allowance_id=command.allowance_id,
        limit=command.limit,
        amount=command.amount,
        expires_at=command.expires_at,
        reason=command.reason,
        studio=command.studio,
        title_id=command.title_id,
        label=command.label,
    )
    known = allowances.get(command.allowance_id)
    if known is not None:
        if replace(known, withdrawn_at=None) != granted(event, known.granted_at):
            raise InvalidCommand("allowance_id", "is another allowance of this member")
        return []
    if not 1 <= command.amount <= MOST:
        raise InvalidCommand("amount", f"must be from 1 to {MOST:,}")
    if command.expires_at <= moment.now:
        raise InvalidCommand("expires_at", "must lie in the future")
    if not command.reason.strip():
        raise InvalidCommand("reason", "must say why")
    return [event]


def withdraw(
    allowances: Mapping[str, Allowance], command: WithdrawAllowance, moment: Moment
) -> list[Event]:
    """Nothing to do for one that counts no more. Raises InvalidCommand for one never granted."""
    known = allowances.get(command.allowance_id)
    if known is None:
        raise InvalidCommand("allowance_id", "is no allowance of this member")
    if known.withdrawn_at is not None or known.expires_at <= moment.now:
        return []
    if not command.reason.strip():
        raise InvalidCommand("reason", "must say why")
    return [AllowanceWithdrawn(command.allowance_id, command.reason)]
