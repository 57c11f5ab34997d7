"""Odd requests at every call: whatever is sent, the answer is JSON and never a 500."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projections import hints
from tests.conftest import new_id
from tests.web.api_client import ApiClient, publish_rules
from timeline.models import ApiKey

THOROUGH = settings(
    deadline=None,
    # The one fixture of function scope only keeps hints from being sent.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(
        [
            "",
            " ",
            "\x00",
            "\u202e",
            "é" * 40,
            "😀",
            "İ",
            "../..",
            "%2e",
            "' OR 1=1 --",
            "<script>",
            "=1+1",
            "9" * 400,
            "2026-13-01T00:00:00Z",
            "2026-01-01T00:00:00Z",
            "0001-01-01T00:00:00Z",
            "film",
            "d1",
            "phone",
            "gold",
            "start",
            "standard",
        ]
    ),
)
VALUES = st.recursive(
    ODD,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=8,
)
FIELDS = (
    "license_id",
    "title_id",
    "device_id",
    "title",
    "device",
    "context",
    "occurred_at",
    "type",
    "name",
    "plan",
    "country",
    "action",
)
BODIES = st.one_of(
    st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=6),
    st.fixed_dictionaries(
        {"title_id": st.text(min_size=1, max_size=5), "device_id": st.text("abc", min_size=1)},
        optional={"title": VALUES, "device": VALUES, "context": VALUES, "occurred_at": ODD},
    ),
    st.fixed_dictionaries({"device_id": st.text("ab", min_size=1), "type": ODD}),
    st.fixed_dictionaries({"plan": ODD}, optional={"country": ODD}),
    VALUES,
)
COMMANDS = (
    "licenses",
    "licenses/one/renewals",
    "licenses/one/release",
    "licenses/one/playbacks",
    "devices",
    "plan",
    "explanations",
)
READS = (
    "/members?q={}",
    "/members?after={}",
    "/members?limit={}",
    "/members/{}",
    "/members/{}/timeline",
    "/members/m/timeline?after={}",
    "/members/m/timeline?type={}",
    "/members/m/timeline?entity={}&order=happened",
    "/members/m/state?version={}",
    "/members/m/state?at={}",
    "/members/m/state?known_at={}",
    "/members/m/changes?from={}",
    "/members/m/events/{}",
    "/members/m/licenses/{}",
    "/events?bucket={}",
    "/events?bucket=1&after={}",
    "/titles/{}",
)


def plain(response: Any) -> None:
    """The answer is JSON, and not our fault."""
    assert response.status_code < 500, response.content
    kind = response["Content-Type"].partition(";")[0]
    assert kind == f"application/{'' if response.status_code == 200 else 'problem+'}json"
    json.loads(response.content)


@pytest.fixture(autouse=True)
def no_hints(monkeypatch: pytest.MonkeyPatch) -> None:
    """No broker listens here."""
    monkeypatch.setattr(hints, "nudge", lambda: None)


@pytest.fixture(scope="module")
def api(database: object) -> ApiClient:
    """A client that may do everything, under the demo's first rules."""
    publish_rules()
    return ApiClient(ApiKey.issue("fuzz")[1])


@pytest.fixture(scope="module")
def member(api: ApiClient) -> str:
    """A member with one license, so that commands find something."""
    member = new_id("fuzz")
    body = {"license_id": "one", "title_id": "film", "device_id": "d1"}
    assert api.post(f"/members/{member}/licenses", body)[0] == 200
    return member


@settings(THOROUGH, max_examples=150)
@given(call=st.sampled_from(COMMANDS), body=BODIES)
def test_odd_bodies(api: ApiClient, member: str, call: str, body: Any) -> None:
    raw = json.dumps(body).encode()
    plain(api.send("POST", f"/members/{member}/{call}", raw=raw))


@settings(THOROUGH, max_examples=80)
@given(body=st.dictionaries(st.text(max_size=8), VALUES, max_size=4))
def test_odd_titles(api: ApiClient, body: Any) -> None:
    plain(api.send("PUT", "/titles/odd", raw=json.dumps(body).encode()))
    plain(api.send("POST", "/members/odd/explanations", {"title_id": "odd", "device_id": "d"}))


@settings(THOROUGH, max_examples=150)
@given(
    path=st.sampled_from(READS),
    value=st.text(max_size=12).map(lambda text: text.encode("utf-8", "replace"))
    | st.integers().map(lambda number: str(number).encode())
    | st.binary(max_size=6),
)
def test_odd_addresses(api: ApiClient, path: str, value: bytes) -> None:
    quoted = "".join(f"%{byte:02x}" for byte in value)
    plain(api.send("GET", path.format(quoted)))


@settings(THOROUGH, max_examples=40)
@given(
    key=st.text(st.characters(max_codepoint=255), max_size=20),
    match=st.text(st.characters(max_codepoint=255), max_size=8) | st.sampled_from(['"1"', "*"]),
)
def test_odd_headers(api: ApiClient, member: str, key: str, match: str) -> None:
    path = f"/members/{member}/licenses/one/renewals"
    plain(api.send("POST", path, Idempotency_Key=key, If_Match=match, X_Request_Id=key))
