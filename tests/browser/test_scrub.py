"""Dragging the playhead in a real browser: the same frame, the right end, no broken policy."""

import os
import random
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Page, Route, expect

from tests.conftest import new_id
from tests.web.story import tell

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


@pytest.fixture(scope="module")
def told(database: object, published_rules: object) -> tuple[str, int]:
    """A member with a story, and its last step."""
    member = new_id("m")
    return member, tell(member)


@pytest.fixture
def watched(agent: Page) -> Iterator[Page]:
    """A signed-in page on which nothing may go wrong unseen."""
    faults: list[str] = []
    agent.on("pageerror", lambda error: faults.append(str(error)))
    agent.on(
        "console",
        lambda message: faults.append(message.text) if message.type == "error" else None,
    )
    yield agent
    assert faults == []


def open_step(page: Page, member: str, version: int, query: str = "") -> None:
    page.goto(f"/members/{member}/timeline/{version}/{query}")
    expect(page.locator("#panel-in")).to_have_attribute("data-v", str(version))
    expect(page.locator("#copy-link")).to_be_visible()  # the script has run


def drag(page: Page, steps: int = 30) -> None:
    """Pull the thumb from where it is almost to the right end and back to the middle."""
    box = page.locator("#v").bounding_box()
    assert box
    share = page.evaluate("document.getElementById('v').value / document.getElementById('v').max")
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 8 + (box["width"] - 16) * share, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 30, y, steps=steps)
    page.mouse.move(box["x"] + box["width"] * 0.55, y, steps=steps)
    page.mouse.up()


def place(page: Page) -> int:
    return int(page.locator("#v").input_value())


def settled(page: Page) -> int:
    """Wait until the panel shows the slider's step; returns it."""
    state = """() => [
        document.getElementById('panel-in').dataset.v,
        document.getElementById('v').value,
        document.getElementById('panel').hasAttribute('aria-busy'),
    ]"""
    for _ in range(100):  # not wait_for_function: the policy forbids its eval
        shown, wanted, busy = page.evaluate(state)
        if shown == wanted and not busy:
            return int(wanted)
        page.wait_for_timeout(50)
    raise AssertionError(f"the panel shows step {shown}, the slider {wanted}, busy {busy}")


def test_the_state_follows_the_drag(watched: Page, told: tuple[str, int]) -> None:
    member, last = told
    open_step(watched, member, 2)
    before = watched.locator(".headline").get_attribute("x1")
    drag(watched)
    step = settled(watched)
    assert 2 < step < last
    assert watched.locator(".headline").get_attribute("x1") != before
    assert watched.locator(f"#s{step}").get_attribute("aria-current") == "step"
    assert watched.locator("#box").input_value() == str(step)
    watched.wait_for_url(re.compile(rf"/timeline/{step}/"))
    expect(watched.locator("#say")).to_contain_text(f"Step {step}.")
    watched.go_back()  # a full page, never a stale region
    expect(watched.locator("#panel-in")).to_have_attribute("data-v", "2")
    assert watched.locator("#v").input_value() == "2"


def test_no_address_is_written_while_the_thumb_is_held(
    watched: Page, told: tuple[str, int]
) -> None:
    member, _ = told
    open_step(watched, member, 2)
    entries = watched.evaluate("history.length")
    box = watched.locator("#v").bounding_box()
    assert box
    y = box["y"] + box["height"] / 2
    watched.mouse.move(box["x"] + 40, y)
    watched.mouse.down()
    watched.mouse.move(box["x"] + box["width"] * 0.4, y, steps=5)
    held = settled(watched)
    watched.wait_for_timeout(900)  # longer than a rest of the keys
    assert watched.url.endswith("/timeline/2/")
    assert watched.evaluate("history.length") == entries
    watched.mouse.move(box["x"] + box["width"] * 0.7, y, steps=5)
    step = settled(watched)
    assert step != held
    watched.mouse.up()
    watched.wait_for_url(re.compile(rf"/timeline/{step}/"))
    assert watched.evaluate("history.length") == entries + 1


