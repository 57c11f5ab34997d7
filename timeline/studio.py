"""Drafts as the rules studio handles them: loaded once, changed safely, each change one edit.

Two people may work on one draft. An edit names the revision it was made on; what others changed
since is looked at, and only an edit of the same place is a conflict.
"""

import re
import uuid
from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cached_property
from threading import Lock
from typing import Any

import msgspec
from django.http import Http404, HttpRequest
from django.utils import timezone

from licensing import backtests, rulebook, rulemaking, rules
from licensing.actors import Actor
from licensing.rules import drafting, life
from licensing.rules.drafting import Document
from licensing.rules.edits import Edit
from licensing.rules.life import Draft, Life, LifeError
from licensing.rules.ruleset import RuleSet
from licensing.rules.verification import Finding
from timeline import audit

TRIES = 5
KEPT = 64
Path = tuple[str, ...]


class Meanwhile(msgspec.Struct, frozen=True):
    """One edit that somebody made after the revision that was looked at."""

    edit: Edit
    by: str
    at: datetime
    revision: int


class Conflict(Exception):
    """Somebody changed the same place meanwhile; nothing was written."""

    def __init__(self, meanwhile: Sequence[Meanwhile], draft: Draft) -> None:
        super().__init__("changed meanwhile")
        self.meanwhile, self.draft = tuple(meanwhile), draft


class Unfit(ValueError):
    """The change would leave something that is no rule set; nothing was written."""


class Studio:
    """A rule set's life with one of its drafts, and what is known about it now."""

    def __init__(self, rule_set_id: str, lived: Life, draft: Draft, now: datetime) -> None:
        self.rule_set_id, self.lived, self.draft, self.now = rule_set_id, lived, draft, now
        self.document = draft.document
        self.hash = draft.hash
        self.ruleset, self.misshapen = shaped(draft.document)

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What is wrong with the draft, or not needed."""
        return findings_of(self.hash, self.document)

    @property
    def blocking(self) -> tuple[Finding, ...]:
        """The findings that keep it from being submitted."""
        return tuple(each for each in self.findings if each.severity == "blocking")

    @cached_property
    def base(self) -> Document:
        """The published version that the draft changes; empty for the very first rules."""
        return self.lived.published.get(self.draft.base or "", {})

    @property
    def superseded(self) -> bool:
        """Whether another version was published since, so that this one must be brought up."""
        if self.draft.status in ("published", "rejected"):
            return False
        coming = self.lived.scheduled(self.now)
        first = coming is not None and self.draft.base == self.lived.in_force(self.now)
        return self.draft.base != self.lived.last and not first

    @property
    def closed(self) -> bool:
        """Whether it cannot be edited any more."""
        return self.draft.status == "published"

    @cached_property
    def runs(self) -> list[backtests.Run]:
        """The backtests of the draft as it is, the latest first."""
        found = backtests.latest(hash=self.hash)
        return [run for run in found if run.rule_set_id == self.rule_set_id]

    @property
    def impact(self) -> backtests.Run | None:
        """A finished backtest of the draft as it is, against the rules that are in force now."""
        in_force = self.lived.in_force(self.now)
        for run in self.runs:
            whole = run.state == "done" and run.member_id is None
            if whole and run.in_force == in_force and run.level == backtests.Level.CLOSED_LOOP:
                return run
        return None


def load(rule_set_id: str, draft_id: str) -> Studio:
    """A draft of a rule set. Raises Http404."""
    lived = life_of(rule_set_id)
    draft = lived.drafts.get(draft_id)
    if draft is None:
        raise Http404(f"There is no draft {draft_id}.")
    return Studio(rule_set_id, lived, draft, timezone.now())


def life_of(rule_set_id: str) -> Life:
    """The life of a rule set that has begun. Raises Http404."""
    lived = rulebook.life_of(rule_set_id)
    if lived.version == 0:
        raise Http404(f"There is no rule set {rule_set_id}.")
    return lived


def shaped(document: Document) -> tuple[RuleSet | None, str]:
    """The document as a rule set, whether it can decide or not; or why it has not even the form."""
    try:
        return msgspec.convert(document, RuleSet), ""
    except msgspec.ValidationError as error:
        return None, str(error)


# -- Findings: a document never changes under its hash --

_found: OrderedDict[str, tuple[Finding, ...]] = OrderedDict()
_lock = Lock()


def findings_of(hash: str, document: Document) -> tuple[Finding, ...]:
    """Everything that verification says of a document; remembered under its hash."""
    with _lock:
        known = _found.get(hash)
    if known is None:
        known = rules.examine(document)
    with _lock:
        _found[hash] = known
        _found.move_to_end(hash)
        while len(_found) > KEPT:
            _found.popitem(last=False)
    return known


# -- Changes --


def actor(request: HttpRequest) -> Actor:
    """Whoever asks, as the rule set's stream names people."""
    return Actor("staff", request.user.get_username())


