"""The catalogue of titles: what is known of a title beside what a request says."""

from typing import Any

from licensing.models import Title


def get(title_id: str) -> dict[str, Any]:
    """The attributes of a title; empty for one that is not listed."""
    found = Title.objects.filter(pk=title_id).values_list("attributes", flat=True).first()
    return dict(found or {})


def put(title_id: str, attributes: dict[str, Any]) -> None:
    """List a title, or replace its attributes."""
    Title.objects.update_or_create(pk=title_id, defaults={"attributes": attributes})


def listing() -> dict[str, dict[str, Any]]:
    """Every listed title by its id."""
    return dict(Title.objects.order_by("pk").values_list("pk", "attributes"))
