"""What requests carry, let in through the guard: bodies of the API, fields of forms."""

from typing import Any

from django.http import HttpRequest

from licensing import guard
from licensing.guard import Bounds, Refused
from timeline import arriving


def read(request: HttpRequest, bounds: Bounds = guard.REQUEST) -> dict[str, Any]:
    """The JSON object in the body; raises Refused, for what is announced as another thing too."""
    _check_content_type(request.headers.get("Content-Type", ""))
    if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        words = "the body must come as it is, not compressed"
        raise Refused("unsupported_media_type", words, "header.content-encoding")
    # Asked before the body is read, so that an oversized one is never held in memory.
    guard.check_size(arriving.announced(request), bounds)
    return guard.read_json(request.body, bounds)


def check_form(request: HttpRequest) -> None:
    """Refuses a form whose fields hold what no field can hold; files are read by whom they are for.

    Raises Refused.
    """
    guard.check_fields(request.POST.lists())


def _check_content_type(content_type: str) -> None:
    kind, _, parameters = content_type.partition(";")
    charset = parameters.strip().lower().replace('"', "")
    if kind.strip().lower() != "application/json":
        words = "the body must be application/json"
    elif charset not in ("", "charset=utf-8", "charset=utf8"):
        words = "the body must be UTF-8"
    else:
        return
    raise Refused("unsupported_media_type", words, "header.content-type")
