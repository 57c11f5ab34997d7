"""What tools use, against a real server: commands in bulk, the command line, a generated client."""

import hashlib
import http.client
import json
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from licensing import connection as stores
from licensing import history, store
from tests.conftest import new_id
from tests.web import live
from tests.web.api_client import publish_rules
from tests.web.test_bulk import download
from timeline.management.commands.playhead import Command
from timeline.models import ApiKey

PROGRAM = Path(__file__).with_name("generated.py")
FOLLOW = Path(__file__).parents[2] / "docs" / "howto" / "follow-the-feed.md"
ONE_MORE = '{"command": "AcquireLicense", "data": {"title_id": "film-9", "device_id": "d1"}}'
Ask = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def server(database: object) -> Iterator[str]:
    with live.served() as url:
        yield url


@pytest.fixture(scope="module")
def key(database: object) -> str:
    return ApiKey.issue("tools", rate=10_000)[1]


@pytest.fixture(scope="module")
def member(server: str, key: str) -> str:
    """Somebody with three downloads, sent in bulk over the wire."""
    found = new_id("tool")
    lines = [download(found, f"film-{n}") for n in range(3)]
    sums = json.loads(send(server, key, lines).read().splitlines()[-1])["sums"]
    assert sums == {"lines": 3, "outcomes": {"accepted": 3}, "stopped": None}
    return found


def send(server: str, key: str, lines: list[Any]) -> http.client.HTTPResponse:
    wire = http.client.HTTPConnection(urlsplit(server).netloc, timeout=60)
    body = "\n".join(map(json.dumps, lines)).encode()
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/x-ndjson"}
    wire.request("POST", "/api/v1/commands", body, headers)
    answer = wire.getresponse()
    assert answer.status == 200, answer.read()
    return answer


def test_outcomes_come_while_the_rest_is_done_and_a_cut_is_made_good(server: str, key: str) -> None:
    members = [new_id("wire") for _ in range(60)]
    lines = [download(each, f"film-{n}") for n in range(5) for each in members]
    answer = send(server, key, lines)
    first = json.loads(answer.readline())
    assert (first["line"], first["answer"]["outcome"]) == (1, "accepted")
    answer.close()  # the connection is cut here, whatever was done
    again = [json.loads(each) for each in _until_free(server, key, lines)]
    assert again[-1]["sums"]["lines"] == len(lines)
    assert again[-1]["sums"]["outcomes"].keys() <= {"accepted", "refused"}
    assert again[0] == first
    assert [history.head(each) for each in members] == [
        max(told["answer"]["version"] for told in again[:-1] if told["member"] == each)
        for each in members
    ]


def _until_free(server: str, key: str, lines: list[Any]) -> list[bytes]:
    """The whole answer, once the server has noticed that the first client is gone."""
    body = "\n".join(map(json.dumps, lines)).encode()
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/x-ndjson"}
    for _ in range(50):
        answer = httpx.post(f"{server}/api/v1/commands", content=body, headers=headers, timeout=60)
        if answer.status_code == 200:
            return answer.content.splitlines()
        assert answer.json()["code"] == "busy"
        httpx.get(f"{server}/api/v1/events?wait=1&after=0&bucket=0", headers=headers, timeout=60)
    raise AssertionError("never free again")


def test_the_reader_of_the_how_to_follows_for_ever(server: str, key: str, member: str) -> None:
    """The program in docs/howto/follow-the-feed.md, from zero, cut off, and live."""
    block = re.search(r"```python\n(.*?)```", FOLLOW.read_text(), re.S)
    assert block is not None
    program: dict[str, Any] = {}
    exec(compile(block[1], str(FOLLOW), "exec"), program)
    head = sum(store.bucket_heads(stores.opened()).values())
    seen, cursor = [], ""
    while len(seen) < head:  # a new reader for each page, with the place that the last one kept
        page = next(program["pages"](server, key, cursor, wait=1))
        seen += [(event["stream_id"], event["version"]) for event in page["items"]]
        cursor = page["cursor"]
    assert len(seen) == len(set(seen)) == head
    assert {(f"member-{member}", version) for version in range(1, 5)} <= set(seen)

    late = new_id("live")
    writer = threading.Timer(0.5, lambda: send(server, key, [download(late)]).read())
    writer.start()
    page = next(program["pages"](server, key, cursor, wait=20))
    writer.join()
    assert {event["stream_id"] for event in page["items"]} == {f"member-{late}"}


