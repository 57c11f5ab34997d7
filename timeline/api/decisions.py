"""Decisions, by the row of the rules that decided them."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from django.http import HttpRequest
from ninja import Router
from pydantic import AfterValidator, Field

from projections.read_models import decision_log
from projections.read_models.decision_log import Decision
from timeline.api import inputs, keys, pages, shapes
from timeline.api.openapi import told

router = Router(tags=["rules"])

Aware = Annotated[datetime, msgspec.Meta(tz=True)]
MemberOf = Annotated[str, msgspec.Meta(max_length=64, pattern="^[!-~]*$")]
VersionOf = Annotated[int, msgspec.Meta(ge=0, lt=2**31)]

Rule = Annotated[
    inputs.Name, AfterValidator(str.strip), Field(description="the id of a row of the rules")
]


@router.get("", auth=keys.READ, openapi_extra=told(shapes.Page[shapes.MadeDecision], listing=True))
def list_decisions(
    request: HttpRequest,
    rule: Rule,
    outcome: Literal["accepted", "refused"] | None = None,
    after: pages.After = None,
    limit: pages.Limit = 100,
) -> dict[str, Any]:
    """The decisions in which this row had the last word, newest first; each is a member's step."""
    place = pages.place_of(after, tuple[Aware, MemberOf, VersionOf])
    found = decision_log.by_row(rule, limit + 1, outcome=outcome, after=place)
    return pages.page(found, limit, _place, _item)


def _place(decision: Decision) -> list[Any]:
    return [decision.decided_at, decision.member_id, decision.version]


def _item(decision: Decision) -> dict[str, Any]:
    told = msgspec.structs.asdict(decision)
    del told["bucket"]
    return told | {"rule": told.pop("row_id")}
