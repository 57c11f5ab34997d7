"""What a person sees instead of a page: no such page, not for you, not understood, broken.

Tools that ask below the API get a problem, though they never came as far as to it.
"""

import sys

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.csrf import requires_csrf_token

from timeline.api import problems
from timeline.api.problems import Problem
from timeline.http import roles_of
from timeline.middleware import unavailable

NOT_FOUND = "There is nothing at this address."
FORBIDDEN = "Your account may not open this page."
OLD_FORM = (
    "This form was opened before you signed in, in another window perhaps, or your browser keeps no"
    " cookies. Nothing was changed: go back, load the page again and send it once more."
)
NOT_UNDERSTOOD = "The request could not be understood. Nothing was changed."
TOOLS = "/api/"


def not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """404, with the reason when a page gave one of its own."""
    if request.path.startswith(TOOLS):
        return _for_tools(request, exception)
    words = exception.args[0] if exception.args else ""
    why = words if isinstance(words, str) and words else NOT_FOUND
    return _page(request, "404.html", why, 404)


@requires_csrf_token
def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403, with what is missing."""
    return _page(request, "403.html", str(exception) or FORBIDDEN, 403)


def no_token(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 for a form without its token; Django calls it with a reason that is for developers."""
    return _page(request, "refused.html", OLD_FORM, 403)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """400: a host that is not ours, more fields than any form has."""
    if request.path.startswith(TOOLS):
        return _for_tools(request, Problem(400, "bad_request", NOT_UNDERSTOOD))
    # Without a request: nothing of it can be relied on, the name of its host least of all.
    answer = render(None, "refused.html", {"why": NOT_UNDERSTOOD}, status=400)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def broken(request: HttpRequest) -> HttpResponseBase:
    """What nothing else has answered: 503 while the database is away, else 500.

    Beside views, whoever is signed in is asked for too: to say that there is no such page, say.
    """
    error = sys.exc_info()[1]
    if request.path.startswith(TOOLS):
        return _for_tools(request, error if isinstance(error, Exception) else RuntimeError())
    if away := unavailable(request, error):
        return away
    answer = render(None, "500.html", status=500)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _for_tools(request: HttpRequest, error: Exception) -> HttpResponseBase:
    def raising(_: HttpRequest) -> HttpResponse:
        raise error

    return problems.enclose(raising)(request)


def _page(request: HttpRequest, template: str, why: str, status: int) -> HttpResponse:
    """Staff keep their navigation, so that a wrong address is no dead end."""
    roles = roles_of(request)
    request.roles = roles  # type: ignore[attr-defined]
    request.role = roles[0] if roles else None  # type: ignore[attr-defined]
    answer = render(request, template, {"why": why}, status=status)
    answer.headers["Cache-Control"] = "no-store"
    return answer
