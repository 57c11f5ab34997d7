"""A history too long to be sent whole: the list comes in windows, the index around the playhead."""

import re

import pytest
from playwright.sync_api import Page, Request, expect

from benchmarks.run import build
from tests.browser.test_scrub import drag, open_step, place, settled
from timeline.presenters import index

EVENTS = 1200
MOST_NODES = 3000


@pytest.fixture(scope="module")
def member(database: object, published_rules: object) -> str:
    """A member with many events."""
    return build(EVENTS)


@pytest.fixture
def windowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if this history had more steps than are sent one by one."""
    monkeypatch.setattr(index, "WHOLE", 500)
    monkeypatch.setattr(index, "AROUND", 100)


def steps_listed(page: Page) -> tuple[int, int]:
    ids = page.eval_on_selector_all(".ev[id]", "els => els.map((el) => Number(el.id.slice(1)))")
    assert ids == list(range(ids[0], ids[-1] + 1))
    return ids[0], ids[-1]


def test_rows_come_by_scrolling_and_what_is_read_stays(agent: Page, member: str) -> None:
    open_step(agent, member, 600)
    first, last = steps_listed(agent)
    assert last - first == 99
    assert first < 600 < last
    rows = agent.locator(".evlist > li")
    assert int(rows.first.get_attribute("aria-posinset") or 0) >= first
    assert int(rows.first.get_attribute("aria-setsize") or 0) >= EVENTS
    agent.evaluate("""() => { const box = document.getElementById('evscroll');
        box.scrollTop = box.scrollHeight; }""")
    expect(agent.locator(f"#s{last + 30}")).to_be_attached()
    assert agent.locator(f"#s{last}").evaluate(
        """(row) => { const box = document.getElementById('evscroll');
        return row.offsetTop >= box.scrollTop - 40
          && row.offsetTop < box.scrollTop + box.clientHeight; }"""
    )
    assert place(agent) == 600  # the playhead stays
    agent.evaluate("document.getElementById('evscroll').scrollTop = 0")
    expect(agent.locator(f"#s{first + 9}")).to_be_attached()
    expect(agent.locator(f"#s{last + 30}")).not_to_be_attached()  # in place, not beside
    # The focus stays on its row while others come around it.
    row = agent.locator(f"#s{steps_listed(agent)[0] + 2}")
    name = row.get_attribute("id")
    row.locator("a").focus()
    agent.evaluate("document.getElementById('evscroll').scrollTop = 0")
    expect(agent.locator(f"#s{first - 40}")).to_be_attached()
    assert agent.evaluate("document.activeElement.closest('.ev')?.id") == name
    # A step away from what was read brings the list back to the playhead.
    agent.locator("#go-next").click()
    assert settled(agent) == 601
    expect(agent.locator("#s601")).to_have_attribute("aria-current", "step")
    expect(agent.locator("#s601")).to_be_in_viewport()


def test_the_list_is_not_sent_again_while_its_rows_are_there(agent: Page, member: str) -> None:
    open_step(agent, member, 600)
    asked: list[str] = []

    def heard(request: Request) -> None:
        if target := request.headers.get("hx-target"):
            asked.append(target)

    agent.on("request", heard)
    agent.locator("#v").focus()
    for _ in range(8):
        agent.keyboard.press("ArrowRight")
    assert settled(agent) == 608
    agent.wait_for_timeout(500)
    assert "section#panel" in asked
    assert "section#events" not in asked
    agent.keyboard.press("Home")
    assert settled(agent) == 0
    agent.keyboard.press("ArrowRight")
    expect(agent.locator("#s1")).to_have_attribute("aria-current", "step")
    assert "section#events" in asked


def test_far_away_the_readout_is_about_right_and_the_panel_exact(
    agent: Page, member: str, windowed: None
) -> None:
    open_step(agent, member, 600)
    sent = agent.evaluate("JSON.parse(document.getElementById('scrub-index').textContent).t.length")
    assert sent == 200
    readout = agent.locator("#ro-time")
    agent.locator("#v").focus()
    agent.keyboard.press("ArrowRight")
    assert not readout.inner_text().startswith("≈")
    drag(agent)
    step = settled(agent)
    assert readout.inner_text().startswith("≈") != (500 < step <= 700)
    assert agent.locator("#box").input_value() == str(step)
    agent.wait_for_url(re.compile(rf"/timeline/{step}/"))
    expect(agent.locator(f"#s{step}")).to_have_attribute("aria-current", "step")
    agent.keyboard.press("End")
    assert settled(agent) == EVENTS
    assert "≈" in readout.inner_text()


def test_in_the_other_order_the_server_names_the_step(
    agent: Page, member: str, windowed: None
) -> None:
    open_step(agent, member, 600, "?order=happened")
    drag(agent)
    there = place(agent)
    for _ in range(60):
        if agent.locator("#panel-in").get_attribute("data-place") == str(there):
            break
        agent.wait_for_timeout(50)
    shown = agent.locator("#panel-in").get_attribute("data-v")
    assert agent.locator("#panel-in").get_attribute("data-place") == str(there)
    assert agent.locator(".ph-meta").inner_text().startswith(f"Step {shown}")
    agent.locator("#box").fill("1100")  # not in the index that was sent
    agent.locator("#box").press("Enter")
    expect(agent.locator("#panel-in")).to_have_attribute("data-v", "1100")
    assert "order=happened" in agent.url


def test_no_page_has_too_many_nodes(agent: Page, member: str) -> None:
    count = "document.getElementsByTagName('*').length"
    for query in (
        "",
        "?span=all",
        "?span=all&tab=state",
        "?span=all&view=table",
        "?tab=compare&a=1",
    ):
        open_step(agent, member, 600, query)
        assert agent.evaluate(count) <= MOST_NODES, query
    open_step(agent, member, 600)
    for _ in range(4):  # rows come in place of others, not beside them
        _, last = steps_listed(agent)
        agent.evaluate("""() => { const box = document.getElementById('evscroll');
            box.scrollTop = box.scrollHeight; }""")
        expect(agent.locator(f"#s{last + 1}")).to_be_attached()
    assert agent.evaluate(count) <= MOST_NODES
    assert steps_listed(agent)[0] > 600