def test_a_chosen_row_keeps_its_entry_in_the_browser(watched: Page, told: tuple[str, int]) -> None:
    """Keys right after a click write an entry of their own; further keys change that one."""
    member, _ = told
    open_step(watched, member, 2)
    entries = watched.evaluate("history.length")
    watched.locator("#s8 a").click()
    watched.wait_for_url(re.compile(r"/timeline/8/"))
    watched.locator("#v").focus()
    for step in (9, 10):
        watched.keyboard.press("ArrowRight")
        watched.wait_for_url(re.compile(rf"/timeline/{step}/"))
    assert watched.evaluate("history.length") == entries + 2
    watched.go_back()
    expect(watched.locator("#panel-in")).to_have_attribute("data-v", "8")


def test_readout_and_playhead_move_in_the_same_frame(watched: Page, told: tuple[str, int]) -> None:
    member, _ = told
    open_step(watched, member, 3)
    watched.route("**/timeline/?*", lambda route: None)  # the network never answers
    moved = watched.evaluate(
        """() => {
          const slider = document.getElementById('v');
          const line = () => document.querySelector('.headline').getAttribute('x1');
          const seen = [line(), document.getElementById('ro-time').textContent];
          slider.value = 9;
          slider.dispatchEvent(new Event('input', { bubbles: true }));
          return [...seen, line(), document.getElementById('ro-time').textContent,
                  document.querySelector('.ev[aria-current]').id];
        }"""
    )
    assert moved[0] != moved[2]
    assert moved[1] != moved[3]
    assert moved[4] == "s9"
    watched.unroute_all(behavior="ignoreErrors")


def test_script_and_server_draw_the_same(watched: Page, told: tuple[str, int]) -> None:
    member, last = told
    picture = """() => [
      document.getElementById('ro-time').textContent,
      document.getElementById('use-downloads').textContent,
      document.getElementById('use-devices').textContent,
      document.getElementById('v').getAttribute('aria-valuetext'),
      Math.round(parseFloat(document.querySelector('.headline').getAttribute('x1'))),
      ...[...document.querySelectorAll('.bar')].map((bar) => bar.getAttribute('class')),
      ...[...document.querySelectorAll('.tl-use')].map((lane) => lane.className + lane.textContent),
      ...[...document.querySelectorAll('[data-m]')].map((m) => m.classList.contains('later')),
    ]"""
    for step in (1, 6, 11, last):
        open_step(watched, member, step, "?span=all")
        served = watched.evaluate(picture)
        open_step(watched, member, 4, "?span=all")
        watched.evaluate(
            """(v) => { const s = document.getElementById('v'); s.value = v;
            s.dispatchEvent(new Event('input', { bubbles: true })); }""",
            step,
        )
        assert watched.evaluate(picture) == served
        settled(watched)


def test_fifty_drags_on_an_uneven_network_end_right(watched: Page, told: tuple[str, int]) -> None:
    """Answers take 20 to 400 ms, as chance has it; the last painted state is the one asked for."""
    member, last = told
    chance = random.Random(7)

    def slowly(route: Route) -> None:
        time.sleep(chance.uniform(0.02, 0.4))
        route.continue_()

    open_step(watched, member, 1)
    watched.route("**/timeline/?*", slowly)
    box = watched.locator("#v").bounding_box()
    assert box
    y, wrong = box["y"] + box["height"] / 2, []
    for number in range(50):
        watched.mouse.move(box["x"] + 8 + (box["width"] - 16) * place(watched) / last, y)
        watched.mouse.down()
        for _ in range(2):
            to = box["x"] + box["width"] * chance.uniform(0.02, 0.98)
            watched.mouse.move(to, y, steps=chance.randint(2, 9))
        watched.mouse.up()
        step = settled(watched)
        head = watched.locator(".ph-meta").inner_text()
        marked = watched.eval_on_selector_all(".ev[aria-current]", "els => els.map((el) => el.id)")
        if not head.startswith(f"Step {step}") or marked != ([f"s{step}"] if step else []):
            wrong.append((number, step, head, marked))
    assert wrong == []
    watched.unroute_all(behavior="ignoreErrors")


