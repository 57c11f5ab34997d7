"""Why a step came out as it did: from its record, or decided again by the rules as of then."""

from collections.abc import Mapping
from typing import Any

import msgspec

from licensing import deciding, rulebook, terms
from licensing.domain.commands import AcquireLicense, Command, RenewLicense
from licensing.domain.license import (
    AcquisitionRefused,
    LicenseIssued,
    LicenseRenewed,
    RenewalRefused,
)
from licensing.domain.member import Event
from licensing.domain.values import DomainError, Moment
from licensing.history import Step
from timeline.presenters import decision, explanations
from timeline.presenters.panel import Seen
from timeline.views import rule_links


def why(step: Step, seen: Seen) -> decision.Why | None:
    """The decision about a step in words; None where the rules had no say."""
    record = decision.record_of(step)
    if record is not None:
        hash_ = decision.rules_hash(record)
        return _told(step, seen, hash_, None)
    again = _decided_again(step, seen)
    return None if again is None else _told(step, seen, decision.rules_hash(again), again)


def _told(
    step: Step, seen: Seen, hash_: str, again: Mapping[str, Any] | None
) -> decision.Why | None:
    return decision.why(
        step,
        seen.waiting,
        seen.names,
        rulebook.by_hash(hash_),
        lambda row_id: rulebook.row(hash_, row_id),
        again,
    )


def links(found: decision.Why) -> dict[str, str]:
    """Where the rows of a decision stand in the rules: addresses by the row's id."""
    rows = [*([found.row] if found.row else []), *found.others]
    return {row.id: rule_links.row(found.rule_set, found.version, row.id) for row in rows}


def _decided_again(step: Step, seen: Seen) -> dict[str, Any] | None:
    """What the rules of then say to a step that was imported without its decision."""
    command = _command(step.event)
    if command is None:
        return None
    moment = Moment(step.recorded_at, step.occurred_at)
    try:
        in_force = rulebook.current(moment.now)
        decided = deciding.decide(command, seen.waiting, moment, lambda at: in_force)
    except (DomainError, rulebook.NoRules):
        return None
    return decided.decision


def _command(event: Event | None) -> Command | None:
    match event:
        case LicenseIssued() | AcquisitionRefused():
            return _asked(event)
        case LicenseRenewed() | RenewalRefused():
            return RenewLicense(event.license_id)
        case _:
            return None


def _asked(event: LicenseIssued | AcquisitionRefused) -> AcquireLicense:
    names = (field.name for field in msgspec.structs.fields(AcquireLicense))
    return AcquireLicense(**{name: getattr(event, name) for name in names})


def turns(step: Step, seen: Seen, found: decision.Why) -> list[dict[str, str]]:
    """What would have made a refused download allowed, each change tried: words and a kind."""
    event = step.event
    if not isinstance(event, AcquisitionRefused):
        return []
    rules = rulebook.by_hash(_hash(step)) or rulebook.current(step.recorded_at)
    moment = Moment(step.recorded_at, step.occurred_at)
    tried = terms.nearest(rules, seen.waiting, _asked(event), moment)
    return [{"kind": turn.kind, "words": explanations.turn(turn, "refused")} for turn in tried[:4]]


def _hash(step: Step) -> str:
    return step.rules or ""
