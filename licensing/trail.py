"""The audit trail: who looked at whom, who did what, and why.

A row is written before the answer: what cannot be noted is not shown and not done.
"""

import getpass
import json
import time
from collections import OrderedDict
from threading import Lock
from typing import Any

import msgspec
import psycopg
from django.db import DatabaseError, InterfaceError, connection

from licensing import fold, sealing
from licensing.store import StreamErased

ONCE_IN_S = 600
"""How long one row covers the reads of one member for one purpose in one sign-in session."""

CANNOT = "the audit trail cannot be written, so this is refused for now"
KIND = "AuditEntry"
"""What a row is called among what holds words of people (`sealing.TEXTS`)."""

REMEMBERED = 10_000
_covered: OrderedDict[tuple[str, ...], float] = OrderedDict()
_covering = Lock()
_COLUMNS = (
    "kind", "who", "roles", "session", "address", "request_id", "action", "subject", "purpose",
    "reason", "detail",
)  # fmt: skip
_LONGEST = {
    "who": 200, "roles": 200, "session": 64, "address": 64, "request_id": 64, "action": 32,
    "subject": 200, "purpose": 100, "reason": 500,
}  # fmt: skip
_ADD = (
    f"INSERT INTO audit_entry ({', '.join(_COLUMNS)})"  # noqa: S608 (names of our own)
    f" VALUES ({', '.join(f'%({name})s' for name in _COLUMNS)})"
)
_COVER = (
    "SELECT audit_cover("
    + ", ".join(f"%({name})s" for name in _COLUMNS if name not in ("reason", "detail"))
    + ")"
)


class NotNoted(Exception):
    """The audit trail could not be written, so what was to be noted must not happen."""

    code = "AUDIT_UNAVAILABLE"


class Who(msgspec.Struct, frozen=True):
    """Whoever does or sees something, and where from; `session` tells sign-ins apart."""

    kind: str
    who: str
    roles: str = ""
    session: str = ""
    address: str = ""
    request_id: str = ""


def at_the_command_line() -> Who:
    """Whoever typed a management command."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = "unknown"
    return Who("command", name)


def record(
    who: Who,
    action: str,
    subject: str = "",
    *,
    purpose: str = "",
    reason: str = "",
    **detail: Any,
) -> None:
    """Adds one row; raises NotNoted. `detail` is told to auditors: nothing personal goes there.

    A reason that is about a member is sealed under the member's key, and goes with it.
    """
    row = _row(who, action, subject, purpose)
    said = {"reason": _text(reason, "reason")}
    if said["reason"] and fold.MEMBER_ID.fullmatch(subject):
        said = _sealed(subject, said)
    row |= {"reason": said.pop("reason", ""), "detail": json.dumps(detail | said)}
    _run(_ADD, row)


def reason_of(subject: str, reason: str, detail: dict[str, Any]) -> str:
    """Why it was done, as it was said; where the member was erased, that it was."""
    if sealing.SEALED not in detail:
        return reason
    sealed = {sealing.SEALED: detail[sealing.SEALED]}
    return str(sealing.opened(fold.stream_of(subject), KIND, sealed)["reason"])


def detail_of(detail: dict[str, Any]) -> dict[str, Any]:
    """The detail for auditors to read, without what the reason is sealed in."""
    return {name: value for name, value in detail.items() if name != sealing.SEALED}


def cover(who: Who, action: str, subject: str, purpose: str) -> None:
    """Sees that a row of the last ten minutes covers this; raises NotNoted."""
    key = (who.kind, who.who, who.session, action, subject, purpose)
    now = time.monotonic()
    with _covering:
        if _covered.get(key, 0.0) > now:
            return
    seconds = _run(_COVER, _row(who, action, subject, purpose))
    with _covering:
        _covered[key] = now + float(seconds)
        _covered.move_to_end(key)
        while len(_covered) > REMEMBERED:
            _covered.popitem(last=False)


def _sealed(member_id: str, said: dict[str, Any]) -> dict[str, Any]:
    try:
        return sealing.seal(fold.stream_of(member_id), KIND, said, ())
    except StreamErased:
        return {"reason": sealing.ERASED}  # there is no key any more under which it could be kept
    except (DatabaseError, InterfaceError, psycopg.Error) as error:
        raise NotNoted(CANNOT) from error


def _row(who: Who, action: str, subject: str, purpose: str) -> dict[str, Any]:
    row: dict[str, Any] = {name: _text(value, name) for name, value in _told(who).items()}
    row["kind"] = who.kind
    given = {"action": action, "subject": subject, "purpose": purpose}
    return row | {name: _text(value, name) for name, value in given.items()}


def _told(who: Who) -> dict[str, str]:
    told: dict[str, str] = msgspec.structs.asdict(who)
    return told


def _text(value: str, name: str) -> str:
    """As much of it as the column holds, without what no column can."""
    longest = _LONGEST.get(name, 32)
    return value.encode(errors="replace").decode().replace("\x00", "")[:longest]


def _run(statement: str, row: dict[str, Any]) -> Any:
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement, row)
            return cursor.fetchone()[0] if cursor.description else None
    except (DatabaseError, InterfaceError) as error:
        raise NotNoted(CANNOT) from error
