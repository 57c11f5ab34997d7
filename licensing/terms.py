"""What the rules in force say about one command on one member: facts in, terms out."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec.structs import replace

from licensing import rules
from licensing.domain import allowance as allowances
from licensing.domain import license as licenses
from licensing.domain import member as members
from licensing.domain import usage
from licensing.domain.decider import Terms
from licensing.domain.download import Download
from licensing.domain.extension import ExtendLicense
from licensing.domain.license import AcquireLicense, License, RenewLicense
from licensing.domain.member import Member
from licensing.domain.values import Moment
from licensing.rules import PublishedRules

LICENSE_ENDED = "LICENSE_ENDED"
MEMBERSHIP_CANCELLED = "MEMBERSHIP_CANCELLED"
_LASTING = ("renew_max", "renew_life_h")  # what a renewal is bound by beside the hour of asking
LIFE = "renew_life_h"  # of what binds renewals, the longest life binds an extension too


def for_acquisition(
    published: PublishedRules, member: Member, command: AcquireLicense, moment: Moment
) -> Terms:
    """The terms of a download that is asked for now."""
    found = rules.evaluate(published.compiled, "acquire", *_asked(member, command, moment))
    over = member.membership.cancelled_at is not None
    return _terms(published, found, MEMBERSHIP_CANCELLED if over else found.reason)


def nearest(
    published: PublishedRules, member: Member, command: AcquireLicense, moment: Moment
) -> tuple[rules.Turn, ...]:
    """What would turn the verdict on a download; nothing turns that of a cancelled membership."""
    if member.membership.cancelled_at is not None:
        return ()
    return rules.nearest(published.compiled, "acquire", *_asked(member, command, moment))


def _asked(
    member: Member, command: AcquireLicense, moment: Moment
) -> tuple[dict[str, Any], rules.Past, datetime, tuple[rules.Allowed, ...]]:
    request = request_of(member, command)
    allowed = _allowed(member, request["studio"], command.title_id, moment)
    return request, past_of(member, moment), moment.now, allowed


def request_of(member: Member, command: AcquireLicense) -> dict[str, Any]:
    """What an acquisition says, as facts and counters look it up."""
    return {
        "title_id": command.title_id,
        "device_id": command.device_id,
        "studio": command.title.get("studio"),
        "title": command.title,
        "device": _device(member, command),
        "context": command.context,
        "member": {"plan": member.plan, "country": member.country},
        rules.ROLLOUT: rules.Rollout(member.member_id),
    }


def for_renewal(
    published: PublishedRules, member: Member, command: RenewLicense, moment: Moment
) -> Terms | None:
    """The terms of a renewal, or None when the member has no such license."""
    license = member.licenses.get(command.license_id)
    if license is None:
        return None
    found = rules.evaluate(published.compiled, "renew", *_renewed(member, license, moment))
    ended = licenses.as_of(license, moment.now).status != "active"
    return _terms(published, found, LICENSE_ENDED if ended else found.reason)


def _renewed(
    member: Member, license: License, moment: Moment
) -> tuple[dict[str, Any], rules.Past, datetime, tuple[rules.Allowed, ...]]:
    request = {
        "title_id": license.title_id,
        "device_id": license.device_id,
        "studio": license.studio,
        "title": license.title,
        "device": license.device,
        "context": license.context,
        "member": {"plan": member.plan, "country": member.country},
        rules.ROLLOUT: rules.Rollout(member.member_id),
        "license": _renewal_facts(license, moment),
    }
    allowed = _allowed(member, license.studio, license.title_id, moment)
    return request, past_of(member, moment), moment.now, allowed


def for_extension(
    published: PublishedRules, member: Member, command: ExtendLicense, moment: Moment
) -> Terms | None:
    """The terms of more time from support, or None when the member has no such license.

    The rules of renewals say what life a license may have at most, and whether its title may still
    be had; how often and when to renew is not asked of support. An approval lifts the longest life.
    """
    license = member.licenses.get(command.license_id)
    if license is None:
        return None
    found = _extended(published, member, license, command.hours, moment)
    ended = licenses.as_of(license, moment.now).status != "active"
    lifted = _beyond(found) and command.approval is not None
    return _terms(published, found, LICENSE_ENDED if ended else None if lifted else found.reason)


def nearest_extension(
    published: PublishedRules, member: Member, command: ExtendLicense, moment: Moment
) -> tuple[rules.Turn, ...]:
    """What would have an extension allowed: fewer hours, or as many hours of life more."""
    license = member.licenses.get(command.license_id)
    if license is None or licenses.as_of(license, moment.now).status != "active":
        return ()
    found = _extended(published, member, license, command.hours, moment)
    if not _beyond(found):
        return ()
    (check,) = found.limits
    turns = []
    fewer = command.hours + check.margin
    if fewer > 0 and _extended(published, member, license, fewer, moment).reason is None:
        part = rules.Part("hours", "Hours", was=command.hours, to=fewer)
        turns.append(rules.Turn("fact", (part,)))
    part = rules.Part(check.limit, check.label, by=-check.margin)
    return (*turns, rules.Turn("room", (part,)))


def room(
    published: PublishedRules,
    member: Member,
    about: License | None,
    studio: str | None,
    moment: Moment,
) -> tuple[rules.LimitCheck, ...]:
    """How each limit stands for one more download like `about`, and for its renewal.

    Without a license, for a download that is like none; `studio` is then the studio it is from.
    Empty where the rules decide nothing about such a request.
    """
    like = AcquireLicense(
        title_id=about.title_id if about else "",
        device_id=about.device_id if about else "",
        title=about.title if about else {"studio": studio} if studio else {},
        device=about.device if about else {},
        context=about.context if about else {},
    )
    found = rules.evaluate(published.compiled, "acquire", *_asked(member, like, moment)).limits
    license = member.licenses.get(about.license_id) if about else None
    if license is None or licenses.as_of(license, moment.now).status != "active":
        return found
    again = rules.evaluate(published.compiled, "renew", *_renewed(member, license, moment)).limits
    return (*found, *(check for check in again if check.limit in _LASTING))


def _beyond(found: rules.Evaluation) -> bool:
    """Whether the longest life is what refuses."""
    return any(not check.ok for check in found.limits)


def _extended(
    published: PublishedRules, member: Member, license: License, hours: int, moment: Moment
) -> rules.Evaluation:
    """What the rules of renewals say of a license's life with `hours` more, and nothing else."""
    found = rules.evaluate(published.compiled, "renew", *_renewed(member, license, moment))
    if not found.out or found.out.get("allow") is False:
        return replace(found, limits=())  # a fault of the facts, or a title that nobody may have
    life = next((check for check in found.limits if check.limit == LIFE), None)
    if life is None:
        return replace(found, reason=None, limits=())
    good_until = licenses.good_until(license, moment.now)
    begun = -((license.issued_at - good_until) // timedelta(hours=1))
    after = begun + hours
    check = replace(life, value=after, margin=life.max - after, ok=after <= life.max)
    code = published.compiled.row(life.row).reason or published.ruleset.limits[LIFE].reason
    return replace(found, reason=None if check.ok else code, row=life.row, limits=(check,))


def _allowed(
    member: Member, studio: Any, title_id: str, moment: Moment
) -> tuple[rules.Allowed, ...]:
    return tuple(
        rules.Allowed(each.allowance_id, each.limit, each.amount)
        for each in member.allowances.values()
        if allowances.holds(each, studio, title_id, moment.now)
    )


def past_of(member: Member, moment: Moment) -> rules.Past:
    """What the counters may count: each use that this member made of a license, or was refused."""

    def past(
        counter: rules.Counter,
        same: Mapping[str, Any],
        start: datetime | None,
        end: datetime | None,
    ) -> Iterator[rules.Occurrence]:
        if counter.live:
            # Only a license can be live, so the live ones are all that there is to count.
            for license in members.live(member) if counter.of == "downloads" else ():
                live = licenses.as_of(license, moment.now).status == "active"
                yield rules.Occurrence(counter.of, license.issued_at, live, _about(license))
        elif counter.of in _OF_TITLE and counter.same == ("title_id",) and counter.adds_one:
            yield from _of_title(counter.of, member.downloads.get(same["title_id"]))
        else:
            for use in usage.between(member.usage, counter.of, same, start, end):
                about = _plainly(use) if counter.plain else _about_use(member, use)
                yield rules.Occurrence(counter.of, use.at, False, about)

    return past


_OF_TITLE = ("downloads", "playbacks")


def _of_title(of: str, download: Download | None) -> Iterator[rules.Occurrence]:
    if download is not None:
        for at in download.issued if of == "downloads" else download.played:
            yield rules.Occurrence(of, at, False, {"title_id": download.title_id})


def _plainly(use: usage.Use) -> dict[str, Any]:
    return {"title_id": use.title_id, "device_id": use.device_id, "studio": use.studio}


def _about_use(member: Member, use: usage.Use) -> dict[str, Any]:
    license = member.licenses.get(use.license_id) if use.license_id is not None else None
    return _plainly(use) if license is None else _about(license)


def _about(license: License) -> dict[str, Any]:
    """A license as counters see it: by the same paths as a request."""
    return {
        "title_id": license.title_id,
        "device_id": license.device_id,
        "studio": license.studio,
        "title": license.title,
        "device": license.device,
        "context": license.context,
    }


def _device(member: Member, command: AcquireLicense) -> dict[str, Any]:
    known = member.devices.get(command.device_id)
    recorded = {"type": known.type} if known is not None and known.type is not None else {}
    return {**recorded, **command.device}


def _renewal_facts(license: License, moment: Moment) -> dict[str, int]:
    hour = timedelta(hours=1)
    return {
        "renewals": license.renewals,
        "hours_left": max(0, (license.expires_at - moment.now) // hour),
        "life_h": (licenses.good_until(license, moment.now) - license.issued_at) // hour,
    }


def _limit(check: rules.LimitCheck) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(check)
    if not check.allowances:
        del told["allowances"]
    if check.adds is None:
        del told["adds"]
    return told


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
        "decisive": {check.limit: check.row for check in found.limits},
        "limits": [_limit(check) for check in found.limits],
    }
    if found.detail is not None:
        record["detail"] = found.detail
    return Terms(found.out, reason, record)
