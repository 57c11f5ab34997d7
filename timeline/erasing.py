"""Erases a person everywhere, in the order that leaves no way back, and certifies what was done."""

from datetime import datetime
from typing import Any

import msgspec
from django.utils import timezone

from licensing import connection, erasing, history, trail
from licensing.actors import Actor
from licensing.store.integrity import verify_stream
from licensing.trail import Who
from projections import runner, traces
from timeline import profiles
from timeline.models import RecentMember


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """What was done for a request, when and by whom; it names no person but who did it.

    What was gone already, from an earlier try, is told as not found now. `read_models` counts the
    rows that are left by table, and `chain_valid` says that the history is as it was recorded.
    """

    member_id: str
    request_id: str
    erased_at: datetime
    by: str
    certified_at: datetime
    last_version: int
    key_destroyed: bool
    keyframes_deleted: int
    profile_deleted: bool
    recent_views_deleted: int
    read_models: dict[str, int]
    chain_valid: bool

    @property
    def complete(self) -> bool:
        """Whether nothing is left and the history is whole."""
        return self.chain_valid and not any(self.read_models.values())

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        told: dict[str, Any] = msgspec.to_builtins(self)
        return told | {"complete": self.complete}


def erase(member_id: str, request_id: str, *, who: Who, now: datetime) -> Certificate:
    """Erase a member and say what was done; raises erasing.UnknownMember and NotNoted.

    Noted in the audit trail first. Safe to do again, and after a cut halfway it must be. Brings the
    read models level, so that theirs is certified too.
    """
    if not history.head(member_id):
        raise erasing.UnknownMember(member_id)
    trail.record(who, "erase", member_id, purpose="manage.py erase_member", request=request_id)
    done = erasing.erase(member_id, request_id, actor=Actor("staff", who.who), now=now)
    profile = profiles.erase(member_id)
    views, _ = RecentMember.objects.filter(member_id=member_id).delete()
    runner.catch_up()
    traces.forget(member_id)
    stream = history.stream_of(member_id)
    return Certificate(
        member_id=member_id,
        request_id=done.request_id,
        erased_at=done.erased_at,
        by=f"{who.kind} {who.who}",
        certified_at=timezone.now(),
        last_version=done.version,
        key_destroyed=done.key,
        keyframes_deleted=done.keyframes,
        profile_deleted=profile,
        recent_views_deleted=views,
        read_models=traces.of_member(member_id),
        chain_valid=verify_stream(connection.opened(), stream) is None,
    )
