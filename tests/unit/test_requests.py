"""Where a request comes from, which locks and rates depend on: nobody may choose it himself."""

from typing import Any

import pytest
from django.test import RequestFactory

from timeline.requests import address_of


@pytest.mark.parametrize(
    ("proxies", "said", "address"),
    [
        (0, "203.0.113.9", "10.0.0.1"),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "192.0.2.66, 203.0.113.9", "203.0.113.9"),
        (2, "192.0.2.66, 203.0.113.9, 10.0.0.7", "203.0.113.9"),
        (1, "2001:DB8::1", "2001:db8::1"),
        (2, "203.0.113.9", "10.0.0.1"),
        (1, "", "10.0.0.1"),
        (1, "203.0.113.9,", "10.0.0.1"),
        (1, "somewhere", "10.0.0.1"),
    ],
)
def test_an_address_is_what_our_own_proxies_saw(
    settings: Any, proxies: int, said: str, address: str
) -> None:
    settings.PROXIES = proxies
    headers = {"X-Forwarded-For": said}
    request = RequestFactory().get("/", headers=headers, REMOTE_ADDR="10.0.0.1")
    assert address_of(request) == address
