"""Tells the history of a rule set: which version was in force when, and every draft's life."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from licensing.rule_history import RuleHistory, RuleStep
from licensing.rules import edits, life
from timeline.presenters import clock, rule_sentences
from timeline.presenters.moments import Bar, LaneAbout, Mark, Moment, Story, Tag, actor_kind
from timeline.presenters.rule_sentences import short

IN_FORCE, DRAFTS = "in force", "drafts"
# What has no end yet is in force at this instant too, and what is to come for a while after.
OPEN, TO_COME = timedelta(seconds=1), timedelta(days=30)


def read(history: RuleHistory, now: datetime) -> Story:
    """The story of a rule set until `now`."""
    teller = _Teller()
    for step in history.steps:
        teller.step(step, history)
    return teller.story(now)


class _Teller:
    """Keeps open ends while the steps go by."""

    def __init__(self) -> None:
        self.moments: list[Moment] = []
        self.drafts: dict[str, Bar] = {}
        self.closed: set[str] = set()
        self.starts: list[tuple[datetime, int, str]] = []
        self.marks: list[Mark] = []
        self.titles: dict[str, str] = {}
        self.labels: dict[str, str] = {}

    def step(self, step: RuleStep, history: RuleHistory) -> None:
        """Take in the next step."""
        recorded = step.recorded
        data, at = recorded.data, recorded.recorded_at
        draft_id = data.get("draft_id")
        if isinstance(draft_id, str) and isinstance(data.get("title"), str):
            self.titles[draft_id] = self.labels[f"draft:{draft_id}"] = data["title"]
        kind = rule_sentences.KINDS.get(recorded.type, "account")
        changed = touched(step, history)
        self.labels |= {f"row:{row}": row for row in changed}
        about = [f"draft:{draft_id}"] if draft_id in self.titles else []
        self.moments.append(
            Moment(
                version=step.version,
                place=step.version,
                anchor=step.version,
                at=at,
                kind=kind,
                type=recorded.type,
                phrase=rule_sentences.phrase(recorded.type, data, self.titles),
                tags=_tags(step),
                outcomes=("refused",) if kind == "refused" else ("changed", "staff"),
                actor=actor_kind(recorded.metadata),
                about=(*about, *(f"row:{row}" for row in changed)),
            )
        )
        self._lanes(step, data, at)

    def _lanes(self, step: RuleStep, data: Mapping[str, Any], at: datetime) -> None:
        draft_id = str(data.get("draft_id"))
        match step.recorded.type:
            case "RulesDraftStarted":
                title = self.titles.get(draft_id, draft_id)
                self.drafts[draft_id] = Bar(draft_id, DRAFTS, step.version, title, "", at, at, at)
            case "RulesDraftApproved" | "RulesDraftEdited" if draft_id in self.drafts:
                approved = step.recorded.type.endswith("Approved")
                self._draft(draft_id, granted_until=at) if approved else None
            case "RulesDraftRejected" | "RulesDraftPublished" if draft_id in self.drafts:
                self._draft(draft_id, end=at, ending="released")
                self.closed.add(draft_id)
                if step.recorded.type == "RulesDraftRejected":
                    title, reason = self.titles.get(draft_id, draft_id), str(data.get("reason"))
                    self.marks.append(
                        Mark("refused", DRAFTS, title, step.version, at, at, None, reason)
                    )
            case "RulesPublished":
                valid = clock.instant(data.get("valid_from"))
                if valid is not None:
                    self.starts.append((valid, step.version, short(data.get("hash"))))
            case "RulesSuspended":
                gone = (clock.instant(data.get("valid_from")), short(data.get("hash")))
                self.starts = [each for each in self.starts if (each[0], each[2]) != gone]

    def _draft(self, draft_id: str, **changed: Any) -> None:
        bar = self.drafts[draft_id]
        told = {
            name: changed.get(name, getattr(bar, name))
            for name in ("granted_until", "end", "ending")
        }
        self.drafts[draft_id] = Bar(
            bar.key, bar.lane, bar.version, bar.title, "", bar.start, **told
        )

    def story(self, now: datetime) -> Story:
        """What was told, with open ends until `now`."""
        last = max([now + OPEN, *(start + TO_COME for start, _, _ in self.starts if start > now)])
        bars: dict[str, Bar] = {}
        ordered = sorted(self.starts)
        for number, (start, version, name) in enumerate(ordered):
            end = ordered[number + 1][0] if number + 1 < len(ordered) else last
            key = f"{version}"
            bars[key] = Bar(key, IN_FORCE, version, name, "", start, end, max(start, end))
        for key, bar in self.drafts.items():
            end = bar.end if key in self.closed else now + OPEN
            until = end if bar.granted_until == bar.start else bar.granted_until
            bars[f"draft {key}"] = Bar(
                key, DRAFTS, bar.version, bar.title, "", bar.start, until, max(bar.start, end),
                bar.ending,
            )  # fmt: skip
        return Story(
            moments=self.moments,
            bars=bars,
            marks=self.marks,
            bands=[],
            lanes={
                IN_FORCE: LaneAbout("In force", "table", word="in force"),
                DRAFTS: LaneAbout("Drafts", "note", word="open"),
            },
            labels=self.labels,
            notes={},
            as_of=now,
        )


def documents(step: RuleStep, history: RuleHistory) -> tuple[dict[str, Any], dict[str, Any]]:
    """The document that a step changed, before and after it; both empty where it changed none."""
    before, after = history.state(step.version - 1), history.state(step.version)
    match step.event:
        case life.RulesDraftEdited(draft_id=draft_id):
            return before.drafts[draft_id].document, after.drafts[draft_id].document
        case life.RulesDraftStarted(base=base, document=document):
            return before.published.get(base or "", {}), document
        case life.RulesPublished(document=document):
            return before.published.get(before.last or "", {}), document
        case _:
            return {}, {}


def touched(step: RuleStep, history: RuleHistory) -> list[str]:
    """The rows that a step changed, by their ids; none for what came whole."""
    if step.version > history.readable_until:
        return []
    before, after = documents(step, history)
    if not before:
        return []
    paths = (edit.path for edit in edits.between(before, after))
    rows = (path[3] for path in paths if len(path) > 3 and path[::2][:2] == ("tables", "rows"))
    return [row for row in dict.fromkeys(rows) if row != edits.ORDER]


def _tags(step: RuleStep) -> tuple[Tag, ...]:
    found = [Tag(step.by)] if step.by else []
    if step.event is None:
        found.append(Tag("not readable", "refused"))
    return tuple(found)
