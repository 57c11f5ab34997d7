"""The operations pages: what they show, who may do what, and that each deed is done and noted."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.utils import timezone

from licensing import store
from licensing.history import stream_of
from licensing.models import AuditEntry
from projections import builds, census, heartbeat, jobs, lag, parking, registry, runner, samples
from projections.parking import Parked
from projections.samples import Sample
from tests.conftest import new_id
from tests.web.api_client import ApiClient
from tests.web.story import tell
from tests.web.test_pages import assert_strict
from timeline.models import ApiKey
from timeline.presenters import events, operations
from timeline.views.operations import acting

PROJECTION = "license_index"
PART = {"HX-Request": "true", "HX-Target": "div#ops"}
NOW = datetime(2026, 11, 25, 16, 40, tzinfo=UTC)


def signed_in(role: str) -> tuple[Client, str]:
    user = User.objects.create_user(new_id("user"), password="not used")
    user.groups.add(Group.objects.get_or_create(name=role)[0])
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client, user.username


@pytest.fixture(scope="module")
def member(database: object, published_rules: object) -> str:
    found = new_id("m")
    tell(found)
    runner.catch_up()
    samples.take()
    census.count()
    census.measure(older_than=0.0)
    heartbeat.beat("w1@here", heartbeat.PROCESS, pid=1)
    return found


@pytest.fixture
def held(member: str) -> Parked:
    """A stream that is parked at its third event, for a fault that is mended since."""
    runner.catch_up()
    live = builds.live(PROJECTION)
    assert live
    stream = stream_of(member)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO projection_parked (bucket, projection, generation, stream_id, version,"
            " error, attempts, parked_at, next_attempt_at)"
            " VALUES (%s, %s, %s, %s, 3, 'KeyError: <studio>', 1, clock_timestamp(), NULL)"
            " ON CONFLICT DO NOTHING",
            [store.bucket_of(stream), PROJECTION, live.generation, stream],
        )
    return found(stream)[0]


def found(stream: str) -> list[Parked]:
    return [row for row in parking.listing(PROJECTION, 1_000) if row.stream_id == stream]


def sent(row: Parked, do: str, reason: str = "") -> dict[str, Any]:
    return {
        "projection": row.projection, "stream": row.stream_id, "generation": row.generation,
        "version": row.version, "do": do, "reason": reason,
    }  # fmt: skip


def noted(who: str) -> list[tuple[str, str, str]]:
    rows = AuditEntry.objects.filter(who=who, action="operate").order_by("id")
    return [(row.subject, row.purpose, row.reason) for row in rows]


def test_everybody_of_the_staff_sees_how_it_stands_and_operators_have_buttons(held: Parked) -> None:
    for role in ("viewer", "operator"):
        client, _ = signed_in(role)
        html = client.get("/operations/").content.decode()
        assert_strict(html)
        for projector in registry.PROJECTORS:
            assert operations.label(projector.name) in html
        assert held.stream_id in html
        assert "w1@here" in html
        assert 'aria-current="page">Operations' in html
        assert ('method="post" action="/operations/' in html) == (role == "operator")
        # What an error says may hold somebody's words.
        assert ("KeyError: &lt;studio&gt;" in html) == (role == "operator")
    parking.retry(registry.named(PROJECTION), held.bucket, held.stream_id)


def test_whoever_sees_members_there_is_noted(held: Parked, given_up: dict[str, str]) -> None:
    client, name = signed_in("viewer")
    assert "parked" in client.get("/operations/").content.decode()
    (row,) = AuditEntry.objects.filter(who=name, action="read")
    assert (row.subject, row.purpose) == ("", "operations")


def test_htmx_gets_what_changes_and_no_more(member: str) -> None:
    client, _ = signed_in("viewer")
    html = client.get("/operations/", headers=PART).content.decode()
    assert "<html" not in html
    assert re.search(r"as of <time[^>]*>\d\d:\d\d:\d\d UTC</time>", html)
    assert "<rect" in html  # the sample that was taken


def test_a_stream_that_is_parked_in_two_builds_is_two_rows_of_their_own(held: Parked) -> None:
    builds.request(PROJECTION, by="tests", hold=True)
    runner.catch_up()
    new = builds.in_progress(PROJECTION)
    assert new
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO projection_parked (bucket, projection, generation, stream_id, version,"
            " error, parked_at) VALUES (%s, %s, %s, %s, 3, 'KeyError', clock_timestamp())",
            [held.bucket, PROJECTION, new.generation, held.stream_id],
        )
    try:
        client, _ = signed_in("operator")
        html = client.get("/operations/").content.decode()
        assert f"build {held.generation}, at event 3" in html
        assert f"build {new.generation}, at event 3" in html
        ids = re.findall(r' id="([^"]+)"', html)
        assert len(ids) == len(set(ids))
        wrong = client.post("/operations/parked/", sent(held, "skip", "no")).content.decode()
        assert wrong.count(" open>") == 1
        assert wrong.count('aria-invalid="true"') == 1
    finally:
        builds.cancel(PROJECTION, by="tests")
        parking.retry(registry.named(PROJECTION), held.bucket, held.stream_id)


def test_a_parked_stream_is_tried_again(held: Parked) -> None:
    client, name = signed_in("operator")
    answer = client.post("/operations/parked/", sent(held, "retry"), follow=True)
    assert "is level again" in answer.content.decode()
    assert found(held.stream_id) == []
    assert noted(name) == [(f"projection:{PROJECTION}", "retry parked stream", "")]


def test_skipping_needs_a_reason(held: Parked) -> None:
    client, name = signed_in("operator")
    for reason in ("", "  ", "no", "x" * 201):
        answer = client.post("/operations/parked/", sent(held, "skip", reason))
        assert answer.status_code == 422
        assert 'role="alert"' in answer.content.decode()
    assert found(held.stream_id) == [held]
    assert noted(name) == []
    reason = "the event names no studio"
    assert client.post("/operations/parked/", sent(held, "skip", reason)).status_code == 302
    assert found(held.stream_id) == []
    ended = parking.history(PROJECTION, 1)[0]
    assert (ended.resolution, ended.resolved_by, ended.reason) == ("skipped", name, reason)
    assert noted(name) == [(f"projection:{PROJECTION}", "skip parked stream", reason)]


def test_what_is_not_as_it_was_shown_is_left_alone(held: Parked) -> None:
    client, name = signed_in("operator")
    moved = sent(held, "skip", "the event names no studio") | {"version": 4}
    assert client.post("/operations/parked/", moved).status_code == 409
    assert found(held.stream_id) == [held]
    assert noted(name) == []
    parking.retry(registry.named(PROJECTION), held.bucket, held.stream_id)


def test_a_doubled_skip_leaves_out_the_one_event_that_was_shown(
    held: Parked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two clicks are two requests, and both may find the row before the first is through."""
    client, _ = signed_in("operator")
    form = sent(held, "skip", "the event names no studio")
    monkeypatch.setattr(acting, "_found", lambda *about: held)
    with connection.cursor() as cursor:  # as after the first click, with the next event in the way
        cursor.execute(
            "UPDATE projection_parked SET version = 4 WHERE stream_id = %s AND resolved_at IS NULL",
            [held.stream_id],
        )
    assert client.post("/operations/parked/", form).status_code == 409
    assert [row.version for row in found(held.stream_id)] == [4]
    parking.retry(registry.named(PROJECTION), held.bucket, held.stream_id)


