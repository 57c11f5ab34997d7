"""The catalogue of titles: what is known of a title beside what a request says."""

from collections.abc import Callable
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q

from licensing.models import Title


def get(title_id: str) -> dict[str, Any]:
    """The attributes of a title; empty for one that is not listed."""
    found = Title.objects.filter(pk=title_id).values_list("attributes", flat=True).first()
    return dict(found or {})


def misfit(attributes: dict[str, Any]) -> str:
    """The attribute that pages show as text and that is none; "" when each fits."""
    shown = ("name", "studio")
    return next((name for name in shown if not isinstance(attributes.get(name, ""), str)), "")


class Changed(Exception):
    """A title is not what it was read as; nothing was written."""


def put_if(
    title_id: str, attributes: dict[str, Any], wanted: Callable[[dict[str, Any] | None], bool]
) -> None:
    """List a title or replace its attributes if what it has is `wanted` (None: not listed).

    Whoever else wants to write it meanwhile waits. Raises Changed.
    """
    with transaction.atomic():
        found = Title.objects.select_for_update().filter(pk=title_id).first()
        if not wanted(None if found is None else found.attributes):
            raise Changed(title_id)
        if found is not None:
            found.attributes = attributes
            found.save()
            return
        try:
            Title.objects.create(pk=title_id, attributes=attributes)
        except IntegrityError:  # somebody else has listed it just now
            raise Changed(title_id) from None


def put(title_id: str, attributes: dict[str, Any]) -> None:
    """List a title, or replace its attributes."""
    Title.objects.update_or_create(pk=title_id, defaults={"attributes": attributes})


def listing() -> dict[str, dict[str, Any]]:
    """Every listed title by its id."""
    return dict(Title.objects.order_by("pk").values_list("pk", "attributes"))


def search(q: str, limit: int, after: str = "") -> dict[str, dict[str, Any]]:
    """Titles whose id, name or studio holds `q`, in the order of their ids, after one of them."""
    found = Title.objects.filter(pk__gt=after).order_by("pk")
    if q:
        named = Q(attributes__name__icontains=q) | Q(attributes__studio__icontains=q)
        found = found.filter(named | Q(pk__icontains=q))
    return dict(found.values_list("pk", "attributes")[:limit])


def count() -> int:
    """How many titles are listed."""
    return Title.objects.count()


def of_studio(name: str) -> list[str]:
    """The ids of the titles that are listed under a studio."""
    found = Title.objects.filter(attributes__studio=name).order_by("pk")
    return list(found.values_list("pk", flat=True))


def studios() -> list[str]:
    """The studios that titles are listed under, in their order."""
    found = Title.objects.filter(attributes__has_key="studio")
    names = found.values_list("attributes__studio", flat=True).distinct()
    return sorted(name for name in names if isinstance(name, str) and name)
