"""Backtests that are kept: started by anybody, done in slices by any worker, looked at for ever.

    run = backtests.start(document, by="ann", level="closed loop")  # waiting; a worker takes it up
    run = backtests.find(run.id)        # run.state, run.progress, run.eta_s: for a page that polls
    backtests.stop(run.id)              # ends it within a second or some; what was counted stays
    backtests.resume(run.id)            # goes on where it stopped or failed
    run.result                          # a simulation.Backtest; what is counted so far, or all

Nothing is written but the run's own row. A run is claimed by one worker at a time, for a lease; a
worker that lost its lease cannot save any more, and the next one goes on from the last saved place.
"""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

import msgspec
from django.db.models import Q
from django.utils import timezone

from licensing import connection, fold, rulebook, simulation, store
from licensing.models import BacktestRun
from licensing.rules import PublishedRules, hash_of
from licensing.simulation import Backtest

State = BacktestRun.State
Level = BacktestRun.Level

LEASE = timedelta(seconds=60)
WHOLE_LEASE = timedelta(minutes=5)  # of a run that is not done in slices, and saves less often
SAVE_EVERY_S = 0.5


class Run(msgspec.Struct, frozen=True):
    """One backtest as it stands.

    `hash` names the rules that are tried and `in_force` those that decided when it was started;
    `until` is the instant up to which histories count. `members_total` is None until somebody has
    begun. `result` holds what was counted so far, or all when `state` is done.
    """

    id: uuid.UUID
    rule_set_id: str
    hash: str
    in_force: str
    document: dict[str, Any]
    level: str
    member_id: str | None
    until: datetime
    started_by: str
    state: str
    stop_asked: bool
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    members_total: int | None
    worked_s: float
    error: str
    result: Backtest

    @property
    def over(self) -> bool:
        """Whether nobody works on it, or will without being asked to."""
        return self.state in (State.DONE, State.FAILED, State.STOPPED)

    @property
    def progress(self) -> float:
        """How much is done, from 0 to 1."""
        if self.state == State.DONE:
            return 1.0
        return min(1.0, self.result.members / self.members_total) if self.members_total else 0.0

    @property
    def rate(self) -> float:
        """Decisions a second of work, so far."""
        return self.result.decisions / self.worked_s if self.worked_s else 0.0

    @property
    def eta_s(self) -> float | None:
        """Seconds of work that are left at the pace so far; None where nobody can tell."""
        done = self.progress
        return None if self.over or not done else self.worked_s * (1 - done) / done


def start(
    document: dict[str, Any],
    *,
    by: str,
    level: str = Level.CLOSED_LOOP,
    member_id: str | None = None,
    run_id: uuid.UUID | None = None,
    rule_set_id: str = rulebook.RULE_SET,
    until: datetime | None = None,
) -> Run:
    """Ask for a backtest of a document, over everybody or one member; a worker takes it up.

    The same `run_id` again gives the same run, so that a repeated request starts one. Raises
    simulation.NoSuchTrial for a document that cannot decide, and NoRules where none are in force.
    """
    now = timezone.now()
    until = until or now
    simulation.rules_of(None, document, until)
    row, _ = BacktestRun.objects.get_or_create(
        pk=run_id or uuid.uuid4(),
        defaults={
            "rule_set_id": rule_set_id,
            "hash": hash_of(document),
            "in_force": rulebook.current(until, rule_set_id).hash,
            "document": document,
            "level": Level(level),
            "member_id": member_id,
            "until": until,
            "started_by": by,
            "state": State.WAITING,
            "created_at": now,
        },
    )
    return _told(row)


def find(run_id: uuid.UUID) -> Run | None:
    """The run as it stands."""
    row = BacktestRun.objects.filter(pk=run_id).first()
    return _told(row) if row is not None else None


def latest(
    *,
    hash: str | None = None,
    rule_set_id: str | None = None,
    limit: int = 20,
    before: tuple[datetime, uuid.UUID] | None = None,
) -> list[Run]:
    """The latest runs, or those of one document or rule set, latest first.

    `before` is the instant and the id of the run behind which they begin.
    """
    rows = BacktestRun.objects.order_by("-created_at", "pk")
    if hash is not None:
        rows = rows.filter(hash=hash)
    if rule_set_id is not None:
        rows = rows.filter(rule_set_id=rule_set_id)
    if before is not None:
        instant, run_id = before
        rows = rows.filter(Q(created_at__lt=instant) | Q(created_at=instant, pk__gt=run_id))
    return [_told(row) for row in rows[:limit]]


def stop(run_id: uuid.UUID) -> Run | None:
    """Ask a run to stop; one that nobody works on stops at once. Its end is not changed."""
    now = timezone.now()
    _rows(run_id, State.RUNNING).update(stop_asked=True)
    idle = Q(lease_until=None) | Q(lease_until__lt=now)
    _rows(run_id, State.WAITING, State.RUNNING).filter(idle).update(
        state=State.STOPPED, finished_at=now, lease_until=None
    )
    return find(run_id)


def resume(run_id: uuid.UUID) -> Run | None:
    """Let a stopped or failed run wait for a worker again; it goes on from where it was."""
    _rows(run_id, State.STOPPED, State.FAILED).update(
        state=State.WAITING, stop_asked=False, finished_at=None, lease_until=None, error=""
    )
    return find(run_id)


