"""What would have become of a member otherwise? A trial that writes nothing."""

from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router

from licensing import simulation
from licensing.simulation import Deed, NoSuchTrial
from timeline.api import inputs, keys, shapes
from timeline.api.openapi import told
from timeline.api.problems import invalid
from timeline.presenters import diff

router = Router(tags=["what-if"])


@router.post(
    "",
    auth=keys.READ,
    openapi_extra=told(shapes.Trial, "version_not_found", "stream_unreadable", "no_rules"),
)
def what_if(
    request: HttpRequest, member_id: inputs.MemberId, body: inputs.WhatIf
) -> dict[str, Any]:
    """The history after a version, decided anew: where it first comes out otherwise, and the end.

    Events without a command are taken as they are and counted in `not_redecided`.
    """
    now = timezone.now()
    try:
        trial = simulation.what_if(
            member_id,
            from_version=body.from_version,
            now=now,
            rules_in_force=(
                simulation.rules_of(body.rules.hash, body.rules.document, now)
                if body.rules
                else None
            ),
            drop=body.drop,
            add=simulation.command_of(body.add.command, body.add.data) if body.add else None,
            add_at=body.add.at if body.add else None,
        )
    except NoSuchTrial as wrong:
        raise invalid(wrong.path, wrong.detail) from None
    branch = trial.branch
    first = branch.divergence
    return {
        "simulation": True,
        "from_version": body.from_version,
        "as_at": now,
        "divergence": None if first is None else _told(first),
        "deeds": [_told(deed) for deed in branch.deeds if not deed.same],
        "unchanged": sum(deed.same for deed in branch.deeds),
        "not_redecided": branch.not_redecided,
        "difference": diff.changes(trial.real, trial.tried),
    }


def _told(deed: Deed) -> dict[str, Any]:
    return {
        "kind": deed.kind,
        "command": deed.name,
        "at": deed.at,
        "version": deed.version,
        "was": {
            "outcome": deed.outcome_then,
            "events": [simulation.as_json(event) for event in deed.then],
        },
        "would_be": {
            "outcome": deed.outcome,
            "events": [simulation.as_json(event) for event in deed.now],
            "decision": deed.decision,
        },
    }
