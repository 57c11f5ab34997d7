"""A rule set's stream on the same page: drafts and versions, row by row and cell by cell."""

import copy
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.test import Client

import licensing
from licensing import rulebook, rulemaking
from licensing.actors import Actor
from licensing.rules import life
from tests.conftest import new_id
from tests.web.test_pages import assert_strict, fragment, staff, text
from tests.web.test_timeline import steps_of, ways

ANA, BEN = Actor("staff", "s-ana"), Actor("staff", "s-ben")
START = datetime(2026, 6, 1, 9, tzinfo=UTC)


@pytest.fixture(scope="module")
def agent(database: object) -> Client:
    return staff()


@pytest.fixture(scope="module")
def rule_set(database: object) -> str:
    """A rule set that was published, changed by a draft, and a draft that was rejected."""
    name = new_id("rules")
    folder = Path(licensing.__file__).parent / "demo"
    document = json.loads((folder / "rules_1.json").read_text()) | {"id": name}
    rulemaking.publish(name, document, valid_from=START, command_id="first", actor=ANA, now=START)
    changed = copy.deepcopy(document)
    row = next(
        row for table in changed["tables"] for row in table["rows"] if row["id"] == "b-standard"
    )
    row["then"]["max_devices"], row["source"] = 3, "terms of 2027"
    now = START

    def does(command: life.Command, by: Actor) -> None:
        nonlocal now
        now += timedelta(hours=3)
        rulemaking.handle(name, command, command_id=new_id("c"), actor=by, now=now)

    does(life.StartDraft("d1", "Three devices"), ANA)
    does(life.EditDraft("d1", changed, 0), ANA)
    does(life.SubmitDraft("d1"), ANA)
    does(life.ApproveDraft("d1", rulebook.life_of(name).drafts["d1"].hash), BEN)
    does(life.PublishDraft("d1", START + timedelta(days=2)), BEN)
    does(life.StartDraft("d2", "Fewer renewals"), ANA)
    does(life.RejectDraft("d2", "not agreed"), BEN)
    return name


def test_every_step_is_a_page_in_every_tab(agent: Client, rule_set: str) -> None:
    head = rulebook.head(rule_set)
    for version in range(head + 1):
        for tab in ("changed", "state", "compare", "raw", "why", "what-if"):
            html = text(agent, f"/rules/{rule_set}/timeline/{version}/?tab={tab}&order=happened")
            assert_strict(html)
            assert f'data-v="{version}"' in html
    assert steps_of(html) == list(range(1, head + 1))


def test_an_edit_is_told_by_row_and_cell(agent: Client, rule_set: str) -> None:
    html = text(agent, f"/rules/{rule_set}/timeline/3/")
    for words in ("Three devices</b> edited, 2 fields", "Standard plan", "<del>2</del>",
                  "<ins>3</ins>", "terms of 2027"):  # fmt: skip
        assert words in html
    assert "<ins>submitted</ins>" in text(agent, f"/rules/{rule_set}/timeline/4/")
    assert "rejected: not agreed" in text(agent, f"/rules/{rule_set}/timeline/9/")


def test_the_state_is_the_document_as_of_then(agent: Client, rule_set: str) -> None:
    drafted = fragment(agent, f"/rules/{rule_set}/timeline/3/?tab=state", "section#panel")
    assert "The rules of the draft Three devices" in drafted
    assert "terms of 2027" in drafted
    before = fragment(agent, f"/rules/{rule_set}/timeline/1/?tab=state", "section#panel")
    assert "terms of 2027" not in before
    assert "b-standard" in before


def test_what_has_no_end_yet_is_in_force_now(agent: Client, rule_set: str) -> None:
    html = text(agent, f"/rules/{rule_set}/timeline/")
    assert re.search(r'data-lane="in force"[^>]*>1 in force<', html)
    assert html.count('class="bar is-live"') == 1


def test_the_steps_of_a_row_are_followed(agent: Client, rule_set: str) -> None:
    found = ways(text(agent, f"/rules/{rule_set}/timeline/1/?of=row:b-standard"))
    assert f"/rules/{rule_set}/timeline/3/" in found["follow-next"]


def test_any_two_steps_are_compared(agent: Client, rule_set: str) -> None:
    html = text(agent, f"/rules/{rule_set}/timeline/6/?tab=compare&a=1")
    assert "<ins>3</ins>" in html
    assert "as it happened" not in html
    assert "Nothing differs" in text(agent, f"/rules/{rule_set}/timeline/5/?tab=compare&a=1")


def test_pins_news_and_wrong_addresses(agent: Client, rule_set: str) -> None:
    pinned = agent.get(f"/rules/{rule_set}/timeline/3/pin/")["Location"]
    assert "folds to what it did then" in text(agent, pinned)
    assert agent.get(f"/rules/{rule_set}/timeline/live/?since=2").json()["count"] == 7
    assert agent.get(f"/rules/{new_id('gone')}/timeline/").status_code == 404
    assert agent.get("/rules/%20/timeline/").status_code == 404
    assert "There is no step 99 yet" in text(agent, f"/rules/{rule_set}/timeline/99/")
    answer = agent.get(f"/rules/{rule_set}/timeline/?place=2")
    assert answer["Location"] == f"/rules/{rule_set}/timeline/2/"
