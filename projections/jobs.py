"""The jobs: due renewals and expiries become commands, each once, however often it is swept."""

import random
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec
import structlog
from django.db import connection

from licensing import obligations, service, store
from licensing.domain.commands import ExpireLicense, RenewLicense
from projections import rows
from projections.parking import OUTAGES
from projections.sql import statement

log = structlog.get_logger(__name__)

PAGE = 50
LEASE = timedelta(seconds=60)
FIRST_DELAY = timedelta(seconds=5)
LONGEST_DELAY = timedelta(hours=1)
GIVE_UP_AFTER = 20
# The answer will not change by asking again.
HOPELESS = (service.CommandError, store.StreamErased, store.CommandIdReused)


class Obligation(msgspec.Struct, frozen=True):
    """One due renewal or expiry, claimed for an attempt."""

    bucket: int
    member_id: str
    license_id: str
    kind: str
    due_at: datetime
    attempts: int


class Swept(msgspec.Struct, frozen=True):
    """What a sweep did."""

    accepted: int = 0
    refused: int = 0
    unchanged: int = 0
    failed: int = 0

    @property
    def attempted(self) -> int:
        """How many obligations it took up."""
        return self.accepted + self.refused + self.unchanged + self.failed


class Attempt(msgspec.Struct, frozen=True):
    """How it stands with one obligation."""

    member_id: str
    license_id: str
    kind: str
    due_at: datetime
    attempts: int
    next_attempt_at: datetime
    outcome: str | None
    last_error: str | None
    finished_at: datetime | None


def sweep(
    now: datetime,
    *,
    seconds: float | None = None,
    recorded_at: datetime | None = None,
) -> Swept:
    """Do what is due at `now`, oldest first, until nothing is left or the time is over.

    A command's id is made of its license and its due date, so a doubled sweep, or one that died
    between the command and its record, changes nothing. `recorded_at` is for the demo, which
    lives in the past.
    """
    deadline = None if seconds is None else time.monotonic() + seconds
    counts = dict.fromkeys(Swept.__struct_fields__, 0)
    while claimed := _claim(now):
        for obligation in claimed:
            if deadline is not None and time.monotonic() >= deadline:
                return Swept(**counts)  # the rest comes back when its lease ends
            counts[_fulfil(obligation, now, recorded_at)] += 1
    return Swept(**counts)


def status(now: datetime, limit: int = 50) -> dict[str, Any]:
    """What is due, what comes next, how the past ones ended, and the latest attempts."""
    with connection.cursor() as cursor:
        cursor.execute(statement("jobs_counts"), {"now": now})
        keys = ("kind", "due", "tried", "next_due_at", "oldest_due_at")
        waiting = {row[0]: dict(zip(keys, row, strict=True)) for row in cursor.fetchall()}
        cursor.execute(statement("jobs_outcomes"))
        ended = cursor.fetchall()
        attempts = rows.select(cursor, "jobs_recent", Attempt, {"limit": limit})
    items = []
    for kind in ("renew", "expire"):
        none = {"kind": kind, "due": 0, "tried": 0, "next_due_at": None, "oldest_due_at": None}
        outcomes = {outcome: count for of, outcome, count, _ in ended if of == kind}
        items.append({**none, **waiting.get(kind, {}), "outcomes": outcomes})
    return {"items": items, "attempts": [msgspec.structs.asdict(a) for a in attempts]}


def backoff(attempts: int, jitter: Callable[[], float] = random.random) -> timedelta:
    """Twice as long after each attempt, up to an hour; jitter keeps a crowd from coming back."""
    longest = min(FIRST_DELAY * (1 << min(attempts - 1, 20)), LONGEST_DELAY)
    return longest * (0.5 + jitter() / 2)


def _claim(now: datetime) -> list[Obligation]:
    # The lease, not a lock, guards the attempt: an append stands alone, in autocommit.
    asked = {"now": now, "limit": PAGE, "lease": now + LEASE}
    with connection.cursor() as cursor:
        ends = rows.select(cursor, "jobs_claim_expiries", Obligation, asked)
        renewals = rows.select(cursor, "jobs_claim_renewals", Obligation, asked)
    return sorted([*ends, *renewals], key=lambda obligation: obligation.due_at)


def _fulfil(obligation: Obligation, now: datetime, recorded_at: datetime | None) -> str:
    """Issue the command and keep its outcome; returns which of Swept's counts it adds to."""
    try:
        answer = _issue(obligation, now, recorded_at)
    except OUTAGES:
        raise  # the database is away: nothing can be kept, and the lease brings it back
    except HOPELESS as error:
        _finish(obligation, now, "gave up", _text(error))
        return "failed"
    except Exception as error:
        log.warning(
            "job failed", kind=obligation.kind, license=obligation.license_id, exc_info=True
        )
        _put_off(obligation, now, _text(error))
        return "failed"
    reason = answer.decision["reason"] if answer.decision else None
    _finish(obligation, now, answer.outcome, reason)
    return answer.outcome


def _issue(obligation: Obligation, now: datetime, recorded_at: datetime | None) -> service.Answer:
    license_id, due_at = obligation.license_id, obligation.due_at
    command: ExpireLicense | RenewLicense
    if obligation.kind == "renew":
        command = RenewLicense(license_id=license_id)
        command_id = obligations.renewal_command_id(license_id, due_at)
        actor = obligations.RENEWAL_ACTOR
    else:
        command = ExpireLicense(license_id=license_id)
        command_id = obligations.expiry_command_id(license_id, due_at)
        actor = obligations.EXPIRY_ACTOR
    return service.handle(
        obligation.member_id,
        command,
        command_id=command_id,
        actor=service.Actor(kind="job", id=actor),
        now=now,
        recorded_at=recorded_at,
    )


def _finish(obligation: Obligation, now: datetime, outcome: str, error: str | None) -> None:
    _write("jobs_finish", obligation, now=now, outcome=outcome, error=error)


def _put_off(obligation: Obligation, now: datetime, error: str) -> None:
    if obligation.attempts >= GIVE_UP_AFTER:
        _finish(obligation, now, "gave up", error)
        return
    _write("jobs_retry_later", obligation, next=now + backoff(obligation.attempts), error=error)


def _write(name: str, obligation: Obligation, **values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement(name), {**msgspec.structs.asdict(obligation), **values})


def _text(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:2000]
