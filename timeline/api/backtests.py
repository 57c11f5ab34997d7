"""Backtests: what other rules would have decided, over everybody or one member, done by workers."""

import uuid
from typing import Any, Literal

from django.http import Http404, HttpRequest
from ninja import Path, Router

from licensing import backtests, rulebook, simulation
from licensing.backtests import Run
from licensing.rules import hash_of
from timeline import paging
from timeline.api import commanding, inputs, keys, pages, shapes
from timeline.api.openapi import told
from timeline.api.problems import Problem, invalid

router = Router(tags=["rules"])


class NewBacktest(inputs.Body):
    """Which rules to try: those of a draft, a published version, or a whole document."""

    draft_id: inputs.LicenseId | None = None
    hash: inputs.Hash | None = None
    document: inputs.Attributes | None = None
    level: Literal["closed loop", "first order"] = "closed loop"
    member_id: inputs.Member | None = None


@router.post(
    "",
    auth=keys.RULES_WRITE,
    openapi_extra=told(shapes.BacktestRun, "not_found", "no_rules", keyed=True),
)
def start(request: HttpRequest, rule_set: inputs.RuleSetId, body: NewBacktest) -> dict[str, Any]:
    """Ask for a backtest, which a worker takes up; the same Idempotency-Key gives the same one."""
    document = _document(rule_set, body)
    key = commanding.command_id(request)
    try:
        run = backtests.start(
            document,
            by=commanding.key_id(request),
            level=body.level,
            member_id=body.member_id,
            run_id=uuid.uuid5(uuid.NAMESPACE_URL, f"{commanding.key_id(request)}/{rule_set}/{key}"),
            rule_set_id=rule_set,
        )
    except simulation.NoSuchTrial as wrong:
        raise invalid("document", wrong.detail) from None
    if (run.hash, run.level, run.member_id) != (hash_of(document), body.level, body.member_id):
        raise Problem(409, "idempotency_key_reused", "the key came with another backtest before")
    return _told(run)


@router.get("", auth=keys.RULES_ON_MEMBERS, openapi_extra=told(shapes.Page[shapes.BacktestRun]))
def list_backtests(
    request: HttpRequest,
    rule_set: inputs.RuleSetId,
    after: pages.After = None,
    limit: pages.Limit = 50,
) -> dict[str, Any]:
    """The backtests of the rule set, latest first, without their samples."""
    place = pages.place_of(after, tuple[paging.Instant, uuid.UUID])
    found = backtests.latest(rule_set_id=rule_set, limit=limit + 1, before=place)
    return pages.page(
        found,
        limit,
        lambda run: [run.created_at, str(run.id)],
        lambda run: _told(run) | {"samples": []},
    )


@router.get(
    "/{backtest}", auth=keys.RULES_ON_MEMBERS, openapi_extra=told(shapes.BacktestRun, "not_found")
)
def get_backtest(
    request: HttpRequest, rule_set: inputs.RuleSetId, backtest: Path[uuid.UUID]
) -> dict[str, Any]:
    """How far it is and what was counted, so far or in the end; with samples to look at."""
    return _told(_run(rule_set, backtest))


@router.post(
    "/{backtest}/stop", auth=keys.RULES_WRITE, openapi_extra=told(shapes.BacktestRun, "not_found")
)
def stop(
    request: HttpRequest, rule_set: inputs.RuleSetId, backtest: Path[uuid.UUID], body: inputs.Empty
) -> dict[str, Any]:
    """End it within a second or some; what was counted stays."""
    return _told(backtests.stop(_run(rule_set, backtest).id))


@router.post(
    "/{backtest}/resumption",
    auth=keys.RULES_WRITE,
    openapi_extra=told(shapes.BacktestRun, "not_found"),
)
def resume(
    request: HttpRequest, rule_set: inputs.RuleSetId, backtest: Path[uuid.UUID], body: inputs.Empty
) -> dict[str, Any]:
    """Let one that was stopped or failed go on from where it was."""
    return _told(backtests.resume(_run(rule_set, backtest).id))


def _document(rule_set: str, body: NewBacktest) -> dict[str, Any]:
    given = (body.draft_id, body.hash, body.document)
    if sum(each is not None for each in given) != 1:
        raise invalid("document", "give one of draft_id, hash and document")
    if body.document is not None:
        return body.document
    lived = rulebook.life_of(rule_set)
    if body.draft_id is not None:
        draft = lived.drafts.get(body.draft_id)
        if draft is None:
            raise Http404
        return draft.document
    document = lived.published.get(str(body.hash))
    if document is None:
        raise Http404
    return document


def _run(rule_set: str, run_id: uuid.UUID) -> Run:
    run = backtests.find(run_id)
    if run is None or run.rule_set_id != rule_set:
        raise Http404
    return run


def _told(run: Run | None) -> dict[str, Any]:
    if run is None:
        raise Http404
    counted = simulation.as_values(run.result)
    samples = counted.pop("samples", [])
    return {
        "backtest": str(run.id),
        "hash": run.hash,
        "in_force": run.in_force,
        "level": run.level,
        "member_id": run.member_id,
        "until": run.until,
        "state": run.state,
        "progress": run.progress,
        "eta_seconds": run.eta_s,
        "started_by": run.started_by,
        "created_at": run.created_at,
        "finished_at": run.finished_at,
        "error": run.error,
        "newly_refused": run.result.newly_refused,
        "newly_allowed": run.result.newly_allowed,
        "counted": counted,
        "samples": samples,
    }
