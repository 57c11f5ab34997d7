"""Withdrawals: every license of a title or a studio taken back, after a dry run, in slices."""

from functools import partial
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from django.http import HttpRequest
from django.utils import timezone
from ninja import Path, Router
from pydantic import Field

from projections import withdrawals
from projections.withdrawals import Run, Target
from timeline import audit
from timeline.actions import withdrawing
from timeline.actions.withdrawing import Caller, DryRun, Moved, NoToken, NotSo
from timeline.api import inputs, keys, pages, shapes
from timeline.api.openapi import told
from timeline.api.problems import Fault, Problem, invalid
from timeline.paging import Instant, Number, Text

router = Router(tags=["withdrawals"])

Id = Annotated[UUID, Path(description="of a withdrawal")]
Case = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/#-]{0,39}$")]


class NewWithdrawal(inputs.Body):
    """What is to be taken back: a title by its id, or a studio by its name."""

    kind: Literal["title", "studio"]
    name: inputs.Name
    reason: inputs.Reason
    case: Case | None = None


class ConfirmedDryRun(inputs.Body):
    """The token of a dry run."""

    token: Annotated[str, Field(min_length=1, max_length=4_000)]


class SecondAnswer(inputs.Body):
    """What a second person says; a reason is needed to reject."""

    agree: bool
    answer: inputs.Words = ""


@router.post("/dry-runs", auth=keys.WITHDRAWALS, openapi_extra=told(shapes.DryRun))
def dry_run(request: HttpRequest, body: NewWithdrawal) -> dict[str, Any]:
    """Count what a withdrawal would take back, and show five of it. Nothing is written.

    The `token` is good for five minutes. Licenses issued after `until` are never touched.
    """
    target = Target(body.kind, body.name)
    shown = withdrawing.dry_run(
        _caller(request), target, body.reason, body.case or "", timezone.now()
    )
    return _shown(shown)


@router.post(
    "",
    auth=keys.WITHDRAW,
    openapi_extra=told(shapes.Withdrawal, "unknown_dry_run", "dry_run_moved"),
)
def begin(request: HttpRequest, body: ConfirmedDryRun) -> dict[str, Any]:
    """Begin what a dry run showed: workers do it. The same token again gives the same withdrawal.

    Of more licenses than one may take back alone, it waits in the state `asked` for another key.
    """
    note = partial(audit.record, request)
    try:
        known = withdrawing.begin(_caller(request), body.token, timezone.now(), note)
    except NoToken:
        detail = "no dry run has given this token to this key"
        raise Problem(404, "unknown_dry_run", detail) from None
    except Moved as moved:
        faults = [Fault("token", why) for why in moved.why]
        raise Problem(409, "dry_run_moved", str(moved), errors=faults) from None
    return _told(known)


@router.get("", auth=keys.WITHDRAWALS, openapi_extra=told(shapes.Page[shapes.Withdrawal]))
def list_withdrawals(
    request: HttpRequest, limit: pages.Limit = 100, after: pages.After = None
) -> dict[str, Any]:
    """Every withdrawal, the latest first."""
    place = pages.place_of(after, tuple[Instant, Text])
    if place is not None:
        _uuid(place[1])
    found = withdrawals.latest(limit + 1, place)
    return pages.page(found, limit, lambda run: [run.asked_at, str(run.id)], _told)


@router.get(
    "/{withdrawal}", auth=keys.WITHDRAWALS, openapi_extra=told(shapes.Withdrawal, "not_found")
)
def get_withdrawal(request: HttpRequest, withdrawal: Id) -> dict[str, Any]:
    """How far one is."""
    return _told(_found(withdrawal))


@router.get(
    "/{withdrawal}/outcomes",
    auth=keys.WITHDRAWALS,
    openapi_extra=told(shapes.Page[shapes.WithdrawnLicense], "not_found"),
)
def list_outcomes(
    request: HttpRequest,
    withdrawal: Id,
    outcome: Literal["withdrawn", "gone", "refused"],
    limit: pages.Limit = 100,
    after: pages.After = None,
) -> dict[str, Any]:
    """The licenses with one outcome: taken back, gone already, or refused and why."""
    run = _found(withdrawal)
    place = pages.place_of(after, tuple[Number, Text, Text]) or (-1, "", "")
    found = withdrawals.items(run.id, outcome, limit + 1, place)
    return pages.page(
        found, limit, lambda each: [each.bucket, each.member_id, each.license_id], _license
    )


