"""Eight runners at once on a hot studio."""

from projections import builds, runner
from projections.registry import PROJECTORS
from tests.conftest import new_id
from tests.integration.studio_kit import assert_as_built_anew, happen, in_one_bucket, played
from tests.runner_process import runners
from tests.settings import SERVER


def test_no_worker_waits_for_another_in_a_ring(published_rules):
    """One studio, half of it in one bucket, and a rebuild of all beside: no deadlock."""
    runner.catch_up()
    before = played()
    log = SERVER.log.read_text(errors="replace").count("deadlock detected")
    hot = in_one_bucket(12)
    happen(hot[:6])
    for projector in PROJECTORS:
        builds.request(projector.name, by="tests")
    with runners(8) as workers:
        happen([*(new_id() for _ in range(6)), *hot[6:]])
        results = [worker.result() for worker in workers]
    runner.catch_up()
    assert sum(result["passed"] > 0 for result in results) > 1  # it was more than one's work
    assert [result["taken_back"] for result in results] == [0] * 8
    assert SERVER.log.read_text(errors="replace").count("deadlock detected") == log
    assert played() == before + 36
    assert_as_built_anew()