def test_a_drag_paints_states_on_its_way(watched: Page, told: tuple[str, int]) -> None:
    """The panel is swapped while the thumb is held, and the slider, outside of it, lives on."""
    member, _ = told
    open_step(watched, member, 1)
    watched.evaluate(
        """() => { window.painted = []; document.addEventListener('htmx:after:swap', () => {
          window.painted.push(document.getElementById('panel-in').dataset.v); }); }"""
    )
    slider = watched.locator("#v").element_handle()
    box = watched.locator("#v").bounding_box()
    assert slider
    assert box
    y = box["y"] + box["height"] / 2
    watched.mouse.move(box["x"] + 30, y)
    watched.mouse.down()
    seen: list[int] = []
    for share in (0.3, 0.5, 0.7, 0.9):
        watched.mouse.move(box["x"] + box["width"] * share, y, steps=8)
        seen.append(settled(watched))
    watched.mouse.up()
    assert seen == sorted(set(seen))
    painted = dict.fromkeys(map(int, watched.evaluate("window.painted")))
    assert seen == [step for step in painted if step in seen]
    assert slider.evaluate("(el) => el.isConnected && el === document.getElementById('v')")


def pulled(page: Page, start: tuple[float, float], *ends: float) -> None:
    """Press at a point and pull to each x in turn, without letting go."""
    page.mouse.move(*start)
    page.mouse.down()
    for x in ends:
        page.mouse.move(x, start[1], steps=10)


def test_the_line_of_the_picture_can_be_pulled(watched: Page, told: tuple[str, int]) -> None:
    """From its knob or anywhere over the lanes; step, clock and bars follow in the same frame."""
    member, last = told
    open_step(watched, member, 5, "?span=all")
    entries = watched.evaluate("history.length")
    knob = watched.locator(".headknob").bounding_box()
    chart = watched.locator(".strip .track-chart").bounding_box()
    assert knob
    assert chart
    middle = (knob["x"] + knob["width"] / 2, knob["y"] + 6)
    pulled(watched, middle, chart["x"] + chart["width"] * 0.35)
    line = watched.locator(".headline").get_attribute("x1")
    assert line
    assert abs(float(line.removesuffix("%")) - 35) < 0.5
    step = settled(watched)
    assert 5 < step < last
    assert "carried on to" in watched.locator(".ph-meta").inner_text()
    assert watched.url.endswith("/timeline/5/?span=all")  # nothing is written under the hand
    watched.mouse.up()
    watched.wait_for_url(re.compile(rf"/timeline/{step}/\?.*t="))
    assert watched.evaluate("history.length") == entries + 1
    # Over a bar, which is a link: it is neither dragged away nor followed.
    bar = watched.locator(".bar").last.bounding_box()
    assert bar
    pulled(watched, (bar["x"] + 5, bar["y"] + 8), chart["x"] + chart["width"] * 0.1)
    early = settled(watched)
    watched.mouse.up()
    watched.wait_for_timeout(300)
    assert settled(watched) == early < step
    # Let go, a bar is a link again.
    watched.locator(".bar").last.click()
    watched.wait_for_timeout(300)
    assert settled(watched) > step
    assert watched.locator(".ph-meta").inner_text().find("carried on") < 0


def test_leaving_the_picture_goes_on_pulling(watched: Page, told: tuple[str, int]) -> None:
    member, last = told
    open_step(watched, member, 8, "?span=all")
    over = watched.locator(".overview .track-chart").bounding_box()
    assert over
    pulled(watched, (over["x"] + over["width"] / 2, over["y"] + 10), over["x"] + over["width"] + 60)
    watched.mouse.move(over["x"] + over["width"] + 60, over["y"] + 500, steps=4)
    assert settled(watched) == last
    watched.mouse.move(over["x"] - 60, over["y"] + 500, steps=4)
    assert settled(watched) == 0
    watched.mouse.up()
    watched.wait_for_url(re.compile(r"/timeline/0/"))
    expect(watched.locator("#step-h")).to_have_text("Before the first event")


