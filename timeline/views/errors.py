"""What a person sees instead of a page: no such page, not for you, our fault."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import requires_csrf_token

from timeline.http import roles_of

NOT_FOUND = "There is nothing at this address."
FORBIDDEN = "Your account may not open this page."


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404, with the reason when a page gave one of its own."""
    words = exception.args[0] if exception.args else ""
    why = words if isinstance(words, str) and words else NOT_FOUND
    return _page(request, "404.html", why, 404)


@requires_csrf_token
def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403, with what is missing."""
    return _page(request, "403.html", str(exception) or FORBIDDEN, 403)


def _page(request: HttpRequest, template: str, why: str, status: int) -> HttpResponse:
    """Staff keep their navigation, so that a wrong address is no dead end."""
    roles = roles_of(request)
    request.roles = roles  # type: ignore[attr-defined]
    request.role = roles[0] if roles else None  # type: ignore[attr-defined]
    answer = render(request, template, {"why": why}, status=status)
    answer.headers["Cache-Control"] = "no-store"
    return answer
