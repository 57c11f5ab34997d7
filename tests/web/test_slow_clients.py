"""Clients that do not send or do not read, against the server as it is: the others go on."""

import http.client
import json
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from django.conf import settings

from tests.conftest import new_id
from tests.web import live
from tests.web.api_client import publish_rules
from timeline import launcher
from timeline.api import bulk, feed
from timeline.models import ApiKey

LINES = "application/x-ndjson"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture(scope="module")
def url(database: object) -> Iterator[str]:
    """A server with one connection, so that whoever kept it would keep everybody waiting."""
    publish_rules()
    live.collect_static_files()
    with live.served(PLAYHEAD_DB_POOL="1") as url:
        yield url


@pytest.fixture(scope="module")
def secret(url: str) -> str:
    return ApiKey.issue("slow", rate=10_000)[1]


def lines(count: int) -> bytes:
    """So many commands, each of a member of its own."""
    asked = [
        {
            "member": new_id("slow"), "command": "AddNote", "command_id": new_id("c"),
            "data": {"text": "in bulk"},
        }
        for _ in range(count)
    ]  # fmt: skip
    return b"".join(json.dumps(each).encode() + b"\n" for each in asked)


def opened(url: str, path: str, kind: str, length: int | None, **headers: str) -> socket.socket:
    """A connection over which the head of a POST went, and that reads little at once."""
    place = urlsplit(url)
    found = socket.socket()
    found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    found.settimeout(20)
    found.connect((place.hostname, place.port))
    said = {"Host": place.netloc, "Content-Type": kind} | headers
    said |= {"Transfer-Encoding": "chunked"} if length is None else {"Content-Length": str(length)}
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in said.items())
    found.sendall(f"POST {path} HTTP/1.1\r\n{head}\r\n".encode())
    return found


def ask(url: str, path: str, secret: str = "", body: bytes | None = None) -> tuple[int, bytes]:
    headers = {"Authorization": f"Bearer {secret}"} if secret else {}
    asked = urllib.request.Request(f"{url}{path}", body, headers | {"Content-Type": LINES})
    try:
        with urllib.request.urlopen(asked, timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read()


def test_bodies_that_never_come_leave_the_pages_and_the_api_alone(url: str, secret: str) -> None:
    """Half-sent forms of nobody, half-sent commands of a key: more than the server has threads."""
    key = {"Authorization": f"Bearer {secret}"}
    open_ones = [
        *(opened(url, "/sign-in/", FORM, 100) for _ in range(8)),
        *(opened(url, "/api/v1/members/m/notes", "application/json", 100, **key) for _ in range(8)),
        *(opened(url, "/api/v1/commands", LINES, 100, **key) for _ in range(8)),
    ]
    try:
        time.sleep(2)  # those that get no seat are refused by then
        for _ in range(3):
            assert ask(url, "/healthz")[0] == 200
            assert ask(url, "/sign-in/")[0] == 200
            assert ask(url, "/api/v1/rules/download-license/versions", secret)[0] == 200
        status, said = ask(url, "/api/v1/commands", secret, lines(1))
        assert (status, json.loads(said)["code"]) == (503, "busy"), "both seats are taken"
    finally:
        for each in open_ones:
            each.close()
    until = time.monotonic() + 10
    while ask(url, "/api/v1/commands", secret, lines(1))[0] == 503:
        assert time.monotonic() < until, "seats are free again when the clients are gone"
        time.sleep(0.2)


def test_a_client_that_stops_reading_loses_its_place_and_no_line(url: str, secret: str) -> None:
    sent = lines(4_000)
    key = {"Authorization": f"Bearer {secret}"}
    stalled = opened(url, "/api/v1/commands", LINES, len(sent), **key)
    try:
        stalled.sendall(sent)
        told = stalled.recv(100)
        assert told.startswith(b"HTTP/1.1 200 ")
        began = time.monotonic()
        while (answer := ask(url, "/api/v1/commands", secret, lines(3)))[0] == 503:
            assert time.monotonic() - began < 60, "nobody else ever got the place"
            time.sleep(0.5)
        *_, last = map(json.loads, answer[1].splitlines())
        assert (last["sums"]["lines"], last["sums"]["stopped"]) == (3, None)
        assert time.monotonic() - began > bulk.STALLED_S
        assert ask(url, "/healthz")[0] == 200
        # It reads on, and as nobody has the place now, the rest is done.
        while not told.endswith(b"\r\n0\r\n\r\n"):
            part = stalled.recv(65536)
            assert part, "broken off"
            told += part
    finally:
        stalled.close()
    found = [json.loads(each) for each in told.splitlines() if each.startswith(b"{")]
    assert found[-1]["sums"] == {
        "lines": 4_000, "outcomes": {"accepted": 4_000}, "stopped": None,
    }  # fmt: skip
    assert [each["line"] for each in found[:-1]] == list(range(1, 4_001))


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/api/v1/commands", LINES),
        ("/api/v1/members/m/notes", "application/json"),
        ("/sign-in/", FORM),
    ],
)
def test_a_body_without_its_length_is_refused_and_not_taken_for_none(
    url: str, secret: str, path: str, kind: str
) -> None:
    given = opened(url, path, kind, None, Authorization=f"Bearer {secret}")
    given.sendall(b"2\r\n{}\r\n0\r\n\r\n")
    with given, http.client.HTTPResponse(given) as answer:
        answer.begin()
        assert answer.status == 411
        if path.startswith("/api/"):
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert json.loads(answer.read())["code"] == "length_required"


def test_the_launched_server_has_threads_for_those_who_wait() -> None:
    """Beside as many as may work at once."""
    web = next(child for child in launcher._children("127.0.0.1", {}) if child.name == "web")
    threads = int(web.command[web.command.index("--blocking-threads") + 1])
    assert threads - feed.WAITERS - settings.BODY_SEATS - settings.BULK_SEATS >= 1
