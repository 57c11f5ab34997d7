"""What a person sees instead of a page: no such page, not for you, our fault."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import requires_csrf_token

NOT_FOUND = "There is nothing at this address."
FORBIDDEN = "Your account may not open this page."


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404, with the reason when a page gave one of its own."""
    words = exception.args[0] if exception.args else ""
    why = words if isinstance(words, str) and words else NOT_FOUND
    return render(request, "404.html", {"why": why}, status=404)


@requires_csrf_token
def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403, with what is missing."""
    return render(request, "403.html", {"why": str(exception) or FORBIDDEN}, status=403)
