"""The audit trail for auditors: filtered, a page at a time, or all that was found as CSV."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import msgspec
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.dateparse import parse_date

from licensing import trail
from licensing.models import AuditEntry
from timeline import audit, sheets
from timeline.http import MEMBER_ID, staff_page

PAGE = 100
LONGEST = 200
LAST_ID = 2**63 - 1
ACTIONS = {
    "read": "Read", "reveal": "Revealed", "export": "Exported", "act": "Acted", "rules": "Rules",
    "operate": "Operated", "catalogue": "Catalogue", "erase": "Erased", "key": "Keys",
    "admin": "Administration", "refused": "Refused", "sign-in": "Signed in",
    "sign-in failed": "Sign-in failed", "sign-out": "Signed out",
}  # fmt: skip
COLUMNS = (
    "id", "at", "kind", "who", "roles", "action", "subject", "purpose", "reason", "detail",
    "session", "address", "request_id",
)  # fmt: skip


class Wanted(msgspec.Struct, frozen=True):
    """The filters as asked for; days are UTC and both belong to the span."""

    who: str = ""
    subject: str = ""
    action: str = ""
    since: str = ""
    until: str = ""

    def query(self) -> str:
        """The filters as a query string."""
        return urlencode({name: value for name, value in self._given().items() if value})

    def _given(self) -> dict[str, str]:
        given: dict[str, str] = msgspec.structs.asdict(self)
        return given


@staff_page(may="audit", reads="audit trail")
def page(request: HttpRequest) -> HttpResponseBase:
    """The newest entries first; `before` is the id of the last one of the page before."""
    wanted = _wanted(request)
    before = _number(request.GET.get("before", ""))
    found = list(_found(wanted).filter(id__lt=before)[: PAGE + 1])
    more = len(found) > PAGE
    context = {
        "section": "audit",
        "wanted": wanted,
        "query": wanted.query(),
        "actions": ACTIONS,
        "entries": [_told(entry) for entry in found[:PAGE]],
        "next": found[PAGE - 1].id if more else None,
        "older": before != LAST_ID,
    }
    answer = render(request, "audit.html", context)
    answer.headers["Cache-Control"] = "no-store"
    return answer


@staff_page(may="audit")
def export(request: HttpRequest) -> HttpResponseBase:
    """Every entry that the filters find, as CSV; the export is an entry itself."""
    wanted = _wanted(request)
    audit.record(request, "export", purpose="audit trail", filters=wanted.query())
    # What is written from now on belongs to the next export.
    last = AuditEntry.objects.order_by("-id").values_list("id", flat=True).first() or 0
    name = f"audit-{timezone.now():%Y%m%dT%H%M%SZ}.csv"
    return sheets.answer(name, COLUMNS, _rows(wanted, last))


def _rows(wanted: Wanted, last: int) -> Iterator[tuple[Any, ...]]:
    entries = _found(wanted).filter(id__lte=last).order_by("-id")
    while page := list(entries[:1000]):
        for entry in page:
            plain = {
                "reason": trail.reason_of(entry.subject, entry.reason, entry.detail),
                "detail": json.dumps(trail.detail_of(entry.detail), ensure_ascii=False),
            }
            yield tuple(plain.get(name, getattr(entry, name)) for name in COLUMNS)
        entries = _found(wanted).filter(id__lt=page[-1].id)


def _found(wanted: Wanted) -> "QuerySet[AuditEntry]":
    found = AuditEntry.objects.order_by("-id")
    if wanted.who:
        found = found.filter(who=wanted.who)
    if wanted.subject:
        found = found.filter(subject=wanted.subject)
    if wanted.action:
        found = found.filter(action=wanted.action)
    if since := _day(wanted.since):
        found = found.filter(at__gte=since)
    # The last day of all has no next one, and nothing is later.
    if (until := _day(wanted.until)) and until.date() < date.max:
        found = found.filter(at__lt=until + timedelta(days=1))
    return found


def _wanted(request: HttpRequest) -> Wanted:
    def said(name: str) -> str:
        return "".join(c for c in request.GET.get(name, "") if c.isprintable()).strip()[:LONGEST]

    action = said("action")
    return Wanted(
        who=said("who"),
        subject=said("subject"),
        action=action if action in ACTIONS else "",
        since=said("since") if _day(said("since")) else "",
        until=said("until") if _day(said("until")) else "",
    )


def _day(text: str) -> datetime | None:
    try:
        day = parse_date(text)
    except ValueError:
        return None
    return None if day is None else datetime(day.year, day.month, day.day, tzinfo=UTC)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else LAST_ID


def _told(entry: AuditEntry) -> dict[str, Any]:
    about = entry.subject
    member = entry.action in ("read", "reveal", "act", "export") and MEMBER_ID.fullmatch(about)
    return {
        "entry": entry,
        "action": ACTIONS.get(entry.action, entry.action),
        "member": about if member else "",
        "reason": trail.reason_of(about, entry.reason, entry.detail),
        "detail": ", ".join(
            f"{name} {value}" for name, value in trail.detail_of(entry.detail).items() if value
        ),
    }
