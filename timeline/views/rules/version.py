"""A published version: its tables as they decide, each row under an anchor of its own."""

from typing import Any

import msgspec
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone

from licensing import rulebook
from licensing.rules import PublishedRules
from licensing.rules.edits import between
from licensing.rules.parsing import MOST_ROWS
from licensing.rules.ruleset import RuleSet
from licensing.rules.tables import Table
from timeline.http import may, small_int, staff_page
from timeline.presenters import clock
from timeline.presenters.rules import axis, declarations, difference, grid


class TableView(msgspec.Struct, frozen=True):
    """A table of the version, with the picture of its rows in time."""

    grid: grid.Grid
    picture: axis.Picture | None


@staff_page
def page(request: HttpRequest, rule_set: str, version: str) -> HttpResponseBase:
    """One version by its number or its hash. `?row=` narrows it to the table of a row."""
    published = rulebook.versions(rule_set)
    found = find(published, version)
    now = timezone.now()
    lived = rulebook.life_of(rule_set)
    document = lived.published[found.hash]
    before = next((each for each in published if each.version == found.version - 1), None)
    current = rulebook.current(now, rule_set)
    context: dict[str, Any] = {
        "section": "rules",
        "rule_set": rule_set,
        "version": found,
        "title": found.ruleset.title,
        "start": clock.moment(found.valid_from, 0),
        "published": clock.moment(found.published_at, 0),
        "in_force": current.version == found.version,
        "current_number": current.version,
        "suspended": found.suspended_at is not None,
        "to_come": found.valid_from > now and found.suspended_at is None,
        "tables": [_table(found.ruleset, each, now, request) for each in found.ruleset.tables],
        "declared": declarations.of(found.ruleset),
        "before": before,
        "changes": _changes(lived.published, before, document, found.ruleset),
        "last": published[-1].version,
        "can_draft": may(request, "draft"),
        "now": now,
    }
    return render(request, "rules/version.html", context)


def find(published: tuple[PublishedRules, ...], version: str) -> PublishedRules:
    """The version of this number or hash (or the beginning of one). Raises Http404."""
    number = small_int(version)
    if number is not None:
        if 1 <= number <= len(published):
            return published[number - 1]
        raise Http404(f"There is no version {number}.")
    digest = version.removeprefix("sha256:")
    if len(digest) >= 7 and all(c in "0123456789abcdef" for c in digest):
        for each in reversed(published):
            if each.hash.removeprefix("sha256:").startswith(digest):
                return each
    raise Http404("No version has this number or hash.")


def _table(ruleset: RuleSet, table: Table, now: Any, request: HttpRequest) -> TableView:
    q = "".join(c for c in request.GET.get("q", "") if c.isprintable()).strip()[:120]
    # All rows, so that a link to any of them finds its place.
    made = grid.of(ruleset, table, now=now, q=q, size=MOST_ROWS)
    return TableView(made, axis.rows(ruleset, table, now))


def _changes(
    documents: dict[str, Any], before: PublishedRules | None, document: Any, ruleset: RuleSet
) -> list[tuple[str, list[difference.Told]]]:
    if before is None:
        return []
    edits = between(documents[before.hash], document)
    return difference.groups(difference.told(edits, before.ruleset, ruleset))
