"""Can this member download this title on this device, now or then? A form, and plain words."""

import html as markup
import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from licensing import catalogue, service
from licensing.domain.commands import AcquireLicense, ReleaseLicense
from licensing.trail import Who
from tests.conftest import new_id
from tests.integration.test_preview import everything
from tests.web.api_client import publish_rules
from tests.web.test_actions import Someone, page
from tests.web.test_pages import staff
from timeline import erasing


@pytest.fixture(scope="module")
def agent(database: object) -> Client:
    publish_rules()
    catalogue.put("tst-vertigo", {"name": "Vertigo", "studio": "Paramount Pictures", "year": 1958})
    catalogue.put("tst-tokyo", {"name": "Tokyo Story", "studio": "Shochiku", "year": 1953})
    catalogue.put("tst-again", {"name": "Tokyo Story", "studio": "Remake", "year": 2026})
    return staff()


@pytest.fixture
def full(agent: Client) -> Someone:
    """A member of the standard plan with downloads on two of two devices."""
    someone = Someone()
    someone.second = someone.downloads("third-man", "pixel")  # type: ignore[attr-defined]
    return someone


def ask(client: Client, someone: Someone, status: int = 200, **query: str) -> str:
    return page(client.get(f"/members/{someone.id}/can-download/", query), status)


def pasted(html: str) -> str:
    found = re.search(r'<blockquote id="answer">(.*?)</blockquote>', html, re.S)
    assert found
    return markup.unescape(found[1])


def test_yes_with_the_tightest_limit(agent: Client, full: Someone) -> None:
    html = ask(agent, full, title="Vertigo", device=f"{full.id}-ipad")
    assert "vb-allowed" in html
    said = pasted(html)
    assert said.startswith("At the moment Vertigo can be downloaded to")
    assert "What would have it refused" in html
    assert "The row that decides" in html or "Conditions" in html


def test_no_with_what_would_make_it_allowed(agent: Client, full: Someone) -> None:
    html = ask(agent, full, title="tst-vertigo", device="other:laptop")
    assert "DEVICE_LIMIT" in html
    assert "What would make it allowed" in html
    said = pasted(html)
    assert said.startswith("At the moment Vertigo cannot be downloaded to another laptop.")
    assert "2 of 2 devices" in said


def test_at_a_past_moment_what_was_known_then_counts(agent: Client, full: Someone) -> None:
    before = full.since + timedelta(minutes=full.count, seconds=30)
    full.does(ReleaseLicense(full.second))  # type: ignore[attr-defined]
    device = "other:tv"
    assert "vb-allowed" in ask(agent, full, title="Vertigo", device=device)
    html = ask(agent, full, title="Vertigo", device=device, at=before.strftime("%Y-%m-%dT%H:%M:%S"))
    assert "vb-refused" in html
    assert re.match(r"On \d+ \w+ \d{4} at \d\d:\d\d UTC Vertigo could not be", pasted(html))
    assert "were already" in pasted(html)
    # Before the first event, too.
    html = ask(agent, full, title="Vertigo", device=device, at="2025-01-01T00:00")
    assert "as known after step 0" in html


def test_what_is_there_already_is_said(agent: Client, full: Someone) -> None:
    html = ask(agent, full, title="casablanca", device=f"{full.id}-ipad")
    assert "It is there already" in html
    assert "is already on" in pasted(html)


def test_asking_writes_nothing(agent: Client, full: Someone) -> None:
    ask(agent, full)  # notes the reading
    before = everything()
    ask(agent, full, title="Vertigo", device=f"{full.id}-ipad")
    ask(agent, full, title="Vertigo", device="other:phone", at="2026-01-01T00:00")
    assert everything() == before


def test_the_answer_is_what_then_happens(agent: Client, full: Someone) -> None:
    html = ask(agent, full, title="Vertigo", device="other:laptop")
    command = AcquireLicense("tst-vertigo", new_id("d"), device={"type": "laptop"})
    answer = service.handle(
        full.id, command, command_id="really", actor=service.Actor("staff", "t"),
        now=timezone.now(),
    )  # fmt: skip
    assert answer.outcome == "refused"
    assert answer.decision is not None
    assert answer.decision["reason"] in html


def test_a_name_of_two_titles_asks_which(agent: Client, full: Someone) -> None:
    html = ask(agent, full, title="tokyo story", device=f"{full.id}-ipad")
    assert "Which of these?" in html
    links = re.findall(r'<li><a href="([^"]+title=tst-[^"]+)"', html)
    assert len(links) == 2
    assert "Answer to paste" in page(agent.get(markup.unescape(links[0])))


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"title": "Vertigo", "device": ""}, "Choose a device."),
        ({"title": "", "device": "other:tv"}, "Name a title."),
        ({"title": "no such film at all", "device": "other:tv"}, "has no title of this name"),
        ({"title": "Vertigo", "device": "other:tv", "at": "yesterday"}, "A day and a time"),
        ({"title": "Vertigo", "device": "other:tv", "at": "2999-01-01T00:00"}, "in the future"),
        ({"title": "Vertigo", "device": "other:toaster"}, "Choose a device."),
        ({"title": "Vertigo", "device": "nobody-has-this"}, "Choose a device."),
    ],
)
def test_a_question_that_cannot_be_asked_says_where(
    agent: Client, full: Someone, query: dict[str, str], said: str
) -> None:
    html = ask(agent, full, 422, **query)
    assert said in html
    assert "Answer to paste" not in html


def test_whoever_reads_may_ask_and_of_anybody(agent: Client, full: Someone) -> None:
    assert "Answer to paste" in ask(staff("viewer"), full, title="Vertigo", device="other:tv")
    nobody = f"/members/{new_id('nobody')}/can-download/?title=Vertigo&device=other:tv"
    assert "Answer to paste" in page(agent.get(nobody))
    assert agent.get("/members/%20/can-download/").status_code == 404


def test_an_erased_member_cannot_be_asked_about(agent: Client, full: Someone) -> None:
    erasing.erase(full.id, "erase-1", who=Who("command", "tests"), now=timezone.now())
    assert "erased" in ask(agent, full, 409, title="Vertigo", device="other:tv")


def test_what_would_refuse_it_is_said_in_the_limits_own_words(agent: Client) -> None:
    someone = Someone()
    url = f"/members/{someone.id}/can-download/?title=casablanca&device=other:tv"
    html = page(agent.get(url))
    said = re.search(r"It would be refused with ([^<]*)\.", html)
    assert said
    assert re.fullmatch(r"\d+ more (downloads?|devices?)( in use)?( .*)?", said[1])
    assert "in use in use" not in html