def work_on_next(*, seconds: float | None = None) -> Run | None:
    """Take up the oldest run that waits, or whose worker is gone; None where there is none."""
    free = Q(state=State.WAITING) | Q(state=State.RUNNING, lease_until__lt=timezone.now())
    waiting = BacktestRun.objects.filter(free).order_by("created_at", "pk")
    for run_id in waiting.values_list("pk", flat=True):
        run = work(run_id, seconds=seconds)
        if run is not None:
            return run
    return None


def work(
    run_id: uuid.UUID,
    *,
    seconds: float | None = None,
    progress: Callable[[Backtest], None] | None = None,
    reading: Callable[[int], None] | None = None,
) -> Run | None:
    """Go on with a run until it ends, somebody stops it, or `seconds` are over.

    When the time is over it waits for the next slice. `progress` is called now and then with what
    is counted so far, `reading` in between with how many decisions were read ahead of that. None
    when somebody else works on it, or it has ended. Raises what kept it from going on, and the row
    says so too.
    """
    claim = _claim(run_id, WHOLE_LEASE if seconds is None else LEASE)
    if claim is None:
        return None
    with claim.failing():
        rules = _rules_of(claim.row)
        until = None if seconds is None else monotonic() + seconds
        parts = simulation.backtested(
            rules,
            first_order=claim.row.level == Level.FIRST_ORDER,
            until=claim.row.until,
            member_id=claim.row.member_id,
            after=(claim.row.after_bucket, claim.row.after_stream),
            found=_found(claim.row),
            at_once=simulation.MANY if seconds is None else simulation.FEW,
            reading=reading,
        )
        saved = monotonic()
        for part in parts:
            claim.part = part
            if progress is not None:
                progress(part.found)
            over = until is not None and monotonic() >= until
            if over or monotonic() - saved >= SAVE_EVERY_S:
                saved = monotonic()
                if not claim.save(let_go=over):
                    return find(run_id)
        claim.end(State.DONE)
    return find(run_id)


class _Claim:
    """A run in the hands of this worker, as long as the lease on it is the one taken here.

    `part` is what was done last, and not kept yet.
    """

    def __init__(self, row: BacktestRun, lease: timedelta) -> None:
        self.row, self.lease = row, lease
        self.part: simulation.Part | None = None
        self.since = monotonic()

    def save(self, *, let_go: bool) -> bool:
        """Keep how far it is; whether to go on."""
        if not self._update(lease_until=timezone.now() + self.lease):
            return False  # another worker took it for dead and has it now
        if BacktestRun.objects.values_list("stop_asked", flat=True).get(pk=self.row.pk):
            self.end(State.STOPPED)
            return False
        if let_go:  # the next slice need not wait for the lease to run out
            self._update(state=State.WAITING, lease_until=None)
            return False
        return True

    def end(self, state: str, error: str = "") -> None:
        """Keep the end, and how far it came."""
        self._update(
            state=state, error=error, finished_at=timezone.now(), lease_until=None,
            stop_asked=False,
        )  # fmt: skip

    @contextmanager
    def failing(self) -> Iterator[None]:
        """Write down what goes wrong."""
        try:
            yield
        except Exception as error:
            self.end(State.FAILED, error=f"{type(error).__name__}: {error}"[:2000])
            raise

    def _update(self, *, lease_until: datetime | None, **changes: Any) -> bool:
        now = monotonic()
        self.row.worked_s, self.since = self.row.worked_s + now - self.since, now
        if self.part is not None:
            self.row.after_bucket, self.row.after_stream = self.part.place
            self.row.found = simulation.as_values(self.part.found)
        mine = _rows(self.row.pk, State.RUNNING).filter(lease_until=self.row.lease_until)
        kept = mine.update(
            lease_until=lease_until,
            after_bucket=self.row.after_bucket,
            after_stream=self.row.after_stream,
            worked_s=self.row.worked_s,
            found=self.row.found,
            **changes,
        )
        self.row.lease_until = lease_until
        return bool(kept)


def _claim(run_id: uuid.UUID, lease: timedelta) -> _Claim | None:
    now = timezone.now()
    free = Q(state=State.WAITING) | Q(state=State.RUNNING, lease_until__lt=now)
    claimed = BacktestRun.objects.filter(free, pk=run_id).update(
        state=State.RUNNING, lease_until=now + lease
    )
    if not claimed:
        return None
    row = BacktestRun.objects.get(pk=run_id)
    row.lease_until = now + lease
    if row.started_at is None:
        row.started_at = now
        row.members_total = 1 if row.member_id else _members()
        _rows(run_id).update(started_at=now, members_total=row.members_total)
    return _Claim(row, lease)


def _members() -> int:
    return store.count_streams(connection.opened(), fold.stream_of(""))


def _rules_of(row: BacktestRun) -> PublishedRules:
    return simulation.rules_of(None, row.document, row.until)


def _rows(run_id: uuid.UUID, *states: str) -> Any:
    found = BacktestRun.objects.filter(pk=run_id)
    return found.filter(state__in=states) if states else found


def _found(row: BacktestRun) -> Backtest:
    if row.found is None:
        return Backtest(row.hash, row.until)
    return simulation.from_values(row.found)


def _told(row: BacktestRun) -> Run:
    named = {name: getattr(row, name) for name in Run.__struct_fields__ if name != "result"}
    return Run(**named, result=_found(row))
