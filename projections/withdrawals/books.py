"""The books of withdrawals: who asked, who agreed, how far it is, what came of each license."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from django.db import IntegrityError, connection

from licensing.trail import Who
from projections import rows
from projections.sql import statement
from projections.withdrawals.targets import Target

STATES = ("asked", "rejected", "waiting", "running", "done", "stopped", "failed")
OUTCOMES = ("withdrawn", "gone", "refused")
SLICES = 64
"""The buckets are looked through in as many parts."""


class Run(msgspec.Struct, frozen=True):
    """One withdrawal as it stands.

    `asked` waits for a second person. `shown` licenses of `members` members were counted by the dry
    run; `found` is how many were put down so far, all of them once `slice` is 64. Of those,
    `withdrawn` were taken back, `gone` had ended already and `refused` could not be taken back.
    """

    id: UUID
    kind: str
    name: str
    until: datetime
    reason: str
    case: str
    shown: int
    members: int
    state: str
    by_kind: str
    by_id: str
    by_name: str
    by_roles: str
    asked_at: datetime
    second_id: str | None
    second_name: str | None
    second_at: datetime | None
    answer: str
    stop_asked: bool
    slice: int
    found: int
    withdrawn: int
    gone: int
    refused: int
    turn: int
    started_at: datetime | None
    finished_at: datetime | None
    worked_s: float
    error: str

    @property
    def target(self) -> Target:
        """What it is about."""
        return Target("title" if self.kind == "title" else "studio", self.name)

    @property
    def over(self) -> bool:
        """Whether nobody works on it, or will without being asked to."""
        return self.state in ("rejected", "done", "stopped", "failed")

    @property
    def gathered(self) -> bool:
        """Whether all its licenses were put down."""
        return self.slice >= SLICES

    @property
    def ended(self) -> int:
        """How many licenses are dealt with."""
        return self.withdrawn + self.gone + self.refused

    @property
    def progress(self) -> float:
        """How much is done, from 0 to 1; looking for the licenses is the first twentieth."""
        if self.state == "done":
            return 1.0
        if not self.gathered:
            return 0.05 * self.slice / SLICES
        return 0.05 + 0.95 * (self.ended / self.found if self.found else 1.0)

    @property
    def rate(self) -> float:
        """Licenses a second of work, so far."""
        return self.ended / self.worked_s if self.worked_s else 0.0

    @property
    def eta_s(self) -> float | None:
        """Seconds of work that are left at the pace so far; None where nobody can tell."""
        if self.over or not self.gathered or not self.rate:
            return None
        return (self.found - self.ended) / self.rate


class Ended(msgspec.Struct, frozen=True):
    """What came of one license; `version` is the step of the member's history that says so."""

    bucket: int
    member_id: str
    license_id: str
    outcome: str
    detail: str
    version: int | None
    ended_at: datetime | None


class OwnRequest(Exception):
    """Whoever asked for a withdrawal cannot be its second person."""


def begin(
    run_id: UUID,
    target: Target,
    *,
    until: datetime,
    reason: str,
    case: str,
    shown: int,
    members: int,
    who: Who,
    who_id: str,
    second: bool,
) -> Run:
    """Keep a withdrawal; with `second` it waits for another person. The same id gives the same."""
    values = {
        "id": run_id, "kind": target.kind, "name": target.name, "until": until, "reason": reason,
        "case_id": case, "shown": shown, "members": members,
        "state": "asked" if second else "waiting", "by_kind": who.kind, "by_id": who_id,
        "by_name": who.who, "by_roles": who.roles,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(statement("withdrawal_begin"), values)
    found = find(run_id)
    assert found is not None
    return found


def decide(
    run_id: UUID, *, agree: bool, who: Who, who_id: str, answer: str, hours: int
) -> Run | None:
    """Let another person agree or not, within so many hours; then it stands as it did, or so.

    Raises OwnRequest. The state tells whether this had an effect.
    """
    asked: dict[str, Any] = {
        "id": run_id, "state": "waiting" if agree else "rejected", "second_id": who_id,
        "second_name": who.who, "answer": answer, "hours": hours,
    }  # fmt: skip
    known = find(run_id)
    if known is not None and known.state == "asked" and known.by_id == who_id:
        raise OwnRequest
    try:
        _run("withdrawal_decide", asked)
    except IntegrityError:
        raise OwnRequest from None
    return find(run_id)


def stop(run_id: UUID) -> Run | None:
    """Ask it to stop: within a second where somebody works on it, else at once."""
    return _moved("withdrawal_stop", run_id)


def resume(run_id: UUID) -> Run | None:
    """Let what was stopped, or failed, go on from where it was."""
    return _moved("withdrawal_resume", run_id)


def again(run_id: UUID) -> Run | None:
    """Ask once more for what was refused in one that is done."""
    return _moved("withdrawal_again", run_id)


def find(run_id: UUID) -> Run | None:
    """One withdrawal as it stands."""
    with connection.cursor() as cursor:
        found = rows.select(cursor, "withdrawal_find", Run, {"id": run_id})
    return found[0] if found else None


def latest(limit: int, before: tuple[datetime, str] | None = None) -> list[Run]:
    """The latest, from behind one of them on."""
    at, run_id = before or (None, None)
    asked = {"before": at, "before_id": run_id, "limit": limit}
    with connection.cursor() as cursor:
        return rows.select(cursor, "withdrawal_latest", Run, asked)


def items(
    run_id: UUID, outcome: str, limit: int, after: tuple[int, str, str] = (-1, "", "")
) -> list[Ended]:
    """The licenses with one outcome, in the order of their places."""
    bucket, member_id, license_id = after
    asked = {
        "id": run_id, "outcome": outcome, "limit": limit, "bucket": bucket,
        "member_id": member_id, "license_id": license_id,
    }  # fmt: skip
    with connection.cursor() as cursor:
        return rows.select(cursor, "withdrawal_items", Ended, asked)


def _moved(name: str, run_id: UUID) -> Run | None:
    _run(name, {"id": run_id})
    return find(run_id)


def _run(name: str, asked: dict[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement(name), asked)
