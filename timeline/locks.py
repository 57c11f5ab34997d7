"""Locks a name against guessing from many addresses, beside the lock of a name and an address."""

from typing import Any

from axes.attempts import get_cool_off_threshold
from axes.handlers.database import AxesDatabaseHandler
from axes.helpers import get_client_username
from axes.models import AccessAttempt
from django.conf import settings
from django.db.models import Sum
from django.http import HttpRequest


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
