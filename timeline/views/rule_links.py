"""Addresses of rules: the page of a version, and a row in it."""

from django.urls import NoReverseMatch, reverse


def version(rule_set: str, number: int | None) -> str:
    """The page of a published version; "" where there is none."""
    if not rule_set or number is None:
        return ""
    try:
        return reverse("rules-version", args=[rule_set, number])
    except NoReverseMatch:
        return ""


def row(rule_set: str, number: int | None, row_id: str) -> str:
    """A row of a published version."""
    page = version(rule_set, number)
    return f"{page}#row-{row_id}" if page else ""


def history(rule_set: str, row_id: str) -> str:
    """How a row came to be what it is: the steps of the rule set that changed it."""
    try:
        return f"{reverse('rule-timeline', args=[rule_set])}?of=row:{row_id}"
    except NoReverseMatch:
        return ""
