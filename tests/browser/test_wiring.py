"""What was measured to go wrong between a slider, htmx and a server, each held off by a test."""

import re

import pytest
from playwright.sync_api import Page, Request, expect

from tests.browser.test_scrub import open_step, place, settled
from tests.conftest import new_id
from tests.web.story import tell


@pytest.fixture(scope="module")
def told(database: object, published_rules: object) -> tuple[str, int]:
    """A member with a story, and its last step."""
    member = new_id("m")
    return member, tell(member)


def requests_of(page: Page, target: str) -> list[str]:
    """The addresses that are asked from now on for one region."""
    asked: list[str] = []

    def heard(request: Request) -> None:
        if request.headers.get("hx-target", "").endswith(f"#{target}"):
            asked.append(request.url)

    page.on("request", heard)
    return asked


def test_the_slider_waits_its_turn_and_lives_outside_of_what_it_swaps(
    agent: Page, told: tuple[str, int]
) -> None:
    """`replace` paints nothing while one drags, `outerHTML` loses the queued answer."""
    open_step(agent, told[0], 5)
    slider = agent.locator("#v")
    expect(slider).to_have_attribute("hx-sync", "this:queue last")
    expect(slider).to_have_attribute("hx-swap", "innerMorph")
    assert agent.locator("#panel #v, #events #v, #tracks #v").count() == 0
    assert agent.locator("[hx-swap^=outer]").count() == 0
    # A filter in a trigger is dropped, or stops the request, under the policy.
    for trigger in agent.eval_on_selector_all(
        "[hx-trigger]", "els => els.map((el) => el.getAttribute('hx-trigger'))"
    ):
        assert "[" not in trigger
    assert agent.locator("[hx-on], [onclick], [style], [hx-vals^='js:']").count() == 0
    assert "no-store" in agent.request.get(agent.url).headers["cache-control"]


def test_at_most_one_request_is_under_way_and_none_is_cut_off(
    agent: Page, told: tuple[str, int]
) -> None:
    open_step(agent, told[0], 1)
    under_way, most, failed = [0], [0], []
    agent.route("**/timeline/?*", lambda route: (agent.wait_for_timeout(0), route.continue_()))

    def began(request: Request) -> None:
        if "/timeline/?" in request.url:
            under_way[0] += 1
            most[0] = max(most[0], under_way[0])

    def ended(request: Request) -> None:
        if "/timeline/?" in request.url:
            under_way[0] -= 1

    agent.on("request", began)
    agent.on("requestfinished", ended)
    agent.on("requestfailed", lambda request: (ended(request), failed.append(request.url)))
    agent.locator("#v").focus()
    for _ in range(12):
        agent.keyboard.press("ArrowRight")
    assert settled(agent) == 13
    assert (most[0], failed) == (1, [])
    agent.unroute("**/timeline/?*")


def test_an_answer_older_than_the_one_on_the_screen_is_refused(
    agent: Page, told: tuple[str, int]
) -> None:
    open_step(agent, told[0], 5)
    refused = agent.evaluate(
        """() => {
          const slider = document.getElementById('v');
          const tell = (kind, ctx) => slider.dispatchEvent(new CustomEvent(kind,
            { bubbles: true, cancelable: true, detail: { ctx } }));
          const [older, newer] = [{}, {}];
          tell('htmx:before:request', older);
          tell('htmx:before:request', newer);
          return [!tell('htmx:before:swap', newer), !tell('htmx:before:swap', older)];
        }"""
    )
    assert refused == [False, True]


def test_what_was_opened_stays_open_from_step_to_step(agent: Page, told: tuple[str, int]) -> None:
    member, last = told
    open_step(agent, member, last - 1, "?tab=why")
    others = agent.locator("#others")
    assert others.evaluate("(el) => el.open") is False
    others.locator("summary").click()
    agent.locator("#v").focus()
    agent.keyboard.press("ArrowRight")
    assert settled(agent) == last
    assert others.evaluate("(el) => el.open") is True
    assert agent.evaluate("document.activeElement.id") == "v"


