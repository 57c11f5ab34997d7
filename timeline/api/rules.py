"""Rule sets: their versions and drafts, what is wrong with them, and how they come into force."""

import uuid
from datetime import datetime
from typing import Any

import msgspec
from django.http import Http404, HttpRequest
from django.utils import timezone
from ninja import Router

from licensing import rulebook, rulemaking, rules, store
from licensing.actors import Actor
from licensing.rules import edits, life
from licensing.rules.life import Draft, LifeError
from timeline.api import commanding, conditional, inputs, keys, pages, problems, shapes
from timeline.api.openapi import told
from timeline.api.problems import Fault, Problem, invalid

router = Router(tags=["rules"])

# 404 for what there is not, 403 for who may not, 409 for when not, 422 for what is not right.
_STATUS = {
    "UNKNOWN_DRAFT": 404,
    "UNKNOWN_VERSION": 404,
    "FOUR_EYES": 403,
    "DRAFT_BROKEN": 422,
    "VALID_FROM_PAST": 422,
}


@router.get(
    "/versions", auth=keys.RULES_READ, openapi_extra=told(shapes.Page[shapes.PublishedVersion])
)
def list_versions(
    request: HttpRequest,
    rule_set: inputs.RuleSetId,
    after: pages.After = None,
    limit: pages.Limit = 100,
) -> dict[str, Any]:
    """Every published version, oldest first, with the instant from which it is in force."""
    conditional.by_version(request, rulebook.stream_of(rule_set))
    behind = pages.number_of(after)
    found = [each for each in rulebook.versions(rule_set) if each.version > behind]
    return pages.page(found, limit, lambda each: [each.version], _version)


@router.get(
    "/versions/{version}",
    auth=keys.RULES_READ,
    openapi_extra=told(shapes.WholeVersion, "not_found"),
)
def get_version(
    request: HttpRequest, rule_set: inputs.RuleSetId, version: inputs.VersionInPath
) -> dict[str, Any]:
    """One published version with its document, and what differs from the one before."""
    conditional.by_version(request, rulebook.stream_of(rule_set))
    published = rulebook.versions(rule_set)
    if not 1 <= version <= len(published):
        raise Http404
    documents = rulebook.life_of(rule_set).published
    found = published[version - 1]
    before = documents[published[version - 2].hash] if version > 1 else {}
    document = documents[found.hash]
    return _version(found) | {"document": document, "changes": _changes(before, document)}


@router.post("/findings", auth=keys.RULES_READ, openapi_extra=told(shapes.Findings))
def find(request: HttpRequest, rule_set: inputs.RuleSetId, body: inputs.RulesDocument) -> Any:
    """What is wrong with a document: gaps, overlaps and dead rows, each with a witness."""
    return {"items": _findings(rules.examine(body.document))}


@router.get("/drafts", auth=keys.RULES_READ, openapi_extra=told(shapes.Page[shapes.Draft]))
def list_drafts(
    request: HttpRequest,
    rule_set: inputs.RuleSetId,
    after: pages.After = None,
    limit: pages.Limit = 100,
) -> dict[str, Any]:
    """Every draft, without its document, in the order in which they were begun."""
    conditional.by_version(request, rulebook.stream_of(rule_set))
    # Drafts are never taken away, so that the how-manieth a draft is stays so.
    behind = pages.number_of(after)
    drafts = enumerate(rulebook.life_of(rule_set).drafts.values(), start=1)
    found = [each for each in drafts if each[0] > behind]
    return pages.page(found, limit, lambda each: [each[0]], lambda each: _draft(each[1]))