@router.post(
    "/{withdrawal}/answer",
    auth=keys.WITHDRAW,
    openapi_extra=told(shapes.Withdrawal, "not_found", "four_eyes", "withdrawal_state"),
)
def answer(request: HttpRequest, withdrawal: Id, body: SecondAnswer) -> dict[str, Any]:
    """Agree to a withdrawal of many licenses, or reject it: never one's own."""
    run, asks = _found(withdrawal), _caller(request)
    words = body.answer.strip()
    if not body.agree and not words:
        raise invalid("answer", "must say why it is rejected")
    if run.by_id == asks.id:
        raise Problem(403, "four_eyes", "another key has to agree")
    if run.state != "asked" or withdrawing.expired(run, timezone.now()):
        raise _not_so(run)
    note = partial(audit.record, request)
    try:
        return _told(withdrawing.decide(asks, run, agree=body.agree, answer=words, record=note))
    except NotSo:
        raise _not_so(withdrawals.find(run.id) or run) from None


@router.post(
    "/{withdrawal}/stop",
    auth=keys.WITHDRAW,
    openapi_extra=told(shapes.Withdrawal, "not_found", "withdrawal_state"),
)
def stop(request: HttpRequest, withdrawal: Id, body: inputs.Empty) -> dict[str, Any]:
    """Stop it: what was taken back stays so, the rest is untouched."""
    return _moved(request, withdrawal, "stop")


@router.post(
    "/{withdrawal}/resumption",
    auth=keys.WITHDRAW,
    openapi_extra=told(shapes.Withdrawal, "not_found", "withdrawal_state"),
)
def resume(request: HttpRequest, withdrawal: Id, body: inputs.Empty) -> dict[str, Any]:
    """Go on with what was stopped or failed, from where it was."""
    return _moved(request, withdrawal, "resume")


@router.post(
    "/{withdrawal}/retry",
    auth=keys.WITHDRAW,
    openapi_extra=told(shapes.Withdrawal, "not_found", "withdrawal_state"),
)
def retry(request: HttpRequest, withdrawal: Id, body: inputs.Empty) -> dict[str, Any]:
    """Ask once more for what was refused in one that is done."""
    return _moved(request, withdrawal, "again")


def _moved(request: HttpRequest, withdrawal: UUID, do: str) -> dict[str, Any]:
    run = _found(withdrawal)
    try:
        return _told(withdrawing.move(run, do, partial(audit.record, request)))
    except NotSo:
        raise _not_so(run) from None


def _not_so(run: Run) -> Problem:
    late = withdrawing.expired(run, timezone.now())
    return Problem(409, "withdrawal_state", f"it is {'expired' if late else run.state}")


def _found(withdrawal: UUID) -> Run:
    run = withdrawals.find(withdrawal)
    if run is None:
        raise Problem(404, "not_found", "there is no such withdrawal")
    return run


def _caller(request: HttpRequest) -> Caller:
    who = audit.who(request)
    return Caller(f"key:{who.who}", who)


def _uuid(text: str) -> None:
    try:
        UUID(text)
    except ValueError:
        raise invalid("query.after", "not a token that this list has given out") from None


def _shown(shown: DryRun) -> dict[str, Any]:
    count = shown.count
    return {
        "kind": shown.target.kind,
        "name": shown.target.name,
        "until": shown.until,
        "licenses": count.licenses,
        "members": count.members,
        "titles": [
            {"title_id": title_id, "name": name, "licenses": licenses}
            for title_id, name, licenses in count.titles
        ],
        "sample": [msgspec.structs.asdict(each) for each in count.sample],
        "parked": count.parked,
        "second_person": shown.second,
        "token": shown.token,
    }


def _told(run: Run) -> dict[str, Any]:
    return {
        "id": str(run.id),
        "kind": run.kind,
        "name": run.name,
        "until": run.until,
        "reason": run.reason,
        "case": run.case or None,
        "state": "expired" if withdrawing.expired(run, timezone.now()) else run.state,
        "stopping": run.stop_asked,
        "shown": run.shown,
        "found": run.found,
        "withdrawn": run.withdrawn,
        "gone": run.gone,
        "refused": run.refused,
        "progress": round(run.progress, 4),
        "eta_seconds": run.eta_s,
        "asked_by": run.by_name,
        "asked_at": run.asked_at,
        "second_person": run.second_name,
        "answer": run.answer or None,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "error": run.error or None,
    }


def _license(each: withdrawals.Ended) -> dict[str, Any]:
    return {
        "member_id": each.member_id,
        "license_id": each.license_id,
        "outcome": each.outcome,
        "detail": each.detail or None,
        "version": each.version,
        "ended_at": each.ended_at,
    }
