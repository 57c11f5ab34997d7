"""Withdraw a title or a studio: a dry run, a confirmation, and then how far it is.

The work itself is done by workers, a slice at a time; these pages only begin, stop and look.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Literal
from uuid import UUID

import msgspec
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters

from licensing import catalogue, history, rulebook, simulation, store
from licensing.domain.commands import RevokeLicense
from projections import withdrawals
from projections.withdrawals import OUTCOMES, Run, Sample, Target
from timeline import audit, paging, sheets
from timeline.actions import fields, withdrawing
from timeline.actions.withdrawing import Caller, DryRun, Moved, NoToken, NotSo
from timeline.http import may, part_wanted, staff_page
from timeline.paging import Instant, Number, Text
from timeline.presenters import catalogue as catalogues
from timeline.presenters import clock, queues
from timeline.presenters import withdrawals as presenter
from timeline.presenters.catalogue import Withdrawal

PAGE = 50
MOST_FOUND = 20
MOST_OFFERED = 500
MOST_EXPORTED = 100_000
COLUMNS = ("member", "license", "outcome", "detail", "step", "at")


class Form(msgspec.Struct, frozen=True):
    """What somebody sent, cleaned, and by field why it cannot be so."""

    kind: Literal["title", "studio"]
    name: str
    reason: str
    case: str
    faults: dict[str, str]


@staff_page(may="read", writes="withdraw", reads="withdrawals")
@sensitive_post_parameters("reason")
def index(request: HttpRequest) -> HttpResponseBase:
    """Every withdrawal, and the form of a new one; sent, its dry run; confirmed, its page."""
    if request.method != "POST":
        return _index(request, _form(request.GET, asked=False))
    match request.POST.get("do"):
        case "confirm":
            return _begun(request)
        case "change":
            return _index(request, _form(request.POST, asked=False))
        case _:
            return _previewed(request)


def _index(request: HttpRequest, form: Form, status: int = 200, **more: Any) -> HttpResponse:
    now = timezone.now()
    before = paging.place(request.GET.get("after"), tuple[Instant, Text])
    found = withdrawals.latest(PAGE + 1, before if before and _is_uuid(before[1]) else None)
    names = _names(found)
    last = found[PAGE - 1] if len(found) > PAGE else None
    further = paging.token((last.asked_at, str(last.id))) if last else ""
    context = {
        "section": "catalogue",
        "form": form,
        "may_withdraw": may(request, "withdraw"),
        "alone": withdrawing.alone(),
        "offered": _offered(),
        "studios": catalogue.studios(),
        "rows": [
            presenter.row(run, names.get(run.name), now, expired=withdrawing.expired(run, now))
            for run in found[:PAGE]
        ],
        "further": queues.address(request.path, {"after": further}) if further else "",
        "first": request.path if before else "",
    }
    return render(request, "withdrawals/index.html", context | more, status=status)


def _form(sent: Mapping[str, str], *, asked: bool) -> Form:
    kind: Literal["title", "studio"] = "studio" if sent.get("kind") == "studio" else "title"
    name = fields.plain(sent.get("name", "")).strip()[:200]
    reason, wrong = fields.reason_of(sent.get("reason", ""))
    case, odd = fields.case_of(sent.get("case", ""))
    faults = {}
    if asked:
        faults = {"reason": wrong} if wrong else {}
        faults |= {"case": odd} if odd else {}
        if not name:
            faults["name"] = "Name a title or a studio."
    return Form(kind, name, reason, case, faults)


def _previewed(request: HttpRequest) -> HttpResponse:
    form = _form(request.POST, asked=True)
    found = _meant(form) if form.name else []
    if form.name and not found:
        what = "title of this name or id" if form.kind == "title" else "studio of this name"
        form.faults["name"] = f"There is no {what}, neither in the catalogue nor among licenses."
    if form.faults:
        return _index(request, form, 422)
    if len(found) > 1:
        return _index(request, form, which=found)
    name = found[0][0]
    target = Target(form.kind, name)
    shown = withdrawing.dry_run(caller(request), target, form.reason, form.case, timezone.now())
    return _preview(request, shown)


def _preview(
    request: HttpRequest, shown: DryRun, moved: Moved | None = None, status: int = 200
) -> HttpResponse:
    target, count = shown.target, shown.count
    called = _name(target)
    context = {
        "section": "catalogue",
        "shown": shown,
        "called": presenter.title(target.kind, target.name, called),
        "until": clock.stamp(shown.until),
        "rest": presenter.titles_line(count.titles, count.licenses),
        "sample": [_sampled(each, shown) for each in count.sample],
        "refusing": _refusing(target),
        "alone": withdrawing.alone(),
        "rule_set": rulebook.RULE_SET,
        "may_draft": may(request, "draft"),
        "moved": moved.why if moved else (),
    }
    return render(request, "withdrawals/preview.html", context, status=status)


def _sampled(each: Sample, shown: DryRun) -> dict[str, Any]:
    """One license of the sample, tried at the member's head with nothing written."""
    command = RevokeLicense(each.license_id, shown.reason)
    told = {
        "member": each.member_id,
        "title": each.title_name or each.title_id,
        "device": each.device_type or each.device_id,
        "ends": clock.moment(each.expires_at, shown.until.year),
        "head": history.head(each.member_id),
    }
    try:
        found = simulation.preview(each.member_id, command, command_id="dry-run", now=shown.until)
    except (history.UnreadableStream, rulebook.NoRules, store.StreamErased) as error:
        return told | {"outcome": "refused", "words": f"would be refused: {error}"}
    if found.decided is None:
        return told | {"outcome": "refused", "words": f"would be refused: {found.error}"}
    if found.decided.outcome == "accepted":
        return told | {"outcome": "withdrawn", "words": "would be taken back"}
    return told | {"outcome": "gone", "words": "has ended already"}