@pytest.fixture
def ask(
    server: str, key: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Ask:
    """`manage.py playhead ...`: its status, what it said, and what it complained about."""

    def asked(*words: str, url: str = server, secret: str = key) -> tuple[int, str, str]:
        monkeypatch.setenv("PLAYHEAD_URL", url)
        monkeypatch.setenv("PLAYHEAD_KEY", secret)
        status = 0
        try:
            Command().run_from_argv(["manage.py", "playhead", *words])
        except SystemExit as ended:
            status = int(ended.code or 0)
        return status, *capsys.readouterr()

    return asked


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["timeline", "{m}"], "film-0"),
        (["state", "{m}", "--at-version", "2"], "at version 2"),
        (["why", "{m}", "2"], "allowed by row"),
        (["why", "{m}", "--title", "film-9", "--device", "d1"], "It would be accepted."),
        (["what-if", "{m}", "--drop", "2"], "otherwise"),
        (["what-if", "{m}", "--from", "4", "--command", ONE_MORE], "nothing → accepted"),
        (["verify", "--member", "{m}"], "4 events verified"),
        (["export", "--member", "{m}"], '"LicenseIssued"'),
        (["--help"], "doctor"),
        (["import", "--help"], "import_history"),
    ],
)
def test_the_command_line_answers(ask: Ask, member: str, words: list[str], told: str) -> None:
    status, said, complained = ask(*(word.replace("{m}", member) for word in words))
    assert (status, told in said) == (0, True), (said, complained)


def test_the_command_line_gives_json(ask: Ask, member: str) -> None:
    _, said, _ = ask("timeline", member, "--json", "--limit", "1")
    assert json.loads(said)["items"][0]["version"] == 1
    _, said, _ = ask("state", member, "--json")
    assert json.loads(said)["state"]["member_id"] == member
    _, said, _ = ask("what-if", member, "--json", "--from", "4", "--command", ONE_MORE)
    (deed,) = json.loads(said)["deeds"]
    assert (deed["kind"], deed["would_be"]["outcome"]) == ("added", "accepted")
    assert history.head(member) == 4


def test_what_works_on_the_database_gives_json_too(ask: Ask, member: str, tmp_path: Path) -> None:
    file = tmp_path / "one.jsonl"
    status, said, _ = ask("export", str(file), "--member", member, "--json")
    made = json.loads(said)
    assert (status, made["ok"], made["error"], made["file"]) == (0, True, None, str(file))
    assert (made["lines"], made["events"], made["histories"]) == (4, 4, 1)
    assert made["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    status, said, complained = ask("export", "--member", member, "--json")
    assert (status, said.encode()) == (0, file.read_bytes())
    assert json.loads(complained) == made | {"file": "-"}
    status, said, _ = ask("import", str(file), "--json")
    taken = json.loads(said)
    assert (status, taken["lines"], taken["events"], taken["already"]) == (0, 4, 0, 4)
    status, said, _ = ask("verify", "--member", member, "--json")
    found = {"ok": True, "events": 4, "heads": None, "bad": None, "error": None}
    assert (status, json.loads(said)) == (0, found)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["import", "/none"], "cannot read /none"),
        (["export", "/none/file"], "cannot write /none/file"),
        (["export", "{tmp}/file", "--member", "nobody-ever"], "no such member"),
        (["verify", "--member", "nobody-ever"], "no such member"),
    ],
)
def test_a_failure_is_json_too(ask: Ask, tmp_path: Path, words: list[str], told: str) -> None:
    status, said, complained = ask(*(w.replace("{tmp}", str(tmp_path)) for w in words), "--json")
    answer = json.loads(said)
    assert (status, answer["ok"], told in answer["error"], complained) == (1, False, True, "")


