"""The API as a tool uses it: each call's answer, and nothing but problems for what is wrong."""

import base64
import copy
import gzip
import hashlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone

from licensing import connection as stores
from licensing import service, store
from projections import hints, runner
from tests.conftest import new_id
from tests.web.api_client import ApiClient, publish_rules
from timeline import paging
from timeline.models import SCOPES, ApiKey

Fresh = Callable[..., str]
DEMO = Path(__file__).parents[2] / "licensing" / "demo"


@pytest.fixture(scope="module", autouse=True)
def rules(database: object) -> None:
    """The demo's first rules are in force."""
    publish_rules()


@pytest.fixture(autouse=True)
def no_hints(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Hints are counted, not sent: no broker listens here."""
    sent: list[int] = []
    monkeypatch.setattr(hints, "nudge", lambda: sent.append(1))
    return sent


@pytest.fixture(scope="module")
def api(database: object) -> ApiClient:
    """A client that may do everything."""
    return ApiClient(ApiKey.issue("tests")[1])


def instant(**ago: int) -> str:
    return (timezone.now() - timedelta(**ago)).isoformat()


def problem(answer: tuple[int, Any], status: int, code: str, path: str | None = None) -> Any:
    """Asserts a problem of this kind, and gives its body."""
    got, body = answer
    assert (got, body.get("code")) == (status, code), body
    assert {"type", "title", "status", "code", "detail", "errors", "request_id"} == set(body)
    assert body["status"] == status
    if path is not None:
        assert path in [error["path"] for error in body["errors"]], body
    return body


def versions(api: ApiClient, member: str) -> list[int]:
    status, body = api.get(f"/members/{member}/timeline")
    assert status == 200
    return [item["version"] for item in body["items"]]


# -- Commands --


def test_an_acquisition_is_answered_with_its_events_and_decision(
    api: ApiClient, fresh: Fresh, no_hints: list[int]
) -> None:
    member = fresh()
    status, body = api.acquire(member, "film", "d1")
    assert status == 200
    assert (body["outcome"], body["version"]) == ("accepted", 2)
    assert [event["type"] for event in body["events"]] == ["DeviceRegistered", "LicenseIssued"]
    assert body["events"][1]["data"]["license_id"] == body["license_id"]
    assert body["events"][1]["metadata"]["actor"]["kind"] == "api"
    assert body["decision"]["verdict"] == "allowed"
    assert no_hints


def test_a_refusal_is_an_answer_with_rows_and_margins(api: ApiClient, fresh: Fresh) -> None:
    member = fresh()
    for n in range(12):
        status, body = api.acquire(member, f"film-{n}", f"d{n}")
        assert status == 200
        if body["outcome"] == "refused":
            break
    assert body["outcome"] == "refused"
    assert body["events"][-1]["type"] == "AcquisitionRefused"
    limit = next(limit for limit in body["decision"]["limits"] if not limit["ok"])
    assert limit["value"] == limit["max"]
    assert limit["row"]


def test_the_life_of_a_license(api: ApiClient, fresh: Fresh) -> None:
    member = fresh()
    license = api.acquire(member, "film", "d1")[1]["license_id"]
    at = f"/members/{member}/licenses/{license}"
    started = {"action": "start", "occurred_at": instant(seconds=30)}
    assert api.post(f"{at}/playbacks", started)[1]["outcome"] == "accepted"
    assert api.post(f"{at}/playbacks", {"action": "stop"})[1]["outcome"] == "accepted"
    assert api.post(f"{at}/renewals")[1]["outcome"] in ("accepted", "refused")
    assert api.get(at)[1]["status"] == "active"
    assert api.post(f"{at}/release", {})[1]["outcome"] == "accepted"
    assert api.post(f"{at}/release")[1]["outcome"] == "unchanged"
    status, body = api.get(f"/members/{member}/licenses")
    assert status == 200
    assert [item["status"] for item in body["items"]] == ["released"]


def test_a_report_keeps_the_instant_it_names(api: ApiClient, fresh: Fresh) -> None:
    member, at = fresh(), instant(hours=2)
    license = api.acquire(member, "film", "d1")[1]["license_id"]
    body = {"action": "start", "occurred_at": at}
    _, answer = api.post(f"/members/{member}/licenses/{license}/playbacks", body)
    assert datetime.fromisoformat(answer["events"][0]["occurred_at"]) == datetime.fromisoformat(at)
    item = api.get(f"/members/{member}/timeline?type=PlaybackStarted")[1]["items"][0]
    assert 7_100 < item["late_seconds"] < 7_300


def test_devices_and_plan(api: ApiClient, fresh: Fresh) -> None:
    member = fresh()
    device = {"device_id": "d1", "type": "phone", "name": "Kitchen phone"}
    assert api.post(f"/members/{member}/devices", device)[1]["outcome"] == "accepted"
    assert api.post(f"/members/{member}/devices", device)[1]["outcome"] == "unchanged"
    plan = {"plan": "premium", "country": "NL"}
    assert api.post(f"/members/{member}/plan", plan)[1]["outcome"] == "accepted"
    _, body = api.get(f"/members/{member}")
    assert body["version"] == 2
    assert (body["state"]["plan"], body["state"]["country"]) == ("premium", "NL")
    assert body["state"]["devices"]["d1"]["name"] == "Kitchen phone"


def test_the_dry_run_says_what_the_command_then_gets(api: ApiClient, fresh: Fresh) -> None:
    member = fresh()
    for n in range(6):
        body = {"title_id": f"film-{n}", "device_id": f"d{n}", "title": {"studio": "Bar"}}
        before = versions(api, member)
        status, dry = api.post(f"/members/{member}/explanations", body)
        assert status == 200
        assert versions(api, member) == before
        real = api.post(f"/members/{member}/licenses", body)[1]
        assert dry["outcome"] == real["outcome"]
        assert dry["decision"]["limits"] == real["decision"]["limits"]


# -- Retries and races --


def test_forty_at_once_with_one_key_have_one_effect_and_one_answer(
    api: ApiClient, fresh: Fresh
) -> None:
    member, key = fresh(), fresh("key")

    def ask(_: int) -> bytes:
        body = {"title_id": "film", "device_id": "d1"}
        try:
            path = f"/members/{member}/licenses"
            response = ApiClient(secret).send("POST", path, body, Idempotency_Key=key)
            assert response.status_code == 200, response.content
            return response.content
        finally:
            connection.close()

    secret = ApiKey.issue("racer")[1]
    with ThreadPoolExecutor(40) as pool:
        answers = set(pool.map(ask, range(40)))
    assert len(answers) == 1
    assert versions(api, member) == [1, 2]
    assert {ask(0)} == answers


def test_a_refusal_is_replayed_too(api: ApiClient, fresh: Fresh) -> None:
    member, key, n = fresh(), fresh("key"), 0
    while api.acquire(member, f"film-{n}", f"d{n}")[1]["outcome"] == "accepted":
        n += 1
    first = api.acquire(member, "one-more", "one-more", Idempotency_Key=key)
    assert first[1]["outcome"] == "refused"
    assert api.acquire(member, "one-more", "one-more", Idempotency_Key=key) == first


def test_a_key_with_another_body_is_a_conflict(api: ApiClient, fresh: Fresh) -> None:
    member, key = fresh(), fresh("key")
    first = api.acquire(member, "film", "d1", Idempotency_Key=key)
    again = api.acquire(member, "another film", "d1", Idempotency_Key=key)
    problem(again, 409, "idempotency_key_reused")
    path = f"/members/{member}/devices"
    device = api.post(path, {"device_id": "d9", "type": "tv"}, Idempotency_Key=key)
    problem(device, 409, "idempotency_key_reused")
    assert api.acquire(member, "film", "d1", Idempotency_Key=key) == first


def test_a_default_spelled_out_is_another_body(api: ApiClient, fresh: Fresh) -> None:
    member, key = fresh(), fresh("key")
    path = f"/members/{member}/licenses"
    body = {"title_id": "film", "device_id": "d1"}
    assert api.post(path, body, Idempotency_Key=key)[0] == 200
    spelled = api.post(path, {**body, "context": {}}, Idempotency_Key=key)
    problem(spelled, 409, "idempotency_key_reused")
    other_order = dict(reversed(body.items()))
    assert api.post(path, other_order, Idempotency_Key=key)[0] == 200


def test_an_expected_version_is_checked(api: ApiClient, fresh: Fresh) -> None:
    member = fresh()
    assert api.acquire(member, "film", "d1", If_Match='"0"')[0] == 200
    wrong = api.acquire(member, "other", "d1", If_Match='"1"')
    problem(wrong, 409, "wrong_expected_version")
    assert api.acquire(member, "other", "d1", If_Match='"2"')[1]["version"] == 3
    problem(api.acquire(fresh(), "film", "d1", If_Match="*"), 409, "wrong_expected_version")
    bad = api.acquire(member, "third", "d1", If_Match='W/"2"')
    problem(bad, 422, "invalid_input", "header.if-match")


@pytest.mark.parametrize("key", ["", " ", "k" * 256, "né"])
def test_an_idempotency_key_is_printable_and_short(api: ApiClient, fresh: Fresh, key: str) -> None:
    answer = api.acquire(fresh(), "film", "d1", Idempotency_Key=key)
    problem(answer, 422, "invalid_input", "header.idempotency-key")


def test_a_client_that_named_no_version_is_not_told_of_a_wrong_one(
    api: ApiClient, fresh: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    def outrun(*_: Any, **__: Any) -> None:
        raise store.WrongExpectedVersion("member-m", 1, 2)

    monkeypatch.setattr(service, "handle", outrun)
    problem(api.acquire(fresh(), "film", "d1"), 503, "member_busy")
    problem(api.acquire(fresh(), "film", "d1", If_Match='"1"'), 409, "wrong_expected_version")


# -- What is not there --


@pytest.mark.parametrize("call", ["renewals", "release", "playbacks"])
def test_an_unknown_license_is_404_and_writes_nothing(
    api: ApiClient, fresh: Fresh, call: str
) -> None:
    member = fresh()
    body = {"action": "start"} if call == "playbacks" else None
    answer = api.post(f"/members/{member}/licenses/none/{call}", body)
    problem(answer, 404, "unknown_license")
    assert store.stream_head(stores.opened(), f"member-{member}") is None


def test_an_unknown_license_is_404_again_with_the_same_key(api: ApiClient, fresh: Fresh) -> None:
    member, key = fresh(), fresh("key")
    for _ in range(2):
        answer = api.post(f"/members/{member}/licenses/none/release", Idempotency_Key=key)
        problem(answer, 404, "unknown_license")
    assert api.acquire(member, "film", "d1", Idempotency_Key=key)[0] == 200
    answer = api.post(f"/members/{member}/licenses/none/release", Idempotency_Key=key)
    problem(answer, 409, "idempotency_key_reused")


def test_a_license_id_of_another_download_is_a_conflict(api: ApiClient, fresh: Fresh) -> None:
    path, body = f"/members/{fresh()}/licenses", {"license_id": "mine", "device_id": "d1"}
    assert api.post(path, {**body, "title_id": "film"})[1]["license_id"] == "mine"
    problem(api.post(path, {**body, "title_id": "other"}), 409, "license_id_taken")


@pytest.mark.parametrize("path", ["/", "/nothing", "/members/m/nothing", "/members/", "/a/b/c"])
def test_an_unknown_address_is_a_problem(api: ApiClient, path: str) -> None:
    for method in ("GET", "POST", "DELETE"):
        response = api.send(method, path)
        assert response.status_code == 404
        assert response["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/members/m/licenses"),
        ("PUT", "/members"),
        ("POST", "/events"),
        ("PATCH", "/jobs"),
    ],
)
def test_a_method_that_is_not_allowed_is_a_problem(api: ApiClient, method: str, path: str) -> None:
    response = api.send(method, path)
    problem((response.status_code, json.loads(response.content)), 405, "method_not_allowed")
    assert response["Content-Type"] == "application/problem+json"
    assert response["Allow"]


def test_head_is_get_without_a_body(api: ApiClient) -> None:
    member = new_id("m")
    assert api.post(f"/members/{member}/plan", {"plan": "basic", "country": "DE"})[0] == 200
    for path in (f"/members/{member}", f"/members/{member}/timeline", "/nothing", "/members"):
        whole, head = api.send("GET", path), api.send("HEAD", path)
        assert head.status_code == whole.status_code, path
        assert head.get("ETag") == whole.get("ETag") or path == f"/members/{member}", path
        assert head["Content-Type"] == whole["Content-Type"]
        assert head.content == b""
    tag = api.send("GET", f"/members/{member}/timeline")["ETag"]
    again = api.send("HEAD", f"/members/{member}/timeline", If_None_Match=tag)
    assert again.status_code == 304
    refused = api.send("HEAD", f"/members/{member}/notes")
    assert (refused.status_code, refused["Allow"]) == (405, "POST")
    assert api.send("PUT", "/members")["Allow"] == "GET, HEAD"


def test_a_compressed_body_is_refused(api: ApiClient) -> None:
    member = new_id("m")
    packed = gzip.compress(b'{"text": "x"}')
    response = api.send("POST", f"/members/{member}/notes", raw=packed, Content_Encoding="gzip")
    body = json.loads(response.content)
    problem((response.status_code, body), 415, "unsupported_media_type")
    assert body["errors"][0]["path"] == "header.content-encoding"


def test_other_versions_of_the_api_are_problems_too(api: ApiClient) -> None:
    response = Client().get("/api/v2/members")
    problem((response.status_code, response.json()), 404, "not_found")
    assert response["X-Request-Id"]


# -- Keys --


@pytest.mark.parametrize(
    "secret", [None, "", "nonsense", "plh_00000000_" + "0" * 49, "plh_é", "x" * 5_000]
)
def test_without_a_usable_key_it_is_401(fresh: Fresh, secret: str | None) -> None:
    response = ApiClient(secret).send("GET", f"/members/{fresh()}")
    problem((response.status_code, json.loads(response.content)), 401, "unauthorized")
    assert response["WWW-Authenticate"].startswith("Bearer")
    assert response["X-Request-Id"]


def test_a_key_is_asked_for_before_the_body_is_read(fresh: Fresh) -> None:
    path = f"/members/{fresh()}/licenses"
    problem(ApiClient(None).post(path, raw=b"{"), 401, "unauthorized")


def test_a_key_ends(fresh: Fresh) -> None:
    row, secret = ApiKey.issue("short")
    api, path = ApiClient(secret), f"/members/{fresh()}"
    assert api.get(path)[0] == 200
    row.revoke()
    problem(api.get(path), 401, "unauthorized")
    past = timezone.now() - timedelta(seconds=1)
    _, expired = ApiKey.issue("expired", expires_at=past)
    problem(ApiClient(expired).get(path), 401, "unauthorized")


def test_a_key_may_do_what_it_was_issued_for(fresh: Fresh) -> None:
    member = fresh()
    reader = ApiClient(ApiKey.issue("reader", ["member:read"])[1])
    assert reader.get(f"/members/{member}")[0] == 200
    problem(reader.acquire(member, "film", "d1"), 403, "missing_scope")
    problem(reader.put("/titles/t", {}), 403, "missing_scope")
    problem(reader.get("/events?bucket=0"), 403, "missing_scope")
    problem(reader.get("/projections"), 403, "missing_scope")
    with pytest.raises(ValueError, match="unknown scopes"):
        ApiKey.issue("typo", ["member:reed"])


def test_only_the_hash_of_a_secret_is_kept() -> None:
    row, secret = ApiKey.issue("kept")
    assert ApiKey.find(secret) == row
    assert set(row.scopes) == set(SCOPES)
    assert bytes(row.secret_hash) == hashlib.sha256(secret.encode()).digest()
    stored = ApiKey.objects.filter(pk=row.pk).values().get()
    assert secret not in str(stored)
    assert ApiKey.find(secret[:-1] + ("0" if secret[-1] != "0" else "1")) is None


# -- Bad input --

BODY = {"title_id": "film", "device_id": "d1"}
INVALID: list[tuple[Any, str]] = [
    ({"title_id": "film"}, "device_id"),
    ({**BODY, "is_admin": True}, "is_admin"),
    ({**BODY, "title_id": 7}, "title_id"),
    ({**BODY, "title_id": ""}, "title_id"),
    ({**BODY, "title_id": " film"}, "title_id"),
    ({**BODY, "title_id": "a\nb"}, "title_id"),
    ({**BODY, "title_id": "x" * 129}, "title_id"),
    ({**BODY, "license_id": "a/b"}, "license_id"),
    ({**BODY, "title": []}, "title"),
    ({**BODY, "title": {"year": 1.5}}, "title.year"),
    ({**BODY, "context": {"a": {"b": ["\x00"]}}}, "context.a.b[0]"),
    ({**BODY, "occurred_at": "2026-03-29T02:30:00"}, "occurred_at"),
    ({**BODY, "occurred_at": 100_000_000_000}, "occurred_at"),
    ({**BODY, "occurred_at": "0001-01-01T00:00:00+14:00"}, "occurred_at"),
    ({**BODY, "occurred_at": "9999-12-31T23:59:59-14:00"}, "occurred_at"),
    ({**BODY, "occurred_at": "2026-02-30T00:00:00Z"}, "occurred_at"),
    ({**BODY, "occurred_at": "2099-01-01T00:00:00Z"}, "occurred_at"),
    ([], "body"),
    (None, "body"),
]
RAW: list[tuple[bytes, str, str]] = [
    (b"{", "malformed_json", "body"),
    (b"null", "invalid_input", "body"),
    (b'{"title_id": "a", "title_id": "b", "device_id": "d"}', "invalid_input", "title_id"),
    (b'{"title_id": "a", "device_id": "d", "title": {"x": NaN}}', "invalid_input", "title.x"),
    (b'{"title_id": "\\u0000", "device_id": "d"}', "invalid_input", "title_id"),
    (b'{"title_id": "\\ud800", "device_id": "d"}', "invalid_input", "title_id"),
    (b'{"title_id": "a", "device_id": "d", "\\ud800": 1}', "invalid_input", "\\ud800"),
]


@pytest.mark.parametrize(("body", "path"), INVALID)
def test_what_is_wrong_is_named(api: ApiClient, fresh: Fresh, body: Any, path: str) -> None:
    member = fresh()
    for call in ("licenses", "explanations"):
        answer = api.post(f"/members/{member}/{call}", body)
        problem(answer, 422, "invalid_input", path)
    assert versions(api, member) == []


@pytest.mark.parametrize(("raw", "code", "path"), RAW)
def test_json_that_readers_disagree_about_is_refused(
    api: ApiClient, fresh: Fresh, raw: bytes, code: str, path: str
) -> None:
    member = fresh()
    answer = api.post(f"/members/{member}/licenses", raw=raw)
    problem(answer, 422, code, path)
    assert versions(api, member) == []


def test_the_body_is_json_and_small(api: ApiClient, fresh: Fresh) -> None:
    path = f"/members/{fresh()}/licenses"
    text = api.post(path, BODY, content_type="text/plain")
    problem(text, 415, "unsupported_media_type")
    for size in (70_000, 7_000_000):
        problem(api.post(path, raw=b" " * size), 413, "body_too_large")


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        ("/members/-m", "path.member_id"),
        ("/members/" + "m" * 65, "path.member_id"),
        ("/members/m%00", "path.member_id"),
        ("/members?q=%00", "query.q"),
        ("/members?limit=0", "query.limit"),
        ("/members?limit=501", "query.limit"),
        ("/members?after=5", "query.after"),
        ("/members?after=t!!", "query.after"),
        ("/members/m/timeline?after=nonsense", "query.after"),
        ("/members/m/timeline?after=-1", "query.after"),
        ("/members/m/timeline?order=random", "query.order"),
        ("/members/m/state?version=-1", "query.version"),
        ("/members/m/state?version=99999999999999999999", "query.version"),
        ("/members/m/state?version=x", "query.version"),
        ("/members/m/state?at=yesterday", "query.at"),
        ("/members/m/state?at=2026-01-01T00:00:00", "query.at"),
        ("/members/m/state?version=1&at=2026-01-01T00:00:00Z", "query.version"),
        ("/members/m/changes?from=a", "query.from"),
        ("/members/m/events/x", "path.version"),
        ("/events?wait=21", "query.wait"),
        ("/events?after=vAAAA", "query.after"),
        ("/events?bucket=1024", "query.bucket"),
        ("/members/m/licenses/a%20b", "path.license_id"),
        ("/titles/" + "t" * 65, "path.title_id"),
    ],
)
def test_what_is_wrong_in_an_address_is_named(api: ApiClient, path: str, wrong: str) -> None:
    problem(api.get(path), 422, "invalid_input", wrong)


def test_a_token_of_another_list_is_refused(api: ApiClient, fresh: Fresh) -> None:
    for inner in (b'["m"]', b"[1,2]", b"{}", b"[-1]", b"[1.5]", b"[99999999999999999999]", b"\xff"):
        token = "t" + base64.urlsafe_b64encode(inner).decode().rstrip("=")
        answer = api.get(f"/members/{fresh()}/timeline?after={token}")
        problem(answer, 422, "invalid_input", "query.after")


# -- The past --


@pytest.fixture(scope="module")
def told(api: ApiClient) -> str:
    """A member with a history: 2 devices, 3 downloads, a late playback, a release."""
    from tests.conftest import new_id

    member = new_id()
    api.post(f"/members/{member}/plan", {"plan": "standard", "country": "NL"})
    first = api.acquire(member, "film-1", "d1")[1]["license_id"]
    api.acquire(member, "film-2", "d2")
    api.acquire(member, "film-3", "d1")
    at = f"/members/{member}/licenses/{first}"
    # Late by an hour, on a download a moment old: enough for another order.
    api.post(f"{at}/playbacks", {"action": "start", "occurred_at": instant(hours=1)})
    api.post(f"{at}/release")
    return member


def test_the_timeline_pages_by_its_own_tokens(api: ApiClient, told: str) -> None:
    whole = api.get(f"/members/{told}/timeline")[1]
    assert whole["next"] is None
    assert [item["version"] for item in whole["items"]] == list(range(1, 9))
    assert all(item["sentence"] for item in whole["items"])
    for order in ("known", "happened"):
        path = f"/members/{told}/timeline?order={order}&limit=3"
        pages, after = [], ""
        while True:
            _, page = api.get(path + after)
            pages += page["items"]
            if page["next"] is None:
                break
            after = f"&after={page['next']}"
        at_once = api.get(f"/members/{told}/timeline?order={order}")[1]["items"]
        assert pages == at_once
    assert api.get(path)[1]["items"][0]["version"] == 7, "the first to happen became known late"
    known = api.get(f"/members/{told}/timeline?after=6")[1]["items"]
    assert [item["version"] for item in known] == [7, 8]


def test_the_timeline_is_filtered_over_the_whole_history(api: ApiClient, told: str) -> None:
    issued = api.get(f"/members/{told}/timeline?type=LicenseIssued&limit=2")[1]
    assert [item["type"] for item in issued["items"]] == ["LicenseIssued"] * 2
    assert issued["next"]
    on_d2 = api.get(f"/members/{told}/timeline?entity=d2")[1]["items"]
    assert {item["type"] for item in on_d2} == {"DeviceRegistered", "LicenseIssued"}


def test_the_state_as_at(api: ApiClient, told: str) -> None:
    assert api.get(f"/members/{told}/state?version=0")[1]["state"]["licenses"] == {}
    head = api.get(f"/members/{told}/state")[1]
    assert head["version"] == 8
    assert len(head["state"]["licenses"]) == 3
    assert api.get(f"/members/{told}/state?version=8")[1] == head
    problem(api.get(f"/members/{told}/state?version=9"), 404, "version_not_found")
    issued = api.get(f"/members/{told}/events/3")[1]["recorded_at"]
    at = api.get(f"/members/{told}/state?at={issued}")[1]["state"]
    assert len(at["licenses"]) == 1
    known = api.get(f"/members/{told}/state?known_at={issued}")[1]
    assert known["version"] == 3
    long_ago = instant(days=400).replace("+00:00", "Z")
    assert api.get(f"/members/{told}/state?at={long_ago}&known_at={long_ago}")[1]["version"] == 0
    plus = long_ago.replace("Z", "+00:00")
    assert api.get(f"/members/{told}/state?at={plus}")[0] == 200


def test_changes_agree_with_the_states(api: ApiClient, told: str) -> None:
    for version in range(9):
        path = f"/members/{told}/changes?from={version}&to={version}"
        assert api.get(path)[1]["changes"] == []
    whole = api.get(f"/members/{told}/changes?from=0&to=8")[1]["changes"]
    assert whole == api.get(f"/members/{told}/changes")[1]["changes"]
    assert all({"path", "before", "after"} == set(change) for change in whole)
    assert any(change["after"] == "standard" for change in whole)
    problem(api.get(f"/members/{told}/changes?from=0&to=9"), 404, "version_not_found")


def test_one_event(api: ApiClient, told: str) -> None:
    status, body = api.get(f"/members/{told}/events/3")
    assert status == 200
    assert body["type"] == "LicenseIssued"
    assert body["decision"]["verdict"] == "allowed"
    assert body["before"]["licenses"] == {}
    assert len(body["after"]["licenses"]) == 1
    assert body["changes"]
    for version in (0, 9):
        problem(api.get(f"/members/{told}/events/{version}"), 404, "version_not_found")


def test_an_unknown_member_is_empty(api: ApiClient, fresh: Fresh) -> None:
    member = fresh()
    assert api.get(f"/members/{member}")[1]["version"] == 0
    assert api.get(f"/members/{member}/timeline")[1] == {"items": [], "next": None}
    assert api.get(f"/members/{member}/licenses")[1] == {"items": [], "next": None}
    assert api.get(f"/members/{member}/changes")[1]["changes"] == []


# -- The rest --


def test_members_are_found_once_projected(api: ApiClient, told: str) -> None:
    runner.catch_up()
    found = api.get(f"/members?q={told}")[1]["items"]
    assert [(item["member_id"], item["why"]) for item in found] == [(told, "member id")]
    license = api.get(f"/members/{told}/licenses?limit=1")[1]["items"][0]["license_id"]
    by_license = api.get(f"/members?q={license}")[1]["items"]
    assert [item["why"] for item in by_license] == ["license id"]
    seen, after = [], ""
    while True:
        _, page = api.get(f"/members?limit=7{after}")
        seen += [item["member_id"] for item in page["items"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert told in seen
    assert len(seen) == len(set(seen))


def test_projections_say_how_far_behind_they_are(api: ApiClient, fresh: Fresh) -> None:
    api.acquire(fresh(), "film", "d1")
    behind = api.get("/projections")[1]["items"]
    assert behind
    assert all(item["lag"]["events"] >= 2 for item in behind if item["name"] == "member_directory")
    runner.catch_up()
    level = api.get("/projections")[1]["items"]
    assert {item["lag"]["events"] for item in level} == {0}


def test_jobs_are_listed(api: ApiClient) -> None:
    status, body = api.get("/jobs")
    assert status == 200
    assert {item["kind"] for item in body["items"]} == {"renew", "expire"}


def test_the_feed_of_a_bucket(api: ApiClient, told: str) -> None:
    bucket = store.bucket_of(f"member-{told}")
    items, after = [], ""
    while True:
        status, page = api.get(f"/events?bucket={bucket}&limit=3{after}")
        assert status == 200
        items += page["items"]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    positions = [item["position"] for item in items]
    assert positions == list(range(1, len(items) + 1))
    mine = [item["version"] for item in items if item["stream_id"] == f"member-{told}"]
    assert mine == list(range(1, 9))
    last = api.get(f"/events?bucket={bucket}&after={positions[-1]}")[1]
    assert last == {"items": [], "next": None, "cursor": paging.token([positions[-1]])}
    # Whoever is ahead of the log has read a history that a restore took back.
    ahead = api.get(f"/events?bucket={bucket}&after={positions[-1] + 1}")
    problem(ahead, 409, "position_ahead")


def test_the_catalogue_is_laid_over_what_a_request_says(api: ApiClient, fresh: Fresh) -> None:
    title = fresh("film")
    problem(api.get(f"/titles/{title}"), 404, "unknown_title")
    attributes = {"name": "The Film", "studio": "Real Studio", "year": 1999}
    expected = {"title_id": title, "attributes": attributes}
    assert api.put(f"/titles/{title}", attributes) == (200, expected)
    assert api.get(f"/titles/{title}") == (200, expected)
    _, answer = api.acquire(fresh(), title, "d1")
    assert answer["events"][-1]["data"]["title"]["studio"] == "Real Studio"
    problem(api.put(f"/titles/{title}", {"studio": 5}), 422, "invalid_input", "studio")


def test_staff_revoke_deactivate_and_cancel(api: ApiClient, fresh: Fresh) -> None:
    member = fresh()
    api.post(f"/members/{member}/plan", {"plan": "premium", "country": "NL"})
    _, one = api.acquire(member, "t1", "d1")
    _, two = api.acquire(member, "t2", "d2")
    address = f"/members/{member}/licenses/{one['license_id']}/revocation"
    status, revoked = api.post(address, {"reason": "TITLE_WITHDRAWN"})
    assert (status, revoked["outcome"]) == (200, "accepted")
    assert api.post(address, {"reason": "TITLE_WITHDRAWN"})[1]["outcome"] == "unchanged"
    problem(api.post(address, {}), 422, "invalid_input", "reason")
    status, gone = api.post(f"/members/{member}/devices/d2/deactivation")
    assert [event["type"] for event in gone["events"]] == ["DeviceDeactivated", "LicenseReleased"]
    assert gone["events"][1]["data"] == {"license_id": two["license_id"]}
    problem(api.post(f"/members/{member}/devices/none/deactivation"), 404, "unknown_device")
    _, three = api.acquire(member, "t3", "d1")
    status, over = api.post(f"/members/{member}/cancellation")
    assert [event["type"] for event in over["events"]] == ["MembershipCancelled", "LicenseRevoked"]
    assert over["events"][1]["data"]["license_id"] == three["license_id"]
    state = api.get(f"/members/{member}/state")[1]["state"]
    assert state["plan"] is None
    assert {license["status"] for license in state["licenses"].values()} == {"revoked", "released"}


def test_goodwill_and_notes(api: ApiClient, fresh: Fresh) -> None:
    member = fresh()
    api.acquire(member, "t1", "d1")
    until = instant(days=-3)
    given = {"limit": "max_devices", "amount": 1, "expires_at": until, "reason": "Moving house"}
    status, granted = api.post(f"/members/{member}/allowances", given)
    assert (status, granted["outcome"]) == (200, "accepted")
    wrong = {**given, "limit": "max_elephants"}
    problem(api.post(f"/members/{member}/allowances", wrong), 422, "invalid_input", "limit")
    for change in ({"amount": 0}, {"expires_at": instant(days=1)}, {"reason": ""}):
        path = next(iter(change))
        answer = api.post(f"/members/{member}/allowances", {**given, **change})
        problem(answer, 422, "invalid_input", path)
    status, noted = api.post(f"/members/{member}/notes", {"text": "Called.\nAgain.", "version": 2})
    assert noted["events"][0]["data"]["text"] == "Called.\nAgain."
    problem(api.post(f"/members/{member}/notes", {"text": " "}), 422, "invalid_input", "text")
    late = {"text": "About nothing", "version": 99}
    problem(api.post(f"/members/{member}/notes", late), 422, "invalid_input", "version")
    state = api.get(f"/members/{member}/state")[1]["state"]
    assert [note["version"] for note in state["notes"].values()] == [2]
    assert [each["limit"] for each in state["allowances"].values()] == ["max_devices"]
    told = api.get(f"/members/{member}/timeline")[1]["items"]
    said = [item["sentence"] for item in told]
    assert any(words.startswith("Allowed 1 more device, until ") for words in said)
    assert "Note: Called.\nAgain." in said


def test_a_past_moment_can_be_explained(api: ApiClient, fresh: Fresh) -> None:
    member = fresh()
    api.acquire(member, "t1", "d1")
    before_second = instant()
    api.acquire(member, "t2", "d2")
    body = {"title_id": "t3", "device_id": "d3"}
    status, now = api.post(f"/members/{member}/explanations", body)
    assert (status, now["outcome"], now["version"]) == (200, "refused", 4)
    assert now["turns"][0]["words"].startswith("It would be allowed with 1 more device allowed")
    assert now["turns"][0]["parts"][0]["name"] == "max_devices"
    status, then = api.post(f"/members/{member}/explanations", {**body, "at": before_second})
    assert (status, then["outcome"], then["version"]) == (200, "accepted", 2)
    future = {**body, "at": instant(days=-1)}
    problem(api.post(f"/members/{member}/explanations", future), 422, "invalid_input", "at")


def test_what_if(api: ApiClient, fresh: Fresh) -> None:
    member = fresh()
    for number in (1, 2, 3):
        api.acquire(member, f"t{number}", f"d{number}")
    head = api.get(f"/members/{member}")[1]["version"]
    address = f"/members/{member}/what-if"
    status, body = api.post(address, {"drop": 1})
    assert (status, body["simulation"]) == (200, True)
    assert body["divergence"]["version"] == 1
    assert body["divergence"]["would_be"]["outcome"] is None
    third = body["deeds"][-1]
    assert (third["was"]["outcome"], third["would_be"]["outcome"]) == ("refused", "accepted")
    assert any(change["path"].startswith("/licenses/") for change in body["difference"])
    more = {"command": "AcquireLicense", "data": {"title_id": "t9", "device_id": "d1"}}
    status, body = api.post(address, {"from_version": head, "add": more})
    assert [deed["kind"] for deed in body["deeds"]] == ["added"]
    assert body["unchanged"] == 0
    assert api.get(f"/members/{member}")[1]["version"] == head
    for wrong, path in (
        ({}, "rules"),
        ({"drop": head + 1}, "drop"),
        ({"rules": {"hash": "sha256:0"}}, "rules.hash"),
        ({"rules": {}}, "rules"),
        ({"rules": {"document": {"schema": "rules/1"}}}, "rules.document"),
        ({"add": {"command": "DropTable", "data": {}}}, "add.command"),
        ({"add": {"command": "RenewLicense", "data": {"x": 1}}}, "add.data"),
        ({"add": {"command": "RenewLicense", "data": {}}}, "add.data"),
    ):
        problem(api.post(address, wrong), 422, "invalid_input", path)
    problem(api.post(address, {"from_version": head + 1, "drop": 1}), 404, "version_not_found")


def test_rules_are_drafted_approved_and_published(api: ApiClient, fresh: Fresh) -> None:
    rule_set = fresh("rules")
    document = json.loads((DEMO / "rules_1.json").read_text())
    other = ApiClient(ApiKey.issue("another")[1])
    address = f"/rules/{rule_set}"
    new = {"title": "The first rules", "draft_id": "d1", "document": document}
    status, body = api.post(f"{address}/drafts", new)
    assert (status, body["draft"]["status"]) == (200, "open")
    problem(api.post(f"{address}/drafts", new), 409, "draft_exists")
    broken = copy.deepcopy(document)
    broken["tables"][0]["rows"].pop()
    assert api.put(f"{address}/drafts/d1", {"document": broken, "revision": 0})[0] == 200
    refused = problem(api.post(f"{address}/drafts/d1/submission"), 422, "draft_broken")
    assert [fault["path"] for fault in refused["errors"]] == ["findings.gap"]
    gap = api.get(f"{address}/drafts/d1")[1]["findings"][0]
    assert (gap["kind"], gap["witness"]["plan"]) == ("gap", "premium")
    stale = {"document": {**document, "title": "Mine"}, "revision": 0}
    problem(api.put(f"{address}/drafts/d1", stale), 409, "draft_changed")
    assert api.put(f"{address}/drafts/d1", {"document": document, "revision": 1})[0] == 200
    submitted = api.post(f"{address}/drafts/d1/submission")[1]["draft"]
    seen = {"hash": submitted["hash"]}
    problem(api.post(f"{address}/drafts/d1/approval", seen), 403, "four_eyes")
    assert other.post(f"{address}/drafts/d1/approval", seen)[1]["draft"]["status"] == "approved"
    past = {"valid_from": instant(days=1)}
    problem(api.post(f"{address}/drafts/d1/publication", past), 422, "valid_from_past")
    assert api.post(f"{address}/drafts/d1/publication")[1]["draft"]["status"] == "published"
    (version,) = api.get(f"{address}/versions")[1]["items"]
    assert (version["version"], version["hash"]) == (1, submitted["hash"])
    assert api.get(f"{address}/versions/1")[1]["document"] == document
    problem(api.get(f"{address}/versions/2"), 404, "not_found")
    problem(api.get(f"{address}/drafts/none"), 404, "unknown_draft")
    back = {"hash": submitted["hash"], "reason": "why"}
    assert api.post(f"{address}/rollbacks", back)[1]["outcome"] == "unchanged"
    reader = ApiClient(ApiKey.issue("reader", ["rules:read"])[1])
    problem(reader.post(f"{address}/drafts", new), 403, "missing_scope")
    assert reader.post(f"{address}/findings", {"document": broken})[1]["items"][0]["kind"] == "gap"


def test_the_schema_lists_the_calls(api: ApiClient) -> None:
    response = ApiClient(None).send("GET", "/openapi.json")
    assert response.status_code == 200
    schema = json.loads(response.content)
    assert "/api/v1/members/{member_id}/licenses" in schema["paths"]
    assert not any("address" in path for path in schema["paths"])


def test_a_request_id_is_kept(api: ApiClient, fresh: Fresh) -> None:
    path = f"/members/{fresh()}"
    response = api.send("GET", path, X_Request_Id="trace-12345678")
    assert response["X-Request-Id"] == "trace-12345678"
    assert api.send("GET", path, X_Request_Id="bad id\x7f")["X-Request-Id"] != "bad id\x7f"


def test_without_its_database_it_says_so(
    api: ApiClient, fresh: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver: Any = getattr(connection, "Database")  # noqa: B009
    for error in (OperationalError, driver.OperationalError, driver.InterfaceError):

        def away(*_: Any, error: type[Exception] = error, **__: Any) -> None:
            raise error("the connection is lost")

        with monkeypatch.context() as patch:
            patch.setattr(service, "handle", away)
            path = f"/members/{fresh()}/licenses"
            response = api.send("POST", path, BODY)
        body = json.loads(response.content)
        problem((response.status_code, body), 503, "database_unavailable")
        assert response["Retry-After"] == "1"
    with monkeypatch.context() as patch:
        patch.setattr(ApiKey, "find", away)
        problem(api.get(f"/members/{fresh()}"), 503, "database_unavailable")


def test_the_reference_page_needs_no_script(api: ApiClient) -> None:
    response = ApiClient(None).send("GET", "/docs")
    page = response.content.decode()
    assert response.status_code == 200
    assert "POST</b> <code>/api/v1/members/{member_id}/licenses</code>" in page
    assert " style=" not in page
    assert "unsafe" not in response["Content-Security-Policy"]


def test_decisions_are_listed_by_the_row_that_decided(api: ApiClient, fresh: Fresh) -> None:
    member = fresh()
    api.acquire(member, "metropolis", "tv")
    runner.catch_up()
    status, body = api.get("/decisions?rule=b-standard&limit=500")
    item = next(item for item in body["items"] if item["member_id"] == member)
    assert (status, item["version"], item["outcome"], item["rule"]) == (
        200,
        2,
        "accepted",
        "b-standard",
    )
    assert item["studio"] == "Bar Pictures"
    first = api.get("/decisions?rule=b-standard&limit=1")[1]
    second = api.get(f"/decisions?rule=b-standard&limit=1&after={first['next'] or ''}")[1]
    assert first["items"] != second["items"] or first["next"] is None
    assert api.get("/decisions?rule=nowhere")[1] == {"items": [], "next": None}
    problem(api.get("/decisions"), 422, "invalid_input", "query.rule")
    problem(
        api.get("/decisions?rule=b-standard&outcome=maybe"), 422, "invalid_input", "query.outcome"
    )
    for place in ([1], ["2026-01-01T00:00:00Z", "\u0000", 1], ["2026-01-01T00:00:00Z", "m", 2**63]):
        wrong = paging.token(place)
        problem(
            api.get(f"/decisions?rule=b-standard&after={wrong}"),
            422,
            "invalid_input",
            "query.after",
        )
