"""Who may open a page, and which part of it an answer needs to hold."""

import re
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import patch_vary_headers

P = ParamSpec("P")

STAFF_ROLES = ("viewer", "agent", "rules author", "rules approver", "operator", "auditor")
MEMBER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def role_of(request: HttpRequest) -> str | None:
    """The first staff role of whoever is signed in; None for everybody else."""
    if isinstance(request.user, AnonymousUser) or not request.user.is_active:
        return None
    held = set(request.user.groups.values_list("name", flat=True))
    found = next((role for role in STAFF_ROLES if role in held), None)
    return found or ("administrator" if request.user.is_superuser else None)


def staff_page(
    view: Callable[Concatenate[HttpRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """Deny by default: a page opens for signed-in people with a staff role only."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return _sign_in_first(request)
        role = role_of(request)
        if role is None:
            raise PermissionDenied("Your account has no role yet; ask an administrator for one.")
        request.role = role  # type: ignore[attr-defined]
        response = view(request, *args, **kwargs)
        patch_vary_headers(response, ["HX-Request", "HX-Target", "Cookie"])
        response.headers.setdefault("Cache-Control", "private, no-cache")
        return response

    return guarded  # type: ignore[return-value]  # wraps() names the first argument


def _sign_in_first(request: HttpRequest) -> HttpResponseBase:
    if not is_fragment(request):
        return redirect_to_login(request.get_full_path())
    # The session ended while a page was open: the whole page has to go, not its panel.
    shown = urlsplit(request.headers.get("HX-Current-URL", "")).path or "/"
    answer = HttpResponse(status=401)
    answer.headers["HX-Redirect"] = f"{settings.LOGIN_URL}?{urlencode({'next': shown})}"
    return answer


def is_fragment(request: HttpRequest) -> bool:
    """Whether htmx asks for a part of a page (going back in history always gets the whole)."""
    headers = request.headers
    return headers.get("HX-Request") == "true" and "HX-History-Restore-Request" not in headers


def part_wanted(request: HttpRequest, parts: tuple[str, ...]) -> str | None:
    """The id of the region to be filled, when it is one of `parts`; None means the whole page."""
    target = request.headers.get("HX-Target", "").rpartition("#")[2]
    return target if is_fragment(request) and target in parts else None


def small_int(text: Any) -> int | None:
    """A plain number of at most nine digits, or None for whatever else somebody typed."""
    if isinstance(text, str) and re.fullmatch(r"[0-9]{1,9}", text.strip(), re.ASCII):
        return int(text)
    return None
