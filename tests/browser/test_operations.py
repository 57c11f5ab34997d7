"""The operations page in a real browser: it renews itself, and takes nothing out of one's hands."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from django.db import connection
from playwright.sync_api import Browser, Page, expect

from licensing import store
from licensing.history import stream_of
from projections import builds, census, heartbeat, parking, registry, runner, samples
from tests.browser.conftest import Site
from tests.browser.test_access import sign_in
from tests.browser.test_scrub import SCHEMES
from tests.conftest import new_id
from tests.web.story import tell

PROJECTION = "license_index"


@pytest.fixture
def held(database: object, published_rules: object) -> Iterator[str]:
    """A member whose stream is parked."""
    member = new_id("m")
    tell(member)
    runner.catch_up()
    samples.take()
    census.count()
    census.measure(older_than=0.0)
    for name, kind in (("w1@here", heartbeat.PROCESS), ("beat@here", heartbeat.BEAT)):
        heartbeat.beat(name, kind, pid=1)
    live = builds.live(PROJECTION)
    assert live
    stream = stream_of(member)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO projection_parked (bucket, projection, generation, stream_id, version,"
            " error, attempts, parked_at, next_attempt_at)"
            " VALUES (%s, %s, %s, %s, 3, 'KeyError: studio', 1, clock_timestamp(), NULL)",
            [store.bucket_of(stream), PROJECTION, live.generation, stream],
        )
    yield stream
    with suppress(parking.NotParked):  # some tests did it themselves
        parking.retry(registry.named(PROJECTION), store.bucket_of(stream), stream)


def test_it_renews_itself_and_leaves_what_is_typed(page: Page, held: str) -> None:
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    sign_in(page, "operator")
    page.goto("/operations/")
    row = page.locator(".plist li", has_text=held)
    row.get_by_text("Skip", exact=True).click()
    reason = row.get_by_label("Why is event 3 left out?")
    reason.press_sequentially("the event names")
    for _ in range(2):
        before = page.locator("#ops time").first.get_attribute("datetime")
        expect(page.locator("#ops time").first).not_to_have_attribute("datetime", before or "")
    expect(reason).to_have_value("the event names")
    expect(reason).to_be_focused()
    reason.press_sequentially(" no studio")
    row.get_by_role("button", name="Skip the event").click()
    expect(page.get_by_role("status")).to_contain_text("is level again")
    expect(page.locator(".plist li", has_text=held)).to_have_count(0)
    assert faults == []


def test_it_works_without_script(chromium: Browser, served: Site, held: str) -> None:
    context = chromium.new_context(base_url=served.url, java_script_enabled=False)
    page = context.new_page()
    sign_in(page, "operator")
    page.goto("/operations/")
    page.locator(".plist li", has_text=held).get_by_role("button", name="Retry").click()
    expect(page.get_by_role("status")).to_contain_text("is level again")
    context.close()


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", [1440, 390])
def test_pages_fit_wide_and_narrow(
    page: Page, held: str, width: int, scheme: str, tmp_path: Path
) -> None:
    """With PLAYHEAD_PICTURES=<folder> the pictures are kept there, to be looked at."""
    folder = Path(os.environ.get("PLAYHEAD_PICTURES") or tmp_path)
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    sign_in(page, "operator")
    builds.request("studio_usage", by="olga", reason="studio names were merged", hold=True)
    try:
        for name in ("", "events/", f"projections/{PROJECTION}/", "projections/studio_usage/"):
            page.goto(f"/operations/{name}")
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            kept = f"operations-{name.strip('/').replace('/', '-')}-{width}-{scheme}.png"
            page.screenshot(path=folder / kept, full_page=True)
    finally:
        builds.cancel("studio_usage", by="olga")


def test_a_rebuild_is_begun_and_given_up_without_script(chromium: Browser, served: Site) -> None:
    runner.catch_up()
    context = chromium.new_context(base_url=served.url, java_script_enabled=False)
    page = context.new_page()
    sign_in(page, "operator")
    page.goto("/operations/")
    page.get_by_role("link", name="Daily activity").click()
    page.get_by_label("Why is it rebuilt?").fill("to see that it works")
    page.get_by_label("Do not swap it in by itself").check()
    page.get_by_role("button", name="Rebuild").click()
    expect(page.get_by_role("status")).to_contain_text("has begun")
    page.get_by_role("button", name="Cancel the rebuild").click()
    expect(page.get_by_role("status")).to_contain_text("was given up")
    context.close()
