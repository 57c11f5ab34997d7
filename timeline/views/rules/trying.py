"""The Try tab: one request decided by the draft, made up in a form or loaded from a decision."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import msgspec
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone

from licensing import history, rules, simulation
from licensing.rules import Evaluation, sheets, wording
from licensing.rules.facts import Count, Type
from licensing.rules.ruleset import RuleSet
from licensing.rules.wording import Unreadable
from licensing.simulation import NoSuchTrial, Redecided
from timeline import audit
from timeline import studio as studios
from timeline.http import MEMBER_ID, small_int, staff_page
from timeline.presenters import clock
from timeline.presenters.rules import declarations
from timeline.studio import Studio
from timeline.views.rules import frame

PURPOSES = (("acquire", "A download"), ("renew", "A renewal"))


class Field(msgspec.Struct, frozen=True):
    """One value of the request: a fact, or what a counter counted before it."""

    name: str
    label: str
    value: str
    choices: tuple[str, ...]
    kind: str
    hint: str
    error: str = ""


class Check(msgspec.Struct, frozen=True):
    """One limit as it was looked at."""

    label: str
    value: int
    max: int
    ok: bool
    row: str
    margin: int


class Verdict(msgspec.Struct, frozen=True):
    """What the draft says: granted, or refused with a reason; rows, limits and terms."""

    granted: bool
    reason: str
    message: str
    row: str
    matched: tuple[str, ...]
    checks: tuple[Check, ...]
    terms: tuple[tuple[str, str], ...]
    detail: str


@staff_page
def page(request: HttpRequest, rule_set: str, draft: str) -> HttpResponseBase:
    """Decide what the address asks; nothing is written."""
    studio = studios.load(rule_set, draft)
    if studio.ruleset is None:
        return frame.show(request, studio, "try", {}, template="rules/misshapen.html")
    query = request.GET
    body: dict[str, Any] = {"purposes": PURPOSES, "member": query.get("member", "")[:64]}
    body["step"] = query.get("step", "")[:9]
    if query.get("load"):
        return _loaded(request, studio, body)
    return frame.show(request, studio, "try", body | _tried(studio, query))


def _tried(studio: Studio, query: Mapping[str, str]) -> dict[str, Any]:
    ruleset = studio.ruleset
    assert ruleset is not None
    types = ruleset.types()
    purpose = "renew" if query.get("purpose") == "renew" else "acquire"
    given, faults = _given(ruleset, types, query)
    counts, more = _counts(ruleset, query)
    faults |= more
    at, when_fault = _at(query)
    asked = "purpose" in query
    verdict = None
    if asked and not faults and not when_fault and not any(rules.faults(studio.document)):
        compiled = rules.Compiled(ruleset)
        found = rules.decide(
            compiled, purpose, {**ruleset.defaults, **given},  # type: ignore[arg-type]
            lambda name: Count(counts.get(name, 0), counts.get(name, 0) + 1), at,
        )  # fmt: skip
        verdict = _verdict(ruleset, found)
    return {
        "purpose": purpose,
        "facts": _fact_fields(ruleset, types, query, faults),
        "counters": _counter_fields(ruleset, query, faults),
        "at": query.get("at", "")[:40],
        "at_fault": when_fault,
        "verdict": verdict,
        "asked": asked,
        "cannot": asked and any(rules.faults(studio.document)),
        "case": _case(purpose, given, counts, query.get("at", ""), verdict) if verdict else None,
    }


def _given(
    ruleset: RuleSet, types: Mapping[str, Type], query: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, str]]:
    given: dict[str, Any] = {}
    faults: dict[str, str] = {}
    for name in ruleset.facts:
        text = query.get(f"f.{name}", "").strip()[:200]
        if not text:
            continue
        try:
            given[name] = wording.read_scalar(text, types.get(name, "string"))
        except Unreadable as wrong:
            faults[name] = str(wrong)
    return given, faults


def _counts(ruleset: RuleSet, query: Mapping[str, str]) -> tuple[dict[str, int], dict[str, str]]:
    counts: dict[str, int] = {}
    faults: dict[str, str] = {}
    for name in ruleset.counters:
        text = query.get(f"n.{name}", "").strip()
        number = small_int(text)
        if text and number is None:
            faults[name] = "Counts are whole numbers from 0 on."
        elif number:
            counts[name] = number
    return counts, faults


def _at(query: Mapping[str, str]) -> tuple[datetime, str]:
    try:
        return sheets.read_date(query.get("at", "").strip()) or timezone.now(), ""
    except Unreadable as wrong:
        return timezone.now(), str(wrong)


def _fact_fields(
    ruleset: RuleSet, types: Mapping[str, Type], query: Mapping[str, str], faults: Mapping[str, str]
) -> list[Field]:
    known = rules.Compiled(ruleset)
    fields = []
    for name, fact in ruleset.facts.items():
        kind = types.get(name, "string")
        choices = fact.domain or (("yes", "no") if kind == "boolean" else ())
        named = tuple(map(wording.scalar, known.named(name)))[:50] if not choices else ()
        hint = "required" if fact.required else ""
        if name in ruleset.defaults:
            hint = f"{wording.scalar(ruleset.defaults[name])} when not given"
        value = query.get(f"f.{name}", "")[:200]
        fields.append(
            Field(name, fact.label, value, choices or named, "closed" if choices else kind, hint,
                  faults.get(name, ""))
        )  # fmt: skip
    return fields


def _counter_fields(
    ruleset: RuleSet, query: Mapping[str, str], faults: Mapping[str, str]
) -> list[Field]:
    return [
        Field(name, counter.label, query.get(f"n.{name}", "")[:9], (), "integer",
              declarations.counter_words(counter), faults.get(name, ""))
        for name, counter in ruleset.counters.items()
    ]  # fmt: skip


def _verdict(ruleset: RuleSet, found: Evaluation) -> Verdict:
    checks = tuple(
        Check(each.label, each.value, each.max, each.ok, each.row, each.margin)
        for each in found.limits
    )
    limited = {each.limit for each in found.limits}
    terms = tuple(
        (sheets.output_label(ruleset, name), wording.scalar(value))
        for name, value in found.out.items()
        if name not in limited and name != "allow"
    )
    reason = found.reason or ""
    message = ruleset.reasons.get(reason, "")
    return Verdict(
        found.reason is None, reason, message, found.row or "", found.matched, checks, terms,
        found.detail or "",
    )  # fmt: skip


def _case(
    purpose: str,
    given: Mapping[str, Any],
    counts: Mapping[str, int],
    at: str,
    verdict: Verdict,
) -> str:
    """The request as an example that expects what was found, for the form that keeps it."""
    case: dict[str, Any] = {"given": given, "counts": counts, "purpose": purpose}
    case["expect"] = {"reason": verdict.reason or None, "row": verdict.row or None}
    if at:
        case["at"] = at
    return msgspec.json.encode(case).decode()


# -- A decision that was made --


def _loaded(request: HttpRequest, studio: Studio, body: dict[str, Any]) -> HttpResponseBase:
    """A recorded decision beside what the draft says of the same; its facts go into the form."""
    member, step = body["member"].strip(), small_int(body["step"])
    problem = ""
    if not MEMBER_ID.fullmatch(member):
        problem = "Give a member’s id."
    elif step is None or step < 1:
        problem = "Give the step of a decision, from 1 on."
    if problem:
        return _not_loaded(request, studio, body, problem, 422)
    audit.read(request, member, "rules")
    try:
        tried = simulation.rules_of(None, studio.document, timezone.now())
        found = simulation.redecided(member, step or 0, tried)
    except (NoSuchTrial, history.NotYet, history.UnreadableStream) as wrong:
        words = getattr(wrong, "detail", "") or str(wrong)
        return _not_loaded(request, studio, body, words[:1].upper() + words[1:], 404)
    assert studio.ruleset is not None
    query = _query(studio.ruleset, found)
    if request.GET["load"] == "form":
        kept = urlencode({**query, "member": member, "step": str(step)})
        return redirect(f"{frame.address(studio, 'try')}?{kept}")
    body |= _tried(studio, query)
    body |= {
        "then": _told(studio.ruleset, found.then),
        "now_told": _told(studio.ruleset, found.now),
    }
    body |= {"loaded_at": clock.stamp(found.moment.now), "loaded": True, "verdict": None}
    return frame.show(request, studio, "try", body)


def _not_loaded(
    request: HttpRequest, studio: Studio, body: dict[str, Any], problem: str, status: int
) -> HttpResponseBase:
    body |= _tried(studio, {}) | {"load_problem": problem}
    return frame.show(request, studio, "try", body, status=status)


def _query(ruleset: RuleSet, found: Redecided) -> dict[str, str]:
    query = {"purpose": found.purpose, "at": f"{found.moment.now:%Y-%m-%d %H:%M}"}
    for name, value in found.now["facts"].items():
        if name in ruleset.facts:
            query[f"f.{name}"] = wording.scalar(value)
        elif name in ruleset.counters:
            query[f"n.{name}"] = str(value)
    return query


def _told(ruleset: RuleSet, record: Mapping[str, Any] | None) -> Verdict | None:
    """A decision record as a verdict."""
    if record is None:
        return None
    checks = tuple(
        Check(
            str(each.get("label", each["limit"])), each["value"], each["max"],
            bool(each.get("ok", True)), str(each.get("row", "")), each.get("margin", 0),
        )
        for each in record.get("limits", ())
    )  # fmt: skip
    reason = record.get("reason") or ""
    return Verdict(
        not reason, reason, ruleset.reasons.get(reason, ""), record.get("row") or "",
        tuple(record.get("matched", ())), checks, (), record.get("detail") or "",
    )  # fmt: skip
