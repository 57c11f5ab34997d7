"""What people say about the jobs: rest, go on, not so fast, try that again."""

from datetime import datetime
from typing import Any

import msgspec
from django.db import connection

from licensing import history, store
from projections import rows
from projections.jobs.claiming import KINDS
from projections.sql import statement


class Control(msgspec.Struct, frozen=True):
    """How one kind of job is held; `per_second` None means as fast as it goes."""

    kind: str
    paused_at: datetime | None
    paused_by: str | None
    reason: str | None
    per_second: int | None


def controls() -> dict[str, Control]:
    """Each kind's control, as it is now."""
    with connection.cursor() as cursor:
        found = rows.select(cursor, "jobs_controls", Control, {})
    return {control.kind: control for control in found}


def pause(kind: str, *, by: str, reason: str) -> None:
    """No sweep takes up anything of this kind; what is due waits, and is done oldest first."""
    _hold(kind, paused=True, by=by, reason=reason)


def resume(kind: str, *, by: str) -> None:
    """Sweeps take it up again."""
    _hold(kind, paused=False, by=by, reason="")


def set_rate(kind: str, per_second: int | None) -> None:
    """At most so many a second, all workers together; None lifts the bound."""
    if per_second is not None and not 1 <= per_second <= 100_000:
        raise ValueError("per_second: must be 1 to 100,000")
    with connection.cursor() as cursor:
        cursor.execute(statement("jobs_set_rate"), {"kind": _known(kind), "per_second": per_second})


def try_again(due_at: datetime, kind: str, *, member_id: str, license_id: str) -> bool:
    """Take up again what was given up; whether there was such an obligation."""
    key: dict[str, Any] = {
        "bucket": store.bucket_of(history.stream_of(member_id)), "member_id": member_id,
        "license_id": license_id, "kind": _known(kind), "due_at": due_at,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(statement("jobs_try_again"), key)
        return bool(cursor.rowcount == 1)


def take_turns(kind: str, wanted: int) -> int:
    """How many of `wanted` obligations of a kind with a bound may be done now."""
    with connection.cursor() as cursor:
        cursor.execute(statement("jobs_take_turns"), {"kind": kind, "limit": wanted})
        row = cursor.fetchone()
    return row[0] if row else 0


def give_turns_back(kind: str, count: int) -> None:
    """Turns that found nothing due."""
    with connection.cursor() as cursor:
        cursor.execute(statement("jobs_give_turns_back"), {"kind": kind, "count": count})


def _hold(kind: str, *, paused: bool, by: str, reason: str) -> None:
    held: dict[str, Any] = {"kind": _known(kind), "paused": paused, "by": by, "reason": reason}
    with connection.cursor() as cursor:
        cursor.execute(statement("jobs_pause"), held)


def _known(kind: str) -> str:
    if kind not in KINDS:
        raise LookupError(f"There is no job named {kind}.")
    return kind