def test_the_api_skips_the_event_that_is_named_once_and_keeps_why(held: Parked) -> None:
    key, secret = ApiKey.issue("tests")
    api = ApiClient(secret)
    path = f"/projections/{PROJECTION}/parked/{held.stream_id}/skip"
    for body in ({"version": 3}, {"version": 3, "reason": " "}, {"reason": "a fault"}):
        assert api.post(path, body)[0] == 422
    assert api.post(path, {"version": 4, "reason": "a fault"})[0] == 404
    answers = [api.post(path, {"version": 3, "reason": "a fault"}) for _ in range(2)]
    assert [status for status, _ in answers] == [200, 404]
    (row,) = AuditEntry.objects.filter(who=key.pk, action="operate")
    assert (row.subject, row.reason) == (f"projection:{PROJECTION}", "a fault")
    assert row.detail == {"stream": held.stream_id, "version": 3}


def test_lists_for_tools_have_pages(held: Parked, given_up: dict[str, str]) -> None:
    """All of it, each once: what was given up was left out where a page full of failing came."""
    others = [new_id("m") for _ in range(3)]
    for other in others:
        tell(other)
    with connection.cursor() as cursor:
        for stream in map(stream_of, others):
            cursor.execute(
                "INSERT INTO projection_parked (bucket, projection, generation, stream_id, version,"
                " error, parked_at) VALUES (%s, %s, %s, %s, 1, 'KeyError', now())",
                [store.bucket_of(stream), PROJECTION, held.generation, stream],
            )
        cursor.execute(
            "INSERT INTO job_attempt (bucket, member_id, license_id, kind, due_at, attempts,"
            " next_attempt_at, last_error) SELECT bucket, member_id, license_id || n, kind, due_at,"
            " 1, due_at, 'KeyError' FROM job_attempt, generate_series(1, 3) n"
            " WHERE license_id = %s",
            [given_up["license"]],
        )
    api = ApiClient(ApiKey.issue("tests")[1])
    for path, key in (
        (f"/projections/{PROJECTION}/parked", "stream_id"),
        ("/jobs/failing", "license_id"),
    ):
        seen: list[str] = []
        following = ""
        while following is not None:
            status, found = api.get(f"{path}?limit=2" + (following and f"&after={following}"))
            assert status == 200
            assert len(found["items"]) <= 2
            seen += [item[key] for item in found["items"]]
            following = found["next"]
        assert len(seen) == len(set(seen)) >= 4
        assert held.stream_id in seen or given_up["license"] in seen
        assert api.get(f"{path}?after=nonsense")[0] == 422
    with connection.cursor() as cursor:
        cursor.execute("UPDATE projection_parked SET resolved_at = now() WHERE resolved_at IS NULL")
        cursor.execute(
            "DELETE FROM job_attempt WHERE license_id LIKE %s", [given_up["license"] + "_"]
        )


