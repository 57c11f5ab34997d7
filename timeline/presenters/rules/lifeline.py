"""How far a draft has come, and what it still needs."""

from datetime import datetime

import msgspec

from licensing import rulebook
from licensing.rules import life
from licensing.rules.life import Draft
from timeline.presenters import clock

STATUS = {
    "open": "Draft",
    "submitted": "Submitted",
    "approved": "Approved",
    "rejected": "Given up",
    "published": "Published",
    "suspended": "Suspended",
}


class Stage(msgspec.Struct, frozen=True):
    """One stage of the way: `look` is done, cur or nothing."""

    title: str
    words: str
    look: str


class Moment(msgspec.Struct, frozen=True):
    """One event of a rule set in words: who, what, when, and why where somebody said so."""

    version: int
    by: str
    at: datetime
    when: str
    title: str
    why: str
    hash: str = ""
    draft_id: str = ""
    revision: int = 0
    event: life.Event | None = None


def moments(steps: list[rulebook.RuleStep], draft_id: str = "") -> list[Moment]:
    """What happened to a rule set, or to one draft, the latest first."""
    found: list[Moment] = []
    revisions: dict[str, int] = {}
    titles: dict[str, str] = {}
    for step in steps:
        told = _moment(step, revisions, titles)
        if not draft_id or told.draft_id == draft_id:
            found.append(told)
    return found[::-1]


def _moment(step: rulebook.RuleStep, revisions: dict[str, int], titles: dict[str, str]) -> Moment:
    event, why, hash, draft_id, revision = step.event, "", "", "", 0
    match event:
        case life.RulesPublished():
            title, hash = (
                f"Published, in force from {clock.moment(event.valid_from, 0)}",
                event.hash,
            )
        case life.RulesDraftStarted():
            titles[event.draft_id] = event.title
            title, why, draft_id = "Draft started", event.title, event.draft_id
        case life.RulesDraftEdited():
            draft_id = event.draft_id
            revision = revisions[draft_id] = revisions.get(draft_id, 0) + 1
            title = f"Edited, revision {revision}"
        case life.RulesDraftSubmitted():
            title, hash, draft_id = "Approval asked for", event.hash, event.draft_id
        case life.RulesDraftApproved():
            title, hash, draft_id = "Approved", event.hash, event.draft_id
        case life.RulesDraftRejected():
            title, why, draft_id = "Given back", event.reason, event.draft_id
        case life.RulesDraftPublished():
            title, hash, draft_id = "Published", event.hash, event.draft_id
            why = titles.get(draft_id, "")
        case life.RulesRolledBack():
            title, why, hash = "Rolled back to an earlier version", event.reason, event.hash
        case life.RulesSuspended():
            title, why, hash = "Suspended before it came into force", event.reason, event.hash
    return Moment(
        step.version, step.by, step.at, clock.moment(step.at, 0), title, why, hash, draft_id,
        revision, event,
    )  # fmt: skip


def stages(
    draft: Draft, told: list[Moment], start: datetime | None, blocking: int, now: datetime
) -> tuple[Stage, ...]:
    """The five stages of a draft; `start` is when it comes into force, once it is published."""
    last = {each.title: each for each in told[::-1]}
    started = last.get("Draft started")
    asked, approved = last.get("Approval asked for"), last.get("Approved")
    published = last.get("Published")
    reached = {"open": 0, "rejected": 0, "suspended": 0, "submitted": 1, "approved": 2}
    place = reached.get(draft.status, 4)
    if draft.status == "published" and start is not None and start > now:
        place = 3
    words = (
        _by(started),
        _by(asked) if place >= 1 else _to_clear(blocking),
        _by(approved) if place >= 2 else "by someone else",
        clock.date(start) if start is not None else "now or later",
        _by(published) if place == 4 else "",
    )
    names = ("Draft", "Submitted", "Approved", "Scheduled", "Published")
    return tuple(
        Stage(name, said, "done" if n < place or place == 4 else "cur" if n == place else "")
        for n, (name, said) in enumerate(zip(names, words, strict=True))
    )


def _to_clear(blocking: int) -> str:
    if not blocking:
        return "nothing stands in the way"
    return f"{blocking} finding{'s' if blocking > 1 else ''} to clear"


def _by(moment: Moment | None) -> str:
    return f"{moment.by}, {clock.day(moment.at)}" if moment is not None else ""
