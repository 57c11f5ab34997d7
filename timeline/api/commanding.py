"""From a request to the command service: its headers, its hash, its clock."""

import hashlib
import re
import uuid
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.http import HttpRequest
from django.utils import timezone
from ninja.parser import Parser

from licensing import guard, obligations, service, store
from licensing.domain.commands import AcquireLicense, Command
from timeline import bodies, own_writes
from timeline.api import inputs, outputs
from timeline.api.problems import Problem, invalid
from timeline.requests import id_of

FUTURE = timedelta(minutes=5)
# A rule set is one document, however many rows it has.
RULES = "/api/v1/rules/"

_KEY = re.compile(r"[\x20-\x7e]{1,255}")
# A version, or the tag of an answer that was read at one.
_MATCH = re.compile(r'"?([0-9]{1,9})(?:[.][A-Za-z0-9_-]{1,40})?"?')


class GuardedParser(Parser):
    """Lets a body in through the guard, and keeps it as it came for the command's hash."""

    def parse_body(self, request: HttpRequest) -> dict[str, Any]:
        """The body, read once."""
        large = request.path.startswith(RULES)
        received = bodies.read(request, guard.RULES if large else guard.REQUEST)
        request.received = received  # type: ignore[attr-defined]
        return received


def run(
    request: HttpRequest,
    member_id: str,
    command: Command,
    *,
    occurred_at: datetime | None = None,
) -> dict[str, Any]:
    """Has the command decided, and tells the outcome."""
    given = handle(
        request,
        member_id,
        command,
        command_id=command_id(request),
        expected=expected(request),
        data_hash=data_hash(command, request.path, getattr(request, "received", {})),
        occurred_at=occurred_at,
    )
    own_writes.wrote(request, given.events)
    return outputs.answer(given)


def handle(
    request: HttpRequest,
    member_id: str,
    command: Command,
    *,
    command_id: str,
    expected: int,
    data_hash: bytes,
    occurred_at: datetime | None,
) -> service.Answer:
    """Has the command decided for the request's key. The service knows which are late reports."""
    now = timezone.now()
    check_instant(occurred_at, now)
    try:
        return service.handle(
            member_id,
            command,
            command_id=command_id,
            actor=service.Actor(kind="api", id=key_id(request)),
            now=now,
            at=occurred_at,
            expected=expected,
            data_hash=data_hash,
            correlation_id=id_of(request),
        )
    except store.WrongExpectedVersion:
        if expected != store.ANY:
            raise
        # Nobody named a version: other commands of this member were quicker at every try.
        detail = "too many commands of this member at once; send the same request again"
        raise Problem(503, "member_busy", detail, headers={"Retry-After": "1"}) from None


def check_instant(occurred_at: datetime | None, now: datetime) -> None:
    """A device's clock may be ahead a little, not more."""
    if occurred_at is not None and occurred_at > now + FUTURE:
        raise invalid("occurred_at", "lies more than 5 minutes in the future")


def acquisition(body: inputs.Acquisition) -> AcquireLicense:
    """The command in an acquisition's body, for the real one and for the dry run."""
    return AcquireLicense(**body.model_dump(exclude={"occurred_at", "at"}))


def key_id(request: HttpRequest) -> str:
    """Who asks: the id of the key."""
    return str(request.auth.pk)  # type: ignore[attr-defined]


def command_id(request: HttpRequest) -> str:
    """The client's id for this command. Without one, a retry is another command."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return str(uuid.uuid4())
    if not _KEY.fullmatch(key) or not key.strip():
        raise invalid("header.idempotency-key", "must be 1 to 255 printable ASCII characters")
    if obligations.is_reserved(key):
        raise invalid("header.idempotency-key", f"must not begin with {obligations.RESERVED}")
    return key


def expected(request: HttpRequest) -> int:
    """The version in If-Match, or one of the store's words. Raises the 422 for anything else."""
    wanted = request.headers.get("If-Match")
    if wanted is None:
        return store.ANY
    if wanted.strip() == "*":
        return store.EXISTS
    number = _MATCH.fullmatch(wanted.strip())
    if number is None:
        raise invalid("header.if-match", 'must be a version in quotes, such as "12", or *')
    return int(number[1])


def data_hash(command: object, path: str, body: Any) -> bytes:
    """Tells a retry from another command: its name, its address, and the body before defaults."""
    said = msgspec.json.encode(body, order="deterministic")
    return hashlib.sha256(
        b"\n".join([type(command).__name__.encode(), path.encode(), said])
    ).digest()
