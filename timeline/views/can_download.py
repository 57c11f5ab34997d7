"""Can this member download this title on this device? Asked of the rules, now or in the past."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone

from licensing import catalogue, history, rulebook, service, store
from licensing.domain import member as members
from licensing.domain.commands import AcquireLicense
from licensing.domain.member import Member
from timeline.actions.fields import plain
from timeline.http import MEMBER_ID, staff_page
from timeline.presenters import can_download, clock
from timeline.presenters.sentences import Names
from timeline.views import actions

MOST_FOUND = 20
MOST_OFFERED = 500
OTHER = "other:"
TYPES = ("phone", "tablet", "laptop", "tv")


class Question(msgspec.Struct, frozen=True):
    """What somebody wants to know; `fault` says by field why it cannot be asked."""

    title: str
    device: str
    at: datetime | None
    at_text: str
    fault: dict[str, str]


@staff_page(reads="explanation")
def page(request: HttpRequest, member_id: str) -> HttpResponseBase:
    """The form, and below it the answer once title and device are named."""
    if not MEMBER_ID.fullmatch(member_id):
        raise Http404("This can be no member's id.")
    now = timezone.now()
    question = _question(request.GET, now)
    try:
        context = _page(member_id, question, now, asked="title" in request.GET)
    except actions.CLOSED as error:
        return actions.closed(request, member_id, error)
    status = 422 if context["fault"] else 200
    return render(request, "actions/can_download.html", context, status=status)


def _question(query: Mapping[str, str], now: datetime) -> Question:
    at_text = query.get("at", "").strip()[:40]
    at = clock.instant(f"{at_text}Z" if len(at_text) in (16, 19) else at_text.replace(" ", "+"))
    fault = {}
    if at_text and at is None:
        fault["at"] = "A day and a time such as 2026-03-01T14:30, in UTC."
    elif at is not None and at > now:
        fault["at"] = "This lies in the future; rules and history are known until now only."
    return Question(
        title=plain(query.get("title", "")).strip()[:120],
        device=plain(query.get("device", "")).strip()[:128],
        at=at,
        at_text=at_text,
        fault=fault,
    )


def _page(member_id: str, question: Question, now: datetime, *, asked: bool) -> dict[str, Any]:
    member = _member(member_id, question, now)
    names = Names.of(member)
    listed = _titles(member, question.title)
    found = _named(listed, question.title)
    fault = dict(question.fault)
    if asked and not question.title:
        fault["title"] = "Name a title."
    elif question.title and not found:
        fault["title"] = "The catalogue has no title of this name or id."
    devices = [
        (x.device_id, names.device(x.device_id), x.type or "type not known")
        for x in member.devices.values()
        if x.deactivated_at is None
    ]
    types = [(f"{OTHER}{kind}", kind) for kind in TYPES]
    if asked and question.device not in {device[0] for device in (*devices, *types)}:
        fault["device"] = "Choose a device."
    context: dict[str, Any] = {
        "section": "members",
        "member_id": member_id,
        "head": history.head(member_id),
        "question": question,
        "fault": fault,
        "offered": sorted({_name(x, i) for i, x in catalogue.search("", MOST_OFFERED).items()}),
        "devices": devices,
        "types": types,
        "found": [] if len(found) == 1 else [(i, _name(listed[i], i), listed[i]) for i in found],
    }
    if asked and not fault and len(found) == 1:
        context["answer"] = _answer(member, names, found[0], listed[found[0]], question, now)
        context["title_name"] = _name(listed[found[0]], found[0])
    return context


def _member(member_id: str, question: Question, now: datetime) -> Member:
    if question.at is None or question.fault:
        member = members.as_of(history.current(member_id, keep=False), now)
        if member.erased_at is not None:
            raise store.StreamErased(history.stream_of(member_id))
        return member
    return history.state_as_at(member_id, known_at=question.at)[0]


def _titles(member: Member, text: str) -> dict[str, Mapping[str, Any]]:
    """What a text may mean: titles of the catalogue, and those that the member has had."""
    wanted = text.casefold()
    if not wanted:
        return {}
    had: dict[str, Mapping[str, Any]] = {
        x.title_id: {"name": x.name, "studio": x.studio}
        for x in member.downloads.values()
        if wanted in (x.name or "").casefold() or text == x.title_id
    }
    exact = {text: known} if (known := catalogue.get(text)) else {}
    return had | catalogue.search(text, MOST_FOUND) | exact


def _named(listed: Mapping[str, Mapping[str, Any]], text: str) -> list[str]:
    """The titles that a text names: by id, by whole name, or by a part of the name."""
    if text in listed:
        return [text]
    wanted = text.casefold()
    same = [i for i, x in listed.items() if _name(x, i).casefold() == wanted]
    return (same or list(listed))[:MOST_FOUND]


def _name(attributes: Mapping[str, Any], title_id: str) -> str:
    name = attributes.get("name")
    return name if isinstance(name, str) and name else title_id


def _answer(
    member: Member,
    names: Names,
    title_id: str,
    attributes: Mapping[str, Any],
    question: Question,
    now: datetime,
) -> can_download.Answer:
    kind = question.device.removeprefix(OTHER) if question.device.startswith(OTHER) else ""
    device_id = "another-device" if kind else question.device
    names.devices.setdefault(device_id, f"another {kind}" if kind else device_id)
    command = AcquireLicense(
        title_id, device_id, title=dict(attributes), device={"type": kind} if kind else {}
    )
    found = service.explain(member.member_id, command, now=now, at=question.at)
    record = found.decided.decision or {}
    hash_ = str(record.get("rules", {}).get("hash", ""))
    return can_download.answer(
        found,
        command,
        member,
        names,
        rulebook.by_hash(hash_) if hash_ else None,
        lambda row_id: rulebook.row(hash_, row_id),
        question.at,
    )
