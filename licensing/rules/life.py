"""The life of a rule set: drafted, edited, submitted, approved by somebody else, published.

Pure, like the deciders of a member: `by` is who asks, and nothing reads a clock.
"""

from datetime import datetime
from typing import Any, Literal, assert_never

import msgspec
from msgspec.structs import replace

from licensing.rules.edits import Edit, applied, between
from licensing.rules.ruleset import hash_of
from licensing.rules.verification import Finding, examine

# -- Events. These names and shapes are storage. --


class RulesPublished(msgspec.Struct, frozen=True):
    """A rule set came into force at `valid_from`. The document is kept whole."""

    hash: str
    valid_from: datetime
    document: dict[str, Any]


class RulesDraftStarted(msgspec.Struct, frozen=True):
    """Somebody began to change the published version `base`; None for the very first rules."""

    draft_id: str
    title: str
    base: str | None
    document: dict[str, Any]


class RulesDraftEdited(msgspec.Struct, frozen=True):
    """Fields of a draft became others, each with what it was."""

    draft_id: str
    edits: tuple[Edit, ...]


class RulesDraftSubmitted(msgspec.Struct, frozen=True):
    """The draft, as this hash names it, waits for somebody's approval."""

    draft_id: str
    hash: str


class RulesDraftApproved(msgspec.Struct, frozen=True):
    """Somebody who had no part in it approved the draft, as this hash names it."""

    draft_id: str
    hash: str


class RulesDraftRejected(msgspec.Struct, frozen=True):
    """The draft was given back, or given up."""

    draft_id: str
    reason: str


class RulesDraftPublished(msgspec.Struct, frozen=True):
    """The version that was just published is this draft."""

    draft_id: str
    hash: str


class RulesRolledBack(msgspec.Struct, frozen=True):
    """The version that was just published is an earlier one, word for word."""

    hash: str
    reason: str


class RulesSuspended(msgspec.Struct, frozen=True):
    """A version that was to come into force at `valid_from` will not: another one came first."""

    hash: str
    valid_from: datetime
    reason: str


Event = (
    RulesPublished
    | RulesDraftStarted
    | RulesDraftEdited
    | RulesDraftSubmitted
    | RulesDraftApproved
    | RulesDraftRejected
    | RulesDraftPublished
    | RulesRolledBack
    | RulesSuspended
)

# -- State --

Status = Literal["open", "submitted", "approved", "rejected", "published", "suspended"]


class Draft(msgspec.Struct, frozen=True):
    """A change in the making. `revision` counts its edits; `authors` are all who had a part."""

    draft_id: str
    title: str
    base: str | None
    document: dict[str, Any]
    authors: tuple[str, ...]
    status: Status = "open"
    revision: int = 0
    approved_by: str | None = None
    reason: str | None = None

    @property
    def hash(self) -> str:
        """The identity of the draft as it is."""
        return hash_of(self.document)


class Life(msgspec.Struct, frozen=True):
    """All drafts of a rule set, and its published documents by hash.

    `starts` are the hashes that were published, each with its start, without those that were
    suspended; `last` is the last of them.
    """

    version: int = 0
    drafts: dict[str, Draft] = {}
    published: dict[str, dict[str, Any]] = {}
    starts: tuple[tuple[str, datetime], ...] = ()

    @property
    def last(self) -> str | None:
        """The version that was published last."""
        return self.starts[-1][0] if self.starts else None

    def in_force(self, at: datetime) -> str | None:
        """The version in force at an instant; before the first start, the first one."""
        begun = [hash for hash, start in self.starts if start <= at]
        return begun[-1] if begun else (self.starts[0][0] if self.starts else None)

    def scheduled(self, at: datetime) -> tuple[str, datetime] | None:
        """The last version with its start, if that is still to come and others came before it."""
        if len(self.starts) < 2 or self.starts[-1][1] <= at:
            return None
        return self.starts[-1]


