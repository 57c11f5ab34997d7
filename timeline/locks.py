"""Locks a name against guessing from many addresses, beside the lock of a name and an address."""

from typing import Any

from axes.attempts import get_cool_off_threshold
from axes.handlers.database import AxesDatabaseHandler
from axes.helpers import get_client_username
from axes.models import AccessAttempt
from django.conf import settings
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


class Handler(AxesDatabaseHandler):  # type: ignore[misc]  # axes has no types
    """Counts as axes does; a name that failed too often from anywhere counts as locked too.

    The limit by name is higher, because whoever knows a name can reach it and lock its owner out.
    """

    def get_failures(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> int:
        """The failures that axes compares with its one limit."""
        near: int = super().get_failures(request, credentials)
        name = get_client_username(request, credentials)
        everywhere = AccessAttempt.objects.filter(
            username=name, attempt_time__gte=get_cool_off_threshold(request)
        ).aggregate(count=Sum("failures_since_start"))["count"]
        if (everywhere or 0) >= settings.NAME_FAILURE_LIMIT:
            return max(near, settings.AXES_FAILURE_LIMIT)
        return near


def locked(request: HttpRequest, *_: Any) -> HttpResponse:
    """What is shown while a lock holds: the same for a name that is somebody's and one that is not.

    Each further try begins the time anew, as its words say.
    """
    answer = render(request, "locked.html", status=429)
    answer.headers["Retry-After"] = str(int(settings.AXES_COOLOFF_TIME.total_seconds()))
    answer.headers["Cache-Control"] = "no-store"
    return answer
