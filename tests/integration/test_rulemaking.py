"""Rules are changed in their stream: once for each command, and in force everywhere at once."""

import copy
import json
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from licensing import rulebook, rulemaking, service, store
from licensing.connection import opened
from licensing.rules import life
from licensing.rules.ruleset import hash_of
from tests.conftest import new_id

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DEMO = Path(__file__).parents[2] / "licensing" / "demo"
FIRST = json.loads((DEMO / "rules_1.json").read_text())
STRICTER = copy.deepcopy(FIRST)
STRICTER["tables"][0]["rows"][1]["then"]["max_devices"] = 1


@pytest.fixture
def rule_set() -> str:
    """A rule set of its own, with the demo's first rules in force."""
    name = new_id("r")
    rulemaking.publish(
        name, FIRST, valid_from=NOON, command_id=new_id("c"),
        actor=service.Actor("staff", "setup"), now=NOON,
    )  # fmt: skip
    return name


def ask(rule_set: str, by: str, command: Any, command_id: str | None = None) -> rulemaking.Made:
    actor = service.Actor("staff", by)
    return rulemaking.handle(
        rule_set, command, command_id=command_id or new_id("c"), actor=actor, now=NOON
    )


def approved(rule_set: str, draft_id: str, document: Any) -> None:
    ask(rule_set, "ann", life.StartDraft(draft_id, "Draft"))
    ask(rule_set, "ann", life.EditDraft(draft_id, document, 0))
    ask(rule_set, "ann", life.SubmitDraft(draft_id))
    ask(rule_set, "bea", life.ApproveDraft(draft_id, hash_of(document)))


def test_a_draft_changes_nothing_until_it_is_published(rule_set: str) -> None:
    approved(rule_set, "d", STRICTER)
    assert [version.version for version in rulebook.versions(rule_set)] == [1]
    later = NOON + timedelta(days=2)
    ask(rule_set, "ann", life.PublishDraft("d", later))
    assert [version.version for version in rulebook.versions(rule_set)] == [1, 2]
    assert rulebook.current(NOON, rule_set).hash == hash_of(FIRST)
    assert rulebook.current(later, rule_set).hash == hash_of(STRICTER)
    ask(rule_set, "cas", life.RollBack(hash_of(FIRST), later, "Too strict"))
    assert rulebook.current(later, rule_set).version == 3
    assert rulebook.current(later, rule_set).hash == hash_of(FIRST)
    stream = rulebook.stream_of(rule_set)
    assert store.verify_stream(opened(), stream) is None


def test_a_command_id_takes_effect_once(rule_set: str) -> None:
    start, key = life.StartDraft("d", "Draft"), new_id("key")
    first = ask(rule_set, "ann", start, key)
    assert ask(rule_set, "ann", start, key).life == first.life
    with pytest.raises(store.CommandIdReused):
        ask(rule_set, "ann", life.StartDraft("e", "Draft"), key)
    assert set(rulebook.life_of(rule_set).drafts) == {"d"}


def test_two_publishers_at_once_one_wins_and_the_other_gets_the_difference(rule_set: str) -> None:
    other = {**FIRST, "title": "Other rules"}
    approved(rule_set, "d", STRICTER)
    approved(rule_set, "e", other)
    gate, came = threading.Barrier(2), {}

    def publish(draft_id: str) -> None:
        gate.wait()
        try:
            came[draft_id] = ask(rule_set, "ann", life.PublishDraft(draft_id, NOON)).outcome
        except life.LifeError as error:
            came[draft_id] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=publish, args=(name,)) for name in ("d", "e")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (lost,) = [each for each in came.values() if each != "accepted"]
    assert isinstance(lost, life.LifeError)
    assert lost.code == "BASE_SUPERSEDED"
    assert lost.meanwhile
    assert len(rulebook.versions(rule_set)) == 2


def test_another_process_decides_by_the_new_version_at_its_next_decision(rule_set: str) -> None:
    """No cache to wait for: the head of the stream is read with each decision."""
    rulebook.versions(rule_set)
    approved(rule_set, "d", STRICTER)
    seen: list[str] = []

    def elsewhere() -> None:
        try:
            seen.append(rulebook.current(NOON, rule_set).hash)
        finally:
            connection.close()

    for _ in range(2):
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        if len(seen) == 1:
            ask(rule_set, "ann", life.PublishDraft("d", NOON))
    assert seen == [hash_of(FIRST), hash_of(STRICTER)]


def test_a_suspended_version_never_comes_into_force(rule_set: str) -> None:
    later, first = NOON + timedelta(days=1), hash_of(FIRST)
    approved(rule_set, "d", STRICTER)
    ask(rule_set, "ann", life.PublishDraft("d", later))
    urgent = {**FIRST, "title": "Mended"}
    ask(rule_set, "ann", life.StartDraft("u", "Mend it", base=first))
    ask(rule_set, "ann", life.EditDraft("u", urgent, 0))
    ask(rule_set, "ann", life.SubmitDraft("u"))
    ask(rule_set, "bea", life.ApproveDraft("u", hash_of(urgent)))
    assert rulebook.current(later, rule_set).hash == hash_of(STRICTER)
    ask(rule_set, "ann", life.PublishDraft("u", NOON))
    for _ in range(2):  # kept, and read anew
        assert rulebook.current(later, rule_set).hash == hash_of(urgent)
        assert rulebook.versions(rule_set)[1].suspended_at is not None
        rulebook._kept.clear()
    assert [step.by for step in rulebook.steps(rule_set)][-3:] == ["ann", "ann", "ann"]
    kept = rulebook.life_of(rule_set)
    rulebook._lives.clear()
    assert rulebook.life_of(rule_set) == kept
