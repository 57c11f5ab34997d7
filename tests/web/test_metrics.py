"""What Prometheus is told: the tables' figures, to a key only, under names the dashboard has."""

import json
import re
from pathlib import Path

import pytest
from django.test import Client
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from projections import census, jobs, lag, runner
from tests.conftest import new_id
from tests.web.story import tell
from timeline.models import ApiKey

DASHBOARD = Path(__file__).parents[2] / "docs/grafana/playhead.json"
NAME = re.compile(r"\bplayhead_\w+")
TYPE = re.compile(r"^# TYPE (\w+) (\w+)$", re.MULTILINE)


def scrape(*scopes: str) -> tuple[int, str]:
    secret = ApiKey.issue("tests", scopes)[1] if scopes else None
    headers = {"Authorization": f"Bearer {secret}"} if secret else {}
    answer = Client().get("/metrics", headers=headers)
    return answer.status_code, answer.content.decode()


@pytest.fixture(scope="module")
def told(database: object, published_rules: object) -> dict[str, Metric]:
    tell(new_id("m"))
    runner.catch_up()
    census.count()
    census.measure(older_than=0.0)
    status, text = scrape("operations:read")
    assert status == 200
    return {family.name: family for family in text_string_to_metric_families(text)}


def value(told: dict[str, Metric], family: str, **labels: str) -> float:
    (found,) = [each.value for each in told[family].samples if each.labels == labels]
    return found


def test_only_a_key_with_the_scope_reads_them() -> None:
    assert scrape()[0] == 401
    status, text = scrape("member:read")
    assert (status, text) == (403, "this key lacks the scope operations:read\n")
    assert Client().post("/metrics").status_code == 405


def test_they_are_what_the_tables_say(told: dict[str, Metric]) -> None:
    for item in lag.lag():
        name = item["name"]
        assert value(told, "playhead_projection_position", projection=name) == item["position"]
        assert value(told, "playhead_projection_lag_events", projection=name) == 0
        assert value(told, "playhead_projection_state", projection=name, state="level") == (
            item["state"] == "level"
        )
    for kind in census.kinds():
        labels = {
            "category": kind.category,
            "type": kind.type,
            "schema_version": str(kind.schema_version),
        }
        assert value(told, "playhead_events", **labels) == kind.count > 0
        assert value(told, "playhead_event_bytes", **labels) == kind.bytes
    assert {each.labels["kind"] for each in told["playhead_jobs_due"].samples} == set(jobs.KINDS)


def test_they_are_read_anew_each_time(told: dict[str, Metric]) -> None:
    kind = next(iter(jobs.KINDS))
    jobs.pause(kind, by="tests", reason="to see it")
    try:
        assert f'playhead_jobs_paused{{kind="{kind}"}} 1.0' in scrape("operations:read")[1]
    finally:
        jobs.resume(kind, by="tests")
    assert f'playhead_jobs_paused{{kind="{kind}"}} 0.0' in scrape("operations:read")[1]


def test_the_dashboard_and_the_metrics_name_the_same(told: dict[str, Metric]) -> None:
    types = dict(TYPE.findall(scrape("operations:read")[1]))
    panels = json.loads(DASHBOARD.read_text())["panels"]
    named = {n for p in panels for t in p["targets"] for n in NAME.findall(t["expr"])}
    assert named == set(types)
    assert all(name.endswith("_total") == (kind == "counter") for name, kind in types.items())