def test_keys_move_inside_the_block(watched: Page, told: tuple[str, int]) -> None:
    member, last = told
    open_step(watched, member, 5)
    watched.locator("#v").focus()
    for key, step in (
        ("ArrowRight", 6), ("ArrowRight", 7), ("ArrowLeft", 6), ("End", last), ("Home", 0),
        ("PageDown", 1),
    ):  # fmt: skip
        watched.keyboard.press(key)
        assert watched.locator("#v").input_value() == str(step), key
    assert settled(watched) == 1
    day = watched.locator("#ro-time").inner_text()[:10]
    watched.keyboard.press("PageDown")
    assert watched.locator("#ro-time").inner_text()[:10] != day
    settled(watched)


def test_rows_bars_and_numbers_are_chosen(watched: Page, told: tuple[str, int]) -> None:
    member, _ = told
    open_step(watched, member, 5)
    watched.locator("#s8 a").click()
    assert settled(watched) == 8
    watched.wait_for_url(re.compile(r"/timeline/8/"))
    watched.locator(".refmark").first.focus()
    watched.keyboard.press("Enter")
    refused = settled(watched)
    assert refused != 8
    expect(watched.locator("#step-h")).to_contain_text("refused")
    watched.locator("#box").fill("3")
    watched.locator("#box").press("Enter")
    assert settled(watched) == 3


def test_the_tab_stays_while_scrubbing(watched: Page, told: tuple[str, int]) -> None:
    member, _ = told
    open_step(watched, member, 5)
    watched.locator("[data-tab=state]").click()
    expect(watched.locator("[data-tab=state]")).to_have_attribute("aria-current", "page")
    watched.locator("#go-next").click()
    assert settled(watched) == 6
    expect(watched.locator("[data-tab=state]")).to_have_attribute("aria-current", "page")
    watched.wait_for_url(re.compile(r"/timeline/6/\?tab=state"))


def test_the_picture_follows_out_of_its_window(watched: Page, told: tuple[str, int]) -> None:
    member, last = told
    open_step(watched, member, 2, "?span=2w")
    window = watched.locator("#plot").get_attribute("data-scale")
    watched.locator("#v").focus()
    watched.keyboard.press("End")
    assert settled(watched) == last
    expect(watched.locator("#plot")).not_to_have_attribute("data-scale", window or "")
    assert watched.locator(".headline").get_attribute("x1") != "100.00%"


def test_without_script_every_step_is_reached(
    chromium: object, agent: Page, told: tuple[str, int]
) -> None:
    member, _ = told
    browser = agent.context.browser
    assert browser
    plain = browser.new_context(
        java_script_enabled=False,
        storage_state=agent.context.storage_state(),
        base_url=re.sub(r"(https?://[^/]+).*", r"\1", agent.url),
    )
    page = plain.new_page()
    page.goto(f"/members/{member}/timeline/5/")
    page.locator("#go-next").click()
    assert page.locator("#panel-in").get_attribute("data-v") == "6"
    page.locator("#v").press("ArrowRight")
    page.locator("#slide .go").click()
    assert page.locator("#panel-in").get_attribute("data-v") == "7"
    page.locator("[data-tab=why]").click()
    page.locator("#go-previous").click()
    assert page.locator("[data-tab=why]").get_attribute("aria-current") == "page"
    assert not page.locator("#theme").is_visible()
    assert not page.locator("#copy-link").is_visible()
    plain.close()


def test_pages_fit_wide_and_narrow_in_light_and_dark(
    watched: Page, told: tuple[str, int], tmp_path: Path
) -> None:
    """With PLAYHEAD_PICTURES=<folder> the pictures are kept there, to be looked at."""
    member, last = told
    folder = Path(os.environ.get("PLAYHEAD_PICTURES") or tmp_path)
    pages = (
        ("timeline", f"/members/{member}/timeline/{last - 6}/"),
        ("why", f"/members/{member}/timeline/10/?tab=why"),
        ("state", f"/members/{member}/timeline/{last}/?tab=state"),
        ("home", "/"),
    )
    for scheme in SCHEMES:
        watched.emulate_media(color_scheme=scheme)
        for width, height in ((1440, 1000), (390, 844)):
            watched.set_viewport_size({"width": width, "height": height})
            for name, url in pages:
                watched.goto(url)
                assert watched.evaluate(
                    "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
                ), (name, width)
                watched.screenshot(path=folder / f"{name}-{width}-{scheme}.png")
