"""What holds for every request, whatever view answers it."""

from collections.abc import Callable
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

from timeline import policy


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
