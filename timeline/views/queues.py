"""The lists behind the queues of the first page; each row opens the step it is about."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone

from projections.limits_used_up import Reached
from projections.read_models import decision_log, late_report, limit_watch
from timeline import paging, telling
from timeline.http import staff_page
from timeline.paging import Instant, Number, Text
from timeline.presenters import clock, queues
from timeline.presenters.queues import BAND_WORDS, PERIOD_WORDS, Line

PAGE = 50
REFUSAL_PERIODS = {name: PERIOD_WORDS[name] for name in ("1h", "24h", "7d")}
LATE_PERIODS = {name: PERIOD_WORDS[name] for name in ("today", "24h", "7d")}


@staff_page(reads="queue")
def refusals(request: HttpRequest) -> HttpResponseBase:
    """Refusals of a period, of one row and reason or of all."""
    now, query = timezone.now(), _query(request.GET, "period", "row", "reason")
    period = query["period"] = _one_of(query["period"], REFUSAL_PERIODS, "24h")
    since = queues.since(period, now)
    after = paging.place(request.GET.get("after"), tuple[Instant, Text, Number])
    found = decision_log.refusals(
        since, PAGE + 1, row_id=query["row"] or None, reason=query["reason"] or None, after=after
    )
    said = telling.sentences((each.member_id, each.version) for each in found[:PAGE])
    lines = [
        queues.line(
            each.member_id, each.version, each.decided_at, now, kind="refused", tab="why",
            words=said.get((each.member_id, each.version), each.title_id or each.license_id),
            tag=queues.reason(each.reason), note=each.row_id or "",
        )
        for each in found[:PAGE]
    ]  # fmt: skip
    page = {
        "title": "Refusals",
        "noted": "Rule",
        "tagged": "Reason",
        "about": f"What members asked for and did not get in {PERIOD_WORDS[period]}.",
        "choices": [queues.choices(request.path, REFUSAL_PERIODS, "period", query)],
        "none": f"Nobody was refused in {PERIOD_WORDS[period]}"
        + (" by this rule." if query["row"] or query["reason"] else "."),
        "narrowed": [each for each in (query["row"], queues.reason(query["reason"])) if each],
        "widen": queues.address(request.path, {"period": period}),
    }
    last = found[PAGE - 1] if len(found) > PAGE else None
    place = (last.decided_at, last.member_id, last.version) if last else None
    return _render(request, page, lines, query, place)


@staff_page(reads="queue")
def late(request: HttpRequest) -> HttpResponseBase:
    """What became known late in a period, by its delay."""
    now, query = timezone.now(), _query(request.GET, "period", "band")
    period = query["period"] = _one_of(query["period"], LATE_PERIODS, "today")
    query["band"] = _one_of(query["band"], BAND_WORDS, "")
    after = paging.place(request.GET.get("after"), tuple[Instant, Text, Number])
    found = late_report.reports(
        queues.since(period, now), PAGE + 1, band=query["band"] or None, after=after
    )
    said = telling.sentences((each.member_id, each.version) for each in found[:PAGE])
    lines = [
        queues.line(
            each.member_id, each.version, each.recorded_at, now,
            kind=queues.kind_of(each.type),
            words=said.get((each.member_id, each.version), each.type),
            tag=f"{clock.rough(each.recorded_at - each.occurred_at)} late",
            note=clock.moment(each.occurred_at, now.year),
        )
        for each in found[:PAGE]
    ]  # fmt: skip
    bands = {"": "Any delay", **BAND_WORDS}
    page = {
        "title": "Late events",
        "noted": "Happened",
        "tagged": "Delay",
        "about": f"What devices reported in {PERIOD_WORDS[period]}, more than five minutes after it"
        " had happened. Days are UTC.",
        "choices": [
            queues.choices(request.path, LATE_PERIODS, "period", query),
            queues.choices(request.path, bands, "band", query),
        ],
        "none": f"Nothing became known late in {PERIOD_WORDS[period]}.",
    }
    last = found[PAGE - 1] if len(found) > PAGE else None
    place = (last.recorded_at, last.member_id, last.version) if last else None
    return _render(request, page, lines, query, place)


@staff_page(reads="queue")
def limits(request: HttpRequest) -> HttpResponseBase:
    """Who is at a limit now: the next such request would be refused."""
    now, query = timezone.now(), _query(request.GET, "limit")
    after = paging.place(request.GET.get("after"), tuple[Instant, Text, Number, Text, Text])
    found = limit_watch.reached(now, PAGE + 1, limit_name=query["limit"] or None, after=after)
    names = {"": "Any limit"} | {each.limit_name: each.label for each in limit_watch.counts(now)}
    lines = [
        queues.line(
            each.member_id, each.version, each.since, now,
            kind="expired", words=_used(each), tag=f"{each.used} of {each.most}",
            note=clock.moment(each.until, now.year) if each.until else "open",
        )
        for each in found[:PAGE]
    ]  # fmt: skip
    page = {
        "title": "Members at a limit",
        "noted": "Free again",
        "tagged": "Used",
        "about": "By their last decision the next such request would be refused; a release, an"
        " allowance or the clock makes room.",
        "choices": [queues.choices(request.path, names, "limit", query)],
        "none": "Nobody is at this limit now." if query["limit"] else "Nobody is at a limit now.",
    }
    place = limit_watch.place_of(found[PAGE - 1]) if len(found) > PAGE else None
    return _render(request, page, lines, query, place)


def _render(
    request: HttpRequest,
    page: dict[str, Any],
    lines: Sequence[Line],
    query: Mapping[str, str],
    place: tuple[Any, ...] | None,
) -> HttpResponseBase:
    further = {**query, "after": paging.token(place)} if place else None
    context = {
        "section": "members",
        "page": page,
        "lines": lines,
        "further": queues.address(request.path, further) if further else "",
        "first": queues.address(request.path, query) if "after" in request.GET else "",
    }
    return render(request, "queue.html", context)


def _query(given: Mapping[str, str], *names: str) -> dict[str, str]:
    return {
        name: "".join(c for c in given.get(name, "") if c.isprintable())[:100] for name in names
    }


def _one_of(text: str, known: Mapping[str, str], otherwise: str) -> str:
    return text if text in known and text else otherwise


def _used(each: Reached) -> str:
    return f"{each.label}: {each.scope}" if each.scope else each.label
