"""A member's state as plain JSON values: the form that is shown, compared and answered."""

from datetime import datetime
from typing import Any

import msgspec

from licensing.domain.download import Download
from licensing.domain.member import Member


def as_json(member: Member) -> dict[str, Any]:
    """The state as JSON values; instants are ISO texts, entities are keyed by their ids.

    Licenses stand in the order of their issue, titles in the order of their first download. What
    the command service keeps for itself (refusals to recognize, uses to count) is left out.
    """
    licenses = sorted(member.licenses.values(), key=lambda x: (x.issued_at, x.license_id))
    downloads = sorted(member.downloads.values(), key=_first_use)
    whole: dict[str, Any] = msgspec.to_builtins(
        {
            "member_id": member.member_id,
            "version": member.version,
            "plan": member.plan,
            "country": member.country,
            "cancelled_at": member.membership.cancelled_at,
            "since": member.since,
            "devices": member.devices,
            "licenses": {license.license_id: license for license in licenses},
            "downloads": {download.title_id: download for download in downloads},
            "allowances": member.allowances,
            "notes": {note.note_id: note for note in member.notes},
        }
    )
    return whole


def _first_use(download: Download) -> tuple[datetime, str]:
    return min((*download.issued[:1], *download.played[:1])), download.title_id
