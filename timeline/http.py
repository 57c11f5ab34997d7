"""Who may open a page, and which part of it an answer needs to hold."""

import re
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, overload
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.cache import patch_vary_headers

from licensing import fold, guard
from timeline import audit, bodies, limits, policy, sessions
from timeline.policy import ADMINISTRATOR, STAFF_ROLES

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]

MEMBER_ID = fold.MEMBER_ID


class Decorator(Protocol):
    """What `staff_page(...)` gives."""

    def __call__(self, view: View[P]) -> View[P]: ...


def roles_of(request: HttpRequest) -> tuple[str, ...]:
    """The roles of whoever is signed in, in the order of STAFF_ROLES; none for everybody else."""
    if isinstance(request.user, AnonymousUser) or not request.user.is_active:
        return ()
    held = set(request.user.groups.values_list("name", flat=True))
    roles = tuple(role for role in STAFF_ROLES if role in held)
    return (*roles, ADMINISTRATOR) if request.user.is_superuser else roles


def may(request: HttpRequest, permission: str) -> bool:
    """Whether whoever opened this page holds a permission; for what a page offers to some only."""
    return policy.permits(getattr(request, "roles", ()), permission)


@overload
def staff_page(view: View[P]) -> View[P]: ...
@overload
def staff_page(
    *, may: str = "read", writes: str = "", reads: str = "", polled: bool = False
) -> Decorator: ...
def staff_page(
    view: View[P] | None = None,
    *,
    may: str = "read",
    writes: str = "",
    reads: str = "",
    polled: bool = False,
) -> Any:
    """Deny by default: a page opens for signed-in people whose roles hold the permission `may`.

    `@staff_page` is for any staff role; `@staff_page(may="operate")` for one permission of
    `timeline/policy.py`; `@staff_page(writes="act")` asks another one of a POST. Looking at a page
    with a `member_id` is noted in the audit trail before the view is called; `reads="search"` says
    so for a page that shows members otherwise, and names the purpose of any. A page that is
    `polled` asks for parts of itself unasked, which keeps nobody signed in.
    """
    asked = policy.staff(may, writes)
    if view is not None:
        return _guarded(view, asked, reads, polled)

    def decorate(view: View[P]) -> View[P]:
        return _guarded(view, asked, reads, polled)

    return decorate


def _guarded(view: View[P], asked: policy.Policy, reads: str, polled: bool) -> View[P]:
    @wraps(view)
    def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return _sign_in_first(request)
        if not sessions.lasts(request, acts=not (polled and is_fragment(request))):
            return _sign_in_first(request, ended="1")
        try:
            limits.take(f"user {request.user.pk}", settings.USER_RATE)
        except limits.Exceeded as much:
            return too_many(request, much)
        subject = _subject(kwargs)
        _check_roles(request, asked.needs(request.method or ""), subject)
        if request.method == "POST":
            try:
                bodies.check_form(request)
            except guard.Refused as wrong:
                return _not_taken(request, wrong)
        if subject or reads:
            audit.read(request, subject, reads or "history")
        response = view(request, *args, **kwargs)
        patch_vary_headers(response, ["HX-Request", "HX-Target", "Cookie"])
        # Nothing about a member stays in a browser, where the next person could go back to it.
        kept = "no-store" if subject or reads else "private, no-cache"
        response.headers.setdefault("Cache-Control", kept)
        return response

    # wraps() names the first argument
    return policy.declare(guarded, asked)  # type: ignore[return-value]


def _subject(kwargs: Mapping[str, object]) -> str:
    member_id = kwargs.get("member_id")
    return member_id if isinstance(member_id, str) and MEMBER_ID.fullmatch(member_id) else ""


def _check_roles(request: HttpRequest, permission: str, subject: str) -> None:
    roles = roles_of(request)
    if not roles:
        raise PermissionDenied("Your account has no role yet; ask an administrator for one.")
    # Set before the refusal too: its page shows who is signed in.
    request.roles = roles  # type: ignore[attr-defined]
    request.role = roles[0]  # type: ignore[attr-defined]
    if not policy.permits(roles, permission):
        audit.refused(request, subject, request.path[:100])
        who = " or ".join(sorted(policy.PERMISSIONS[permission]))
        raise PermissionDenied(f"This is for the role {who}; yours is {', '.join(roles)}.")


def _sign_in_first(request: HttpRequest, **told: str) -> HttpResponseBase:
    if not is_fragment(request):
        login = f"{settings.LOGIN_URL}?{urlencode(told)}" if told else settings.LOGIN_URL
        return redirect_to_login(request.get_full_path(), login)
    # The session ended while a page was open: the whole page has to go, not its panel.
    shown = urlsplit(request.headers.get("HX-Current-URL", "")).path or "/"
    answer = HttpResponse(status=401)
    answer.headers["HX-Redirect"] = f"{settings.LOGIN_URL}?{urlencode({**told, 'next': shown})}"
    return answer


def _not_taken(request: HttpRequest, wrong: guard.Refused) -> HttpResponse:
    why = f"What was sent cannot be taken: {wrong.message} ({wrong.path})."
    status = 413 if wrong.code == "body_too_large" else 422
    name = "partials/refused.html" if is_fragment(request) else "refused.html"
    answer = render(request, name, {"why": why}, status=status)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def too_many(request: HttpRequest, much: limits.Exceeded) -> HttpResponse:
    """429 with the seconds to wait; what a part of a page shows stays as it is."""
    if is_fragment(request):
        answer = HttpResponse(status=429, headers={"HX-Reswap": "none"})
    else:
        # Without a request: what the frame shows of a person costs queries.
        answer = render(None, "429.html", {"wait": much.wait}, status=429)
    answer.headers["Retry-After"] = str(much.wait)
    answer.headers["Cache-Control"] = "no-store"
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
