"""What a fact or a counter would have been at each download that a member asked for."""

from collections.abc import Iterator
from datetime import datetime

import msgspec

from licensing import history, terms
from licensing.domain import member as members
from licensing.domain.license import AcquireLicense, AcquisitionRefused, LicenseIssued
from licensing.domain.values import Moment
from licensing.rules import Compiled
from licensing.rules.facts import Counter, Fact, count, lookup
from licensing.rules.tables import Scalar


class Counted(msgspec.Struct, frozen=True):
    """The value just before step `version`, which asked for a title; None where it has none."""

    version: int
    at: datetime
    title_id: str
    value: Scalar | None


def counted(member_id: str, asked: Counter | Fact, rules: Compiled) -> Iterator[Counted]:
    """Each download that the member asked for, in recorded order; writes nothing.

    A counter counts what was recorded before, in the windows and zones of `rules`. What cannot
    be read of a history ends it.
    """
    past = history.load(member_id)
    for step in past.steps[: past.readable_until]:
        event = step.event
        if not isinstance(event, LicenseIssued | AcquisitionRefused):
            continue
        before = past.state(step.version - 1)
        command = AcquireLicense(
            event.title_id, event.device_id, event.license_id, event.title, event.device,
            event.context,
        )  # fmt: skip
        moment = Moment(step.recorded_at, step.occurred_at)
        yield Counted(
            step.version, step.recorded_at, event.title_id,
            _value(asked, rules, before, command, moment),
        )  # fmt: skip


def _value(
    asked: Counter | Fact,
    rules: Compiled,
    before: members.Member,
    command: AcquireLicense,
    moment: Moment,
) -> Scalar | None:
    request = terms.request_of(before, command)
    if isinstance(asked, Fact):
        found = lookup(request, asked.path)
        return found if isinstance(found, str | int | bool) else None
    zone = rules.zone_of(rules.facts_of(request))
    past = terms.past_of(before, moment)
    return count(
        asked, request, past, moment.now, zone=zone, lists=rules.ruleset.lists
    ).before  # fmt: skip
