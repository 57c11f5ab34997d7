"""The product behind a real port, and a real Chromium in front of it."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from django.contrib.auth.models import Group, User
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.test.testcases import LiveServerThread
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.kit import sign_in
from tests.conftest import new_id
from timeline.embedded import Addresses

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
# A browser that calls nobody but the page it is shown.
FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# Playwright keeps an event loop in this thread, which Django takes for a reason to refuse queries.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"


@dataclass(frozen=True)
class Site:
    """The address of the running product; `str(site)` is it too."""

    url: str

    def __str__(self) -> str:
        return self.url


@pytest.fixture(scope="session")
def served(database: Addresses) -> Iterator[Site]:
    """The product on a free port. Unlike pytest-django's, it never empties tables."""
    thread = LiveServerThread("127.0.0.1", StaticFilesHandler, port=0)
    thread.daemon = True
    thread.start()
    thread.is_ready.wait()
    if thread.error:
        raise thread.error
    try:
        yield Site(f"http://127.0.0.1:{thread.port}")
    finally:
        thread.terminate()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, without a sandbox where the tests run as root."""
    if CHROMIUM is None:
        pytest.fail("no chromium on this machine: install it, or `make test BROWSER=no`")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, chromium_sandbox=os.geteuid() != 0, args=FLAGS
        )
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser, served: Site) -> Iterator[Page]:
    """A page of a new browser profile, not signed in; relative addresses are the product's."""
    context = chromium.new_context(base_url=served.url)
    context.set_default_timeout(10_000)
    yield context.new_page()
    context.close()


@pytest.fixture
def agent(page: Page) -> Page:
    """A page signed in as a user of the group `agent`."""
    username, password = new_id("agent"), new_id("password")
    user = User.objects.create_user(username, password=password)
    user.groups.add(Group.objects.get_or_create(name="agent")[0])
    sign_in(page, username, password)
    return page