def test_the_filter_asks_once_for_a_word_and_keeps_the_step(
    agent: Page, told: tuple[str, int]
) -> None:
    member, last = told
    open_step(agent, member, 9)
    asked = requests_of(agent, "events")
    agent.locator("#fq").press_sequentially("vertigo", delay=20)
    expect(agent.locator("#ev-count")).to_contain_text("1 of ")
    assert len(asked) == 1
    assert settled(agent) == 9
    expect(agent).to_have_url(re.compile(r"/timeline/9/\?q=vertigo$"))
    # A saved link holds all of it, dates and orders too.
    agent.locator(".filterbar summary", has_text="Dates").click()
    agent.locator("#f-from").fill("2026-09-05")
    agent.locator("#f-from").press("Tab")
    agent.keyboard.press("Escape")
    expect(agent).to_have_url(re.compile(r"q=vertigo.*from=2026-09-05|from=2026-09-05.*q=vertigo"))
    saved = agent.url
    rows = agent.locator(".evlist .ev").count()
    agent.locator(".chip", has_text="vertigo").click()
    expect(agent).not_to_have_url(re.compile("vertigo"))
    agent.goto(saved)
    assert agent.locator(".evlist .ev").count() == rows
    assert agent.locator("#f-from").input_value() == "2026-09-05"
    # The state is of the whole history all the same.
    agent.locator("#go-next").click()
    assert settled(agent) == 10
    agent.locator("#fq").fill("nothing like it")
    expect(agent.locator(".evlist .empty")).to_contain_text("in the whole history")
    assert place(agent) == 10
    agent.get_by_role("link", name="Clear the filter").click()
    expect(agent.locator(".evlist .ev[id]")).to_have_count(last)


def test_a_click_into_empty_time_says_what_is_shown(agent: Page, told: tuple[str, int]) -> None:
    """Not the last event as if it were there: the last one until then, and the clock on."""
    open_step(agent, told[0], 3, "?span=all")
    chart = agent.locator(".strip .track-chart").bounding_box()
    assert chart
    agent.mouse.click(chart["x"] + chart["width"] * 0.93, chart["y"] + 6)
    step = settled(agent)
    meta = agent.locator(".ph-meta")
    expect(meta).to_contain_text(f"Step {step}, carried on to")
    line = agent.locator(".headline").get_attribute("x1") or ""
    assert abs(float(line.removesuffix("%")) - 93) < 1
    agent.wait_for_url(re.compile(rf"/timeline/{step}/\?.*t="))
    shown = agent.locator("#ro-time").inner_text()
    agent.reload()  # the instant is in the address
    expect(agent.locator("#ro-time")).to_have_text(shown)
    expect(agent.locator(".say")).to_contain_text(f"Showing step {step} of")


def test_playing_stops_when_the_focus_goes_elsewhere(agent: Page, told: tuple[str, int]) -> None:
    open_step(agent, told[0], 1)
    expect(agent.locator("#play-go")).to_have_text("Play")  # never by itself
    agent.locator("#play-speed").select_option("5")
    agent.locator("#play-go").click()
    expect(agent.locator("#panel-in")).to_have_attribute("data-v", re.compile(r"^[3-9]$"))
    agent.locator("#find").focus()
    expect(agent.locator("#play-go")).to_have_text("Play")
    stood = settled(agent)
    agent.wait_for_timeout(500)
    assert settled(agent) == stood
    agent.locator("#play-go").click()
    expect(agent.locator("#play-go")).to_have_attribute("aria-pressed", "true")
    agent.locator("#play-go").click()
    expect(agent.locator("#play-go")).to_have_attribute("aria-pressed", "false")


@pytest.mark.parametrize(("width", "least"), [(1440, 24), (390, 36)])
def test_what_is_pressed_is_large_enough(
    agent: Page, told: tuple[str, int], width: int, least: int
) -> None:
    agent.set_viewport_size({"width": width, "height": 900})
    open_step(agent, told[0], 9)
    small = agent.eval_on_selector_all(
        ".transport a, .transport button, .transport select, #v, #fq, .switch a, .tabs a,"
        " .panel-foot .btn, .memberbar .btn, .viewctl a",
        """(els, least) => els.filter((el) => el.offsetParent).map((el) =>
             [el.id || el.textContent.trim(), el.getBoundingClientRect()])
           .filter(([, box]) => box.height < least || box.width < 24)
           .map(([name, box]) => `${name}: ${box.width} x ${box.height}`)""",
        least,
    )
    assert not small, "; ".join(small)


def test_new_events_are_shown_together_when_asked_for(agent: Page, database: object) -> None:
    member = new_id("m")
    last = tell(member)
    open_step(agent, member, last)
    agent.evaluate(
        """() => { const say = document.getElementById('live-new');
        Object.assign(say, { hidden: false, textContent: '2 new events' }); }"""
    )
    agent.locator("#v").focus()
    agent.keyboard.press("ArrowLeft")
    assert settled(agent) == last - 1
    agent.locator("#live-new").click()  # a full page, at the step that was looked at
    expect(agent.locator("#live-new")).to_be_hidden()
    assert settled(agent) == last - 1
