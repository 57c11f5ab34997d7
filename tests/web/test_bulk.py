"""Commands in bulk: each line by itself, sent again without effect, whatever breaks on the way."""

import json
import threading
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from licensing import connection as stores
from licensing import history, store
from licensing.domain.commands import BY_NAME
from licensing.models import AuditEntry
from projections import hints
from tests.conftest import new_id
from tests.unit.test_limits import Clock
from tests.web.api_client import ApiClient, publish_rules
from timeline import limits
from timeline.api import bulk, inputs, lines
from timeline.api.api import api as ninja
from timeline.api.place import Place
from timeline.limits import Buckets
from timeline.models import ApiKey

Fresh = Callable[..., str]


@pytest.fixture(scope="module")
def api(no_broker: None) -> ApiClient:
    """A client that may do everything, as often as it likes."""
    publish_rules()
    return ApiClient(ApiKey.issue("bulk", rate=10_000)[1])


def line(member: str, command: str, command_id: str = "", **data: Any) -> dict[str, Any]:
    known = command_id or new_id("c")
    return {"member": member, "command": command, "command_id": known, "data": data}


def download(member: str, title: str = "film", **data: Any) -> dict[str, Any]:
    return line(member, "AcquireLicense", title_id=title, device_id="d1", **data)


def outcomes(response: Any) -> tuple[list[Any], Any]:
    """Those of the lines, and the sums."""
    assert response.status_code == 200, response.content
    assert response["Content-Type"] == "application/x-ndjson"
    *found, last = [json.loads(each) for each in response.getvalue().splitlines()]
    return found, last["sums"]


def head(member: str) -> int:
    return history.head(member)


def test_each_line_is_answered_like_its_call(api: ApiClient, fresh: Fresh) -> None:
    one, two, lid = fresh(), fresh(), new_id("lic")
    sent = [
        line(one, "ChangePlan", plan="premium", country="NL"),
        line(one, "RegisterDevice", device_id="d1", type="tv"),
        download(one, license_id=lid),
        line(one, "RecordPlayback", license_id=lid, action="start"),
        line(one, "RenewLicense", license_id=lid),
        line(one, "AddNote", text="in bulk"),
        line(one, "ReleaseLicense", license_id=lid),
        line(one, "DeactivateDevice", device_id="d1", reason="sold"),
        line(two, "CancelMembership"),
    ]
    found, sums = outcomes(api.send_lines(sent))
    assert [each["line"] for each in found] == list(range(1, 10))
    assert [each.get("problem") for each in found] == [None] * 9
    told = [each["answer"]["outcome"] for each in found]
    assert sums == {
        "lines": 9,
        "outcomes": {kind: told.count(kind) for kind in set(told)},
        "stopped": None,
    }
    assert found[2]["answer"]["license_id"] == lid
    assert found[2]["position"].startswith(f"{store.bucket_of(f'member-{one}')}.")
    acts = AuditEntry.objects.filter(action="act", subject__in=[one, two])
    assert acts.count() == 2, "what support does is noted, line by line"


def test_a_line_that_begins_with_a_megabyte_of_blanks_is_too_long_and_not_blank(
    api: ApiClient, fresh: Fresh
) -> None:
    member = fresh()
    late = b" " * (2 * 1024 * 1024) + json.dumps(download(member)).encode()
    found, sums = outcomes(api.send_lines([late, b" " * (2 * 1024 * 1024), download(member)]))
    assert [each["line"] for each in found] == [1, 3]
    assert found[0]["problem"]["status"] == 413
    assert (sums["lines"], head(member)) == (2, found[1]["answer"]["version"])


def test_a_line_and_its_call_are_one_command(api: ApiClient, fresh: Fresh) -> None:
    member, lid, key = fresh(), new_id("lic"), new_id("c")
    body = {"title_id": "film", "device_id": "d1", "license_id": lid}
    status, answer = api.post(f"/members/{member}/licenses", body, Idempotency_Key=key)
    assert status == 200
    again, _ = outcomes(api.send_lines([line(member, "AcquireLicense", key, **body)]))
    assert again[0]["answer"] == answer
    key = new_id("c")
    release = line(member, "ReleaseLicense", key, license_id=lid)
    found, _ = outcomes(api.send_lines([release]))
    called = api.post(f"/members/{member}/licenses/{lid}/release", {}, Idempotency_Key=key)
    assert called == (200, found[0]["answer"])
    other = line(member, "ReleaseLicense", key, license_id="another")
    found, _ = outcomes(api.send_lines([other]))
    assert found[0]["problem"]["code"] == "idempotency_key_reused"