def test_what_is_asked_by_the_api_is_noted_with_its_reason(
    member: str, given_up: dict[str, str]
) -> None:
    key, secret = ApiKey.issue("tests")
    api, model = ApiClient(secret), "/projections/late_report"
    about = {"member_id": given_up["member"], "license_id": given_up["license"]}
    asked: list[tuple[str, dict[str, Any]]] = [
        (f"{model}/rebuild", {"hold": True, "reason": "to see it"}),
        (f"{model}/rebuild/comparison", {}),
        (f"{model}/rebuild/swap", {}),
        (f"{model}/rebuild/cancellation", {"generation": 999}),
        (f"{model}/rebuild/cancellation", {}),
        (f"{model}/rollback", {"generation": 999}),
        (f"{model}/parked/retry", {}),
        ("/jobs/expire/pause", {"reason": "a studio asked"}),
        ("/jobs/expire/rate", {"per_second": 100}),
        ("/jobs/expire/rate", {"per_second": None}),
        ("/jobs/expire/resume", {}),
        ("/jobs/renew/retry", about | {"due_at": given_up["due"]}),
    ]
    for path, body in asked:
        assert api.post(path, body)[0] in (200, 409)
    noted = AuditEntry.objects.filter(who=key.pk).order_by("id")
    assert [row.action for row in noted] == ["operate"] * len(asked)
    assert [row.reason for row in noted if row.reason] == ["to see it", "a studio asked"]
    assert [row.detail for row in noted if row.detail] == [
        {"generation": 999}, {"generation": 999}, {"per_second": 100}, {"per_second": None},
        {"license": given_up["license"], "due": given_up["due"]},
    ]  # fmt: skip


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"do": "drop"},
        {"do": "pause", "kind": "nonsense"},
        {"do": "skip", "projection": "p", "stream": "gone", "generation": "1", "version": "1"},
        {"do": "retry", "projection": "\x00", "stream": "s", "generation": "1", "version": "1"},
        {"do": "retry", "projection": "p", "stream": "s", "generation": "9" * 30, "version": "1"},
        {"do": "retry", "projection": "p", "stream": "s", "generation": "-1", "version": "1"},
    ],
)
def test_odd_forms_change_nothing(member: str, odd: dict[str, str]) -> None:
    client, name = signed_in("operator")
    assert client.post("/operations/parked/", odd).status_code in (409, 422)
    answer = client.post("/operations/jobs/", odd)
    assert answer.status_code == 422
    assert re.search('role="alert"|cannot be taken', answer.content.decode())
    assert noted(name) == []


def test_jobs_rest_with_a_reason_and_go_on(member: str) -> None:
    client, name = signed_in("operator")
    assert client.post("/operations/jobs/", {"kind": "renew", "do": "pause"}).status_code == 422
    assert jobs.controls()["renew"].paused_at is None
    reason = "a studio asked for a break"
    try:
        client.post("/operations/jobs/", {"kind": "renew", "do": "pause", "reason": reason})
        held = jobs.controls()["renew"]
        assert held.paused_at is not None
        assert (held.paused_by, held.reason) == (name, reason)
        assert reason in client.get("/operations/").content.decode()
    finally:
        client.post("/operations/jobs/", {"kind": "renew", "do": "resume"})
    assert jobs.controls()["renew"].paused_at is None
    assert noted(name) == [("job:renew", "pause job", reason), ("job:renew", "resume job", "")]


