"""The timeline on paper: the picture, the step and its reason, and where they were read."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from licensing import connection, store
from licensing.history import stream_of
from tests.conftest import new_id
from tests.web.story import tell


@pytest.fixture(scope="module")
def told(database: object, published_rules: object) -> tuple[str, int]:
    """A member with a story, and its last step."""
    member = new_id("m")
    return member, tell(member)


def test_the_sheet_holds_what_is_shown_and_no_controls(
    agent: Page, told: tuple[str, int], tmp_path: Path
) -> None:
    member, last = told
    agent.emulate_media(color_scheme="dark")
    agent.goto(f"/members/{member}/timeline/9/")
    expect(agent.locator("#copy-link")).to_be_visible()
    agent.locator("#go-next").click()  # the sheet tells the step that was scrubbed to
    expect(agent.locator("#panel-in")).to_have_attribute("data-v", "10")
    expect(agent.locator(".printed")).to_be_hidden()
    agent.emulate_media(media="print", color_scheme="dark")
    agent.set_viewport_size({"width": 720, "height": 1000})
    for shown in (".memberbar", "#plot .bar", "#step-h", ".whymini", ".evlist .ev", ".printed"):
        expect(agent.locator(shown).first).to_be_visible()
    for hidden in (
        ".topbar", "#filter", ".transport", ".viewctl", ".tabs", ".ways", ".panel-foot", ".tools",
        ".statusbar", "#live", "#copy-link", "#pin",
    ):  # fmt: skip
        expect(agent.locator(hidden).first).to_be_hidden()
    head = store.stream_head(connection.opened(), stream_of(member))
    assert head
    said = agent.locator(".printed").inner_text()
    assert f"as known then, step 10 of {last}, chain {head.last_hash.hex()[:16]}" in said
    assert re.search(rf"UTC by agent-\w+: 127\.0\.0\.1:\d+/members/{member}/timeline/10/", said)
    paper = agent.evaluate("getComputedStyle(document.documentElement).colorScheme")
    assert paper == "light"
    over = agent.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    assert over <= 0
    sheet = agent.pdf(path=tmp_path / "sheet.pdf", format="A4")
    assert sheet.startswith(b"%PDF")


def test_the_button_prints(agent: Page, told: tuple[str, int]) -> None:
    agent.goto(f"/members/{told[0]}/timeline/5/")
    agent.evaluate("window.print = () => { document.title = 'printed'; }")
    agent.locator(".tools summary").click()
    agent.get_by_role("button", name="Print this step").click()
    expect(agent).to_have_title("printed")