def ask(
    request: HttpRequest,
    rule_set_id: str,
    command: life.Command,
    key: str = "",
    now: datetime | None = None,
) -> Life:
    """One command on a rule set, noted first; the same `key` takes effect once.

    Raises LifeError and NotNoted.
    """
    note(
        request,
        rule_set_id,
        re.sub(r"(?<!^)(?=[A-Z])", " ", type(command).__name__).lower(),
        getattr(command, "draft_id", ""),
        getattr(command, "reason", ""),
    )
    made = rulemaking.handle(
        rule_set_id,
        command,
        command_id=f"studio/{key[:64] or uuid.uuid4()}",
        actor=actor(request),
        now=now or timezone.now(),
    )
    return made.life


def note(
    request: HttpRequest, rule_set_id: str, deed: str, draft_id: str = "", reason: str = ""
) -> None:
    """Adds a row to the audit trail, as the API's calls on a rule set do. Raises NotNoted."""
    detail = {"draft": draft_id} if draft_id else {}
    audit.record(request, "rules", f"rules:{rule_set_id}", purpose=deed, reason=reason, **detail)


def edit(
    request: HttpRequest,
    rule_set_id: str,
    draft_id: str,
    change: Callable[[Document], Document],
    *,
    seen: int,
    place: Path,
) -> Studio:
    """Change a draft that was looked at in revision `seen`; gives it as it is afterwards.

    `place` is the part of the document that the change is about. Raises Conflict when somebody
    changed that since, Unfit, LifeError, and what `change` raises; then nothing was written.
    """
    for _ in range(TRIES):
        studio = load(rule_set_id, draft_id)
        if seen != studio.draft.revision:
            others = [each for each in since(rule_set_id, draft_id, seen) if _meet(each, place)]
            if others:
                raise Conflict(others, studio.draft)
        document = change(studio.document)
        _, misshapen = shaped(document)
        if misshapen:
            raise Unfit(misshapen)
        command = life.EditDraft(draft_id, document, studio.draft.revision)
        try:
            ask(request, rule_set_id, command)
        except LifeError as wrong:
            if wrong.code == "DRAFT_CHANGED":
                continue  # somebody was faster: look whether it was about the same place
            raise
        return load(rule_set_id, draft_id)
    raise Conflict((), studio.draft)


def _meet(meanwhile: Meanwhile, place: Path) -> bool:
    path = meanwhile.edit.path
    shorter = min(len(path), len(place))
    return path[:shorter] == place[:shorter]


def since(rule_set_id: str, draft_id: str, revision: int) -> list[Meanwhile]:
    """What was edited in a draft after a revision, by whom."""
    found: list[Meanwhile] = []
    number = 0
    for step in rulebook.steps(rule_set_id):
        event = step.event
        if isinstance(event, life.RulesDraftEdited) and event.draft_id == draft_id:
            number += 1
            if number > revision:
                found += [Meanwhile(each, step.by, step.at, number) for each in event.edits]
    return found


def row_place(document: Document, row_id: str) -> Path:
    """Where a row stands in a document, as edits name it. Raises NoSuchPlace."""
    owner, _ = drafting.row(document, row_id)
    return ("tables", owner["id"], "rows", row_id)


def number_of(rule_set_id: str, hash: str | None) -> int | None:
    """The number of the last publication of a hash."""
    published: Sequence[Any] = rulebook.versions(rule_set_id)
    return next((each.version for each in reversed(published) if each.hash == hash), None)
