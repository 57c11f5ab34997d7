"""A title withdrawn in a browser: by keys and without script, with the progress as it goes on."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from playwright.sync_api import Page, expect

from projections import withdrawals
from projections.withdrawals import working
from tests.browser.kit import background
from tests.browser.test_rules_studio import signed_in  # noqa: F401 (a fixture)
from tests.integration.test_withdrawals import Scene

People = Callable[..., Page]


def worker() -> AbstractContextManager[None]:
    """Somebody who takes up withdrawals, a small page at a time, as the beat's tick does."""
    return background(lambda: withdrawals.work(seconds=0.5), pause=0.2)


def fill_in(page: Page, scene: Scene) -> None:
    page.goto(f"/withdrawals/?name={scene.title}")
    page.get_by_label("Reason").fill("The contract ended")
    page.get_by_role("button", name="Count what that would be").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Withdraw")
    expect(page.locator(".wd-sample li")).to_have_count(4)


def test_the_progress_goes_on_by_itself_and_keeps_the_focus(
    signed_in: People,  # noqa: F811
    published_rules: object,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(working, "PAGE", 1)
    scene, page = Scene(members=4), signed_in("operator")
    fill_in(page, scene)
    page.get_by_role("button", name="Withdraw 4 licenses").press("Enter")
    stop = page.get_by_role("button", name="Stop")
    stop.focus()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for _ in range(2):  # two looks at it
        with page.expect_request("**/withdrawals/**"):
            pass
    expect(stop).to_be_focused()
    asked.clear()
    page.wait_for_timeout(3_000)
    assert len(asked) <= 4  # one look a second, however often it was answered
    with worker():
        expect(page.locator("#run .facts .tag")).to_have_text("done", timeout=30_000)
    expect(page.locator(".wd-figures").first).to_contain_text("4")
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)
    page.wait_for_load_state("networkidle")
    asked.clear()
    page.wait_for_timeout(1_500)
    assert asked == []  # what is over is not asked for again
    assert [len(scene.taken(m)) for m in scene.members] == [1, 1, 1, 1]


def test_it_works_without_script(
    signed_in: People,  # noqa: F811
    published_rules: object,
) -> None:
    scene, page = Scene(members=4), signed_in("agent", java_script_enabled=False)
    fill_in(page, scene)
    page.get_by_role("button", name="Withdraw 4 licenses").click()
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#run")).to_contain_text("Stopped at 0 %")
    page.get_by_role("button", name="Go on").click()
    with worker():
        for _ in range(60):
            if page.get_by_text("Look again").count() == 0:
                break
            page.get_by_text("Look again").click()
    expect(page.locator("#run")).to_contain_text("4 of 4 licenses")
    page.locator(".wd-items a").first.click()
    expect(page.locator("main")).to_contain_text("The contract ended")
