"""A rule set's page: the same regions, and what is special to drafts, versions and rows."""

import json
from datetime import datetime
from functools import cached_property
from typing import Any

import msgspec

from licensing.rule_history import RuleHistory, RuleStep
from licensing.rules.life import Draft
from timeline.presenters import clock, panel, pin, rule_diff, rule_sentences, rule_telling
from timeline.presenters.compare import Between, Comparison
from timeline.presenters.diff import Entity, Field, Group
from timeline.presenters.phrases import Phrase
from timeline.views import rule_links
from timeline.views.regions import Page

TABS = tuple(tab for tab in panel.TABS if tab[0] != "why")
MOST_BETWEEN = 60


class RulePage(Page):
    """The regions of a rule set's page."""

    subject = "Rules"
    section = "rules"
    templates = "rule_tabs"
    tabs = TABS
    orders = False
    steps: RuleHistory

    @cached_property
    def step(self) -> RuleStep | None:
        """The step under the cursor; None before the first."""
        return self.steps.step_at(self.cursor.place) if self.cursor.place else None

    @cached_property
    def titles(self) -> dict[str, str]:
        """What the drafts are called."""
        state = self.steps.state(self.steps.head)
        return {key: draft.title for key, draft in state.drafts.items()}

    def bar(self) -> dict[str, Any]:
        """How many versions and drafts there are, and since when."""
        head = self.steps.state(self.steps.head)
        versions, first = len(head.starts), self.steps.instant(1)
        return {
            "pills": [f"{versions} version{'s' if versions != 1 else ''}"],
            "facts": [("Since", clock.date(first))] if first else [],
        }

    def own(self) -> tuple[str, ...]:
        """What the step is about: its draft, and the rows that it changed."""
        place = self.cursor.place
        return self.story.moments[place - 1].about if place else ()

    def fingerprint(self) -> str:
        """All drafts and versions as of the step."""
        return pin.digest(msgspec.to_builtins(self.steps.state(self.cursor.place)))

    def about_step(self) -> dict[str, Any]:
        """Head, changes, and what the open tab shows."""
        step, readable = self.step, self.steps.readable_until
        stopped = self.cursor.place > readable
        context: dict[str, Any] = {
            "heading": self._heading(step),
            "changed": self._changed(step, stopped),
            "stopped_at": readable if stopped else None,
            "may_try": False,
        }
        match self.query.tab:
            case "state":
                context |= self._state()
            case "compare":
                context |= self._comparison()
            case "raw" if step is not None:
                context["raw"] = json.dumps(_envelope(step), indent=2, ensure_ascii=False)
        return context

    def _phrase(self, step: RuleStep) -> Phrase:
        return rule_sentences.phrase(step.recorded.type, step.recorded.data, self.titles)

    def _heading(self, step: RuleStep | None) -> panel.Heading:
        if step is None:
            return panel.Heading("account", Phrase("Before the first event", "", ""), ("Step 0",))
        kind = rule_sentences.KINDS.get(step.recorded.type, "account")
        by = f"by {step.by}" if step.by else ""
        meta = (f"Step {step.version}", clock.stamp(step.recorded.recorded_at), by)
        return panel.Heading(kind, self._phrase(step), tuple(word for word in meta if word))

    # -- What changed --

    def _changed(self, step: RuleStep | None, stopped: bool) -> panel.Changed:
        if step is None or stopped:
            note = "Nothing has happened yet." if step is None else "This event cannot be read."
            return panel.Changed((), (), 0, 0, note)
        before, after = rule_telling.documents(step, self.steps)
        groups = [*self._status(step), *rule_diff.groups(before, after)]
        count = sum(group.count for group in groups)
        note = "" if groups else "This event changed neither the rules nor a draft."
        return panel.Changed(tuple(groups), (), count, 0, note)

    def _status(self, step: RuleStep) -> list[Group]:
        was, now = self.steps.state(step.version - 1), self.steps.state(step.version)
        entities = [
            Entity("account", draft.title, "draft", key, fields)
            for key, draft in now.drafts.items()
            if (fields := _draft_fields(was.drafts.get(key), draft))
        ]
        known = dict(was.starts)
        entities += [
            Entity(
                "granted", rule_sentences.short(key), "version", key, (_start(known, key, start),)
            )
            for key, start in now.starts
            if known.get(key) != start
        ]
        left = {key for key, _ in now.starts}
        entities += [
            Entity("ended", rule_sentences.short(key), "version", key, (_never(start),))
            for key, start in was.starts
            if key not in left
        ]
        return [Group("Drafts and versions", tuple(entities), len(entities))] if entities else []

    # -- State, compare --

    def _state(self) -> dict[str, Any]:
        state, step = self.steps.state(self.cursor.place), self.step
        at = self.cursor.at
        drafts = [
            (draft.title, draft.status, draft.revision, ", ".join(draft.authors), key)
            for key, draft in state.drafts.items()
        ]
        starts = sorted(state.starts, key=lambda pair: pair[1])
        in_force = next((key for key, start in reversed(starts) if start <= at), "")
        draft_id = step.recorded.data.get("draft_id") if step else None
        draft = state.drafts.get(draft_id) if isinstance(draft_id, str) else None
        document = (
            draft.document if draft else state.published.get(in_force or state.last or "", {})
        )
        return {
            "drafts": drafts,
            "versions": [
                (rule_sentences.short(key), clock.moment(start), key == in_force)
                for key, start in starts
            ],
            "document_of": f"the draft {draft.title}" if draft else "the version in force",
            "sheets": rule_diff.sheets(document),
            "rules_link": rule_links.version(self.name, len(starts) or None),
        }

    def _comparison(self) -> dict[str, Any]:
        query, cursor, steps = self.query, self.cursor, self.steps
        a = min(query.a if query.a is not None else max(cursor.version - 5, 0), steps.head)
        before, after = self._document(a), self._document(cursor.place)
        low, high = sorted((a, cursor.place))
        between = [steps.step_at(place) for place in range(low + 1, high + 1)]
        groups = rule_diff.groups(before, after)
        side = "a" if a > cursor.place else "b"
        return {
            "comparison": Comparison(
                a=a,
                a_order="known",
                a_words="",
                b_words="",
                same=a == cursor.version,
                groups=tuple(groups),
                count=sum(group.count for group in groups),
                between=tuple(
                    Between(
                        step.version,
                        rule_sentences.KINDS.get(step.recorded.type, "account"),
                        self._phrase(step),
                        side,
                    )
                    for step in between[:MOST_BETWEEN]
                ),
                between_count=len(between),
            ),
            "compare_pairs": query.pairs(tab="compare", a="", a_order=""),
            "swap": self.address(a, a=str(cursor.version)),
        }

    def _document(self, place: int) -> dict[str, Any]:
        """The rules that were published last by a step."""
        state = self.steps.state(place)
        return state.published.get(state.last or "", {})


def _draft_fields(was: Draft | None, now: Draft) -> tuple[Field, ...]:
    if was is None:
        return (Field("Status", None, now.status),)
    pairs = (
        ("Status", was.status, now.status),
        ("Revision", str(was.revision), str(now.revision)),
        ("Approved by", was.approved_by or "nobody", now.approved_by or "nobody"),
        ("Reason", was.reason or "none", now.reason or "none"),
    )
    return tuple(Field(label, old, new) for label, old, new in pairs if old != new)


def _never(start: datetime) -> Field:
    return Field("In force from", clock.moment(start), "never")


def _start(known: dict[str, datetime], key: str, start: datetime) -> Field:
    was = clock.moment(known[key]) if key in known else None
    return Field("In force from", was, clock.moment(start))


def _envelope(step: RuleStep) -> dict[str, Any]:
    whole: dict[str, Any] = msgspec.to_builtins(step.recorded)
    whole["hash"] = step.recorded.hash.hex()
    return whole
