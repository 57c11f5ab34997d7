"""What the browser tests share: signing in, and somebody who works in the background."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import connection
from playwright.sync_api import Page


def sign_in(page: Page, username: str, password: str) -> None:
    """By the form, as people do; ends on the page behind it."""
    page.goto("/sign-in/")
    page.fill("input[name=username]", username)
    page.fill("input[name=password]", password)
    page.press("input[name=password]", "Enter")
    page.wait_for_url(lambda url: "/sign-in/" not in url)


@contextmanager
def background(work: Callable[[], object], *, pause: float) -> Iterator[None]:
    """Somebody who does this again and again, as a worker does at the beat's ticks."""
    over = threading.Event()

    def go_on() -> None:
        try:
            while not over.wait(pause):
                work()
        finally:
            connection.close()

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
