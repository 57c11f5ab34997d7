"""The catalogue: every title with what the rules may ask of it, and whether it is withdrawn."""

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone

from licensing import catalogue, rulebook
from timeline import paging
from timeline.http import may, staff_page
from timeline.paging import Text
from timeline.presenters import catalogue as presenter
from timeline.presenters import queues
from timeline.presenters.catalogue import Withdrawal
from timeline.presenters.directory import grouped

PAGE = 50


@staff_page
def listing(request: HttpRequest) -> HttpResponseBase:
    """Titles by id, name or studio; a page at a time."""
    q = "".join(c for c in request.GET.get("q", "") if c.isprintable()).strip()[:120]
    after = paging.place(request.GET.get("after"), Text) or ""
    found = catalogue.search(q, PAGE + 1, after)
    shown = dict(list(found.items())[:PAGE])
    further = paging.token(list(shown)[-1]) if len(found) > PAGE else ""
    context = {
        "section": "catalogue",
        "may_withdraw": may(request, "withdraw"),
        "q": q,
        "titles": presenter.entries(shown, _withdrawn()),
        "count": grouped(catalogue.count()),
        "further": queues.address(request.path, {"q": q, "after": further}) if further else "",
        "first": queues.address(request.path, {"q": q}) if after else "",
    }
    return render(request, "catalogue.html", context)


def _withdrawn() -> dict[str, list[Withdrawal]]:
    now = timezone.now()
    try:
        rules = rulebook.current(now).ruleset
    except rulebook.NoRules:
        return {}
    return presenter.withdrawn(rules, now)
