"""One sweep: claim what is due, oldest first, ask for it, and keep what came of it."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

import msgspec
import structlog

from licensing import connection, history, obligations, service, store
from licensing.domain.commands import ExpireLicense, RenewLicense
from projections import heartbeat
from projections.jobs import control, recording
from projections.jobs.claiming import KINDS, MOST_LOST, PAGE, Claims, Obligation
from projections.parking import OUTAGES

log = structlog.get_logger(__name__)

SHORT = 0.1
# The answer will not change by asking again.
HOPELESS = (service.CommandError, store.StreamErased, store.CommandIdReused)


class Swept(msgspec.Struct, frozen=True):
    """What a sweep did, and whether it stopped with more to do."""

    accepted: int = 0
    refused: int = 0
    unchanged: int = 0
    failed: int = 0
    more: bool = False

    @property
    def attempted(self) -> int:
        """How many obligations it took up."""
        return self.accepted + self.refused + self.unchanged + self.failed


def _nothing() -> None:
    pass


def sweep(
    now: datetime,
    *,
    seconds: float | None = None,
    recorded_at: datetime | None = None,
    between: Callable[[], object] = _nothing,
) -> Swept:
    """Do what is due at `now`, oldest first, until nothing is left or `seconds` are over.

    A command's id is made of its license and its due date, so a doubled sweep, or one that died
    between the command and its record, changes nothing. `recorded_at` is for the demo, which
    lives in the past. While a kind is paused or its rate is used up, it is left alone. `between`
    is called after each page, when nothing is claimed: who is in more of a hurry comes first there.
    """
    return _Sweep(now, seconds, recorded_at).run(between)


class _Sweep:
    def __init__(self, now: datetime, seconds: float | None, recorded_at: datetime | None) -> None:
        self._start, self._began = now, time.monotonic()
        self._until = None if seconds is None else self._began + seconds
        self._recorded_at = recorded_at
        self._claims = Claims(_worker())
        self._book = recording.Book()
        self._counts = dict.fromkeys(("accepted", "refused", "unchanged", "failed"), 0)

    def run(self, between: Callable[[], object]) -> Swept:
        self._settle()
        for page in self._pages():
            if not self._do(page):
                return self._swept(more=True)
            between()
        return self._swept(more=False)

    def _swept(self, more: bool) -> Swept:
        counts = self._counts
        return Swept(
            counts["accepted"], counts["refused"], counts["unchanged"], counts["failed"], more
        )

    def _now(self) -> datetime:
        """The clock goes on while a sweep does: leases count from when they are given."""
        return self._start + timedelta(seconds=time.monotonic() - self._began)

    def _late(self) -> bool:
        return self._until is not None and time.monotonic() >= self._until

    def _settle(self) -> None:
        """Close the books on what needs no asking."""
        now = self._now()
        for obligation in self._claims.deadly(now, PAGE):
            error = f"Lost {MOST_LOST} times: the worker that took it up was not heard of again."
            self._book.end(obligation, "gave up", error)
        while overtaken := self._claims.overtaken(now, PAGE):
            for obligation in overtaken:
                self._book.end(obligation, *_as_stored(obligation))
            self._book.close(now)
        self._book.close(now)

    def _pages(self) -> Iterator[list[Obligation]]:
        """What may be done now, a page at a time; what may kill a worker comes last, alone."""
        while True:
            held = control.controls()
            kinds = [kind for kind in KINDS if held[kind].paused_at is None]
            page, bounded = [], False
            for kind in kinds:
                limit = PAGE
                if held[kind].per_second is not None:
                    limit = control.take_turns(kind, PAGE)
                    bounded = bounded or limit < PAGE
                found = self._claim(kind, limit) if limit else []
                if held[kind].per_second is not None and len(found) < limit:
                    control.give_turns_back(kind, limit - len(found))
                page += found
            if not page and kinds:
                page = self._claims.suspect(kinds, self._now())
            if page:
                yield _together(page)
            elif bounded and self._until is not None and not self._late():
                time.sleep(SHORT)  # the rate lets more through soon
            else:
                return

    def _claim(self, kind: str, limit: int) -> list[Obligation]:
        now = self._now()
        again = self._claims.again([kind], now, limit)
        if len(again) == limit:
            return again
        return [*again, *self._claims.fresh(kind, now, limit - len(again))]

    def _do(self, page: list[Obligation]) -> bool:
        """Do a page; False when the time was over before its end."""
        left, in_hand = page, None
        try:
            known = history.foresee(obligation.member_id for obligation in page)
            while left:
                if self._late():
                    self._leave(left)
                    return False
                in_hand, left = left[0], left[1:]
                self._counts[self._fulfil(in_hand, in_hand.member_id in known)] += 1
        except OUTAGES as error:
            self._leave(left, in_hand, error)
            raise
        self._leave(left)
        return True

    def _leave(
        self,
        left: list[Obligation],
        in_hand: Obligation | None = None,
        error: Exception | None = None,
    ) -> None:
        """Keep what came of a page, as far as the database lets us; the leases do the rest."""
        now = self._now()
        try:
            self._book.close(now)
            if in_hand is not None and error is not None:
                self._book.put_off(in_hand, now, _text(error))
            if left:
                recording.release(left, now)
        except OUTAGES:
            log.warning("outcomes not kept; they are found again when the leases end")

    def _fulfil(self, obligation: Obligation, foreseen: bool) -> str:
        """Issue the command and note its outcome; returns which of Swept's counts it adds to."""
        try:
            answer = self._ask(obligation, foreseen)
        except OUTAGES:
            raise  # the database is away: nothing can be kept, and the lease brings it back
        except HOPELESS as error:
            self._book.end(obligation, "gave up", _text(error))
            return "failed"
        except Exception as error:
            log.warning(
                "job failed", kind=obligation.kind, license=obligation.license_id, exc_info=True
            )
            self._book.put_off(obligation, self._now(), _text(error))
            return "failed"
        reason = answer.decision["reason"] if answer.decision else None
        self._book.end(obligation, answer.outcome, reason)
        return answer.outcome

    def _ask(self, obligation: Obligation, foreseen: bool) -> service.Answer:
        command: ExpireLicense | RenewLicense
        if obligation.kind == "renew":
            command, actor = RenewLicense(obligation.license_id), obligations.RENEWAL_ACTOR
        else:
            command, actor = ExpireLicense(obligation.license_id), obligations.EXPIRY_ACTOR
        return service.handle(
            obligation.member_id,
            command,
            command_id=_command_id(obligation),
            actor=service.Actor(kind=service.JOB, id=actor),
            now=self._now(),
            recorded_at=self._recorded_at,
            foreseen=foreseen,
        )


def _command_id(obligation: Obligation) -> str:
    make = {"renew": obligations.renewal_command_id, "expire": obligations.expiry_command_id}
    return make[obligation.kind](obligation.license_id, obligation.due_at)


def _as_stored(obligation: Obligation) -> tuple[str, str | None]:
    """What became of an obligation that is no longer due: done unsaid, or overtaken by another."""
    stream = history.stream_of(obligation.member_id)
    found = store.find_command(connection.opened(), stream, _command_id(obligation))
    return (found.outcome["outcome"] if found else "superseded"), None


def _together(page: Sequence[Obligation]) -> list[Obligation]:
    """Oldest first, each with what else is due of its member: that fold is in hand."""
    oldest: dict[str, datetime] = {}
    for each in page:
        oldest[each.member_id] = min(each.due_at, oldest.get(each.member_id, each.due_at))
    return sorted(page, key=lambda each: (oldest[each.member_id], each.member_id, each.due_at))


def _text(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:2000]


def _worker() -> str:
    return f"{heartbeat.host()}:{os.getpid()}"