def test_jobs_are_held_to_a_rate_that_everybody_sees(member: str) -> None:
    client, name = signed_in("operator")

    def hold(rate: str) -> tuple[int, str]:
        form = {"kind": "expire", "do": "rate", "per_second": rate}
        answer = client.post("/operations/jobs/", form, follow=True)
        return answer.status_code, answer.content.decode()

    try:
        for odd in ("0", "-1", "1.5", "100001", "fast"):
            status, html = hold(odd)
            assert status == 422
            assert "A whole number from 1 to 100 000, or nothing." in html
        assert jobs.controls()["expire"].per_second is None
        assert "Expiries are held to 25 a second." in hold("25")[1]
        assert jobs.controls()["expire"].per_second == 25
        seen = signed_in("viewer")[0].get("/operations/").content.decode()
        assert "Expiries. At most 25 a second." in seen
        assert "Expiries go as fast as they can." in hold("")[1]
    finally:
        jobs.set_rate("expire", None)
    rows = AuditEntry.objects.filter(who=name, action="operate").order_by("id")
    assert [(row.purpose, row.detail) for row in rows] == [
        ("hold job to a rate", {"per_second": 25}), ("hold job to a rate", {"per_second": None}),
    ]  # fmt: skip


def test_how_the_past_ones_ended_is_in_the_row_of_their_kind(member: str) -> None:
    now = datetime.now(UTC)
    item = jobs.status(now)["items"][0]
    told = item | {
        "given_up": 0,
        "outcomes": {"accepted": 1_200, "unchanged": 34, "refused": 5, "gave up": 7},
    }
    (row,) = operations.job_rows([told], now)
    assert row.ended == "1\u202f234 done, 5 refused"
    assert row.given_up == ""  # 7 were, and none is now


