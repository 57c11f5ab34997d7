"""Following live and playing: what comes with the first press of a button."""

from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, expect

from licensing import service
from licensing.domain.commands import RegisterDevice
from tests.conftest import new_id
from tests.web.story import tell


@pytest.fixture
def told(database: object, published_rules: object) -> tuple[str, int]:
    """A member with a story, and its last step."""
    member = new_id("m")
    return member, tell(member)


def one_more(member: str) -> None:
    service.handle(
        member,
        RegisterDevice(new_id("d"), "tv"),
        command_id=new_id("c"),
        actor=service.Actor("device", "tests"),
        now=datetime.now(UTC),
    )


def test_new_events_are_told_and_the_playhead_stays(agent: Page, told: tuple[str, int]) -> None:
    member, _last = told
    agent.goto(f"/members/{member}/timeline/5/")
    one_more(member)
    agent.locator("#live").click()
    expect(agent.locator("#live-new")).to_have_text("1 new event")
    expect(agent.locator("#live")).to_have_attribute("aria-pressed", "true")
    assert agent.locator("#panel-in").get_attribute("data-v") == "5"
    assert "live=1" in agent.url
    agent.locator("#live").click()
    expect(agent.locator("#live")).to_have_attribute("aria-pressed", "false")
    assert "live=1" not in agent.url


def test_an_address_may_ask_to_follow(agent: Page, told: tuple[str, int]) -> None:
    member, last = told
    agent.goto(f"/members/{member}/timeline/{last}/?live=1")
    expect(agent.locator("#live")).to_have_attribute("aria-pressed", "true")


def test_playing_goes_on_until_the_end(agent: Page, told: tuple[str, int]) -> None:
    member, last = told
    agent.goto(f"/members/{member}/timeline/{last - 2}/")
    agent.locator("#play-speed").select_option("5")
    agent.locator("#play-go").click()
    expect(agent.locator("#play-go")).to_have_text("Stop")
    expect(agent.locator("#panel-in")).to_have_attribute("data-v", str(last))
    expect(agent.locator("#play-go")).to_have_text("Play")


def test_nothing_plays_where_motion_is_unwanted(agent: Page, told: tuple[str, int]) -> None:
    agent.emulate_media(reduced_motion="reduce")
    agent.goto(f"/members/{told[0]}/timeline/5/")
    expect(agent.locator("#live")).to_be_visible()
    expect(agent.locator("#play")).to_be_hidden()
