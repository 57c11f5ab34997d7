"""What the rules in force say about one command on one member: facts in, terms out."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import msgspec

from licensing import rules
from licensing.domain import license as licenses
from licensing.domain.decider import Terms
from licensing.domain.license import AcquireLicense, License, RenewLicense
from licensing.domain.member import Member
from licensing.domain.values import Moment
from licensing.rules import PublishedRules

LICENSE_ENDED = "LICENSE_ENDED"


def for_acquisition(
    published: PublishedRules, member: Member, command: AcquireLicense, moment: Moment
) -> Terms:
    """The terms of a download that is asked for now."""
    request = {
        "title_id": command.title_id,
        "device_id": command.device_id,
        "studio": command.title.get("studio"),
        "title": command.title,
        "device": _device(member, command),
        "context": command.context,
        "member": {"plan": member.plan, "country": member.country},
    }
    past = list(occurrences(member, moment))
    found = rules.evaluate(published.ruleset, "acquire", request, past, moment.now)
    return _terms(published, found, found.reason)


def for_renewal(
    published: PublishedRules, member: Member, command: RenewLicense, moment: Moment
) -> Terms | None:
    """The terms of a renewal, or None when the member has no such license."""
    license = member.licenses.get(command.license_id)
    if license is None:
        return None
    request = {
        "title_id": license.title_id,
        "device_id": license.device_id,
        "studio": license.studio,
        "title": license.title,
        "device": license.device,
        "context": license.context,
        "member": {"plan": member.plan, "country": member.country},
        "license": _renewal_facts(license, moment),
    }
    past = list(occurrences(member, moment))
    found = rules.evaluate(published.ruleset, "renew", request, past, moment.now)
    ended = licenses.as_of(license, moment.now).status != "active"
    return _terms(published, found, LICENSE_ENDED if ended else found.reason)


def occurrences(member: Member, moment: Moment) -> Iterator[rules.Occurrence]:
    """What the counters may count: each download and each playback of this member."""
    for license in member.licenses.values():
        attributes = {
            "title_id": license.title_id,
            "device_id": license.device_id,
            "studio": license.studio,
        }
        live = licenses.as_of(license, moment.now).status == "active"
        yield rules.Occurrence("downloads", license.issued_at, live, attributes)
    for download in member.downloads.values():
        attributes = {"title_id": download.title_id, "studio": download.studio}
        for at in download.played:
            yield rules.Occurrence("playbacks", at, False, attributes)


def _device(member: Member, command: AcquireLicense) -> dict[str, Any]:
    known = member.devices.get(command.device_id)
    recorded = {"type": known.type} if known is not None and known.type is not None else {}
    return {**recorded, **command.device}


def _renewal_facts(license: License, moment: Moment) -> dict[str, int]:
    hour = timedelta(hours=1)
    return {
        "renewals": license.renewals,
        "hours_left": max(0, (license.expires_at - moment.now) // hour),
        "life_h": (license.expires_at - license.issued_at) // hour,
    }


def _terms(published: PublishedRules, found: rules.Evaluation, reason: str | None) -> Terms:
    record = {
        "rules": {
            "id": published.id,
            "version": published.version,
            "hash": published.hash,
        },
        "verdict": "allowed" if reason is None else "refused",
        "reason": reason,
        "row": found.row,
        "facts": found.facts,
        "matched": list(found.matched),
        "decisive": found.decisive,
        "out": found.out,
        "limits": [msgspec.to_builtins(check) for check in found.limits],
    }
    if found.detail is not None:
        record["detail"] = found.detail
    return Terms(found.out, reason, record)
