"""What a request says of itself: its id, and where it comes from."""

import re
import uuid
from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest

_REQUEST_ID = re.compile(r"[0-9A-Za-z-]{8,64}")


def id_of(request: HttpRequest) -> str:
    """The client's `X-Request-Id` if it is a plain one, or an id of our own."""
    known = getattr(request, "request_id", None)
    if known is None:
        offered = request.headers.get("X-Request-Id", "")
        known = offered if _REQUEST_ID.fullmatch(offered) else str(uuid.uuid4())
        request.request_id = known  # type: ignore[attr-defined]
    return str(known)


def address_of(request: HttpRequest) -> str:
    """The client's address: the connection's, or the one that the outermost proxy of ours saw.

    Whatever stands further left in X-Forwarded-For was written by the client.
    """
    direct = str(request.META.get("REMOTE_ADDR") or "")
    if not settings.PROXIES:
        return direct
    seen = request.headers.get("X-Forwarded-For", "").split(",")
    try:
        return str(ip_address(seen[-settings.PROXIES].strip()))
    except (IndexError, ValueError):
        return direct  # it came past our proxies, or they were counted wrong
