"""A member's past: the steps, the state as at any of them, and what changed between."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from django.http import HttpRequest
from ninja import Path, Query, Router
from pydantic import Field

from licensing import history, rulebook
from licensing.history import History, Step
from timeline.api import conditional, inputs, keys, outputs, pages, shapes
from timeline.api.openapi import told
from timeline.api.problems import invalid
from timeline.presenters import diff, sentences, state

router = Router(tags=["timeline"])

ENTITY_FIELDS = ("license_id", "device_id", "title_id")


@router.get("/timeline", auth=keys.READ, openapi_extra=told(shapes.Page[shapes.Step]))
def read_timeline(
    request: HttpRequest,
    member_id: inputs.MemberId,
    after: pages.After = None,
    limit: pages.Limit = 100,
    type: inputs.Query | None = None,
    entity: inputs.Query | None = None,
    order: Literal["known", "happened"] = "known",
) -> dict[str, Any]:
    """The steps in the order they became known, or in the order they happened.

    `after` is a `next`, or in known order a version. `entity` is a license, device or title id.
    """
    conditional.by_version(request, history.stream_of(member_id))
    past = history.load(member_id)
    words = _sentences(past)
    steps = [step for step in past.steps if _wanted(step, type, entity)]
    if order == "known":
        version = pages.number_of(after)
        steps = [step for step in steps if step.version > version]
    else:
        place = pages.place_of(after, tuple[datetime, int])
        steps = sorted(
            (step for step in steps if place is None or _happened(step) > place), key=_happened
        )
    return pages.page(
        steps[: limit + 1],
        limit,
        (lambda step: [step.version]) if order == "known" else (lambda step: [*_happened(step)]),
        lambda step: _item(step) | {"sentence": words[step.version - 1]},
    )


@router.get(
    "/state",
    auth=keys.READ,
    openapi_extra=told(shapes.StateAsAt, "version_not_found", "stream_unreadable"),
)
def read_state(
    request: HttpRequest,
    member_id: inputs.MemberId,
    version: inputs.Version | None = None,
    at: inputs.Instant | None = None,
    known_at: inputs.Instant | None = None,
) -> dict[str, Any]:
    """The state as at a version (0: before the first) or an instant; else at the head."""
    if version is not None and (at or known_at):
        raise invalid("query.version", "cannot be combined with an instant")
    conditional.by_version(request, history.stream_of(member_id), version)
    member, until, instant = history.state_as_at(
        member_id, version=version, at=at, known_at=known_at
    )
    return {
        "member_id": member_id,
        "version": until,
        "as_at": instant,
        "state": state.as_json(member),
    }


@router.get(
    "/changes",
    auth=keys.READ,
    openapi_extra=told(shapes.Difference, "version_not_found", "stream_unreadable"),
)
def read_changes(
    request: HttpRequest,
    member_id: inputs.MemberId,
    from_version: Annotated[int, Field(ge=0, le=2**31 - 1), Query(0, alias="from")],
    to_version: Annotated[int | None, Field(ge=0, le=2**31 - 1), Query(None, alias="to")],
) -> dict[str, Any]:
    """What differs between the states at two versions; `to` is the head if it is not given."""
    conditional.by_version(request, history.stream_of(member_id), to_version)
    before, from_version, _ = history.state_as_at(member_id, version=from_version)
    after, to_version, _ = history.state_as_at(member_id, version=to_version)
    return {
        "member_id": member_id,
        "from": from_version,
        "to": to_version,
        "changes": diff.changes(before, after),
    }


@router.get(
    "/events/{version}",
    auth=keys.READ,
    openapi_extra=told(shapes.Moment, "version_not_found", "stream_unreadable"),
)
def read_event(
    request: HttpRequest,
    member_id: inputs.MemberId,
    version: Annotated[int, Field(ge=0, le=2**31 - 1), Path()],
) -> dict[str, Any]:
    """One event: as it is stored, as it is read, its decision, and the state before and after."""
    conditional.by_version(request, history.stream_of(member_id), version, rulebook.head())
    before, step, after = history.around(member_id, version)
    recorded = step.recorded
    record = history.decision_of(recorded)
    return _item(step) | {
        "sentence": sentences.sentence(recorded.type, recorded.data, before),
        "stored": outputs.event(step.recorded),
        "read": msgspec.to_builtins(step.event),
        "decision": rulebook.told(record) if record else None,
        "before": state.as_json(before),
        "after": state.as_json(after),
        "changes": diff.changes(before, after),
    }


def _item(step: Step) -> dict[str, Any]:
    late = step.late
    return outputs.event(step.recorded) | {
        "late_seconds": None if late is None else int(late.total_seconds()),
        "unreadable": step.unreadable,
    }


def _sentences(past: History) -> list[str]:
    """The step in words; each is told with the names known by then."""
    names, told = sentences.Names(), []
    for step in past.steps:
        recorded = step.recorded
        names.learn(recorded.type, recorded.data)
        told.append(sentences.phrase(recorded.type, recorded.data, names).text)
    return told


def _wanted(step: Step, type_name: str | None, entity: str | None) -> bool:
    if type_name and step.recorded.type != type_name:
        return False
    return not entity or any(step.recorded.data.get(field) == entity for field in ENTITY_FIELDS)


def _happened(step: Step) -> tuple[datetime, int]:
    return step.recorded.occurred_at, step.version
