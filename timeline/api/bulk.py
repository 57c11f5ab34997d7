"""Many commands in one request: JSON lines in, an outcome for each out, as each is done.

Every line is a command of its own with its own id, decided and kept or not whatever the others do.
So a broken connection is no harm: the same lines are sent again, and none takes effect twice. What
was sent is put down first, so that neither side ever waits for the other to read. A client that
does not send, or does not read, keeps one of few seats, and its place goes to the next.
"""

import tempfile
import threading
import time
from collections.abc import Generator, Iterator
from typing import IO, Any

from django.conf import settings
from django.db import connection as django_connection
from django.http import HttpRequest, StreamingHttpResponse, UnreadablePostError
from ninja import Router

from licensing import guard
from projections import hints
from timeline import arriving, audit, limits
from timeline.api import commanding, inputs, keys, lines, outputs, problems, shapes
from timeline.api.openapi import told
from timeline.api.place import Place
from timeline.api.problems import Problem, invalid
from timeline.models import ApiKey

router = Router(tags=["commands"])

TYPES = ("application/x-ndjson", "application/jsonl")
LARGEST = 16 * 1024 * 1024
MOST = 10_000
"""Lines of one request."""
IN_MEMORY = 256 * 1024
AT_ONCE_S = 0.1
"""Outcomes are handed on together that were made within so many seconds."""

PAUSE_S = 0.25
LOOK_AGAIN_S = 1.0
"""Within so many seconds a key that was revoked does nothing more."""
STOPPING = (
    "unauthorized", "database_unavailable", "audit_unavailable", "no_rules", "internal_error",
)  # fmt: skip
"""What would meet every further line too: the rest is left for another time."""
BELOW = "/commands"
NAME = "commands"

STALLED_S = 5.0
"""A client that has not read on for so many seconds loses its place to the next who asks."""

_at_work = Place(STALLED_S)
_seats = threading.BoundedSemaphore(settings.BULK_SEATS)


@router.post(
    "",
    auth=keys.WRITE,
    url_name=NAME,
    openapi_extra=told(shapes.LineOutcome, "busy", lines=inputs.CommandLine),
)
def send_commands(request: HttpRequest) -> StreamingHttpResponse:
    """Commands as JSON lines, up to 10,000 in 16 MB; the answer has a line for each, in order.

    A line that is wrong gets its problem and changes nothing; the others are not touched. The last
    line has the sums: an answer without it was cut off, and the same lines can be sent again. A key
    that has used up its requests of this second waits, so that lines come at the key's rate. A
    client that stops reading may be overtaken by another: its rest was not done then, and the sums
    say "stopped": "busy".
    """
    _check(request)
    if not _at_work.is_open() or not _seats.acquire(blocking=False):
        raise _busy()
    try:
        answer = _Answer(request, _put_down(request))
    except BaseException:
        _seats.release()
        raise
    if not _at_work.take(answer):
        answer.close()
        raise _busy()
    request.key_seen = time.monotonic()  # type: ignore[attr-defined]
    return StreamingHttpResponse(answer, content_type=TYPES[0])


class _Answer:
    """The lines of the answer; whoever is done with them closes it, read to the end or not.

    Has a seat from the beginning, and the place while lines are done.
    """

    def __init__(self, request: HttpRequest, received: IO[bytes]) -> None:
        self._received = received
        self._parts = self._made(_outcomes(request, received, self))
        self._open = True

    def __iter__(self) -> Iterator[bytes]:
        return self._parts

    def _made(self, parts: Iterator[bytes]) -> Generator[bytes]:
        try:
            yield from parts
        finally:
            self._leave()

    def close(self) -> None:
        """Called by the server at the end, and when the client is gone."""
        self._parts.close()
        self._leave()

    def _leave(self) -> None:
        if self._open:
            self._open = False
            self._received.close()
            _at_work.leave(self)
            _seats.release()


def _busy() -> Problem:
    return problems.busy("other commands are being taken in bulk")


def _check(request: HttpRequest) -> None:
    kind, _, parameters = request.headers.get("Content-Type", "").partition(";")
    if kind.strip().lower() not in TYPES or parameters.strip().lower() not in ("", "charset=utf-8"):
        words = f"the body must be {TYPES[0]}"
        raise Problem(415, "unsupported_media_type", words)
    size = arriving.announced(request)
    if not size:
        raise invalid("body", "must hold at least one line")
    if size > LARGEST:
        raise Problem(413, "body_too_large", f"a request may hold {LARGEST} bytes")


