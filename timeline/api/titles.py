"""The catalogue: what is known of each title, beside what requests say."""

from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Body, Path, Router
from pydantic import Field

from licensing import catalogue
from timeline.api import inputs, keys, shapes
from timeline.api.openapi import told
from timeline.api.problems import Problem, invalid

router = Router(tags=["titles"])

Attributes = Annotated[inputs.Attributes, Body()]
TitleId = Annotated[inputs.Identifier, Field(max_length=64), Path()]


@router.put("/{title_id}", auth=keys.TITLES, openapi_extra=told(shapes.Title))
def put_title(request: HttpRequest, title_id: TitleId, body: Attributes) -> dict[str, Any]:
    """Set the attributes of a title, in place of those it had."""
    if name := catalogue.misfit(body):
        raise invalid(name, "must be text")
    catalogue.put(title_id, body)
    return {"title_id": title_id, "attributes": body}


@router.get("/{title_id}", auth=keys.CATALOGUE, openapi_extra=told(shapes.Title, "unknown_title"))
def get_title(request: HttpRequest, title_id: TitleId) -> dict[str, Any]:
    """The attributes of a title."""
    attributes = catalogue.get(title_id)
    if not attributes:
        raise Problem(404, "unknown_title", f"the catalogue has no title {title_id}")
    return {"title_id": title_id, "attributes": attributes}