def evolve(life: Life, event: Event, by: str) -> Life:
    """The life after an event that `by` caused."""
    life = replace(life, version=life.version + 1)
    match event:
        case RulesPublished():
            published = {**life.published, event.hash: event.document}
            starts = (*life.starts, (event.hash, event.valid_from))
            return replace(life, published=published, starts=starts)
        case RulesDraftStarted():
            draft = Draft(event.draft_id, event.title, event.base, event.document, (by,))
            return replace(life, drafts={**life.drafts, event.draft_id: draft})
        case RulesRolledBack():
            return life
        case RulesSuspended():
            return _suspended(life, event)
        case RulesDraftEdited():
            draft = life.drafts[event.draft_id]
            authors = draft.authors if by in draft.authors else (*draft.authors, by)
            document = applied(draft.document, event.edits)
            return _with(
                life, draft, document=document, authors=authors, revision=draft.revision + 1,
                status="open", approved_by=None, reason=None,
            )  # fmt: skip
        case RulesDraftSubmitted():
            return _with(life, life.drafts[event.draft_id], status="submitted", reason=None)
        case RulesDraftApproved():
            draft = life.drafts[event.draft_id]
            return _with(life, draft, status="approved", approved_by=by)
        case RulesDraftRejected():
            draft = life.drafts[event.draft_id]
            return _with(life, draft, status="rejected", reason=event.reason)
        case RulesDraftPublished():
            return _with(life, life.drafts[event.draft_id], status="published")
        case _:
            assert_never(event)


def _with(life: Life, draft: Draft, **changes: Any) -> Life:
    return replace(life, drafts={**life.drafts, draft.draft_id: replace(draft, **changes)})


def _suspended(life: Life, event: RulesSuspended) -> Life:
    starts = tuple(each for each in life.starts if each != (event.hash, event.valid_from))
    drafts = {
        name: replace(draft, status="suspended", approved_by=None, reason=event.reason)
        if draft.status == "published" and draft.hash == event.hash
        else draft
        for name, draft in life.drafts.items()
    }
    return replace(life, starts=starts, drafts=drafts)


# -- Commands and decisions --


class StartDraft(msgspec.Struct, frozen=True):
    """Begin to change the version that was published last, or with `base` the one in force.

    With a document, begin with that.
    """

    draft_id: str
    title: str
    document: dict[str, Any] | None = None
    base: str | None = None


class EditDraft(msgspec.Struct, frozen=True):
    """Make the draft this document; `revision` is the one that it was made of."""

    draft_id: str
    document: dict[str, Any]
    revision: int


class SubmitDraft(msgspec.Struct, frozen=True):
    """Ask for approval."""

    draft_id: str


class ApproveDraft(msgspec.Struct, frozen=True):
    """Approve what was submitted, as `hash` names it."""

    draft_id: str
    hash: str


class RejectDraft(msgspec.Struct, frozen=True):
    """Give a draft back, or up."""

    draft_id: str
    reason: str


class PublishDraft(msgspec.Struct, frozen=True):
    """Bring an approved draft into force, now or from a later instant on."""

    draft_id: str
    valid_from: datetime


class RollBack(msgspec.Struct, frozen=True):
    """Bring an earlier version into force again, word for word."""

    hash: str
    valid_from: datetime
    reason: str


Command = (
    StartDraft | EditDraft | SubmitDraft | ApproveDraft | RejectDraft | PublishDraft | RollBack
)


class LifeError(Exception):
    """What was asked cannot be done; nothing is written. `code` is stable."""

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        findings: tuple[Finding, ...] = (),
        meanwhile: tuple[Edit, ...] = (),
    ) -> None:
        super().__init__(detail)
        self.code, self.detail = code, detail
        self.findings, self.meanwhile = findings, meanwhile


def decide(life: Life, command: Command, by: str, now: datetime) -> list[Event]:
    """The events that a command causes; an already-true fact yields none. Raises LifeError."""
    match command:
        case StartDraft():
            return _start(life, command, now)
        case EditDraft():
            return _edit(life, command)
        case SubmitDraft():
            return _submit(life, command)
        case ApproveDraft():
            return _approve(life, command, by)
        case RejectDraft():
            draft = _draft(life, command.draft_id)
            if draft.status in ("rejected", "published"):
                raise LifeError("DRAFT_CLOSED", f"The draft is {draft.status}.")
            return [RulesDraftRejected(command.draft_id, command.reason)]
        case PublishDraft():
            return _publish(life, command, now)
        case RollBack():
            return _roll_back(life, command, now)
        case _:
            assert_never(command)


def _draft(life: Life, draft_id: str) -> Draft:
    draft = life.drafts.get(draft_id)
    if draft is None:
        raise LifeError("UNKNOWN_DRAFT", f"There is no draft {draft_id}.")
    return draft


