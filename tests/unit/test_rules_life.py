"""The life of a rule set: who may do what when, told as given, when, then; and edits that hold."""

import copy
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licensing.rules import edits, life
from licensing.rules.life import (
    ApproveDraft,
    EditDraft,
    Life,
    LifeError,
    PublishDraft,
    RejectDraft,
    RollBack,
    RulesPublished,
    StartDraft,
    SubmitDraft,
)
from licensing.rules.ruleset import hash_of

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DEMO = Path(__file__).parents[2] / "licensing" / "demo"
FIRST = json.loads((DEMO / "rules_1.json").read_text())
STRICTER = copy.deepcopy(FIRST)
STRICTER["tables"][0]["rows"][1]["then"]["max_devices"] = 1
BROKEN = copy.deepcopy(FIRST)
BROKEN["tables"][0]["rows"].pop()


class Story:
    """A rule set with its first version published; each call asks for one thing."""

    def __init__(self) -> None:
        published = RulesPublished(hash_of(FIRST), NOON, FIRST)
        self.life = life.evolve(Life(), published, "setup")

    def asks(self, by: str, command: life.Command) -> list[life.Event]:
        events = life.decide(self.life, command, by, NOON)
        for event in events:
            self.life = life.evolve(self.life, event, by)
        return events

    def refuses(self, by: str, command: life.Command, code: str) -> LifeError:
        before = self.life
        with pytest.raises(LifeError) as caught:
            self.asks(by, command)
        assert caught.value.code == code
        assert self.life is before
        return caught.value

    def draft(self, document: Any = STRICTER, draft_id: str = "d") -> "Story":
        self.asks("ann", StartDraft(draft_id, "Fewer devices"))
        self.asks("ann", EditDraft(draft_id, document, 0))
        return self

    def approved(self, document: Any = STRICTER, draft_id: str = "d") -> "Story":
        self.draft(document, draft_id).asks("ann", SubmitDraft(draft_id))
        self.asks("bea", ApproveDraft(draft_id, hash_of(document)))
        return self


def kinds(events: list[life.Event]) -> list[str]:
    return [type(event).__name__ for event in events]


def test_a_draft_goes_its_way() -> None:
    story = Story()
    assert kinds(story.asks("ann", StartDraft("d", "Fewer"))) == ["RulesDraftStarted"]
    assert story.life.drafts["d"].document == FIRST
    (edited,) = story.asks("ann", EditDraft("d", STRICTER, 0))
    assert isinstance(edited, life.RulesDraftEdited)
    (edit,) = edited.edits
    row = FIRST["tables"][0]["rows"][1]
    assert edit.path == ("tables", "base", "rows", row["id"], "then", "max_devices")
    assert (edit.before, edit.after) == (row["then"]["max_devices"], 1)
    assert kinds(story.asks("ann", SubmitDraft("d"))) == ["RulesDraftSubmitted"]
    assert kinds(story.asks("bea", ApproveDraft("d", hash_of(STRICTER)))) == ["RulesDraftApproved"]
    later = NOON + timedelta(days=1)
    assert kinds(story.asks("cas", PublishDraft("d", later))) == [
        "RulesPublished", "RulesDraftPublished",
    ]  # fmt: skip
    assert story.life.last == hash_of(STRICTER)
    assert story.life.drafts["d"].status == "published"
    story.refuses("ann", EditDraft("d", FIRST, 1), "DRAFT_CLOSED")


def test_everything_twice_changes_nothing() -> None:
    story = Story().approved()
    assert story.asks("bea", ApproveDraft("d", hash_of(STRICTER))) == []
    assert story.asks("ann", EditDraft("d", STRICTER, 1)) == []
    assert story.asks("ann", EditDraft("d", STRICTER, 0)) == []  # said again, with the same end
    story.asks("ann", PublishDraft("d", NOON))
    assert story.asks("ann", PublishDraft("d", NOON)) == []
    story.refuses("ann", StartDraft("d", "again"), "DRAFT_EXISTS")


def test_nobody_approves_what_they_had_a_part_in() -> None:
    story = Story().draft()
    story.asks("bea", EditDraft("d", {**STRICTER, "title": "Other"}, 1))
    story.asks("ann", SubmitDraft("d"))
    hash = story.life.drafts["d"].hash
    for author in ("ann", "bea"):
        story.refuses(author, ApproveDraft("d", hash), "FOUR_EYES")
    assert story.asks("cas", ApproveDraft("d", hash))


def test_what_is_broken_cannot_be_submitted() -> None:
    error = Story().draft(BROKEN).refuses("ann", SubmitDraft("d"), "DRAFT_BROKEN")
    assert {finding.kind for finding in error.findings} == {"gap"}


def test_an_edit_takes_an_approval_back() -> None:
    story = Story().approved()
    story.asks("ann", EditDraft("d", {**STRICTER, "title": "Other"}, 1))
    assert story.life.drafts["d"].status == "open"
    story.refuses("cas", PublishDraft("d", NOON), "DRAFT_NOT_APPROVED")
    story.refuses("bea", ApproveDraft("d", hash_of(STRICTER)), "DRAFT_NOT_SUBMITTED")


def test_an_approval_is_of_what_was_seen() -> None:
    story = Story().draft()
    story.asks("ann", SubmitDraft("d"))
    story.refuses("bea", ApproveDraft("d", hash_of(FIRST)), "DRAFT_CHANGED")


