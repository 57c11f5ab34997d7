"""What every page has around it: its font, its navigation, the mark of a demonstration."""

import re
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.test import Client

from tests.web.test_pages import assert_strict, staff


def test_the_font_is_ours_and_allowed() -> None:
    answer = staff().get("/")
    assert "font-src 'self'" in answer["Content-Security-Policy"]
    preload = re.search(
        r'<link rel="preload" href="/static/([^"]+)" as="font"', answer.content.decode()
    )
    assert preload
    found = finders.find(preload[1])
    assert found
    with open(found, "rb") as file:
        assert file.read(4) == b"wOF2"
    sheet = finders.find("css/base.css")
    assert sheet
    with open(sheet, encoding="utf-8") as file:
        assert preload[1].rpartition("/")[2] in file.read()


@pytest.mark.parametrize("demo", [True, False])
def test_a_demonstration_says_so_on_every_page(demo: bool, settings: Any) -> None:
    settings.DEMO_DATA = demo
    for client, url in ((Client(), "/sign-in/"), (staff(), "/"), (staff(), "/nothing/here/")):
        assert ("Demo data" in client.get(url).content.decode()) is demo, url


def test_a_wrong_address_keeps_the_way_back() -> None:
    answer = staff().get("/nothing/here/")
    html = answer.content.decode()
    assert answer.status_code == 404
    assert_strict(html)
    assert 'aria-label="Main"' in html
    assert "There is nothing at this address." in html
    assert 'aria-label="Main"' not in Client().get("/nothing/here/").content.decode()
    assert 'aria-label="Main"' not in staff(role=None).get("/").content.decode()


def test_the_account_can_be_left_without_script() -> None:
    html = staff().get("/").content.decode()
    menu = re.search(r"<details class=\"who\".*?</details>", html, re.DOTALL)
    assert menu
    assert 'action="/sign-out/"' in menu[0]
    assert "API reference" in menu[0]
