"""Requests for a second person: asked by one, decided by another, until they expire."""

from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError
from django.db.models import Q

from licensing import history, sealing
from timeline.actions import ledger
from timeline.actions.models import ApprovalRequest

PENDING, APPROVED, REJECTED = "pending", "approved", "rejected"


class NotOpen(Exception):
    """The request was decided, has expired, or was asked for by the same person."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def ask(request: ApprovalRequest) -> ApprovalRequest:
    """Keep a request; the same one again is the one that is kept already."""
    request.expires_at = request.asked_at + timedelta(hours=settings.APPROVAL_HOURS)
    values = {
        field.attname: getattr(request, field.attname)
        for field in ApprovalRequest._meta.concrete_fields
        if field.name != "key"
    }
    kept, _ = ApprovalRequest.objects.get_or_create(pk=request.key, defaults=values)
    if (kept.member_id, kept.asked_by) != (request.member_id, request.asked_by):
        raise NotOpen("This request belongs to somebody else.")
    return kept


def find(key: str) -> ApprovalRequest | None:
    """One request."""
    return ApprovalRequest.objects.filter(pk=key).first() if ledger.KEY.fullmatch(key) else None


def sealed(member_id: str, reason: str, answer: str = "") -> dict[str, str]:
    """The words of a request as they are kept; raises store.StreamErased."""
    stream, words = history.stream_of(member_id), {"reason": reason, "answer": answer}
    return sealing.seal(stream, "ApprovalRequest", words, ())


def words(request: ApprovalRequest) -> dict[str, str]:
    """`reason` and `answer` in plain words, or what is said where they were erased."""
    stream = history.stream_of(request.member_id)
    return sealing.opened(stream, "ApprovalRequest", request.words)


def waiting(now: datetime, member_id: str | None = None) -> list[ApprovalRequest]:
    """The requests that can still be decided, the oldest first."""
    found = ApprovalRequest.objects.filter(state=PENDING, expires_at__gt=now)
    if member_id is not None:
        found = found.filter(member_id=member_id)
    return list(found.order_by("asked_at", "key")[:100])


def decided(now: datetime) -> list[ApprovalRequest]:
    """The latest that were decided or have expired."""
    over = ~Q(state=PENDING) | Q(expires_at__lte=now)
    return list(ApprovalRequest.objects.filter(over).order_by("-asked_at", "key")[:50])


def standing(request: ApprovalRequest, now: datetime) -> str:
    """pending, expired, approved (and not carried out yet), done or rejected."""
    if request.state == PENDING:
        return PENDING if now < request.expires_at else "expired"
    return "done" if request.state == APPROVED and request.version is not None else request.state


def decide(key: str, state: str, user: User, answer: str, now: datetime) -> ApprovalRequest:
    """Let one other person decide, once; the same person again gets the same.

    Raises NotOpen and store.StreamErased.
    """
    if state not in (APPROVED, REJECTED):
        raise ValueError(f"no such decision: {state}")
    values = {
        "state": state,
        "decided_by": user.pk,
        "decided_by_name": user.get_username(),
        "decided_at": now,
    }
    kept = ApprovalRequest.objects.get(pk=key)
    values["words"] = sealed(kept.member_id, words(kept)["reason"], answer)
    mine = ApprovalRequest.objects.filter(pk=key, state=PENDING, expires_at__gt=now)
    try:
        changed = mine.update(**values)
    except IntegrityError:
        raise NotOpen("You asked for this yourself; another person has to decide.") from None
    kept = ApprovalRequest.objects.get(pk=key)
    if not changed and (kept.state, kept.decided_by) != (state, user.pk):
        raise NotOpen(_why(kept, now))
    return kept


def carried_out(key: str, version: int) -> None:
    """Note the step that came of it."""
    ApprovalRequest.objects.filter(pk=key, version=None).update(version=version)


def _why(request: ApprovalRequest, now: datetime) -> str:
    if request.state == PENDING:
        return "The request has expired; whoever still needs it asks again."
    return f"{request.decided_by_name} has {request.state} this already."
