"""The state at a step in tables."""

from collections import Counter

import msgspec

from licensing.domain import license as licenses
from licensing.domain import member as members
from licensing.domain.license import License
from licensing.domain.member import Member
from timeline.presenters import clock, diff
from timeline.presenters.sentences import Names

MOST_ROWS = 25


class LicenseRow(msgspec.Struct, frozen=True):
    """One license in the state table."""

    kind: str
    title: str
    device: str
    status: str
    expires: str
    renewals: str
    plays: int
    id: str


class StateView(msgspec.Struct, frozen=True):
    """The state in tables."""

    facts: tuple[tuple[str, str], ...]
    active: tuple[LicenseRow, ...]
    ended: tuple[LicenseRow, ...]
    ended_more: int
    devices: tuple[tuple[str, str, str, int], ...]
    titles: tuple[tuple[str, str, int, int], ...]
    titles_more: int


def state_view(member: Member, names: Names) -> StateView:
    """The state as a reader wants it: valid licenses first, then what is over."""
    live, over = members.live(member), len(member.licenses) - len(member.active)
    ended = sorted(
        (x for x in member.licenses.values() if x.status != "active"),
        key=lambda x: (x.issued_at, x.license_id),
        reverse=True,
    )
    downloads, devices = diff.in_use(member)
    held = Counter(license.device_id for license in live)
    titles = sorted(member.downloads.values(), key=lambda x: (-len(x.issued), x.name or x.title_id))
    return StateView(
        facts=(
            ("Plan", (member.plan or "not known").capitalize()),
            ("Country", member.country or "not known"),
            ("Since", clock.date(member.since) if member.since else "not yet"),
            ("Downloads in use", str(downloads)),
            ("Devices with downloads", str(devices)),
        ),
        active=tuple(_license_row(x, names) for x in live),
        ended=tuple(_license_row(x, names) for x in ended[:MOST_ROWS]),
        ended_more=max(0, over - MOST_ROWS),
        devices=tuple(
            (
                names.device(x.device_id),
                x.type or "not known",
                x.device_id,
                held[x.device_id],
            )
            for x in member.devices.values()
        ),
        titles=tuple(
            (x.name or x.title_id, x.studio or "", len(x.issued), len(x.played))
            for x in titles[:MOST_ROWS]
        ),
        titles_more=max(0, len(titles) - MOST_ROWS),
    )


_KIND = {"active": "granted", "expired": "expired", "released": "ended", "revoked": "ended"}


def _license_row(license: License, names: Names) -> LicenseRow:
    most = license.terms.get("renew_max")
    kind = "renewed" if license.status == "active" and license.renewals else _KIND[license.status]
    return LicenseRow(
        kind,
        names.title(license.license_id),
        names.device(license.device_id),
        license.status,
        _end(license),
        f"{license.renewals} of {most}" if most is not None else str(license.renewals),
        license.plays,
        license.license_id,
    )


def _end(license: License) -> str:
    """When it ended or will, and how long after that it can still be renewed."""
    told = clock.moment(license.ended_at or license.expires_at, None)
    if license.status != "active" or not license.terms.get("renew_grace_h"):
        return told
    return f"{told}, renewable until {clock.moment(licenses.ends_at(license), None)}"
