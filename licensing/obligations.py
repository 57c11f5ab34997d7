"""What the clock owes a license: when renewal and expiry fall due, under which command ids."""

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

_NAMESPACE = uuid.UUID("5f0c7a52-4ad4-5c38-9d0e-0c2f6f5b9a41")

RESERVED = "job:"
"""How the command ids of jobs begin; nobody else's command may have such an id."""

RENEWAL_ACTOR = "renew"
EXPIRY_ACTOR = "expire"


def renewal_due_at(
    *, expires_at: datetime, terms: Mapping[str, int], renewals: int
) -> datetime | None:
    """When an active license is renewed: as its window opens, while renewals are left."""
    window_h, most = terms.get("renew_window_h"), terms.get("renew_max")
    if window_h is None or most is None or renewals >= most:
        return None
    return expires_at - timedelta(hours=window_h)


def expiry_due_at(
    *, expires_at: datetime, playback_expires_at: datetime | None, terms: Mapping[str, int]
) -> datetime:
    """When the clock ends an active license: at its expiry, or earlier with its playback window.

    A grace comes after the expiry, not after the playback window.
    """
    end = expires_at + timedelta(hours=terms.get("renew_grace_h", 0))
    return end if playback_expires_at is None else min(end, playback_expires_at)


def renewal_command_id(license_id: str, due_at: datetime) -> str:
    """The same for everyone who finds this renewal due, so that a doubled sweep does nothing."""
    return _obligation("renew", license_id, due_at)


def expiry_command_id(license_id: str, due_at: datetime) -> str:
    """The same for everyone who finds this expiry due, so that a doubled sweep does nothing."""
    return _obligation("expire", license_id, due_at)


def is_reserved(command_id: str) -> bool:
    """Whether only a job may use this command id: else a client could answer for the clock."""
    return command_id.startswith(RESERVED)


def _obligation(kind: str, license_id: str, due_at: datetime) -> str:
    due = due_at.astimezone(UTC).isoformat(timespec="microseconds")
    return f"{RESERVED}{kind}:{uuid.uuid5(_NAMESPACE, f'{kind}/{license_id}/{due}')}"
