"""Personal data and the audit trail in a real browser: by script, without, wide and narrow."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from django.contrib.auth.models import Group, User
from playwright.sync_api import Browser, Page, expect

from licensing import trail
from tests.browser import kit
from tests.browser.conftest import Site
from tests.conftest import new_id
from tests.web.story import tell
from timeline import profiles

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


@pytest.fixture(scope="module")
def member(database: object, published_rules: object) -> str:
    found = new_id("m")
    tell(found)
    profiles.put(found, f"kaia.{found}@example.org", "Kaia Novak")
    return found


def sign_in(page: Page, role: str) -> str:
    username, password = new_id(role), new_id("password")
    user = User.objects.create_user(username, password=password)
    user.groups.add(Group.objects.get_or_create(name=role)[0])
    kit.sign_in(page, username, password)
    return username


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


def reveal(page: Page) -> None:
    page.get_by_text("Reveal", exact=True).click()
    page.fill("#pr-reason", "on the phone, to confirm")
    page.get_by_role("button", name="Reveal for 60 s").click()


def test_a_reveal_swaps_in_place_and_goes_again(watched: Page, member: str) -> None:
    watched.clock.install()
    watched.goto(f"/members/{member}/timeline/")
    profile = watched.locator("#profile")
    expect(profile).to_contain_text("k•••@example.org")
    expect(watched.locator("body")).not_to_contain_text("Novak")
    reveal(watched)
    expect(profile).to_contain_text("Kaia Novak")
    expect(profile).to_contain_text(f"kaia.{member}@example.org")
    watched.clock.fast_forward(61_000)
    expect(profile).not_to_contain_text("Novak")
    expect(profile).to_contain_text("K. N.")


def test_a_reveal_works_without_script(chromium: Browser, served: Site, member: str) -> None:
    context = chromium.new_context(base_url=served.url, java_script_enabled=False)
    page = context.new_page()
    sign_in(page, "agent")
    page.goto(f"/members/{member}/timeline/")
    reveal(page)
    expect(page.locator("#profile")).to_contain_text("Kaia Novak")
    assert page.url.endswith(f"/members/{member}/profile/")
    context.close()


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", [1440, 390])
def test_pages_fit_wide_and_narrow(
    page: Page, member: str, width: int, scheme: Literal["light", "dark"], tmp_path: Path
) -> None:
    """With PLAYHEAD_PICTURES=<folder> the pictures are kept there, to be looked at."""
    folder = Path(os.environ.get("PLAYHEAD_PICTURES") or tmp_path)
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    name = sign_in(page, "auditor")
    for action in ("reveal", "act", "refused", "sign-in failed"):
        trail.record(
            trail.Who("staff", name, "agent", "s", "192.0.2.7"),
            action,
            member,
            purpose="profile",
            reason="on the phone, to confirm",
        )
    page.goto(f"/members/{member}/timeline/")
    page.goto("/audit/")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.screenshot(path=folder / f"audit-{width}-{scheme}.png")
    page.context.clear_cookies()
    sign_in(page, "agent")
    page.goto(f"/members/{member}/timeline/")
    page.get_by_text("Reveal", exact=True).click()
    expect(page.locator("#pr-reason")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.screenshot(path=folder / f"reveal-{width}-{scheme}.png")
