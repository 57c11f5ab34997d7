"""The members whom somebody opened last, for the way back to them."""

from datetime import datetime

from django.http import HttpRequest
from django.utils import timezone

from timeline.models import RecentMember

KEPT = 10


def note(request: HttpRequest, member_id: str) -> None:
    """Whoever sent the request has this member open; only the last KEPT are remembered."""
    assert request.user.is_authenticated
    mine = RecentMember.objects.filter(user=request.user)
    seen = {"seen_at": timezone.now()}
    RecentMember.objects.update_or_create(user=request.user, member_id=member_id, defaults=seen)
    mine.exclude(pk__in=mine.values("pk")[:KEPT]).delete()


def listing(request: HttpRequest) -> dict[str, datetime]:
    """The ids of the members opened last and when, newest first."""
    assert request.user.is_authenticated
    mine = RecentMember.objects.filter(user=request.user)[:KEPT]
    return dict(mine.values_list("member_id", "seen_at"))