def _begun(request: HttpRequest) -> HttpResponseBase:
    asks, token = caller(request), request.POST.get("token", "")
    try:
        known = withdrawing.begin(asks, token, timezone.now(), partial(audit.record, request))
    except NoToken:
        form = _form(request.POST, asked=False)
        problem = (
            "This was not the dry run that was shown to you; look at a new one. Nothing was done."
        )
        return _index(request, form, 409, problem=problem)
    except Moved as moved:
        return _preview(request, moved.fresh, moved, status=409)
    return redirect("withdrawal", known.id)


# -- One withdrawal --


@staff_page(may="read", writes="withdraw", reads="withdrawal", polled=True)
@sensitive_post_parameters("answer")
def one(request: HttpRequest, withdrawal: Any) -> HttpResponseBase:
    """How far it is, what came of each license, and what can be done about it."""
    run = withdrawals.find(withdrawal)
    if run is None:
        raise Http404("There is no such withdrawal.")
    if request.method != "POST":
        return _one(request, run)
    return _do(request, run)


def _do(request: HttpRequest, run: Run) -> HttpResponse:
    do = request.POST.get("do", "")
    if do in ("agree", "reject"):
        return _second(request, run, agree=do == "agree")
    if do not in withdrawing.MOVES:
        return _one(request, run, 422, problem="There is no such action.")
    try:
        withdrawing.move(run, do, partial(audit.record, request))
    except NotSo:
        now = presenter.state(run, expired=False)
        return _one(request, run, 409, problem=f"Meanwhile it is {now}; nothing was done.")
    return redirect("withdrawal", run.id)


def _second(request: HttpRequest, run: Run, *, agree: bool) -> HttpResponse:
    if not may(request, "second"):
        raise PermissionDenied("An agent or an operator can be the second person.")
    answer, fault = fields.reason_of(request.POST.get("answer", ""))
    if fault and (answer or not agree):
        return _one(request, run, 422, fault=fault, answer=answer)
    asks = caller(request)
    if run.by_id == asks.id:
        problem = "You asked for this yourself; another person has to decide."
        return _one(request, run, 409, problem=problem)
    if withdrawing.expired(run, timezone.now()):
        problem = "Nobody answered in time; whoever still needs it asks again."
        return _one(request, run, 409, problem=problem)
    try:
        withdrawing.decide(
            asks, run, agree=agree, answer=answer, record=partial(audit.record, request)
        )
    except NotSo:
        problem = "Somebody else was first; look at how it stands now."
        return _one(request, withdrawals.find(run.id) or run, 409, problem=problem)
    return redirect("withdrawal", run.id)


