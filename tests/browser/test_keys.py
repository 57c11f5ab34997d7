"""The timeline by keyboard alone: what each key does, where it does not, and what is said aloud."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.test_scrub import open_step, place, settled
from tests.conftest import new_id
from tests.web.story import tell
from tests.web.test_pages import step_of

# What is copied, where a page may not read it back.
COPIED = """
Object.defineProperty(navigator, 'clipboard', { value: {
  writeText: async (text) => { window.copied = text; },
} });
"""


@pytest.fixture(scope="module")
def told(database: object, published_rules: object) -> tuple[str, int]:
    """A member with a story, and its last step."""
    member = new_id("m")
    return member, tell(member)


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.id"))


def on_tab(page: Page, name: str) -> Locator:
    return page.locator(f"[data-tab={name}][aria-current=page]")


def test_keys_lead_along_refusals_licenses_and_days(agent: Page, told: tuple[str, int]) -> None:
    member, _ = told
    refused, renewed = step_of(member, "AcquisitionRefused"), step_of(member, "LicenseRenewed")
    open_step(agent, member, 3)
    assert focused(agent) == "step-h"  # a new page begins at its heading
    press(agent, "e")
    assert settled(agent) == refused
    assert focused(agent) == "step-h"  # a step takes no focus
    agent.locator("#v").focus()
    press(agent, "End")
    settled(agent)
    press(agent, "e")
    expect(agent.locator("#say")).to_have_text("There is no next refusal.")
    open_step(agent, member, renewed)
    press(agent, ",")
    assert settled(agent) == step_of(member, "RenewalRefused")  # of the same license
    press(agent, ".")
    assert settled(agent) == renewed
    day = agent.locator("#ro-time").inner_text()[:10]
    press(agent, "PageUp")
    assert settled(agent) < renewed
    assert agent.locator("#ro-time").inner_text()[:10] != day
    press(agent, "PageDown")
    settled(agent)
    assert agent.locator("#ro-time").inner_text()[:10] == day


def test_keys_lead_along_the_matches_of_a_filter(agent: Page, told: tuple[str, int]) -> None:
    member, last = told
    open_step(agent, member, last)
    press(agent, "/")
    assert focused(agent) == "fq"
    agent.keyboard.type("tokyo")  # letters are letters here
    expect(agent.locator("#ev-count")).to_contain_text("2 of ")
    expect(agent.locator("[data-way=match-previous]")).to_be_visible()
    assert place(agent) == last
    expect(agent).to_have_url(re.compile(rf"/timeline/{last}/\?q=tokyo"))
    agent.locator("#v").focus()
    press(agent, "p")
    second = settled(agent)
    press(agent, "p")
    first = settled(agent)
    assert first < second < last
    press(agent, "n")
    assert settled(agent) == second
    press(agent, "n")
    expect(agent.locator("#say")).to_have_text("There is no next match.")
    agent.reload()  # the filter is in the address
    assert agent.locator("#fq").input_value() == "tokyo"
    expect(agent.locator(".evlist .ev[id]")).to_have_count(2)


def test_keys_open_why_compare_and_the_step_box(agent: Page, told: tuple[str, int]) -> None:
    member, _ = told
    refused = step_of(member, "AcquisitionRefused")
    open_step(agent, member, refused)
    press(agent, "w")
    expect(on_tab(agent, "why")).to_be_visible()
    press(agent, "x")
    expect(agent.locator("#say")).to_have_text("Set A first: m.")
    press(agent, "m", "ArrowRight")
    assert settled(agent) == refused + 1
    agent.locator("[data-tab=compare]").press("Enter")
    expect(agent.locator("#a")).to_have_value(str(refused))
    agent.locator("#v").focus()
    press(agent, "x")
    expect(agent.locator("#panel-in")).to_have_attribute("data-v", str(refused))
    expect(on_tab(agent, "compare")).to_be_visible()
    expect(agent.locator("#a")).to_have_value(str(refused + 1))
    press(agent, "g")
    assert focused(agent) == "box"
    agent.keyboard.type("2026-09-03 12:00")
    press(agent, "Enter")
    expect(agent.locator("#panel-in")).to_have_attribute("data-v", "3")
    expect(agent.locator(".say")).to_contain_text("No event at 3 Sep 12:00. Showing step 3")


def test_keys_change_the_window_follow_and_copy(agent: Page, told: tuple[str, int]) -> None:
    member, _ = told
    agent.add_init_script(COPIED)
    open_step(agent, member, 9)
    window = agent.locator(".zoomval")
    fit = window.inner_text()
    for key, changes in (("+", True), ("-", True), ("+", True), ("0", False)):
        before = window.inner_text()
        press(agent, key)
        if changes:
            expect(window).not_to_have_text(before)
    expect(window).to_have_text(fit)
    press(agent, "l")
    expect(agent.locator("#live")).to_have_attribute("aria-pressed", "true")
    press(agent, "l")
    expect(agent.locator("#live")).to_have_attribute("aria-pressed", "false")
    press(agent, "y")
    expect(agent.locator("#say")).to_contain_text("Pinned link copied")
    agent.goto(agent.evaluate("window.copied"))
    expect(agent.locator(".say")).to_contain_text("folds to what it did then")


def test_single_keys_can_be_switched_off(agent: Page, told: tuple[str, int]) -> None:
    member, _ = told
    refused = step_of(member, "AcquisitionRefused")
    open_step(agent, member, 3)
    press(agent, "?")
    expect(agent.locator("#keys")).to_be_visible()
    agent.locator("#keys-on").uncheck()
    press(agent, "Escape")
    expect(agent.locator("#keys")).to_be_hidden()
    agent.reload()
    agent.locator("#v").focus()
    press(agent, "e", "w", "m", "ArrowRight")  # arrows are the slider's own
    assert settled(agent) == 4
    expect(on_tab(agent, "changed")).to_be_visible()
    agent.locator("button", has_text="keys").click()
    agent.locator("#keys-on").check()
    press(agent, "Escape")
    agent.locator("#v").focus()
    press(agent, "e")
    assert settled(agent) == refused


def test_keys_are_left_alone_elsewhere(agent: Page, told: tuple[str, int]) -> None:
    """In fields, with a modifier, and outside of the timeline's own regions."""
    member, _ = told
    open_step(agent, member, 5)
    agent.locator("#find").focus()
    agent.keyboard.type("we")
    press(agent, "Home", "End")
    assert agent.locator("#find").input_value() == "we"
    agent.locator(".mainnav a").first.focus()
    press(agent, "e", "w", "ArrowRight", "End")
    agent.locator("#v").focus()
    press(agent, "Control+e", "Alt+w", "Meta+m")
    agent.locator("#box").focus()
    press(agent, "ArrowLeft", "Home", "e", "w")
    agent.wait_for_timeout(200)
    assert (place(agent), settled(agent)) == (5, 5)
    expect(on_tab(agent, "changed")).to_be_visible()


