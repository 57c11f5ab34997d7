"""A read model's page: rebuild, compare, swap, cancel and go back by forms, each noted."""

import re
from collections.abc import Iterator

import pytest
from django.db import connection
from django.test import Client

from licensing import store
from licensing.history import stream_of
from licensing.models import AuditEntry
from projections import builds, parking, registry, runner
from projections.builds import Build
from tests.conftest import new_id
from tests.web.api_client import ApiClient
from tests.web.story import tell
from tests.web.test_operations import noted, signed_in
from tests.web.test_pages import assert_strict
from timeline.models import ApiKey
from timeline.presenters.directory import grouped

NAME = "late_report"
URL = f"/operations/projections/{NAME}/"
WHY = "the report was wrong"


@pytest.fixture(scope="module")
def member(database: object, published_rules: object) -> str:
    found = new_id("m")
    tell(found)
    runner.catch_up()
    return found


@pytest.fixture
def live(member: str) -> Iterator[Build]:
    """The live build, with nothing beside it before and after."""
    if builds.in_progress(NAME):
        builds.cancel(NAME, by="tests")
    found = builds.live(NAME)
    assert found
    yield found
    if builds.in_progress(NAME):
        builds.cancel(NAME, by="tests")


def sent(client: Client, do: str, build: Build | None, **more: str) -> tuple[int, str]:
    assert build
    form = {"do": do, "generation": str(build.generation), **more}
    answer = client.post(URL, form, follow=True)
    return answer.status_code, answer.content.decode()


def test_a_build_is_begun_compared_swapped_in_and_gone_back_from(live: Build) -> None:
    client, name = signed_in("operator")
    status, html = sent(client, "rebuild", live, reason=WHY, hold="on")
    assert (status, "has begun" in html) == (200, True)
    new = builds.in_progress(NAME)
    assert new
    assert (new.requested_by, new.reason, new.hold) == (name, WHY, True)
    assert sent(client, "swap", new)[0] == 409  # not level yet
    runner.catch_up()
    html = client.get(URL).content.decode()
    assert_strict(html)
    assert "Swap it in" in html
    assert "100 %" in html
    status, html = sent(client, "compare", new)
    assert (status, "row by row: 0 %" in html, "equal." in html) == (200, True, False)
    assert "Compare now" not in html
    runner.catch_up()
    html = client.get(URL).content.decode()
    assert ("equal." in html, "Compare now" in html, "row by row:" in html) == (True, True, False)
    status, html = sent(client, "swap", new)
    assert (status, f"Build {new.generation} is live." in html) == (200, True)
    now = builds.live(NAME)
    assert now
    assert now.generation == new.generation
    status, html = sent(client, "roll back", builds.before(NAME), reason=WHY)
    assert (status, f"Build {live.generation} is live." in html) == (200, True)
    about = f"projection:{NAME}"
    assert noted(name) == [
        (about, "rebuild read model", WHY), (about, "swap build in", ""),
        (about, "compare build", ""), (about, "swap build in", ""),
        (about, "roll build back", WHY),
    ]  # fmt: skip


def test_a_build_is_cancelled_and_its_figures_are_shown_until_then(live: Build) -> None:
    client, name = signed_in("operator")
    sent(client, "rebuild", live, reason=WHY)
    for url in (URL, "/operations/"):
        html = client.get(url).content.decode()
        assert "Rebuilding Late report" in html
        assert "Cancel the rebuild" in html
        assert f"Asked for by {name}" in html
    assert "Swap it in" not in html  # it is not level
    assert "was given up" in sent(client, "cancel", builds.in_progress(NAME))[1]
    assert builds.in_progress(NAME) is None
    assert "Rebuilding Late report" not in client.get("/operations/").content.decode()