@router.post(
    "/drafts",
    auth=keys.RULES_WRITE,
    openapi_extra=told(shapes.DraftAnswer, "draft_exists", "nothing_published", keyed=True),
)
def start(
    request: HttpRequest, rule_set: inputs.RuleSetId, body: inputs.NewDraft
) -> dict[str, Any]:
    """Begin to change the version in force, or begin with a document."""
    key = commanding.command_id(request)
    # Of the command, so that one that is sent again means the same draft.
    made_up = uuid.uuid5(uuid.NAMESPACE_URL, f"{rulebook.stream_of(rule_set)}/{key}")
    draft_id = body.draft_id or f"draft-{made_up.hex[:12]}"
    command = life.StartDraft(draft_id, body.title, body.document)
    return _made(_ask(request, rule_set, command, key=key), draft_id)


@router.get(
    "/drafts/{draft_id}",
    auth=keys.RULES_READ,
    openapi_extra=told(shapes.WholeDraft, "unknown_draft"),
)
def get_draft(
    request: HttpRequest, rule_set: inputs.RuleSetId, draft_id: inputs.DraftInPath
) -> dict[str, Any]:
    """A draft with its document, what it changes of its base, and what is wrong with it."""
    lived = rulebook.life_of(rule_set)
    draft = lived.drafts.get(draft_id)
    if draft is None:
        raise Problem(404, "unknown_draft", f"There is no draft {draft_id}.")
    conditional.by_version(request, rulebook.stream_of(rule_set), revision=draft.revision)
    base = lived.published.get(draft.base or "", {})
    return _draft(draft) | {
        "document": draft.document,
        "changes": _changes(base, draft.document),
        "findings": _findings(rules.examine(draft.document)),
        "base_superseded": draft.base != lived.last and draft.status != "published",
    }


@router.put(
    "/drafts/{draft_id}",
    auth=keys.RULES_WRITE,
    openapi_extra=told(
        shapes.DraftAnswer,
        "unknown_draft",
        "draft_closed",
        "draft_changed",
        keyed=True,
        revised=True,
    ),
)
def edit(
    request: HttpRequest,
    rule_set: inputs.RuleSetId,
    draft_id: inputs.DraftInPath,
    body: inputs.DraftEdit,
) -> dict[str, Any]:
    """Make the draft this document: 409 if it moved on.

    `revision`, or the one that If-Match names, is what the document was made of.
    """
    revision = _revision(request, rule_set, draft_id, body.revision)
    command = life.EditDraft(draft_id, body.document, revision)
    return _made(_ask(request, rule_set, command), draft_id)


@router.post(
    "/drafts/{draft_id}/submission",
    auth=keys.RULES_WRITE,
    openapi_extra=told(
        shapes.DraftAnswer, "unknown_draft", "draft_closed", "draft_broken", keyed=True
    ),
)
def submit(
    request: HttpRequest,
    rule_set: inputs.RuleSetId,
    draft_id: inputs.DraftInPath,
    body: inputs.Empty | None = None,
) -> dict[str, Any]:
    """Ask for approval; refused while something blocking is found."""
    return _made(_ask(request, rule_set, life.SubmitDraft(draft_id)), draft_id)


@router.post(
    "/drafts/{draft_id}/approval",
    auth=keys.RULES_APPROVE,
    openapi_extra=told(
        shapes.DraftAnswer,
        "unknown_draft",
        "draft_not_submitted",
        "draft_changed",
        "four_eyes",
        keyed=True,
    ),
)
def approve(
    request: HttpRequest,
    rule_set: inputs.RuleSetId,
    draft_id: inputs.DraftInPath,
    body: inputs.Approval,
) -> dict[str, Any]:
    """Approve what was submitted, as its hash names it; not by any of its authors."""
    command = life.ApproveDraft(draft_id, body.hash)
    return _made(_ask(request, rule_set, command), draft_id)


@router.post(
    "/drafts/{draft_id}/rejection",
    auth=keys.RULES_APPROVE,
    openapi_extra=told(shapes.DraftAnswer, "unknown_draft", "draft_closed", keyed=True),
)
def reject(
    request: HttpRequest,
    rule_set: inputs.RuleSetId,
    draft_id: inputs.DraftInPath,
    body: inputs.Rejection,
) -> dict[str, Any]:
    """Give a draft back, or give it up."""
    command = life.RejectDraft(draft_id, body.reason)
    return _made(_ask(request, rule_set, command), draft_id)


