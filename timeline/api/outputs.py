"""How events and answers are written: plain values, from what is stored and from nothing else."""

from typing import Any

import msgspec
from django.http import HttpRequest
from ninja.renderers import BaseRenderer

from licensing import service, store


class Renderer(BaseRenderer):
    """Sorted keys, so that an answer given again is the same to the byte."""

    media_type = "application/json"

    def render(self, request: HttpRequest, data: Any, *, response_status: int) -> bytes:
        """The body of an answer."""
        return encoded(data)


def encoded(data: Any) -> bytes:
    """The bytes of an answer, or of a part of one."""
    return msgspec.json.encode(data, order="deterministic")


def event(recorded: store.RecordedEvent) -> dict[str, Any]:
    """One event as it is stored."""
    return {
        "version": recorded.version,
        "type": recorded.type,
        "schema_version": recorded.schema_version,
        "event_id": recorded.event_id,
        "occurred_at": recorded.occurred_at,
        "recorded_at": recorded.recorded_at,
        "data": recorded.data,
        "metadata": recorded.metadata,
    }


def answer(given: service.Answer) -> dict[str, Any]:
    """The answer to a command, the first time and every time after."""
    told: dict[str, Any] = {
        "outcome": given.outcome,
        "version": given.version,
        "events": [event(recorded) for recorded in given.events],
        "decision": given.decision,
    }
    if given.license_id is not None:
        told["license_id"] = given.license_id
    return told
