"""The catalogue: what is known of each title, beside what requests say."""

from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Body, Path, Router
from pydantic import Field

from licensing import catalogue
from timeline.api import conditional, inputs, keys, outputs, shapes
from timeline.api.openapi import told
from timeline.api.problems import Problem, invalid

router = Router(tags=["titles"])

Attributes = Annotated[inputs.Attributes, Body()]
TitleId = Annotated[inputs.Identifier, Field(max_length=64), Path()]


@router.put(
    "/{title_id}",
    auth=keys.TITLES,
    openapi_extra=told(shapes.Title, "title_changed", conditions=True),
)
def put_title(request: HttpRequest, title_id: TitleId, body: Attributes) -> dict[str, Any]:
    """Set the attributes of a title, in place of those it had; if it is still as it was read."""
    if name := catalogue.misfit(body):
        raise invalid(name, "must be text")

    def wanted(attributes: dict[str, Any] | None) -> bool:
        tag = None if attributes is None else conditional.of_bytes(_bytes(title_id, attributes))
        return conditional.met(request, tag)

    try:
        if conditional.asked(request):
            catalogue.put_if(title_id, body, wanted)
        else:
            catalogue.put(title_id, body)
    except catalogue.Changed:
        raise Problem(409, "title_changed", "the title is not what it was read as") from None
    return _told(title_id, body)


@router.get("/{title_id}", auth=keys.CATALOGUE, openapi_extra=told(shapes.Title, "unknown_title"))
def get_title(request: HttpRequest, title_id: TitleId) -> dict[str, Any]:
    """The attributes of a title."""
    attributes = catalogue.get(title_id)
    if not attributes:
        raise Problem(404, "unknown_title", f"the catalogue has no title {title_id}")
    return _told(title_id, attributes)


def _told(title_id: str, attributes: dict[str, Any]) -> dict[str, Any]:
    return {"title_id": title_id, "attributes": attributes}


def _bytes(title_id: str, attributes: dict[str, Any]) -> bytes:
    return outputs.encoded(_told(title_id, attributes))