@router.post(
    "/drafts/{draft_id}/publication",
    auth=keys.RULES_WRITE,
    openapi_extra=told(
        shapes.DraftAnswer,
        "unknown_draft",
        "draft_not_approved",
        "base_superseded",
        "valid_from_past",
        keyed=True,
    ),
)
def publish(
    request: HttpRequest,
    rule_set: inputs.RuleSetId,
    draft_id: inputs.DraftInPath,
    body: inputs.Publication | None = None,
) -> dict[str, Any]:
    """Bring an approved draft into force, now or from a later instant on."""
    now = timezone.now()
    command = life.PublishDraft(draft_id, (body and body.valid_from) or now)
    return _made(_ask(request, rule_set, command, now), draft_id)


@router.post(
    "/rollbacks",
    auth=keys.RULES_APPROVE,
    openapi_extra=told(shapes.RolledBack, "unknown_version", "valid_from_past", keyed=True),
)
def roll_back(
    request: HttpRequest, rule_set: inputs.RuleSetId, body: inputs.Rollback
) -> dict[str, Any]:
    """Bring an earlier version into force again, word for word and under the same hash."""
    now = timezone.now()
    command = life.RollBack(body.hash, body.valid_from or now, body.reason)
    made = _ask(request, rule_set, command, now)
    return {"outcome": made.outcome, "in_force": made.life.last}


def _revision(request: HttpRequest, rule_set: str, draft_id: str, said: int | None) -> int:
    named = commanding.expected(request)
    if named == store.EXISTS and said is None:  # whatever there is
        draft = rulebook.life_of(rule_set).drafts.get(draft_id)
        return draft.revision if draft is not None else 0
    if named >= 0:
        if said not in (None, named):
            raise invalid("revision", f"is not the one in If-Match, {named}")
        return named
    if said is None:
        raise invalid("revision", "must say what the document was made of, here or in If-Match")
    return said


def _ask(
    request: HttpRequest,
    rule_set: str,
    command: life.Command,
    now: datetime | None = None,
    *,
    key: str | None = None,
) -> rulemaking.Made:
    received = getattr(request, "received", {})
    try:
        return rulemaking.handle(
            rule_set,
            command,
            command_id=key or commanding.command_id(request),
            actor=Actor("api", commanding.key_id(request)),
            now=now or timezone.now(),
            said_hash=commanding.data_hash(command, request.path, received),
        )
    except LifeError as wrong:
        raise _problem(wrong) from None
    except store.WrongExpectedVersion:  # nobody named one: others were quicker at every try
        raise problems.busy("too many changes of this rule set at once") from None


def _problem(wrong: LifeError) -> Problem:
    faults = [Fault(f"findings.{each.kind}", each.message) for each in wrong.findings]
    faults += [Fault("/".join(each.path), "changed meanwhile") for each in wrong.meanwhile]
    return Problem(_STATUS.get(wrong.code, 409), wrong.code.lower(), wrong.detail, errors=faults)


def _made(made: rulemaking.Made, draft_id: str) -> dict[str, Any]:
    return {"outcome": made.outcome, "draft": _draft(made.life.drafts[draft_id])}


def _draft(draft: Draft) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(draft)
    del told["document"]
    return told | {"hash": draft.hash}


def _version(each: rules.PublishedRules) -> dict[str, Any]:
    return {
        "version": each.version,
        "hash": each.hash,
        "title": each.ruleset.title,
        "valid_from": each.valid_from,
        "published_at": each.published_at,
    }


def _changes(before: dict[str, Any], after: dict[str, Any]) -> Any:
    return msgspec.to_builtins(edits.between(before, after))


def _findings(found: tuple[rules.Finding, ...]) -> Any:
    return msgspec.to_builtins(found)
