"""The timeline of a rule set: the same page over the stream of its drafts and versions."""

import re
from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from licensing import rule_history, rulebook
from licensing.rule_history import RuleHistory
from timeline.forms import asked
from timeline.http import part_wanted, staff_page
from timeline.presenters import filters, rule_telling
from timeline.presenters.filters import Filter
from timeline.presenters.moments import Moment, Story
from timeline.views.news import news
from timeline.views.regions import REGIONS, chosen, cursor_at, wanted_step
from timeline.views.rule_page import RulePage

RULE_SET_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Told:
    """A rule set's history with its story; rule sets are short, so that each search looks anew."""

    def __init__(self, past: RuleHistory) -> None:
        self.history = past
        self._story: Story | None = None

    def story(self, now: datetime) -> Story:
        """The story as of `now`."""
        if self._story is None:
            self._story = rule_telling.read(self.history, now)
        return self._story

    def matching(self, wanted: Filter, now: datetime) -> Sequence[Moment]:
        """The rows that a filter leaves."""
        return filters.matching(self.story(now).moments, wanted)

    def about(self, about: str, now: datetime) -> Sequence[Moment]:
        """The rows about one draft or row."""
        return self._which(now, lambda moment: about in moment.about)

    def refusals(self, now: datetime) -> Sequence[Moment]:
        """The rows of rejected drafts."""
        return self._which(now, lambda moment: moment.kind == "refused")

    def _which(self, now: datetime, wanted: Callable[[Moment], bool]) -> Sequence[Moment]:
        return [moment for moment in self.story(now).moments if wanted(moment)]


@staff_page
def head(request: HttpRequest, rule_set: str) -> HttpResponseBase:
    """The last step; `?v=` and `?place=` come from the forms."""
    past = _past(rule_set)
    if "v" not in request.GET and "place" not in request.GET:
        return _page(past, request, None).answer(request)
    version, t = chosen(past, request.GET)
    if part_wanted(request, REGIONS) is None:
        carried = asked(request.GET).carry(t=t.isoformat() if t else "")
        return redirect(reverse("rule-step", args=[rule_set, version]) + carried)
    return _page(past, request, version).answer(request)


@staff_page
def step(request: HttpRequest, rule_set: str, version: str) -> HttpResponseBase:
    """One step of a rule set's history."""
    return _page(_past(rule_set), request, version).answer(request)


@staff_page
def pin(request: HttpRequest, rule_set: str, version: str) -> HttpResponseBase:
    """The address of a step that says what it folds to today."""
    address = _page(_past(rule_set), request, version).pinned()
    if request.headers.get("Accept") == "text/plain":
        return HttpResponse(request.build_absolute_uri(address), content_type="text/plain")
    return redirect(address)


@staff_page(polled=True)
def live(request: HttpRequest, rule_set: str) -> HttpResponseBase:
    """What came since step `since`."""
    if not RULE_SET_ID.fullmatch(rule_set):
        raise Http404("This can be no rule set's id.")
    return news(request, rulebook.stream_of(rule_set))


def _past(rule_set: str) -> RuleHistory:
    past = rule_history.load(rule_set) if RULE_SET_ID.fullmatch(rule_set) else None
    if past is None or not past.head:
        raise Http404("There is no such rule set.")
    return past


def _page(past: RuleHistory, request: HttpRequest, version: str | None) -> RulePage:
    query = msgspec.structs.replace(asked(request.GET), order="known", a_order="known")
    now = timezone.now()
    place = wanted_step(past, version)
    return RulePage(
        name=past.rule_set,
        base=reverse("rule-timeline", args=[past.rule_set]),
        past=past,
        told=Told(past),
        query=query,
        cursor=cursor_at(past, place.version, query.t, now if version is None else None),
        now=now,
        notice=place.notice,
    )
