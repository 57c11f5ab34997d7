"""The member's plan and country, and the end of the membership."""

from datetime import datetime

import msgspec

# -- Events. These names and shapes are storage. --


class PlanChanged(msgspec.Struct, frozen=True):
    """The member's plan or country became another one; None where it was not known before."""

    plan: str
    country: str | None = None
    previous_plan: str | None = None
    previous_country: str | None = None


class MembershipCancelled(msgspec.Struct, frozen=True):
    """The membership ended; the licenses were revoked with it."""

    reason: str


class MemberErased(msgspec.Struct, frozen=True):
    """The person behind the member is gone, on request `request_id`; nothing can follow."""

    request_id: str


Event = PlanChanged | MembershipCancelled

# -- State --


class Membership(msgspec.Struct, frozen=True):
    """What the member pays for and where; without a plan once it was cancelled."""

    plan: str | None = None
    country: str | None = None
    cancelled_at: datetime | None = None


def evolve(membership: Membership, event: Event, at: datetime) -> Membership:
    """The membership after `event`; a plan after a cancellation is a new beginning."""
    match event:
        case PlanChanged():
            return Membership(event.plan, event.country or membership.country)
        case MembershipCancelled():
            return Membership(None, membership.country, at)


# -- Commands and decisions --


class ChangePlan(msgspec.Struct, frozen=True):
    """The member moves to another plan, or to another country; or comes back."""

    plan: str
    country: str | None = None


class CancelMembership(msgspec.Struct, frozen=True):
    """The membership ends now; every active license is revoked."""

    reason: str = "MEMBERSHIP_CANCELLED"


def change_plan(membership: Membership, command: ChangePlan) -> list[Event]:
    """Nothing to do for a plan and a country that the member has."""
    country = command.country or membership.country
    if (membership.plan, membership.country) == (command.plan, country):
        return []
    return [PlanChanged(command.plan, country, membership.plan, membership.country)]


def cancel(membership: Membership, command: CancelMembership) -> list[Event]:
    """Nothing to do for a membership that has ended."""
    return [] if membership.cancelled_at else [MembershipCancelled(command.reason)]