@pytest.fixture
def given_up(member: str) -> dict[str, str]:
    """The form of an obligation that was given up."""
    form = {
        "kind": "renew", "member": member, "license": new_id("lic"),
        "due": "2026-11-25T16:40:00.000123+00:00", "do": "try again",
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO job_attempt (bucket, member_id, license_id, kind, due_at, attempts,"
            " next_attempt_at, outcome, last_error, finished_at)"
            " VALUES (%s, %s, %s, 'renew', %s, 20, %s, 'gave up', 'ValueError: <odd>', %s)",
            [store.bucket_of(stream_of(member)), member, form["license"], *[form["due"]] * 3],
        )
    return form


def outcome(form: dict[str, str]) -> str | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT outcome FROM job_attempt WHERE license_id = %s", [form["license"]])
        return str(cursor.fetchone()[0] or "") or None


def test_what_was_given_up_is_tried_again(given_up: dict[str, str]) -> None:
    client, name = signed_in("operator")
    html = client.get("/operations/").content.decode()
    assert_strict(html)
    assert given_up["license"] in html
    waiting = jobs.status(NOW)["items"][0]["given_up"]
    assert f"Renewals: {waiting} given up" in html
    assert "ValueError: &lt;odd&gt;" in html
    assert "ValueError" not in signed_in("viewer")[0].get("/operations/").content.decode()
    for odd in ({"due": "yesterday"}, {"kind": "drop"}, {"member": "<"}, {"do": "skip"}):
        assert client.post("/operations/jobs/again/", given_up | odd).status_code == 422
    assert outcome(given_up) == "gave up"
    answer = client.post("/operations/jobs/again/", given_up, follow=True)
    assert "is due again" in answer.content.decode()
    assert outcome(given_up) is None
    assert jobs.status(NOW)["items"][0]["given_up"] == waiting - 1
    assert client.post("/operations/jobs/again/", given_up).status_code == 409
    assert noted(name)[0] == ("job:renew", "try again what was given up", "")


def test_only_operators_operate(held: Parked) -> None:
    for role in ("viewer", "agent", "auditor", "rules approver"):
        client, _ = signed_in(role)
        assert client.post("/operations/parked/", sent(held, "retry")).status_code == 403
        pause = {"kind": "renew", "do": "pause", "reason": "because I can"}
        assert client.post("/operations/jobs/", pause).status_code == 403
    assert found(held.stream_id) == [held]
    assert jobs.controls()["renew"].paused_at is None
    parking.retry(registry.named(PROJECTION), held.bucket, held.stream_id)


def test_nothing_is_done_that_cannot_be_noted(
    held: Parked, monkeypatch: pytest.MonkeyPatch
) -> None:
    from licensing import trail
    from tests.web.test_audit import broken

    client, _ = signed_in("operator")
    client.raise_request_exception = False
    monkeypatch.setattr(trail, "_run", broken)
    assert client.post("/operations/parked/", sent(held, "retry")).status_code == 503
    assert found(held.stream_id) == [held]
    monkeypatch.undo()
    parking.retry(registry.named(PROJECTION), held.bucket, held.stream_id)


def test_a_rebuild_shows_how_far_it_is(member: str) -> None:
    builds.request("late_report", by="tests", reason="to see it", hold=True)
    try:
        html = signed_in("viewer")[0].get("/operations/").content.decode()
        assert "Rebuilding Late report" in html
        assert "to see it" in html
    finally:
        builds.cancel("late_report", by="tests")


def test_the_event_catalogue_says_what_was_counted(member: str) -> None:
    html = signed_in("viewer")[0].get("/operations/events/").content.decode()
    assert_strict(html)
    for kind in census.kinds():
        assert kind.type in html
    (members,) = (each for each in census.streams() if each.category == "member")
    assert f"{members.mean:.1f}" in html


def sample(minutes: float, count: int) -> Sample:
    return Sample("p", NOW - timedelta(minutes=minutes), count, 0.0, 0)


def test_a_sparkline_is_as_high_as_the_worst_and_empty_where_nobody_looked() -> None:
    marks, most = operations.spark([sample(59, 10), sample(1, 40), sample(0.5, 2)], NOW)
    assert most == 40
    assert [(mark.x, mark.height) for mark in marks] == [("0", "4.75"), ("92", "19.00")]
    assert operations.spark([], NOW) == ([], 0)
    assert [mark.height for mark in operations.spark([sample(5, 0)], NOW)[0]] == ["1.50"]


def test_tools_are_given_the_figures_of_the_charts(member: str) -> None:
    _, secret = ApiKey.issue("tests")
    api = ApiClient(secret)
    samples.take()
    (row,) = (each for each in api.get("/projections")[1]["items"] if each["name"] == "late_report")
    assert len(row["last_hour"]) == 24
    marks, most = operations.spark(samples.last_hour()["late_report"], timezone.now())
    assert len(marks) == sum(events is not None for events in row["last_hour"]) >= 1
    assert most == max(events for events in row["last_hour"] if events is not None)
    coming = jobs.upcoming(timezone.now())
    told = {each["kind"]: each["next_hours"] for each in api.get("/jobs")[1]["items"]}
    assert {kind: len(hours) for kind, hours in told.items()} == {"renew": 24, "expire": 24}
    assert {kind: sum(hours) for kind, hours in told.items()} == {
        kind: sum(hours) for kind, hours in coming.items()
    }


def test_the_chart_of_what_falls_due_adds_the_kinds_up() -> None:
    marks = operations.due_chart({"renew": [0, 3], "expire": [0, 1]}, NOW)
    assert [mark.words for mark in marks] == ["16:40: 0", "17:40: 4"]
    assert [mark.height for mark in marks] == ["1.50", "26.00"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (0.42, "0.4 s"),
        (12.3, "12 s"),
        (966, "16 min"),
        (53_100, "14 h"),
        (9e6, "104 d"),
    ],
)
def test_how_long_is_told_in_one_unit(seconds: float, words: str) -> None:
    assert operations.span(seconds) == words


def test_the_rate_of_what_moves_no_more_is_nothing(member: str) -> None:
    """As long as nobody looked, it was the mean since the last work, and sank for hours."""
    tell(new_id("m"))
    runner.catch_up()
    for _ in range(2):  # two ticks of the beat
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE projection_build SET sampled_at = sampled_at - interval '30 s',"
                " earlier_at = earlier_at - interval '30 s' WHERE state = 'live'"
            )
        samples.take()
    assert {item["rate"] for item in lag.lag()} == {0.0}
    (row, *_) = operations.models(lag.lag(), {}, NOW)
    assert row.rate == "–"


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0 B"), (999, "999 B"), (1_000, "1.0 KB"), (4_200_000, "4.2 MB")]
)
def test_sizes_in_words(count: int, words: str) -> None:
    assert events.size(count) == words