def test_two_editors_at_once_are_told_of_each_other() -> None:
    story = Story().draft()
    error = story.refuses("bea", EditDraft("d", {**FIRST, "title": "Mine"}, 0), "DRAFT_CHANGED")
    assert {edit.path[-1] for edit in error.meanwhile} == {"max_devices", "title"}


def test_of_two_publishers_the_second_is_told_what_came_between() -> None:
    story = Story().approved()
    other = {**FIRST, "title": "Other rules"}
    story.approved(other, "e")
    story.asks("ann", PublishDraft("d", NOON))
    error = story.refuses("ann", PublishDraft("e", NOON), "BASE_SUPERSEDED")
    assert [edit.path[-1] for edit in error.meanwhile] == ["max_devices"]


def test_rules_never_come_into_force_in_the_past() -> None:
    story = Story().approved()
    early = NOON - timedelta(seconds=1)
    story.refuses("ann", PublishDraft("d", early), "VALID_FROM_PAST")


def test_a_roll_back_is_the_old_version_word_for_word() -> None:
    story = Story().approved()
    story.refuses("ann", RollBack("sha256:none", NOON, "why"), "UNKNOWN_VERSION")
    story.asks("ann", PublishDraft("d", NOON))
    back = RollBack(hash_of(FIRST), NOON, "Too strict")
    assert kinds(story.asks("bea", back)) == ["RulesPublished", "RulesRolledBack"]
    assert story.life.last == hash_of(FIRST)
    assert story.asks("bea", back) == []


def test_a_rejected_draft_can_be_mended() -> None:
    story = Story().draft()
    story.asks("ann", SubmitDraft("d"))
    story.asks("bea", RejectDraft("d", "Not before summer"))
    assert story.life.drafts["d"].reason == "Not before summer"
    story.refuses("ann", SubmitDraft("d"), "DRAFT_CLOSED")
    story.asks("ann", EditDraft("d", {**STRICTER, "title": "Other"}, 1))
    assert story.asks("ann", SubmitDraft("d"))


def test_a_draft_nobody_has_started_is_unknown() -> None:
    for command in (SubmitDraft("x"), PublishDraft("x", NOON), RejectDraft("x", "why")):
        Story().refuses("ann", command, "UNKNOWN_DRAFT")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text("ab", max_size=2),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text("ab", min_size=1, max_size=2), inner, max_size=3)
        | st.lists(
            st.tuples(st.sampled_from("xyz"), inner).map(
                lambda pair: {"id": pair[0], "v": pair[1]}
            ),
            max_size=3,
            unique_by=lambda each: each["id"],
        )
    ),
    max_leaves=12,
)
DOCUMENTS = st.dictionaries(st.text("ab", min_size=1, max_size=2), VALUES, max_size=4)


@given(DOCUMENTS, DOCUMENTS)
def test_edits_make_the_one_of_the_other(before: Any, after: Any) -> None:
    made = edits.between(before, after)
    assert edits.applied(before, made) == after
    assert (made == ()) == (json.dumps(before, sort_keys=True) == json.dumps(after, sort_keys=True))


def test_an_edit_of_a_row_does_not_depend_on_its_place() -> None:
    moved = copy.deepcopy(FIRST)
    moved["tables"][0]["rows"].reverse()
    (order,) = edits.between(FIRST, moved)
    assert order.path == ("tables", "base", "rows", edits.ORDER)
    assert edits.applied(FIRST, [order]) == moved


def scheduled_and_urgent() -> tuple[Story, Any]:
    """A stricter version is to come tomorrow; another draft changes what is in force today."""
    story = Story()
    story.draft().asks("ann", SubmitDraft("d"))
    story.asks("bea", ApproveDraft("d", hash_of(STRICTER)))
    story.asks("ann", PublishDraft("d", NOON + timedelta(days=1)))
    urgent = {**FIRST, "title": "Mended"}
    story.asks("ann", StartDraft("u", "Mend it", base=hash_of(FIRST)))
    story.asks("ann", EditDraft("u", urgent, 0))
    story.asks("ann", SubmitDraft("u"))
    story.asks("bea", ApproveDraft("u", hash_of(urgent)))
    return story, urgent


def test_a_scheduled_version_is_suspended_when_another_comes_first() -> None:
    story, urgent = scheduled_and_urgent()
    suspended, published, _ = story.asks("ann", PublishDraft("u", NOON))
    assert isinstance(suspended, life.RulesSuspended)
    assert suspended.hash == hash_of(STRICTER)
    assert isinstance(published, RulesPublished)
    later = NOON + timedelta(days=2)
    assert story.life.in_force(later) == hash_of(urgent)
    draft = story.life.drafts["d"]
    assert (draft.status, draft.approved_by) == ("suspended", None)
    assert "Mend it" in (draft.reason or "")
    story.refuses("ann", PublishDraft("d", later), "DRAFT_NOT_APPROVED")


def test_what_is_scheduled_can_be_changed_or_taken_back() -> None:
    story, _ = scheduled_and_urgent()
    story.asks("ann", StartDraft("more", "And more"))
    assert story.life.drafts["more"].base == hash_of(STRICTER)
    story.refuses("ann", StartDraft("x", "X", base="sha256:" + "0" * 64), "BASE_SUPERSEDED")
    suspended, *_ = story.asks("bea", RollBack(hash_of(FIRST), NOON, "Not yet"))
    assert isinstance(suspended, life.RulesSuspended)
    assert story.life.in_force(NOON + timedelta(days=2)) == hash_of(FIRST)
    assert story.life.scheduled(NOON) is None
