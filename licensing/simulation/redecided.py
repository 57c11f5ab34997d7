"""One recorded decision made again by other rules, on what was known when it was made."""

from typing import Any

import msgspec

from licensing import history, rulebook, terms
from licensing.domain import member as members
from licensing.domain.decider import Terms
from licensing.domain.license import (
    AcquireLicense,
    AcquisitionRefused,
    LicenseIssued,
    LicenseRenewed,
    RenewalRefused,
    RenewLicense,
)
from licensing.domain.member import Member
from licensing.domain.values import Moment
from licensing.rules import PublishedRules
from licensing.simulation.what_if import NoSuchTrial

DECIDED = (LicenseIssued, AcquisitionRefused, LicenseRenewed, RenewalRefused)


class Redecided(msgspec.Struct, frozen=True):
    """The record of a decision as it was made, in full, and what other rules say of the same."""

    purpose: str
    moment: Moment
    then: dict[str, Any] | None
    now: dict[str, Any]


def redecided(member_id: str, version: int, rules: PublishedRules) -> Redecided:
    """Decide what step `version` decided again; writes nothing.

    The member is as before that step, so that counters are counted on what was recorded. Raises
    NoSuchTrial for a step that decided nothing, and history.NotYet.
    """
    before, step, _ = history.around(member_id, version)
    if not isinstance(step.event, DECIDED):
        raise NoSuchTrial("version", f"step {version} of {member_id} decided nothing")
    moment = Moment(step.recorded.recorded_at, step.recorded.occurred_at)
    purpose, offered = _offered(rules, before, step.event, moment)
    if offered is None:
        raise NoSuchTrial("version", f"step {version} is about a license that is not known")
    record = step.recorded.metadata.get("decision")
    then = rulebook.told(record) if isinstance(record, dict) else None
    return Redecided(purpose, moment, then, offered.record)


def _offered(
    rules: PublishedRules, member: Member, event: members.Event, moment: Moment
) -> tuple[str, Terms | None]:
    match event:
        case LicenseIssued() | AcquisitionRefused():
            asked = AcquireLicense(
                title_id=event.title_id,
                device_id=event.device_id,
                license_id=event.license_id,
                title=event.title,
                device=event.device,
                context=event.context,
            )
            members.expect_command(member, asked, moment.now)
            return "acquire", terms.for_acquisition(rules, member, asked, moment)
        case LicenseRenewed() | RenewalRefused():
            renewal = RenewLicense(event.license_id)
            members.expect_command(member, renewal, moment.now)
            return "renew", terms.for_renewal(rules, member, renewal, moment)
    raise AssertionError(event)
