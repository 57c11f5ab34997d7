"""A client of the API for the tests: a key of its own, JSON in and out."""

import json
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from licensing import rulemaking, service

RULES = Path(service.__file__).parent / "demo" / "rules_1.json"


def publish_rules() -> None:
    """Put the demo's first rules in force, whatever was before."""
    rulemaking.publish(
        "download-license",
        json.loads(RULES.read_text()),
        valid_from=datetime(2020, 1, 1, tzinfo=UTC),
        command_id=str(uuid.uuid4()),
        actor=service.Actor("staff", "tests"),
        now=timezone.now(),
    )


class ApiClient:
    """Calls `/api/v1` as a tool would; answers are (status, body)."""

    def __init__(self, secret: str | None) -> None:
        self.client = Client(raise_request_exception=False)
        self.headers = {"Authorization": f"Bearer {secret}"} if secret else {}

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        raw: bytes | None = None,
        content_type: str = "application/json",
        **headers: str,
    ) -> HttpResponse:
        """One call; `raw` is sent as it is. `Idempotency_Key="k"` sets that header."""
        data = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.generic(  # type: ignore[return-value]
            method,
            f"/api/v1{path}",
            data,
            content_type=content_type,
            headers={**self.headers, **named},
        )

    def send_lines(self, lines: Iterable[Any], **headers: str) -> Any:
        """Commands in bulk: each line a value, or bytes that are sent as they are."""
        raw = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
        kind = "application/x-ndjson"
        return self.send("POST", "/commands", raw=b"\n".join(raw), content_type=kind, **headers)

    def get(self, path: str, **kwargs: Any) -> tuple[int, Any]:
        """GET."""
        return _read(self.send("GET", path, **kwargs))

    def post(self, path: str, body: Any = None, **kwargs: Any) -> tuple[int, Any]:
        """POST."""
        return _read(self.send("POST", path, body, **kwargs))

    def put(self, path: str, body: Any = None, **kwargs: Any) -> tuple[int, Any]:
        """PUT."""
        return _read(self.send("PUT", path, body, **kwargs))

    def acquire(self, member: str, title: str, device: str, **kwargs: Any) -> tuple[int, Any]:
        """Ask for a download."""
        body = {"title_id": title, "device_id": device, "title": {"studio": "Bar Pictures"}}
        return self.post(f"/members/{member}/licenses", body, **kwargs)


def _read(response: HttpResponse) -> tuple[int, Any]:
    return response.status_code, json.loads(response.content)