def _start(life: Life, command: StartDraft, now: datetime) -> list[Event]:
    base, document = command.base or life.last, command.document
    if command.base not in (None, life.last, life.in_force(now)):
        raise LifeError("BASE_SUPERSEDED", f"{command.base} is not in force, nor will it be.")
    if document is None:
        if base is None:
            raise LifeError(
                "NOTHING_PUBLISHED", "Nothing was published yet: give a document to begin with."
            )
        document = life.published[base]
    known = life.drafts.get(command.draft_id)
    if known is not None:
        raise LifeError("DRAFT_EXISTS", f"There is a draft {command.draft_id} already.")
    return [RulesDraftStarted(command.draft_id, command.title, base, document)]


def _edit(life: Life, command: EditDraft) -> list[Event]:
    draft = _draft(life, command.draft_id)
    if draft.status == "published":
        raise LifeError("DRAFT_CLOSED", "The draft is published; start another one.")
    edits = between(draft.document, command.document)
    if command.revision != draft.revision:
        if not edits:
            return []
        detail = f"The draft is at revision {draft.revision}, not {command.revision}."
        meanwhile = between(command.document, draft.document)
        raise LifeError("DRAFT_CHANGED", detail, meanwhile=meanwhile)
    return [RulesDraftEdited(command.draft_id, edits)] if edits else []


def _submit(life: Life, command: SubmitDraft) -> list[Event]:
    draft = _draft(life, command.draft_id)
    if draft.status == "submitted":
        return []
    if draft.status != "open":
        raise LifeError("DRAFT_CLOSED", f"The draft is {draft.status}; edit it first.")
    findings = tuple(each for each in examine(draft.document) if each.severity == "blocking")
    if findings:
        detail = f"{len(findings)} findings stand in the way: {findings[0].message}"
        raise LifeError("DRAFT_BROKEN", detail, findings=findings)
    return [RulesDraftSubmitted(command.draft_id, draft.hash)]


def _approve(life: Life, command: ApproveDraft, by: str) -> list[Event]:
    draft = _draft(life, command.draft_id)
    if draft.status == "approved" and draft.hash == command.hash:
        return []
    if draft.status != "submitted":
        raise LifeError("DRAFT_NOT_SUBMITTED", f"The draft is {draft.status}, not submitted.")
    if draft.hash != command.hash:
        raise LifeError("DRAFT_CHANGED", f"The draft is {draft.hash} now.")
    if by in draft.authors:
        raise LifeError("FOUR_EYES", "Somebody who had no part in the draft must approve it.")
    return [RulesDraftApproved(command.draft_id, draft.hash)]


def _publish(life: Life, command: PublishDraft, now: datetime) -> list[Event]:
    draft = _draft(life, command.draft_id)
    if draft.status == "published":
        return []
    if draft.status != "approved":
        raise LifeError("DRAFT_NOT_APPROVED", f"The draft is {draft.status}, not approved.")
    coming = life.scheduled(now)
    first = coming is not None and draft.base == life.in_force(now)
    if draft.base != life.last and not first:
        base = life.published.get(draft.base or "", {})
        meanwhile = between(base, life.published.get(life.last or "", {}))
        detail = "Another version was published since the draft was started."
        raise LifeError("BASE_SUPERSEDED", detail, meanwhile=meanwhile)
    _in_future(command.valid_from, now)
    published = RulesPublished(draft.hash, command.valid_from, draft.document)
    told: list[Event] = [published, RulesDraftPublished(command.draft_id, draft.hash)]
    if coming is None or draft.base == life.last:
        return told
    # What was to come knows nothing of this: it waits for somebody to bring it up to date.
    why = f"“{draft.title}” was published first, and changes the same version."
    return [RulesSuspended(*coming, why), *told]


def _roll_back(life: Life, command: RollBack, now: datetime) -> list[Event]:
    document = life.published.get(command.hash)
    if document is None:
        raise LifeError("UNKNOWN_VERSION", f"No version {command.hash} was ever published.")
    if life.last == command.hash:
        return []
    _in_future(command.valid_from, now)
    published = RulesPublished(command.hash, command.valid_from, document)
    if coming := life.scheduled(now):
        why = f"An earlier version was brought back: {command.reason}"
        return [
            RulesSuspended(*coming, why), published, RulesRolledBack(command.hash, command.reason)
        ]  # fmt: skip
    return [published, RulesRolledBack(command.hash, command.reason)]


def _in_future(valid_from: datetime, now: datetime) -> None:
    if valid_from < now:
        raise LifeError("VALID_FROM_PAST", "Rules come into force now or later, never before.")
