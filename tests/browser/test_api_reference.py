"""The API's reference in a real browser: no script, nothing from elsewhere, no finding of axe."""

import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import Site
from tests.browser.test_every_page import COLOURS, faults


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_reference_opens_for_everybody(chromium: Browser, served: Site, scheme: str) -> None:
    context = chromium.new_context(base_url=served.url, color_scheme=scheme)
    page, asked, said = context.new_page(), list[str](), list[str]()
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.goto("/api/v1/docs")
    assert page.get_by_text("/members/{member_id}/timeline").count()
    assert page.get_by_text("/commands").count()
    assert [url for url in asked if not url.startswith(served.url)] == []
    for width in (1440, 390):
        page.set_viewport_size({"width": width, "height": 900})
        assert faults(page, COLOURS if scheme == "dark" else ()) == []
        wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(wide) <= 0
    assert said == []
    context.close()