@pytest.mark.parametrize(
    ("words", "other", "status", "told"),
    [
        (["state", "{m}", "--at-version", "99"], {}, 1, "404 version_not_found"),
        (["state", "{m}"], {"secret": "wrong"}, 1, "401 unauthorized"),
        (["state", "{m}"], {"url": "http://127.0.0.1:1"}, 3, "http://127.0.0.1:1"),
        (["state", "{m}"], {"url": "nowhere"}, 3, "not an address"),
        (["state", "{m}"], {"url": "http://[bad"}, 3, "not an address"),
        (["state", "{m}"], {"url": "http://here:port"}, 3, "not an address"),
        (["state", "{m}"], {"url": "http://127.0.0.1:1/a b"}, 3, "http://127.0.0.1:1/a b"),
        (["state", "{m}"], {"secret": "a\nsecret"}, 3, "characters that no key has"),
        (["why", "{m}"], {}, 2, "--title and --device"),
        (["what-if", "{m}", "--rules-file", "/none"], {}, 2, "/none"),
        (["what-if", "{m}", "--command", "{"], {}, 2, "--command: not JSON"),
        (["what-if", "{m}", "--command", ""], {}, 2, "--command: not JSON"),
        (["what-if", "{m}", "--command", "[]"], {}, 1, "422 invalid_input"),
        (["dance"], {}, 2, "invalid choice"),
    ],
)
def test_the_command_line_tells_failures_apart(
    ask: Ask, member: str, words: list[str], other: dict[str, str], status: int, told: str
) -> None:
    ended, said, complained = ask(*(word.replace("{m}", member) for word in words), **other)
    assert (ended, said, told in complained) == (status, "", True), complained


def test_a_generated_client_is_typed_and_speaks_the_api(
    server: str, key: str, tmp_path: Path
) -> None:
    publish_rules()
    schema = httpx.get(f"{server}/api/v1/openapi.json").json()
    (tmp_path / "openapi.json").write_text(json.dumps(schema))
    (tmp_path / "config.yml").write_text("post_hooks: []\n")
    said = _run(
        tmp_path, "-m", "openapi_python_client", "generate", "--meta", "none",
        "--path", "openapi.json", "--config", "config.yml", "--output-path", "playhead_client",
    )  # fmt: skip
    # JSON lines are for whoever writes them; every other operation has its function.
    warned = re.findall(r"WARNING parsing (\S+ \S+)", said)
    assert (warned, "Unable to process" in said) == (["POST /api/v1/commands"], False)
    program = tmp_path / "generated.py"
    shutil.copy(PROGRAM, program)
    _run(
        tmp_path, "-m", "mypy", "--strict", "--config-file=", "--cache-dir=cache",
        program.name, "playhead_client",
    )  # fmt: skip
    # An answer is no bag of anything: a name that the description has not is told.
    program.write_text(program.read_text().replace("answer.version)", "answer.versoin)"))
    assert '"Answer" has no attribute "versoin"' in _run(
        tmp_path, "-m", "mypy", "--strict", "--config-file=", "--cache-dir=cache", program.name,
        fails=True,
    )  # fmt: skip
    shutil.copy(PROGRAM, program)
    member = new_id("gen")
    bucket = store.bucket_of(f"member-{member}")
    told = json.loads(_run(tmp_path, program.name, server, key, member, str(bucket)))
    assert told["versions"] == [1, 2]
    assert told["license"] in history.state_as_at(member)[0].licenses


def _run(place: Path, *words: str, fails: bool = False) -> str:
    """Python with these words, in a folder of the test's; all that it said."""
    made = subprocess.run(
        [sys.executable, *words],
        cwd=place,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    said = made.stdout + made.stderr
    assert (made.returncode != 0) == fails, said
    return said
