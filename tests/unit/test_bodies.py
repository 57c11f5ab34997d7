"""What an HTTP request has to say of its body before the guard looks at it."""

import pytest
from django.test import RequestFactory

from licensing.guard import REQUEST, Refused
from timeline import bodies


def body(content_type: str, data: bytes = b'{"a": 1}', **meta: str) -> dict[str, object]:
    return bodies.read(RequestFactory().generic("POST", "/", data, content_type, **meta))


@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "application/jsonp", "application/json; charset=utf-16"]
)
def test_only_json_in_utf_8(content_type: str) -> None:
    with pytest.raises(Refused) as refused:
        body(content_type)
    assert refused.value.code == "unsupported_media_type"
    assert refused.value.path == "header.content-type"


@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON; charset=UTF-8"])
def test_json_is_let_in(content_type: str) -> None:
    assert body(content_type) == {"a": 1}


def test_what_is_announced_as_large_is_not_read() -> None:
    request = RequestFactory().generic("POST", "/", b"{}", "application/json")
    request.META["CONTENT_LENGTH"] = str(REQUEST.size + 1)
    with pytest.raises(Refused) as refused:
        bodies.read(request)
    assert refused.value.code == "body_too_large"
    assert not hasattr(request, "_body")


@pytest.mark.parametrize("said", ["-1", "²", "9" * 40, "ten"])
def test_what_says_no_length_that_could_be_is_not_read(said: str) -> None:
    request = RequestFactory().generic("POST", "/", b"{}", "application/json")
    request.META["CONTENT_LENGTH"] = said
    with pytest.raises(Refused) as refused:
        bodies.read(request)
    assert refused.value.code == "body_too_large"
    assert not hasattr(request, "_body")
