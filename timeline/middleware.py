"""What holds for every request, whatever view answers it."""

import logging
from collections.abc import Callable
from typing import Any

from django import db
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from licensing import trail
from timeline import policy

# The store speaks to the driver itself, so its errors arrive as the driver's own.
_DRIVER: Any = getattr(db.connection, "Database")  # noqa: B009
_AWAY = (
    db.OperationalError, db.InterfaceError, _DRIVER.OperationalError, _DRIVER.InterfaceError,
)  # fmt: skip
log = logging.getLogger(__name__)


class DefaultDeny:
    """Refuses every view that does not declare who may call it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any
    ) -> None:
        """Called with the view that was found, before it."""
        if policy.declared(view) is None:
            raise PermissionDenied("This address is open to nobody: it declares no policy.")


class SayUnavailable:
    """Answers 503 with a page when the database is away, or the audit trail cannot be written."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Called with what a view raised; the API has answered its own before."""
        if not isinstance(error, (trail.NotNoted, *_AWAY)):
            return None
        log.warning("%s answered 503: %s", request.path, error)
        away = not isinstance(error, trail.NotNoted) or isinstance(error.__cause__, _AWAY)
        # Without a request: its user, roles and messages are in the database.
        answer = render(None, "503.html", {"away": away}, status=503)
        answer.headers["Retry-After"] = "5"
        answer.headers["Cache-Control"] = "no-store"
        return answer
