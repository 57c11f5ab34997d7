"""Each decision about a member made again by other rules, on what was recorded when it was made.

Unlike in a branch nothing follows from it: the next decision finds what really happened. Decisions
that were imported without their command are made again too.
"""

from collections.abc import Iterator

from msgspec.structs import replace

from licensing import deciding
from licensing.domain import member as members
from licensing.domain.commands import Command
from licensing.domain.license import (
    AcquireLicense,
    AcquisitionRefused,
    LicenseIssued,
    LicenseRenewed,
    RenewalRefused,
    RenewLicense,
)
from licensing.domain.member import Member
from licensing.domain.values import DomainError, Moment
from licensing.rules import PublishedRules
from licensing.simulation.branch import Deed
from licensing.simulation.recorded import Item


def one_by_one(member: Member, items: list[Item], rules: PublishedRules) -> Iterator[Deed]:
    """What the rules would have made of each download and renewal that was asked for."""
    for item in items:
        asked = asked_by(item)
        if asked is not None:
            yield _again(member, asked, item, rules)
        for happened in item.events:
            at = happened.occurred_at
            # What rules decided stands as if made by these, so that a repeated refusal is one.
            hash = None if happened.rules is None else rules.hash
            members.expect(member, [(happened.event, at)])
            member = members.evolve(
                member, happened.event, at, decided_at=happened.recorded_at, rules=hash
            )


def asked_by(item: Item) -> AcquireLicense | RenewLicense | None:
    """The download or renewal that was asked for, if it was one: told by its event if need be."""
    if isinstance(item.command, AcquireLicense | RenewLicense):
        return item.command
    if item.command is not None:
        return None
    return command_of(item.events[-1].event)


def command_of(event: members.Event) -> AcquireLicense | RenewLicense | None:
    """What must have been asked for, so that this was the answer."""
    match event:
        case LicenseIssued() | AcquisitionRefused():
            return AcquireLicense(
                title_id=event.title_id,
                device_id=event.device_id,
                license_id=event.license_id,
                title=event.title,
                device=event.device,
                context=event.context,
            )
        case LicenseRenewed() | RenewalRefused():
            return RenewLicense(event.license_id)
        case _:
            return None


def _again(member: Member, asked: Command, item: Item, rules: PublishedRules) -> Deed:
    given = item.command is None
    # What was imported was decided elsewhere when it happened, not when it became known here.
    moment = Moment(item.moment.at, item.moment.at) if given else item.moment
    then = tuple(happened.event for happened in item.events)
    outcome, row = item.outcome, item.row
    if given:
        outcome = "refused" if isinstance(then[-1], members.Refused) else "accepted"
    deed = Deed(
        "decided",
        type(asked).__name__,
        moment.at,
        item.events[0].version if item.events else None,
        outcome,
        "unknown",
        then,
        (),
        None,
        row,
    )
    try:
        members.expect_command(member, asked, moment.now)
        decided = deciding.decide(asked, member, moment, lambda at: rules)
    except DomainError:
        return deed
    now = tuple(_as_if_known(event, then) for event in decided.events) if given else decided.events
    return replace(deed, outcome=decided.outcome, now=now[-len(then) :], decision=decided.decision)


def _as_if_known(event: members.Event, then: tuple[members.Event, ...]) -> members.Event:
    """A grant with the end that the imported one has, where its terms are the same."""
    match event, then[-1]:
        case LicenseIssued(), LicenseIssued(terms=terms) if event.terms == terms:
            return replace(event, expires_at=then[-1].expires_at)
        case _:
            return event
