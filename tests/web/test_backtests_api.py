"""Backtests by the API: started once, done by a worker, looked at, stopped and taken up again."""

import uuid
from typing import Any

import pytest

from licensing import backtests, rulebook
from projections import hints
from tests.conftest import new_id
from tests.web.api_client import ApiClient, publish_rules
from timeline.models import ApiKey

PATH = "/rules/download-license/backtests"


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> ApiClient:
    monkeypatch.setattr(hints, "nudge", lambda: None)
    publish_rules()
    return ApiClient(ApiKey.issue("backtests")[1])


@pytest.fixture
def stricter() -> dict[str, Any]:
    """The rules in force, and no more than one download on any plan."""
    in_force = rulebook.versions()[-1].hash
    document = rulebook.life_of().published[in_force]
    tables = [
        table
        | {
            "rows": [
                row | {"then": row["then"] | {"max_downloads": 1}}
                if "max_downloads" in row.get("then", {})
                else row
                for row in table["rows"]
            ]
        }
        for table in document["tables"]
    ]
    return document | {"title": new_id("stricter"), "tables": tables}


def test_it_says_who_would_be_refused(api: ApiClient, stricter: dict[str, Any]) -> None:
    member, key = new_id("m"), new_id("c")
    for title in ("one", "two"):
        assert api.acquire(member, title, "d1")[1]["outcome"] == "accepted"
    asked = {"document": stricter, "member_id": member}
    status, begun = api.post(PATH, asked, Idempotency_Key=key)
    assert (status, begun["state"], begun["newly_refused"]) == (200, "waiting", 0)
    assert api.post(PATH, asked, Idempotency_Key=key)[1]["backtest"] == begun["backtest"]
    other = api.post(PATH, asked | {"level": "first order"}, Idempotency_Key=key)
    assert (other[0], other[1]["code"]) == (409, "idempotency_key_reused")
    backtests.work(uuid.UUID(begun["backtest"]))
    _, done = api.get(f"{PATH}/{begun['backtest']}")
    assert (done["state"], done["progress"]) == ("done", 1)
    assert (done["newly_refused"], done["newly_allowed"]) == (1, 0)
    assert [sample["member_id"] for sample in done["samples"]] == [member]
    listed = [run["backtest"] for run in api.get(PATH)[1]["items"]]
    assert begun["backtest"] in listed


def test_it_is_stopped_and_taken_up_again(api: ApiClient, stricter: dict[str, Any]) -> None:
    member = new_id("m")
    _, begun = api.post(PATH, {"document": stricter, "member_id": member})
    run = f"{PATH}/{begun['backtest']}"
    assert api.post(f"{run}/stop", {})[1]["state"] == "stopped"
    assert api.post(f"{run}/resumption", {})[1]["state"] == "waiting"
    assert api.post(f"{run}/stop", {})[1]["state"] == "stopped"
    elsewhere = run.replace("download-license", "another")
    assert api.get(elsewhere)[0] == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"document": {}}, 422),
        ({"document": {"tables": 1}}, 422),
        ({"draft_id": "none"}, 404),
        ({"hash": "sha256:" + "0" * 64}, 404),
        ({"hash": "sha256:" + "0" * 64, "draft_id": "none"}, 422),
        ({"document": {}, "level": "third"}, 422),
    ],
)
def test_what_cannot_be_tried_is_refused(api: ApiClient, body: Any, status: int) -> None:
    assert api.post(PATH, body)[0] == status
