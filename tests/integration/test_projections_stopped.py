"""Real runners, stopped, continued and killed: every event still has its effect once."""

import pytest
from django.db import connection

from projections import builds, runner
from tests.conftest import new_id
from tests.integration.studio_kit import assert_as_built_anew, happen, in_one_bucket, played
from tests.runner_process import runners


def buckets_done(build):
    """In how many buckets a build has begun."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM projection_checkpoint"
            " WHERE projection = %s AND generation = %s AND position > 0",
            [build.projection, build.generation],
        )
        return cursor.fetchone()[0]


@pytest.fixture
def level(published_rules):
    """Everything is level; how often the studio was played so far."""
    runner.catch_up()
    return played()


def test_a_worker_stopped_past_its_lease_writes_nothing_when_it_goes_on(level):
    """It has read and folded; while it is stopped others do its work, and it comes too late."""
    happen(new_id() for _ in range(4))
    with runners(1, "stop", "before-write") as (stopped,):
        stopped.until_stopped()
        happen([new_id()])
        assert runner.catch_up() > 0
        assert played() == level + 10
        stopped.go_on()
        result = stopped.result()
    assert (result["passed"], result["taken_back"]) == (0, 0)
    assert result["fenced"] > 0
    assert played() == level + 10
    assert_as_built_anew()


def test_a_worker_stopped_while_it_writes_loses_the_bucket_and_its_writing(level):
    """Its checkpoints are moved and not committed: the server takes the transaction back."""
    happen(in_one_bucket(4))
    with runners(1, "stop", "in-write") as (stopped,):
        stopped.until_stopped()
        assert runner.catch_up() > 0
        assert played() == level + 8
        stopped.go_on()
        result = stopped.result()
    assert (result["passed"], result["taken_back"]) == (0, 1)
    assert played() == level + 8
    assert_as_built_anew()


def test_a_worker_killed_while_it_writes_leaves_nothing_behind(level):
    happen(new_id() for _ in range(4))
    with runners(1, "kill", "in-write", "2") as (killed,):
        killed.until_killed()
        runner.catch_up()
    assert played() == level + 8
    assert_as_built_anew()


def test_a_rebuild_goes_on_after_its_worker_was_killed(level):
    """It keeps what is done, does the rest, and ends in the same rows as the live tables."""
    happen(new_id() for _ in range(12))
    runner.catch_up()
    build = builds.request("studio_usage", by="tests", hold=True)
    with runners(1, "kill", "in-write", "5") as (killed,):
        killed.until_killed()
    begun = builds.in_progress("studio_usage")
    assert (begun.generation, begun.state) == (build.generation, "building")
    # Four were written; one in which nothing was to be written may lie between them.
    assert 4 <= buckets_done(build) < 12
    happen([new_id()])
    runner.catch_up()
    assert builds.in_progress("studio_usage").state == "ready"
    found = builds.compare("studio_usage")
    assert (found.buckets, found.only_live, found.only_new) == (1024, 0, 0)
    builds.swap("studio_usage", by="tests")
    assert played() == level + 26