def test_every_command_of_the_api_can_be_a_line() -> None:
    """The tables agree: names, the calls' addresses and their bodies."""
    named = inputs.CommandLine.model_json_schema()["properties"]["command"]["enum"]
    assert set(named) == set(lines.KINDS) <= set(BY_NAME)
    paths = ninja.get_openapi_schema(path_prefix="/api/v1/")["paths"]
    for name, kind in lines.KINDS.items():
        call = paths[f"/api/v1/members/{{member_id}}{kind.path}"]["post"]
        shape = call["requestBody"]["content"]["application/json"]["schema"]
        shapes = [shape, *shape.get("anyOf", [])]
        wanted = f"#/components/schemas/{kind.body.__name__}"
        assert wanted in [each.get("$ref") for each in shapes], name
    commands = {
        path
        for path, methods in paths.items()
        for call in methods.values()
        if path.startswith("/api/v1/members/{member_id}/")
        and any(p["name"] == "Idempotency-Key" for p in call.get("parameters", []))
    }
    assert len(commands) == len(lines.KINDS)


@pytest.mark.parametrize(
    ("raw", "status", "code", "path"),
    [
        (b"{", 422, "malformed_json", "body"),
        (b"[]", 422, "invalid_input", "body"),
        (b'{"member": "m", "member": "n"}', 422, "invalid_input", "member"),
        (b"\xff\xfe", 422, "invalid_input", "body"),
        (b"{}", 422, "invalid_input", "member"),
        ({"member": "../x"}, 422, "invalid_input", "member"),
        ({"command": "ExpireLicense"}, 422, "invalid_input", "command"),
        ({"command_id": " "}, 422, "invalid_input", "command_id"),
        ({"command_id": "job:x"}, 422, "invalid_input", "command_id"),
        ({"expected_version": 7}, 409, "wrong_expected_version", None),
        ({"more": 1}, 422, "invalid_input", "more"),
        ({"data": {"title_id": "film"}}, 422, "invalid_input", "data.device_id"),
        ({"data": {"title_id": 1, "device_id": "d1"}}, 422, "invalid_input", "data.title_id"),
        ({"command": "RenewLicense"}, 422, "invalid_input", "data.license_id"),
        (
            {"command": "RenewLicense", "data": {"license_id": "a b"}},
            422, "invalid_input", "data.license_id",
        ),
        (
            {"command": "RenewLicense", "data": {"license_id": "none"}},
            404, "unknown_license", None,
        ),
        (b'{"member": "' + b"m" * 70_000 + b'"}', 413, "body_too_large", "body"),
    ],
)  # fmt: skip
def test_a_bad_line_has_its_problem_and_changes_nothing(
    api: ApiClient, fresh: Fresh, raw: Any, status: int, code: str, path: str | None
) -> None:
    member, before, after = fresh(), fresh(), fresh()
    if isinstance(raw, dict):
        raw = download(member) | raw
    found, sums = outcomes(api.send_lines([download(before), raw, b"", download(after)]))
    problem = found[1]["problem"]
    assert (found[1]["line"], problem["status"], problem["code"]) == (2, status, code), problem
    if path is not None:
        assert path in [fault["path"] for fault in problem["errors"]]
    assert head(member) == 0
    assert (head(before), head(after)) == (2, 2)
    assert (found[2]["line"], sums["lines"], sums["outcomes"]["problem"]) == (4, 3, 1)


@pytest.mark.parametrize(
    ("raw", "kind", "status", "code"),
    [
        (b"\n \n", "application/x-ndjson", 422, "invalid_input"),
        (b"{}", "application/json", 415, "unsupported_media_type"),
        (b"{}", "application/x-ndjson; charset=latin-1", 415, "unsupported_media_type"),
        (b"{}\n" * 10_001, "application/jsonl", 413, "body_too_large"),
        (b"{}" + b" " * bulk.LARGEST, "application/x-ndjson", 413, "body_too_large"),
    ],
)
def test_what_is_no_list_of_lines_is_refused_whole(
    api: ApiClient, raw: bytes, kind: str, status: int, code: str
) -> None:
    answer = api.send("POST", "/commands", raw=raw, content_type=kind)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_thousand_lines_sent_again_after_a_break_take_effect_once(
    api: ApiClient, fresh: Fresh
) -> None:
    members = [fresh() for _ in range(100)]
    sent = [download(member, f"film-{n}") for n in range(10) for member in members]
    broken = api.send_lines(sent)
    seen = next(iter(broken.streaming_content))
    broken.close()  # the client is gone, and nobody reads on
    assert 0 < seen.count(b"\n") < 1000
    done = sum(map(head, members))
    assert 0 < done < 1000
    whole = api.send_lines(sent).getvalue()
    again = api.send_lines(sent[-100:]).getvalue().splitlines()[:-1]
    assert [json.loads(each)["answer"] for each in again] == [
        json.loads(each)["answer"] for each in whole.splitlines()[900:1000]
    ]
    last = json.loads(whole.splitlines()[-1])
    assert (last["sums"]["lines"], last["sums"]["outcomes"].get("problem")) == (1000, None)
    assert whole.startswith(seen)
    for member in members:
        stored = store.read_stream(stores.opened(), f"member-{member}")
        asked = [event.metadata["command_id"] for event in stored]
        mine = [each["command_id"] for each in sent if each["member"] == member]
        assert sorted(set(asked), key=mine.index) == [each for each in mine if each in asked]
        assert sum(event.type != "DeviceRegistered" for event in stored) == len(set(asked))