def _one(request: HttpRequest, run: Run, status: int = 200, **more: Any) -> HttpResponse:
    now = timezone.now()
    expired = withdrawing.expired(run, now)
    outcome = request.GET.get("outcome", "")
    outcome = outcome if outcome in OUTCOMES else "refused" if run.refused else "withdrawn"
    after = paging.place(request.GET.get("after"), tuple[Number, Text, Text])
    found = withdrawals.items(run.id, outcome, PAGE + 1, after or (-1, "", ""))
    last = found[PAGE - 1] if len(found) > PAGE else None
    place = paging.token((last.bucket, last.member_id, last.license_id)) if last else ""
    query = {"outcome": outcome}
    context = {
        "section": "catalogue",
        "run": run,
        "seen": presenter.seen(run, _name(run.target), now, expired=expired),
        "expired": expired,
        "outcome": outcome,
        "items": found[:PAGE],
        "further": queues.address(request.path, query | {"after": place}) if place else "",
        "first": queues.address(request.path, query) if after else "",
        "may_withdraw": may(request, "withdraw"),
        "may_second": may(request, "second"),
        "own": run.by_id == caller(request).id,
        "refusing": _refusing(run.target) if run.state == "done" else [],
        "since": withdrawals.since(run.target, until=run.until, now=now)
        if run.state == "done"
        else 0,
        "rule_set": rulebook.RULE_SET,
        "may_draft": may(request, "draft"),
        "again": queues.address(reverse("withdrawals"), {"kind": run.kind, "name": run.name}),
    }
    part = part_wanted(request, ("run",))
    name = "withdrawals/run.html" if part else "withdrawals/one.html"
    return render(request, name, context | more, status=status)


@staff_page(may="read", reads="withdrawal")
def outcomes(request: HttpRequest, withdrawal: Any) -> HttpResponseBase:
    """What came of each license, as a sheet."""
    run = withdrawals.find(withdrawal)
    if run is None:
        raise Http404("There is no such withdrawal.")
    audit.record(
        request, "export", f"{run.kind}:{run.name}", purpose="withdrawal", withdrawal=str(run.id)
    )
    return sheets.answer(f"withdrawal-{run.id}.csv", COLUMNS, _lines(run))


def _lines(run: Run) -> Iterator[tuple[Any, ...]]:
    for outcome in OUTCOMES:
        after = (-1, "", "")
        while page := withdrawals.items(run.id, outcome, 1_000, after):
            for each in page:
                yield (
                    each.member_id, each.license_id, each.outcome, each.detail, each.version,
                    each.ended_at,
                )  # fmt: skip
            last = page[-1]
            after = (last.bucket, last.member_id, last.license_id)


# -- Names and rules --


def caller(request: HttpRequest) -> Caller:
    """Whoever is signed in."""
    return Caller(f"user:{request.user.pk}", audit.who(request))


def _meant(form: Form) -> list[tuple[str, str, str]]:
    """What a name may mean: (id, name, studio) of titles, or studios."""
    if form.kind == "studio":
        wanted = form.name.casefold()
        same = [name for name in catalogue.studios() if name.casefold() == wanted]
        known = [form.name] if form.name in same else same
        return [(name, name, "") for name in known or _licensed(form)]
    listed = catalogue.search(form.name, MOST_FOUND)
    if known_title := catalogue.get(form.name):
        return [(form.name, str(known_title.get("name") or form.name), "")]
    wanted = form.name.casefold()
    same = [key for key, about in listed.items() if str(about.get("name", "")).casefold() == wanted]
    keys = _licensed(form) or same or list(listed)
    return [
        (
            key,
            str(listed.get(key, {}).get("name") or key),
            str(listed.get(key, {}).get("studio") or ""),
        )
        for key in keys
    ]


def _licensed(form: Form) -> list[str]:
    """The name itself, where licenses bear it and the catalogue does not know it."""
    now = timezone.now()
    found = withdrawals.count(Target(form.kind, form.name), until=now, now=now)
    return [form.name] if found.licenses else []


def _names(runs: list[Run]) -> dict[str, str]:
    listed = {run.name: catalogue.get(run.name) for run in runs if run.kind == "title"}
    return {key: str(about["name"]) for key, about in listed.items() if about.get("name")}


def _name(target: Target) -> str | None:
    named = catalogue.get(target.name).get("name") if target.kind == "title" else None
    return named if isinstance(named, str) else None


def _offered() -> list[str]:
    names = catalogue.search("", MOST_OFFERED)
    return sorted({str(about.get("name") or key) for key, about in names.items()})


def _refusing(target: Target) -> list[Withdrawal]:
    """The rows in force that refuse new downloads of it."""
    now = timezone.now()
    try:
        rules = rulebook.current(now).ruleset
    except rulebook.NoRules:
        return []
    return catalogues.refusing(rules, target.kind, target.name, now)


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
