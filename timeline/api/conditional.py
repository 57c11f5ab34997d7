"""Reads that are asked for again: an ETag with each, and 304 without a body while it is the same.

What a stream's version decides is compared before anything is folded. Any other answer is compared
by its bytes once it is made, which spares the way only. A tag holds for one address, and for the
code that made it: another build may tell the same history in other words.
"""

import base64
import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from django.http import HttpRequest, HttpResponseNotModified
from django.http.response import HttpResponse, HttpResponseBase

from licensing import connection, store

_TAGS = re.compile(r'(?:W/)?"([\x21\x23-\x7e]{1,100})"')
_WEAK = re.compile(r'W/"[^"]*"')
_LONGEST = 4_000
_PACKAGES = ("licensing", "projections", "timeline")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CHARACTERS = 22


class Unchanged(Exception):
    """The caller has this answer already: 304."""


def by_version(
    request: HttpRequest,
    stream_id: str,
    version: int | None = None,
    *also: object,
    revision: int | None = None,
) -> None:
    """Tag an answer that follows from a stream up to `version`, else to its head, and `also`.

    The tag begins with the version, or with the `revision` of what is shown where that is what a
    write expects, so that it will do as an If-Match. Raises Unchanged.
    """
    head, erased = _head(stream_id)
    if version is not None and version > head:
        return  # the view says that there is none
    shown = head if version is None else version
    first = shown if revision is None else revision
    tag = f'"{first}.{_digest(request, shown, erased, *also)}"'
    if _inner(tag) in _known(request):
        _unchanged(request, tag)
    _mark(request, tag)


def by_clock(request: HttpRequest, stream_id: str, now: datetime) -> "ByClock":
    """Tag an answer that follows from a stream's head and the clock. Raises Unchanged.

    The tag says itself until when the clock alone changes nothing, so that nothing is folded to
    find out. Call `until` on what is returned once that instant is known.
    """
    head, erased = _head(stream_id)
    for known in _known(request):
        version, _, rest = known.partition(".")
        limit = rest.partition(".")[0]
        if version == str(head) and _later(limit, now):
            tag = _clock_tag(request, head, erased, limit)
            if known == _inner(tag):
                _unchanged(request, tag)
    return ByClock(request, head, erased)


class ByClock:
    """The tag of an answer that the clock may change, until it is known when."""

    def __init__(self, request: HttpRequest, head: int, erased: bool) -> None:
        self._of = request, head, erased

    def until(self, instant: datetime | None) -> None:
        """`instant` is when the clock alone changes the answer; None for never."""
        limit = "-" if instant is None else str(int((instant - _EPOCH).total_seconds() * 1000))
        request, head, erased = self._of
        _mark(request, _clock_tag(request, head, erased, limit))


def of_bytes(body: bytes) -> str:
    """The tag of an answer that nothing else tells from others."""
    return f'"{_short(hashlib.sha256(body))}"'


def asked(request: HttpRequest) -> bool:
    """Whether a write depends on what is there."""
    return "If-Match" in request.headers or "If-None-Match" in request.headers


def met(request: HttpRequest, tag: str | None) -> bool:
    """Whether a write may go on, by its If-Match and If-None-Match; None: there is nothing yet."""
    wanted = request.headers.get("If-Match")
    if wanted is not None and not (tag is not None and _named(_WEAK.sub("", wanted), tag)):
        return False
    unwanted = request.headers.get("If-None-Match")
    return unwanted is None or not (tag is not None and _named(unwanted, tag))


def finish(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """The answer with its tag, or 304 if the caller turns out to have it."""
    tag = getattr(request, "etag", None)
    if request.method != "GET" or response.status_code not in (200, 304):
        return response
    if tag is None and isinstance(response, HttpResponse):
        tag = of_bytes(response.content)
    if tag is None:
        return response
    if _named(request.headers.get("If-None-Match", ""), tag):
        response = HttpResponseNotModified()
    response.headers["ETag"] = tag
    return response


def _head(stream_id: str) -> tuple[int, bool]:
    found = store.stream_head(connection.opened(), stream_id)
    return (found.version, found.erased_at is not None) if found else (0, False)


def _clock_tag(request: HttpRequest, head: int, erased: bool, limit: str) -> str:
    # Weak: the answer names the instant at which it was made, which no two have in common.
    return f'W/"{head}.{limit}.{_digest(request, head, erased, limit)}"'


def _later(limit: str, now: datetime) -> bool:
    if limit == "-":
        return True
    if not limit.isascii() or not limit.isdecimal() or len(limit) > 15:
        return False
    return (now - _EPOCH).total_seconds() * 1000 < int(limit)


def _digest(request: HttpRequest, *parts: object) -> str:
    said = "\n".join([build(), request.get_full_path(), *map(str, parts)])
    return _short(hashlib.sha256(said.encode()))


def _short(hashed: "hashlib._Hash") -> str:
    return base64.urlsafe_b64encode(hashed.digest()).decode()[:_CHARACTERS]


@cache
def build() -> str:
    """Tells one build's answers from another's: the hash of our code."""
    root = Path(__file__).parents[2]
    hashed = hashlib.sha256()
    for package in _PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            hashed.update(path.read_bytes())
    return hashed.hexdigest()


def _known(request: HttpRequest) -> Iterator[str]:
    return _list(request.headers.get("If-None-Match", ""))


def _list(tags: str) -> Iterator[str]:
    """The tags in a header without their marks; what is no list of tags has none."""
    return (found[1] for found in _TAGS.finditer(tags[:_LONGEST]))


def _named(tags: str, tag: str) -> bool:
    return tags.strip() == "*" or _inner(tag) in _list(tags)


def _inner(tag: str) -> str:
    return tag.removeprefix("W/").strip('"')


def _mark(request: HttpRequest, tag: str) -> None:
    request.etag = tag  # type: ignore[attr-defined]


def _unchanged(request: HttpRequest, tag: str) -> None:
    _mark(request, tag)
    raise Unchanged
