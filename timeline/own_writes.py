"""Read your own writes: the position of a command goes out with its answer and comes back.

Tools keep the header `Playhead-Position` and send it with their next read; browsers keep a cookie.
What then is not as far within half a second says so: the header `Playhead-Catching-Up`, and a line
on the page.
"""

import re
from collections.abc import Callable, Sequence

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from licensing.store import RecordedEvent
from projections import freshness, hints

HEADER = "Playhead-Position"
CATCHING_UP = "Playhead-Catching-Up"
COOKIE = "position"
KEPT_S = 30

_POSITION = re.compile(r"([0-9]{1,4})\.([0-9]{1,15})")


def wrote(request: HttpRequest, events: Sequence[RecordedEvent]) -> None:
    """Note what a command of this request has appended, and hint the workers at it."""
    if events:
        request.wrote = f"{events[-1].bucket}.{events[-1].position}"  # type: ignore[attr-defined]
    hints.nudge()


def frame(request: HttpRequest) -> dict[str, bool]:
    """For templates: `catching_up`, whether the page may not show what was just done."""
    return {"catching_up": freshness.behind()}


class ReadYourWrites:
    """Lets the reads of a request wait for its caller's last command."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        written = _POSITION.fullmatch(
            request.headers.get(HEADER) or request.COOKIES.get(COOKIE) or ""
        )
        if written is None or request.method not in ("GET", "HEAD"):
            response = self.get_response(request)
        else:
            with freshness.after(int(written[1]), int(written[2])) as wish:
                response = self.get_response(request)
            if wish.behind:
                response.headers[CATCHING_UP] = ", ".join(sorted(wish.behind))
        now: str | None = getattr(request, "wrote", None)
        if now is not None:
            response.headers[HEADER] = now
            if "Authorization" not in request.headers:
                response.set_cookie(
                    COOKIE, now, max_age=KEPT_S, httponly=True, samesite="Lax",
                    secure=settings.SESSION_COOKIE_SECURE,
                )  # fmt: skip
        return response
