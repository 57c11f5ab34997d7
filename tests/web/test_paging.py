"""Every list comes in pages, none of which leaves out or repeats what was there when it began."""

import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from licensing import backtests, rulebook, store
from projections import hints, runner
from tests.conftest import new_id
from tests.web.api_client import ApiClient, publish_rules
from tests.web.api_story import give_up, park
from timeline.models import ApiKey

RULES = "/rules/download-license"


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch, database: object) -> ApiClient:
    monkeypatch.setattr(hints, "nudge", lambda: None)
    publish_rules()
    return ApiClient(ApiKey.issue("pages")[1])


def pages(api: ApiClient, path: str, limit: int) -> Iterator[list[Any]]:
    after = ""
    while True:
        status, page = api.get(f"{path}?limit={limit}{after}")
        assert status == 200, page
        assert len(page["items"]) <= limit
        yield page["items"]
        if page["next"] is None:
            return
        after = f"&after={page['next']}"


def read(api: ApiClient, path: str, limit: int = 1) -> list[Any]:
    return [item for page in pages(api, path, limit) for item in page]


def test_versions_and_drafts_come_in_pages(api: ApiClient) -> None:
    path = f"/rules/{new_id('rules')}"
    document = rulebook.life_of().published[rulebook.versions()[-1].hash]
    ids = [new_id("draft") for _ in range(3)]
    for each in ids:
        api.post(f"{path}/drafts", {"title": each, "draft_id": each, "document": document})
    assert [draft["draft_id"] for draft in read(api, f"{path}/drafts")] == ids
    first, *rest = pages(api, f"{path}/drafts", 2)
    assert [len(first), *map(len, rest)] == [2, 1]
    whole = api.get(f"{RULES}/versions")[1]
    assert read(api, f"{RULES}/versions") == whole["items"]
    assert api.get(f"{path}/drafts?after=nonsense")[0] == 422


def test_backtests_come_in_pages_while_others_are_begun(api: ApiClient) -> None:
    in_force = rulebook.versions()[-1]
    document = rulebook.life_of().published[in_force.hash]
    mine = [backtests.start(document, by="pages", member_id=new_id("m")).id for _ in range(3)]
    found: list[str] = []
    for page in pages(api, f"{RULES}/backtests", 1):
        found += [run["backtest"] for run in page]
        if len(found) == 1:
            backtests.start(document, by="pages", member_id=new_id("m"))
    assert found[:3] == [str(each) for each in reversed(mine)]
    assert len(found) == len(set(found))
    wrong = f"{RULES}/backtests?after={uuid.uuid4()}"
    assert api.get(wrong)[0] == 422


def test_builds_and_parked_streams_come_in_pages(api: ApiClient) -> None:
    members = [new_id("m") for _ in range(3)]
    for member in members:
        api.post(f"/members/{member}/plan", {"plan": "basic"})
    runner.catch_up()
    try:
        for member in members:
            park("license_index", f"member-{member}")
        p = "/projections/license_index"
        streams = [row["stream_id"] for row in read(api, f"{p}/parked")]
        assert streams == [row["stream_id"] for row in api.get(f"{p}/parked")[1]["items"]]
        assert {f"member-{member}" for member in members} <= set(streams)
        assert len(streams) == len(set(streams))
    finally:
        api.post(f"{p}/parked/retry", {})
    for _ in range(2):
        assert api.post(f"{p}/rebuild", {"hold": True})[0] == 200
        assert api.post(f"{p}/rebuild/cancellation", {})[0] == 200
    built = [build["generation"] for build in read(api, f"{p}/builds")]
    assert built == [build["generation"] for build in api.get(f"{p}/builds")[1]["items"]]
    assert len(built) > 2
    assert built == sorted(built, reverse=True)


def test_what_fails_comes_in_pages_the_longest_overdue_first(api: ApiClient) -> None:
    due = timezone.now() - timedelta(days=400)
    member = new_id("m")
    ids = [new_id("lic") for _ in range(3)]
    for count, each in enumerate(ids):
        give_up(member, each, due + timedelta(minutes=count))
    try:
        found = read(api, "/jobs/failing")
        assert [each["license_id"] for each in found if each["member_id"] == member] == ids
        assert found == api.get("/jobs/failing?limit=500")[1]["items"]
    finally:
        with connection.cursor() as cursor:
            cursor.execute(
                "DELETE FROM job_attempt WHERE bucket = %s AND member_id = %s",
                [store.bucket_of(f"member-{member}"), member],
            )