def _put_down(request: HttpRequest) -> IO[bytes]:
    """The body, beyond some memory in a file that has no name; no connection is held meanwhile."""
    django_connection.close()
    kept: IO[bytes] = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 (closed at the end)
    try:
        while chunk := request.read(64 * 1024):
            kept.write(chunk)
        if (came := kept.tell()) < arriving.announced(request):
            raise UnreadablePostError(f"the client left after {came} bytes")
        kept.seek(0)
        _check_count(kept)
    except BaseException:
        kept.close()
        raise
    return kept


def _check_count(kept: IO[bytes]) -> None:
    count = sum(1 for line in kept if not line.isspace())
    kept.seek(0)
    if not count:
        raise invalid("body", "must hold at least one line")
    if count > MOST:
        raise Problem(413, "body_too_large", f"a request may hold {MOST} lines")


def _outcomes(request: HttpRequest, received: IO[bytes], who: object) -> Iterator[bytes]:
    sums: dict[str, int] = {}
    stopped, made, since = None, [], time.monotonic()
    for number, raw in _numbered(received):
        outcome = _outcome(request, number, raw)
        made.append(outputs.encoded(outcome) + b"\n")
        kind = outcome["answer"]["outcome"] if "answer" in outcome else "problem"
        sums[kind] = sums.get(kind, 0) + 1
        stopped = outcome.get("problem", {}).get("code")
        if stopped in STOPPING:
            break
        stopped = None
        if time.monotonic() - since > AT_ONCE_S:
            handed = _handed_on(made)
            _at_work.rest(who)
            yield handed
            if not _at_work.take(who):
                made, stopped = [], "busy"
                break
            made, since = [], time.monotonic()
    last = {"lines": sum(sums.values()), "outcomes": sums, "stopped": stopped}
    made.append(outputs.encoded({"sums": last}) + b"\n")
    handed = _handed_on(made)
    _at_work.leave(who)
    yield handed


def _handed_on(made: list[bytes]) -> bytes:
    # The client may take its time to read: no connection may wait for it.
    hints.nudge()
    django_connection.close()
    return b"".join(made)


def _numbered(received: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """Lines with their numbers from 1, blank ones left out; of too long ones only the beginning."""
    number, longest = 0, guard.REQUEST.size + 2
    while raw := received.readline(longest):
        number += 1
        ended, blank = raw.endswith(b"\n"), raw.isspace()
        while not ended and (rest := received.readline(longest)):
            ended, blank = rest.endswith(b"\n"), blank and rest.isspace()
        if not blank:  # a line that only begins with a megabyte of blanks is too long, and told so
            yield number, raw


def _outcome(request: HttpRequest, number: int, raw: bytes) -> dict[str, Any]:
    told: dict[str, Any] = {"line": number}
    try:
        _check_key(request)
        line = lines.read(raw, told)
        _wait_for_turn(request)
        if line.staff:
            audit.record(request, "act", line.member, purpose=f"POST {BELOW}")
        given = commanding.handle(
            request,
            line.member,
            line.command,
            command_id=line.command_id,
            expected=line.expected,
            data_hash=line.data_hash,
            occurred_at=line.occurred_at,
        )
    except Exception as error:
        return told | {"problem": problems.told(request, error)}
    told["answer"] = outputs.answer(given)
    if given.events:
        told["position"] = f"{given.events[-1].bucket}.{given.events[-1].position}"
    return told


def _check_key(request: HttpRequest) -> None:
    """Sees once in a second that the key was not revoked since. Raises the 401."""
    now = time.monotonic()
    if now - request.key_seen > LOOK_AGAIN_S:  # type: ignore[attr-defined]
        token = request.headers["Authorization"].partition(" ")[2]
        if ApiKey.find(token) is None:
            raise Problem(401, "unauthorized", "the key was revoked; the rest was not done")
        request.key_seen = now  # type: ignore[attr-defined]


def _wait_for_turn(request: HttpRequest) -> None:
    """Each line counts as a request of its key; what is too much waits, and holds nothing."""
    key = request.auth  # type: ignore[attr-defined]
    while True:
        try:
            return limits.take(f"key {key.pk}", key.requests_a_second())
        except limits.Exceeded:
            django_connection.close()
            time.sleep(PAUSE_S)
