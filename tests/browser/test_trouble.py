"""Dragging while something is wrong: slow, away, failing, signed out, or changed underneath."""

import re
import time
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, Route, expect

from licensing import service
from licensing.domain.commands import RecordPlayback
from tests.browser.test_scrub import open_step, settled
from tests.conftest import new_id
from tests.web.story import Teller, tell
from tests.web.test_pages import step_of

PANELS = "**/timeline/?*"


@pytest.fixture(scope="module")
def told(database: object, published_rules: object) -> tuple[str, int]:
    """A member with a story, and its last step."""
    member = new_id("m")
    return member, tell(member)


def shown(page: Page) -> str:
    return str(page.locator("#panel-in").get_attribute("data-v"))


def test_a_server_that_fails_leaves_the_last_state_and_says_so(
    agent: Page, told: tuple[str, int]
) -> None:
    member, _ = told
    open_step(agent, member, 5)
    heading = agent.locator("#step-h").inner_text()
    for fail in (
        lambda route: route.abort(),
        lambda route: route.fulfill(status=503, body="<h1>away</h1>", content_type="text/html"),
        lambda route: route.fulfill(status=403, body="<h1>no</h1>", content_type="text/html"),
    ):
        agent.route(PANELS, fail)
        agent.locator("#v").focus()
        agent.keyboard.press("ArrowRight")
        expect(agent.locator("#say")).to_have_text(
            "Step 6 could not be loaded. The panel shows step 5."
        )
        assert agent.locator("#box").input_value() == "6"  # the playhead moves all the same
        assert (shown(agent), agent.locator("#step-h").inner_text()) == ("5", heading)
        agent.unroute(PANELS)
        agent.keyboard.press("ArrowLeft")  # it goes on as if nothing had been
        assert settled(agent) == 5
        expect(agent.locator("#say")).to_contain_text("Step 5. ")


def test_who_drags_too_fast_gets_the_last_state_all_the_same(
    agent: Page, told: tuple[str, int]
) -> None:
    """A limit on requests answers 429 for a moment; nobody has to move the thumb again."""
    member, _ = told
    open_step(agent, member, 5)
    refusals = [3]

    def limited(route: Route) -> None:
        refusals[0] -= 1
        if refusals[0] >= 0:
            route.fulfill(status=429, body="", headers={"HX-Reswap": "none", "Retry-After": "1"})
        else:
            route.continue_()

    agent.route(PANELS, limited)
    agent.locator("#v").focus()
    agent.keyboard.press("ArrowRight")
    agent.keyboard.press("ArrowRight")
    assert settled(agent) == 7
    expect(agent.locator("#say")).to_contain_text("Step 7. ")
    agent.unroute(PANELS)


def test_without_a_network_the_playhead_moves_and_the_panel_is_called_stale(
    agent: Page, told: tuple[str, int]
) -> None:
    member, _ = told
    open_step(agent, member, 5)
    before = agent.locator(".headline").get_attribute("x1")
    agent.context.set_offline(True)
    agent.locator("#v").focus()
    agent.keyboard.press("ArrowRight")
    expect(agent.locator("#say")).to_have_text(
        "Step 6 needs the network, which is away. The panel shows step 5."
    )
    assert agent.locator(".headline").get_attribute("x1") != before
    expect(agent.locator("#s6")).to_have_attribute("aria-current", "step")
    agent.context.set_offline(False)
    agent.keyboard.press("ArrowRight")
    assert settled(agent) == 7


def test_a_slow_answer_dims_the_old_panel_and_never_empties_it(
    agent: Page, told: tuple[str, int]
) -> None:
    member, _ = told
    open_step(agent, member, 5)
    heading = agent.locator("#step-h").inner_text()

    def slowly(route: Route) -> None:
        time.sleep(1.4)
        route.continue_()

    agent.route(PANELS, slowly)
    agent.locator("#v").focus()
    agent.keyboard.press("ArrowRight")
    expect(agent.locator("#panel")).to_have_attribute("aria-busy", "true")
    assert agent.locator("#step-h").inner_text() == heading
    assert settled(agent) == 6
    agent.unroute(PANELS)


def test_a_session_that_ended_leads_to_the_sign_in_and_back(
    agent: Page, told: tuple[str, int]
) -> None:
    member, _ = told
    open_step(agent, member, 5)
    agent.context.clear_cookies()
    agent.locator("#v").focus()
    agent.keyboard.press("ArrowRight")
    agent.wait_for_url(lambda url: "/sign-in/" in url)
    assert re.search(rf"next=(%2F|/)members(%2F|/){member}(%2F|/)timeline", agent.url)


def test_a_past_that_changes_while_one_looks_is_told(agent: Page, database: object) -> None:
    """What became known late happened before the step that is shown."""
    member = new_id("m")
    tell(member)
    teller = Teller(member)
    teller.count, teller.now = 700, datetime.now(UTC)
    held = teller.downloads("vertigo", "pixel")
    open_step(agent, member, step_of(member, "LicenseExpired"), "?order=happened")
    agent.locator("#live").click()
    expect(agent.locator("#live")).to_have_attribute("aria-pressed", "true")
    service.handle(
        member,
        RecordPlayback(held, "start"),
        command_id=new_id("c"),
        actor=service.Actor("device", "tests"),
        now=datetime.now(UTC),
        at=datetime(2026, 9, 2, tzinfo=UTC),
    )
    expect(agent.locator("#live-new")).to_have_text(
        "1 new event, some before this step: reload", timeout=30_000
    )


def test_following_ends_when_nobody_looks(agent: Page, told: tuple[str, int]) -> None:
    """Ten minutes behind another tab, and it stops asking."""
    member, _ = told
    agent.clock.install()
    open_step(agent, member, 5)
    asked: list[str] = []
    agent.on("request", lambda r: asked.append(r.url) if "/live/" in r.url else None)
    agent.locator("#live").click()
    expect(agent.locator("#live")).to_have_attribute("aria-pressed", "true")
    agent.clock.run_for(11_000)
    assert len(asked) == 3
    agent.evaluate(
        """() => { Object.defineProperty(document, 'hidden', { value: true });
        document.dispatchEvent(new Event('visibilitychange')); }"""
    )
    agent.clock.run_for(630_000)
    expect(agent.locator("#live")).to_have_attribute("aria-pressed", "false")
    before = len(asked)
    agent.clock.run_for(60_000)
    assert len(asked) == before


def test_a_step_that_is_not_there_yet_is_clamped(agent: Page, told: tuple[str, int]) -> None:
    member, last = told
    agent.goto(f"/members/{member}/timeline/{last + 9}/")
    expect(agent.locator(".say")).to_contain_text(f"There is no step {last + 9} yet")
    agent.locator("#box").fill("99999")
    agent.locator("#box").press("Enter")
    assert settled(agent) == last
    agent.locator("#box").fill("next tuesday")
    agent.locator("#box").press("Enter")
    expect(agent.locator(".say")).to_contain_text("“next tuesday” is no step")
