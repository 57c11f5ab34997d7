"""Works on withdrawals: one worker at a time each, a page of licenses after the other.

A run is claimed under a number and for a lease; who does not know the number any more cannot save.
What was done and not saved is asked for again under the same command ids, and gives the same
answers: each license is taken back once, and counted once, and noted once in the audit trail.
"""

import uuid
from collections.abc import Sequence
from datetime import timedelta
from time import monotonic
from typing import Any

import msgspec
import structlog
from django.db import connection, transaction
from django.utils import timezone

from licensing import history, service, store, trail
from licensing.actors import NAMESPACE
from licensing.domain.commands import RevokeLicense
from licensing.trail import Who
from projections import rows
from projections.parking import OUTAGES
from projections.sql import statement
from projections.withdrawals.books import OUTCOMES, SLICES, Run, find

log = structlog.get_logger(__name__)

PAGE = 50
BUCKETS = 1024 // SLICES
MOST_ATTEMPTS = 5
LEASE = timedelta(seconds=25)
"""Longer than a page takes; shorter than the minute within which lost work is redone."""


class Item(msgspec.Struct, frozen=True):
    """A license to take back."""

    bucket: int
    member_id: str
    license_id: str
    attempts: int


class Came(msgspec.Struct, frozen=True):
    """What came of a license; without an outcome it is put off."""

    bucket: int
    member_id: str
    license_id: str
    outcome: str | None
    detail: str
    version: int | None
    attempts: int


class _Lost(Exception):
    """Another worker has it now."""


def command_id(run_id: uuid.UUID, license_id: str) -> str:
    """The id of the command that takes a license back: the same at every try."""
    return f"withdrawal-{uuid.uuid5(NAMESPACE, f'{run_id}/{license_id}').hex}"


def work(*, seconds: float | None = None, run_id: uuid.UUID | None = None) -> Run | None:
    """Go on with the withdrawal that waited longest, or with this one; as it stands then.

    Ends when it does, when somebody stops it, when `seconds` are over, or when the license index
    has to catch up first. None where nothing waits. Raises what kept it from going on.
    """
    with connection.cursor() as cursor:
        asked = {"id": run_id, "lease": LEASE}
        found = rows.select(cursor, "withdrawal_claim", Run, asked)
    if not found:
        return None
    run = found[0]
    try:
        _Worker(run, seconds).go_on()
    except _Lost:
        log.warning("withdrawal taken over by another worker", withdrawal=str(run.id))
    return find(run.id)