def test_everything_is_reached_by_tab_and_pressed_by_enter(
    agent: Page, told: tuple[str, int]
) -> None:
    """From the search to why a download was refused, without a pointer."""
    member, last = told
    agent.goto("/")
    assert focused(agent) == "q"
    agent.keyboard.type(member)
    press(agent, "Enter")
    expect(agent.locator("#panel-in")).to_have_attribute("data-v", str(last))
    expect(agent.locator("html[data-ready]")).to_have_count(1)

    def tabbed_to(selector: str) -> None:
        for _ in range(150):
            press(agent, "Tab")
            if agent.evaluate("(s) => document.activeElement.matches(s)", selector):
                return
        raise AssertionError(f"{selector} is not reached by Tab")

    press(agent, "Home")
    settled(agent)
    agent.evaluate("document.activeElement.blur()")
    tabbed_to("#copy-link")
    tabbed_to("#fq")
    tabbed_to(".filterbar summary")
    press(agent, "Enter")
    tabbed_to(".filterbar input[type=checkbox]")
    press(agent, "Escape")
    assert agent.evaluate("document.activeElement.matches('.filterbar summary')")
    tabbed_to("#go-next")
    press(agent, "Enter")
    assert settled(agent) == 1
    tabbed_to("#v")
    tabbed_to("#plot .refmark")
    press(agent, "Enter")
    step = settled(agent)
    expect(agent.locator("#step-h")).to_contain_text("refused")
    tabbed_to("#evscroll")
    tabbed_to(".ev a")
    tabbed_to("[data-tab=why]")
    press(agent, "Enter")
    expect(agent.locator(".verdictbox")).to_be_visible()
    assert settled(agent) == step
    # What the morph put in its place has the focus still.
    assert agent.evaluate("document.activeElement.dataset.tab") == "why"
    tabbed_to("#what-if")


def test_what_is_said_aloud(agent: Page, told: tuple[str, int]) -> None:
    member, last = told
    renewed = step_of(member, "LicenseRenewed")
    open_step(agent, member, renewed - 1)
    slider = agent.get_by_role("slider", name="Step in the member’s history")
    expect(slider).to_have_attribute("min", "0")
    expect(slider).to_have_attribute("max", str(last))
    slider.focus()
    press(agent, "ArrowRight")
    expect(slider).to_have_attribute(
        "aria-valuetext", re.compile(rf"^Step {renewed} of {last}, .* UTC, license renewed$")
    )
    said = agent.get_by_role("status").filter(has_text=f"Step {renewed}.")
    expect(said).to_have_text(
        f"Step {renewed}. The Third Man renewed on iPad Air to 24 Sep. 2 changes."
    )
    # One sentence after a run of steps, not one for each; a busy machine makes two runs of one.
    agent.evaluate(
        """() => {
          const say = document.getElementById('say');
          window.told = [];
          new MutationObserver(() => window.told.push(say.textContent))
            .observe(say, { childList: true, characterData: true, subtree: true });
        }"""
    )
    press(agent, *["ArrowLeft"] * 6)
    expect(agent.locator("#say")).to_contain_text(f"Step {renewed - 6}.")
    assert 1 <= len(agent.evaluate("window.told")) <= 3
    rows = agent.locator(".evlist > li")
    expect(rows.nth(3)).to_have_attribute("aria-posinset", "4")
    expect(rows.nth(3)).to_have_attribute("aria-setsize", str(rows.count()))
    expect(agent.locator(".evlist [aria-current=step]")).to_have_count(1)
    for name in ("Timeline", "Events", "Filter the whole history", "Playhead", "Play", "View"):
        assert agent.get_by_label(name, exact=True).count() >= 1, name
    assert agent.locator("#panel").get_attribute("aria-labelledby") == "step-h"