def test_a_roll_back_sent_twice_goes_back_once(live: Build) -> None:
    _, secret = ApiKey.issue("tests")
    api, path = ApiClient(secret), f"/projections/{NAME}/rollback"
    builds.request(NAME, by="tests", reason=WHY)
    runner.catch_up()
    assert api.post(path, {})[0] == 422  # which one?
    before = {"generation": live.generation}
    status, told = api.post(path, before)
    assert (status, told["generation"], told["state"]) == (200, live.generation, "live")
    assert api.post(path, before)[0] == 409
    now = builds.live(NAME)
    assert now
    assert now.generation == live.generation


def test_a_difference_is_told_and_its_rows_are_for_operators(live: Build) -> None:
    builds.request(NAME, by="tests", reason=WHY, hold=True)
    runner.catch_up()
    new = builds.in_progress(NAME)
    assert new
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {NAME}_{new.side}")
        gone = cursor.rowcount
    client, _ = signed_in("operator")
    assert sent(client, "compare", new)[0] == 200
    runner.catch_up()
    assert f"{grouped(gone)} only in the live build" in client.get(URL).content.decode()
    for role, shown in (("operator", True), ("viewer", False)):
        seer, seer_name = signed_in(role)
        html = seer.get(URL).content.decode()
        # The rows name members, and whoever is shown members is noted.
        assert AuditEntry.objects.filter(who=seer_name, action="read").count() == shown
        assert ("Rows that differ" in html) == shown
        assert "only in the live build" in html
    key, secret = ApiKey.issue("tests")
    assert ApiClient(secret).get("/projections")[0] == 200
    assert AuditEntry.objects.filter(who=key.pk, action="read").count() == 1


def test_what_is_beyond_bringing_back_says_so(live: Build) -> None:
    client, name = signed_in("operator")
    for reason in ("", "no", "x" * 201):
        for do in ("rebuild", "roll back"):
            assert sent(client, do, live, reason=reason)[0] == 422
    assert 'aria-invalid="true"' in sent(client, "rebuild", live)[1]
    for do in ("swap", "compare", "cancel"):
        assert sent(client, do, live)[0] == 409  # nothing is being built
    assert sent(client, "drop", live, reason=WHY)[0] == 422
    stale = {"do": "rebuild", "generation": str(live.generation + 7), "reason": WHY}
    assert client.post(URL, stale).status_code == 409
    assert client.post(URL, {"do": "rebuild", "reason": WHY}).status_code == 422
    assert client.get("/operations/projections/nonsense/").status_code == 404
    assert builds.in_progress(NAME) is None
    assert noted(name) == []


def test_only_operators_rebuild(live: Build) -> None:
    for role in ("viewer", "agent", "auditor", "rules approver"):
        client, _ = signed_in(role)
        html = client.get(URL).content.decode()
        assert_strict(html)
        assert f'value="{live.generation}"' not in html
        assert sent(client, "rebuild", live, reason=WHY)[0] == 403
    assert builds.in_progress(NAME) is None


def test_all_that_is_parked_is_tried_again_at_once(live: Build, member: str) -> None:
    other = new_id("m")
    tell(other)
    runner.catch_up()
    for stream in (stream_of(member), stream_of(other)):
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO projection_parked (bucket, projection, generation, stream_id, version,"
                " error, attempts, parked_at, next_attempt_at)"
                " VALUES (%s, %s, %s, %s, 1, 'KeyError', 1, clock_timestamp(), NULL)",
                [store.bucket_of(stream), NAME, live.generation, stream],
            )
    client, name = signed_in("operator")
    assert "Retry them all" in client.get(URL).content.decode()
    told = re.search(r'role="status">([^<]*)<', sent(client, "retry all", live)[1])
    assert told
    assert told[1] == "2 streams level again, 0 still parked."
    assert parking.listing(NAME) == []
    assert noted(name) == [(f"projection:{NAME}", "retry all parked streams", "")]


def test_every_read_model_has_its_page(member: str) -> None:
    client, _ = signed_in("viewer")
    for projector in registry.PROJECTORS:
        assert client.get(f"/operations/projections/{projector.name}/").status_code == 200
