"""What holds for every request, whatever view answers it."""

import logging
from collections.abc import Callable
from typing import Any

from django import db
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.shortcuts import render

from licensing import trail
from timeline import arriving, policy

# The store speaks to the driver itself, so its errors arrive as the driver's own.
_DRIVER: Any = getattr(db.connection, "Database")  # noqa: B009
_AWAY = (
    db.OperationalError, db.InterfaceError, _DRIVER.OperationalError, _DRIVER.InterfaceError,
)  # fmt: skip
log = logging.getLogger(__name__)


# What no page of ours asks a browser for; copying a link is the one thing that some do.
_FEATURES = (
    "accelerometer", "autoplay", "camera", "clipboard-read", "display-capture", "encrypted-media",
    "fullscreen", "geolocation", "gyroscope", "hid", "idle-detection", "magnetometer", "microphone",
    "midi", "payment", "publickey-credentials-get", "screen-wake-lock", "serial", "usb",
    "xr-spatial-tracking",
)  # fmt: skip
HEADERS = {
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": ", ".join(
        [*(f"{name}=()" for name in _FEATURES), "clipboard-write=(self)"]
    ),
}


class Headers:
    """Adds what Django has no setting for to every answer, files included."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        answer = self.get_response(request)
        for name, value in HEADERS.items():
            answer.headers.setdefault(name, value)
        return answer


class RefuseLarge:
    """Refuses a form that says it is larger than any of ours, before anything reads it.

    The API refuses what is too large for it in its own words.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0
        if arriving.announced(request) <= most or request.path.startswith("/api/"):
            return self.get_response(request)
        why = f"A form may hold {most // 1024**2} MB; this one is larger."
        return _refused(413, why)


class AwaitBodies:
    """Has the whole form here before anything is asked; the API does it for its own bodies."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith("/api/"):
            return self.get_response(request)
        try:
            arriving.wait(request)
        except arriving.LengthRequired:
            return _refused(411, "A form has to say how long it is; this one does not.")
        except UnreadablePostError:
            return _refused(400, "The form broke off in its middle.")
        except arriving.NoSeat:
            answer = _refused(503, "Too much is on its way at once. Send it again.")
            answer.headers["Retry-After"] = "2"
            return answer
        return self.get_response(request)


def _refused(status: int, why: str) -> HttpResponse:
    # Without a request: who sends it is not known yet.
    return render(None, "refused.html", {"why": f"{why} Nothing was taken."}, status=status)


class RefuseOtherSites:
    """Refuses a form that another site sends, as its browser says, beside asking for the token."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any
    ) -> None:
        """Called with the view that was found, before it; keys are not sent by browsers unasked."""
        safe = request.method in ("GET", "HEAD", "OPTIONS", "TRACE")
        if safe or policy.declared(view) == policy.BY_KEY:
            return
        if request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site"):
            raise PermissionDenied("This was sent from another site.")


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
        return unavailable(request, error)


def unavailable(request: HttpRequest, error: BaseException | None) -> HttpResponse | None:
    """The page for an error that is about what is away; None for any other."""
    if not isinstance(error, (trail.NotNoted, *_AWAY)):
        return None
    log.warning("%s answered 503: %s", request.path, error)
    away = not isinstance(error, trail.NotNoted) or isinstance(error.__cause__, _AWAY)
    # Without a request: its user, roles and messages are in the database.
    answer = render(None, "503.html", {"away": away}, status=503)
    answer.headers["Retry-After"] = "5"
    answer.headers["Cache-Control"] = "no-store"
    return answer