class _Worker:
    def __init__(self, run: Run, seconds: float | None) -> None:
        self._run, self._slice = run, run.slice
        self._since = monotonic()
        self._until = None if seconds is None else self._since + seconds
        self._attempts = 0

    def go_on(self) -> None:
        try:
            while self._step():
                if self._until is not None and monotonic() >= self._until:
                    self._save(state="waiting")
                    return
        except OUTAGES:
            raise  # the lease brings it back
        except _Lost:
            raise
        except Exception as error:
            self._save(state="failed", error=f"{type(error).__name__}: {error}"[:2000])
            raise

    def _step(self) -> bool:
        """One slice of buckets put down, or one page of licenses asked for; whether to go on."""
        if self._slice < SLICES:
            return self._gather()
        page = self._page()
        if page:
            return self._ask(page)
        if self._attempts < MOST_ATTEMPTS:
            self._attempts += 1  # then those that were put off
            return True
        self._save(state="done")
        return False

    # -- Putting down what there is --

    def _gather(self) -> bool:
        low = self._slice * BUCKETS
        part: dict[str, Any] = {"id": self._run.id, "low": low, "high": low + BUCKETS - 1}
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement("withdrawal_reached"), part)
            if not cursor.fetchone()[0]:
                self._save(state="waiting")
                return False
            about = {**self._run.target.asked, "until": self._run.until, "now": timezone.now()}
            rows.run(cursor, "withdrawal_gather", about | part)
            self._slice += 1
            return self._save(found=cursor.rowcount)

    # -- Asking for it --

    def _page(self) -> list[Item]:
        asked = {"id": self._run.id, "attempts": self._attempts, "limit": PAGE}
        with connection.cursor() as cursor:
            return rows.select(cursor, "withdrawal_open", Item, asked)

    def _ask(self, page: Sequence[Item]) -> bool:
        known = history.foresee(item.member_id for item in page)
        came = [self._come(item, foreseen=item.member_id in known) for item in page]
        told: dict[str, Any] = {"id": self._run.id, "rows": msgspec.json.encode(came).decode()}
        counts: dict[str, Any] = dict.fromkeys(OUTCOMES, 0)
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement("withdrawal_end"), told)
            for member_id, license_id, outcome, version in cursor.fetchall():
                if outcome is not None:
                    counts[outcome] += 1
                if outcome == "withdrawn":
                    self._note(member_id, license_id, version)
            return self._save(**counts)

    def _come(self, item: Item, *, foreseen: bool) -> Came:
        run, outcome, detail, version, attempts = self._run, "refused", "", None, item.attempts
        about = {"withdrawal": str(run.id)} | ({"case": run.case} if run.case else {})
        try:
            answer = service.handle(
                item.member_id,
                RevokeLicense(item.license_id, run.reason),
                command_id=command_id(run.id, item.license_id),
                actor=service.Actor("api" if run.by_kind == "key" else "staff", run.by_name),
                now=timezone.now(),
                about=about,
                foreseen=foreseen,
            )
        except OUTAGES:
            raise
        except store.WrongExpectedVersion:
            attempts += 1
            detail = "too many commands of this member at once"
            put_off = attempts < MOST_ATTEMPTS
            return Came(*_key(item), None if put_off else "refused", detail, None, attempts)
        except store.StreamErased:
            detail = "the member was erased"
        except service.UnreadableStream:
            detail = "the history holds an event that this version cannot read"
        except service.CommandError as error:
            detail = str(error)[:200]
        except store.StoreError as error:
            detail = str(error)[:200]
        except Exception as error:
            # One member's fault is no reason to keep all the others waiting.
            log.warning("license not withdrawn", license=item.license_id, exc_info=True)
            detail = f"{type(error).__name__}: {error}"[:200]
        else:
            version = answer.same_as or answer.version
            outcome = "withdrawn" if answer.outcome == "accepted" else "gone"
        return Came(*_key(item), outcome, detail, version, attempts)

    def _note(self, member_id: str, license_id: str, version: int) -> None:
        run = self._run
        trail.record(
            Who(run.by_kind, run.by_name, run.by_roles),
            "act",
            member_id,
            purpose=f"withdraw {run.kind}",
            reason=run.reason,
            withdrawal=str(run.id),
            license=license_id,
            version=version,
        )

    # -- Keeping it --

    def _save(
        self,
        *,
        state: str = "running",
        error: str = "",
        found: int = 0,
        withdrawn: int = 0,
        gone: int = 0,
        refused: int = 0,
    ) -> bool:
        """Keep how far it is; whether to go on. Raises _Lost, and then nothing is kept."""
        now = monotonic()
        told: dict[str, Any] = {
            "id": self._run.id, "turn": self._run.turn, "slice": self._slice, "found": found,
            "withdrawn": withdrawn, "gone": gone, "refused": refused, "state": state,
            "error": error, "worked": now - self._since, "lease": LEASE,
        }  # fmt: skip
        with connection.cursor() as cursor:
            cursor.execute(statement("withdrawal_save"), told)
            row = cursor.fetchone()
        if row is None:
            raise _Lost
        self._since = now
        return bool(row[0] == "running")


def _key(item: Item) -> tuple[int, str, str]:
    return item.bucket, item.member_id, item.license_id
