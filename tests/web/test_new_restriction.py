"""The walk in docs/howto/new-restriction.md is done as it is written there, block by block."""

import io
import json
import re
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.management import call_command
from django.utils import timezone

from licensing import rulebook
from licensing.models import BacktestRun
from licensing.rules import hash_of
from tests.web.api_client import ApiClient, publish_rules
from timeline.models import ApiKey

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "new-restriction.md"
BLOCK = re.compile(r"^```(\w+)(?: (\w+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
DRAFT = "/rules/download-license/drafts/toho-4k"
AUTHOR = ("member:read", "member:write", "rules:read", "rules:write")


@pytest.fixture
def walk(tmp_path: Path) -> Iterator["Walk"]:
    publish_rules()
    midnight = timezone.now().astimezone(ZoneInfo("America/Sao_Paulo")) + timedelta(seconds=30)
    if (midnight.hour, midnight.minute) == (0, 0) and midnight.second < 30:
        time.sleep(31 - midnight.second)  # all of it is to be done on one day
    walk = Walk(tmp_path)
    yield walk
    BacktestRun.objects.filter(hash=hash_of(walk.document)).delete()
    publish_rules()


class Walk:
    """Two keys, and what the page speaks of in angle brackets."""

    def __init__(self, folder: Path) -> None:
        self.author = ApiClient(ApiKey.issue("author", AUTHOR)[1])
        self.approver = ApiClient(ApiKey.issue("approver", ("rules:approve",))[1])
        self.folder = folder
        self.document: dict[str, Any] = {}
        self.additions: dict[str, Any] = {}
        self.answer: Any = None
        self.told = ""

    def go(self, kind: str, who: str, text: str) -> None:
        """Do what a block says."""
        match kind:
            case "http":
                self.call(self.approver if who == "approver" else self.author, text)
            case "answer":
                assert within(json.loads(text), self.answer), json.dumps(self.answer)[-1500:]
            case "additions":
                self.additions = json.loads(text)
            case "sh":
                self.run(text.split())
            case "output":
                for line in text.splitlines():
                    assert line in self.told, self.told
            case _:
                raise AssertionError(f"nobody knows how to do a {kind}")

    def call(self, client: ApiClient, text: str) -> None:
        line, _, body = text.partition("\n")
        method, path = line.split()
        said = body.replace('"<the document with the additions>"', json.dumps(self.document))
        if "<the hash of the draft>" in said:
            _, draft = self.author.get(DRAFT)
            said = said.replace("<the hash of the draft>", draft["hash"])
        response = client.send(method, path, raw=said.encode())
        self.answer = json.loads(response.content)
        assert response.status_code == 200, (line, self.answer)
        if (method, path) == ("GET", DRAFT):
            self.document = added(self.answer["document"], self.additions)
            self.additions = {}

    def run(self, words: list[str]) -> None:
        assert words[0] == "manage.py"
        (self.folder / "toho-4k.json").write_text(json.dumps(self.document))
        told = io.StringIO()
        arguments = [str(self.folder / x) if x.endswith(".json") else x for x in words[2:]]
        call_command(words[1], *arguments, stdout=told, verbosity=0)
        self.told = told.getvalue()


def added(document: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """The document with named things beside the others, and listed ones behind them."""
    found = dict(document)
    for name, value in more.items():
        before = found.get(name)
        if isinstance(value, list):
            found[name] = [*(before or ()), *value]
        else:
            found[name] = {**(before or {}), **value}
    return found


def within(expected: Any, found: Any) -> bool:
    """Whether all that is expected is found."""
    if isinstance(expected, dict) and isinstance(found, dict):
        return all(key in found and within(each, found[key]) for key, each in expected.items())
    return bool(expected == found)


def test_the_page_is_done_as_it_is_written(walk: Walk) -> None:
    blocks = BLOCK.findall(PAGE.read_text())
    assert [kind for kind, _, _ in blocks].count("http") > 12
    before = len(rulebook.versions())
    for block in blocks:
        walk.go(*block)
    in_force = rulebook.current(timezone.now())
    assert len(rulebook.versions()) == before + 1
    assert in_force.hash == hash_of(walk.document)
    assert in_force.ruleset.limits["studio_4k_max"].reason == "STUDIO_4K_DAILY"
