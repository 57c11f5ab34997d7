"""Calls the API from the command line: JSON back, or words for what went wrong."""

import json
import os
import urllib.error
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

TIMEOUT_S = 30


class Refused(Exception):
    """The API answered with a problem, whose words these are."""


class Unreachable(Exception):
    """There is nobody to ask, or no key to ask with."""


class Api:
    """The API of one installation."""

    def __init__(self, url: str, key: str) -> None:
        if not _is_address(url):
            raise Unreachable(f"{url}: not an address that begins with http:// or https://")
        key = key.strip()  # files and environments end in a new line
        if not (key.isascii() and key.isprintable()):
            raise Unreachable("the key has characters that no key has")  # and which, is not told
        self._base = url.rstrip("/").removesuffix("/api/v1") + "/api/v1"
        self._key = key

    @classmethod
    def found(cls, url: str | None, key: str | None, home: Path) -> "Api":
        """By what was said, or PLAYHEAD_URL and PLAYHEAD_KEY, or the demo that runs in `home`."""
        demo = _demo(home)
        url = url or os.environ.get("PLAYHEAD_URL") or demo.get("url")
        key = key or os.environ.get("PLAYHEAD_KEY") or demo.get("api_key")
        if not url or not key:
            raise Unreachable("say where and as whom: set PLAYHEAD_URL and PLAYHEAD_KEY")
        return cls(url, key)

    def get(self, *place: object, **query: object) -> Any:
        """What a read answers; `place` is the address, by its steps. As `post`, it raises."""
        asked = urlencode({name: value for name, value in query.items() if value is not None})
        return self._call("GET", self._address(place) + (f"?{asked}" if asked else ""))

    def post(self, body: Mapping[str, Any], *place: object) -> Any:
        """What a call with a body answers. Raises Refused and Unreachable."""
        return self._call("POST", self._address(place), json.dumps(body).encode())

    def _address(self, place: tuple[object, ...]) -> str:
        return "/".join([self._base, *(quote(str(step), safe="") for step in place)])

    def _call(self, method: str, url: str, body: bytes | None = None) -> Any:
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        request = urllib.request.Request(url, body, headers, method=method)  # noqa: S310 (checked)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise Refused(_words(error)) from None
        except (OSError, ValueError, HTTPException) as error:
            raise Unreachable(f"{self._base}: {getattr(error, 'reason', error)}") from None


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _words(error: urllib.error.HTTPError) -> str:
    try:
        problem = json.load(error)
        return f"{problem['status']} {problem['code']}: {problem['detail']}"
    except (ValueError, KeyError, TypeError):
        return f"{error.code} {error.reason}"


def _demo(home: Path) -> dict[str, Any]:
    try:
        found = json.loads((home / "demo.json").read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