def test_no_connection_is_held_while_the_client_reads_or_waits(
    api: ApiClient, fresh: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "AT_ONCE_S", -1.0)
    response = api.send_lines([download(fresh()) for _ in range(3)])
    held = []
    for _ in response.streaming_content:
        held.append(connection.connection)
    response.close()
    assert held == [None] * 4


def test_lines_come_at_the_key_s_rate(fresh: Fresh, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, slept = Clock(), []
    began = clock.now

    def sleep(seconds: float) -> None:
        slept.append(connection.connection)
        clock.now += seconds

    monkeypatch.setattr(limits, "BUCKETS", Buckets(clock))
    monkeypatch.setattr(bulk.time, "sleep", sleep)
    monkeypatch.setattr(hints, "nudge", lambda: None)
    publish_rules()
    slow = ApiClient(ApiKey.issue("slow", rate=2)[1])
    _, sums = outcomes(slow.send_lines([download(fresh()) for _ in range(4)]))
    assert (sums["lines"], sums["outcomes"]) == (4, {"accepted": 4})
    assert slept == [None] * len(slept)
    assert clock.now - began == 1.5, (
        "the request and one line at once, three lines half a second each"
    )


def test_a_key_that_is_revoked_meanwhile_does_no_more(
    fresh: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "AT_ONCE_S", -1.0)
    monkeypatch.setattr(bulk, "LOOK_AGAIN_S", -1.0)
    key, secret = ApiKey.issue("short", rate=1000)
    members = [fresh() for _ in range(3)]
    response = ApiClient(secret).send_lines([download(member) for member in members])
    parts = iter(response.streaming_content)
    assert json.loads(next(parts))["answer"]["outcome"] == "accepted"
    key.revoke()
    rest = b"".join(parts).splitlines()
    response.close()
    assert json.loads(rest[0])["problem"]["code"] == "unauthorized"
    assert json.loads(rest[1])["sums"]["stopped"] == "unauthorized"
    assert [head(member) for member in members] == [2, 0, 0]


def test_one_at_a_time_and_the_next_when_it_is_done_or_gone(api: ApiClient, fresh: Fresh) -> None:
    first = api.send_lines([download(fresh())])
    busy = api.send_lines([download(fresh())])
    assert (busy.status_code, busy.json()["code"], busy["Retry-After"]) == (503, "busy", "2")
    first.close()
    assert outcomes(api.send_lines([download(fresh())]))[1]["lines"] == 1
    assert bulk._at_work.is_open()


def test_who_was_overtaken_while_it_did_not_read_is_told_what_was_left(
    api: ApiClient, fresh: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "AT_ONCE_S", -1.0)
    monkeypatch.setattr(bulk, "_at_work", Place(patience=-1.0))
    sent = [download(fresh()) for _ in range(3)]
    slow = api.send_lines(sent)
    parts = iter(slow.streaming_content)
    assert json.loads(next(parts))["line"] == 1
    other = api.send_lines([download(fresh())])
    assert other.status_code == 200
    third = api.send_lines([download(fresh())])
    assert third.json()["code"] == "busy", "both seats are taken"
    assert json.loads(b"".join(parts))["sums"] == {
        "lines": 1, "outcomes": {"accepted": 1}, "stopped": "busy",
    }  # fmt: skip
    slow.close()
    assert outcomes(other)[1]["lines"] == 1
    other.close()
    found, sums = outcomes(api.send_lines(sent))
    assert (sums["lines"], [each["answer"]["version"] for each in found]) == (3, [2, 2, 2])


def test_who_may_not_write_sends_nothing(fresh: Fresh) -> None:
    member = fresh()
    reader = ApiClient(ApiKey.issue("reader", ["member:read"])[1])
    assert reader.send_lines([download(member)]).status_code == 403
    assert ApiClient(None).send_lines([download(member)]).status_code == 401
    assert head(member) == 0


def test_what_is_kept_of_a_long_list_is_little(api: ApiClient) -> None:
    """The longest list that is let in, every line too long."""
    sent = [b'{"member": "' + b"m" * 80_000 for _ in range(190)]
    tracemalloc.start()
    try:
        response = api.send_lines(sent)
        del sent
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        for part in response.streaming_content:
            assert b"body_too_large" in part or b"sums" in part
        peak = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
        response.close()
    assert peak < 4 * 1024 * 1024


def test_two_who_send_the_same_at_once_do_it_once(api: ApiClient, fresh: Fresh) -> None:
    """One by a line and one by a call, of one member."""
    member, lid, key = fresh(), new_id("lic"), new_id("c")
    body = {"title_id": "film", "device_id": "d1", "license_id": lid}
    got: list[Any] = []

    def call() -> None:
        try:
            got.append(api.post(f"/members/{member}/licenses", body, Idempotency_Key=key)[1])
        finally:
            connection.close()

    caller = threading.Thread(target=call)
    caller.start()
    found, _ = outcomes(api.send_lines([line(member, "AcquireLicense", key, **body)]))
    caller.join()
    assert [found[0]["answer"]] == got
    assert head(member) == 2
