"""How bodies arrive: nobody who sends slowly, or never, takes more than a few threads.

The server hands a request on when its head is there, and a thread that reads a body waits for the
client without end (granian has no time limit for it; a proxy before us has). So a body is read
whole, before anybody is looked up, by as many requests at once as there are seats.
"""

import sys
import threading

from django.conf import settings
from django.http import HttpRequest, UnreadablePostError

PATIENCE_S = 1.0
"""How long a body waits for a seat; the bodies of everyday requests are there already."""

_seats = threading.BoundedSemaphore(settings.BODY_SEATS)


class LengthRequired(Exception):
    """The body comes in pieces without its length said before, and would be taken for none."""


class NoSeat(Exception):
    """Too many requests wait for bodies that do not come; the same can be sent again."""


def announced(request: HttpRequest) -> int:
    """How many bytes the body is said to hold; too many for any door where it is no number."""
    said = request.headers.get("Content-Length") or "0"
    return int(said[:20]) if said.isascii() and said.isdecimal() else sys.maxsize


def check_length(request: HttpRequest) -> None:
    """Refuses a body without Content-Length. Raises LengthRequired."""
    if "Transfer-Encoding" in request.headers and not request.headers.get("Content-Length"):
        raise LengthRequired


def wait(request: HttpRequest) -> None:
    """Have the whole body here, unless it is so large that it is refused unread.

    Raises NoSeat, LengthRequired, and UnreadablePostError when the client left in its middle.
    """
    check_length(request)
    size = announced(request)
    if not 0 < size <= (settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0):
        return
    if not _seats.acquire(timeout=PATIENCE_S):
        raise NoSeat
    try:
        received = len(request.body)
    finally:
        _seats.release()
    if received < size:
        raise UnreadablePostError(f"{received} of {size} bytes came")
