"""Notes in the audit trail what requests see and do: `audit.record(request, "export", member_id)`.

The reads of pages and API calls are noted by `staff_page` and by the API's keys; reveals, exports
and actions call `record` themselves, before they answer.
"""

import logging
from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from licensing import trail
from licensing.trail import NotNoted, Who
from timeline import requests

log = logging.getLogger(__name__)
__all__ = ["NotNoted", "read", "record", "refused"]


def record(
    request: HttpRequest,
    action: str,
    subject: str = "",
    *,
    purpose: str = "",
    reason: str = "",
    **detail: Any,
) -> None:
    """Adds a row about this request; raises NotNoted, which is answered with 503.

    `action` is one of reveal, export, act, rules, operate, erase, key, admin; `subject` a member's
    id, `rules:<id>`, `projection:<name>`; `detail` is shown to auditors and holds nothing personal.
    """
    trail.record(who(request), action, subject, purpose=purpose, reason=reason, **detail)


def read(request: HttpRequest, subject: str, purpose: str) -> None:
    """Sees that a row of the last ten minutes covers this look at `subject` ("" for many)."""
    trail.cover(who(request), "read", subject, purpose)


def refused(request: HttpRequest, subject: str, purpose: str) -> None:
    """Notes that somebody signed in wanted what his role does not permit."""
    trail.cover(who(request), "refused", subject, purpose)


def who(request: HttpRequest) -> Who:
    """Whoever sent the request: a person in a sign-in session, or a key."""
    common = {"address": requests.address_of(request), "request_id": requests.id_of(request)}
    key = getattr(request, "auth", None)
    if key is not None:
        return Who("key", str(key.pk), session=str(key.pk), **common)
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return Who("nobody", "", **common)
    roles = ", ".join(getattr(request, "roles", ()))
    return Who("staff", user.get_username(), roles, _session(request), **common)


def _session(request: HttpRequest) -> str:
    # The session key itself would let whoever reads the trail take the session over.
    key = request.session.session_key or ""
    return salted_hmac("timeline.audit", key, algorithm="sha256").hexdigest()[:32] if key else ""


@receiver(user_logged_in)
def _signed_in(request: HttpRequest | None = None, **_: Any) -> None:
    if request is not None:
        record(request, "sign-in")


@receiver(user_logged_out)
def _signed_out(request: HttpRequest | None = None, user: Any = None, **_: Any) -> None:
    if request is None or user is None:
        return
    try:
        record(request, "sign-out")
    except NotNoted:
        # Nothing is shown to whoever leaves: to keep him in would be worse than a row too few.
        log.exception("a sign-out could not be noted")


@receiver(user_login_failed)
def _not_signed_in(
    credentials: dict[str, Any], request: HttpRequest | None = None, **_: Any
) -> None:
    if request is not None:
        # A name that is nobody's is not kept: people type their password there.
        record(request, "sign-in failed", purpose="sign-in", name=_known(credentials))


def _known(credentials: dict[str, Any]) -> str:
    from django.contrib.auth import get_user_model

    model = get_user_model()
    name = str(credentials.get(model.USERNAME_FIELD) or "")[:150].replace("\x00", "")
    return name if model._default_manager.filter(**{model.USERNAME_FIELD: name}).exists() else ""
