"""Backtests are counted in a closed loop, kept, stopped, gone on with, and told."""

import copy
import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from licensing import backtests, rulebook, service, simulation, store
from licensing import connection as stores
from licensing.domain.commands import AcquireLicense, ChangePlan, RenewLicense
from licensing.models import BacktestRun
from licensing.rules import hash_of
from tests.conftest import new_id
from tests.integration.store_kit import command, event

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = START + timedelta(days=40)
DEMO = Path(__file__).parents[2] / "licensing" / "demo"
DOCUMENT = json.loads((DEMO / "rules_1.json").read_text())
STUDIO = {"studio": "Warner Bros."}


def ask(member: str, command: Any, hours: float = 0) -> Any:
    now = START + timedelta(hours=hours)
    return service.handle(
        member, command, command_id=new_id("c"), actor=service.Actor("api", "tests"), now=now,
        recorded_at=now,
    )  # fmt: skip


@pytest.fixture
def member() -> str:
    """Three devices asked for and two allowed, the third twice; a renewal too early."""
    member = new_id("m")
    ask(member, ChangePlan("standard", "NL"))
    for number in (1, 2):
        ask(member, AcquireLicense(f"t{number}", f"d{number}", f"l{number}", STUDIO), number)
    ask(member, AcquireLicense("t3", "d3", "l3", STUDIO), 3)  # refused: two devices
    ask(member, AcquireLicense("t3", "d3", "l3", STUDIO), 3.05)  # the same refusal, only counted
    ask(member, RenewLicense("l1"), 11)  # refused: too early
    return member


def changed(change: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    document = copy.deepcopy(DOCUMENT)
    change(document)
    return document


def roomy(document: dict[str, Any]) -> None:
    for row in document["tables"][0]["rows"]:
        row["then"]["max_devices"] = 9


ROOMY = changed(roomy)


def counted(member: str, document: dict[str, Any], until: datetime = LATER) -> simulation.Backtest:
    rules = simulation.rules_of(None, document, until)
    *_, last = simulation.backtested(rules, until=until, member_id=member)
    return last.found


def test_who_was_refused_for_a_device_is_allowed_where_there_is_room(member: str) -> None:
    found = counted(member, ROOMY)
    assert (found.members, found.affected, found.unknown) == (1, 1, 0)
    assert found.outcomes["AcquireLicense", "DEVICE_LIMIT", "accepted"] == 1
    # The same request again would have found the license that the first one had got.
    assert found.outcomes["AcquireLicense", "refused", "unchanged"] == 1
    assert found.studios == {("allowed", "Warner Bros."): 1}
    assert found.rows == {("allowed", "b-standard"): 1}
    assert (found.newly_allowed, found.newly_refused) == (1, 0)
    assert [(each.member_id, each.would_be) for each in found.samples] == [(member, "accepted")]


def test_who_would_be_refused_is_counted_by_the_row_that_refuses(member: str) -> None:
    def strict(document: dict[str, Any]) -> None:
        document["tables"][0]["rows"][1]["then"]["max_devices"] = 1

    found = counted(member, changed(strict))
    assert found.rows == {("refused", "b-standard"): 1}
    assert found.plans == {("refused", "standard"): 1}
    assert found.countries == {("refused", "NL"): 1}


def test_the_rules_in_force_make_no_difference(member: str) -> None:
    found = counted(member, DOCUMENT, START + timedelta(hours=12))
    assert (found.affected, found.other_terms, found.samples) == (0, 0, [])
    assert found.decisions == 5


def test_a_command_that_nobody_can_read_is_counted_and_stops_nothing() -> None:
    odd = new_id()
    store.append(stores.opened(), f"member-{odd}", [event()], command())
    found = counted(odd, ROOMY, timezone.now() + timedelta(minutes=1))
    assert (found.members, found.unreadable, found.decisions) == (1, 1, 0)


def test_a_result_comes_back_from_its_values(member: str) -> None:
    found = counted(member, ROOMY)
    assert simulation.from_values(json.loads(json.dumps(simulation.as_values(found)))) == found


def test_a_run_is_kept_with_both_hashes(member: str) -> None:
    run = backtests.start(ROOMY, by="ann", member_id=member)
    assert (run.state, run.hash, run.progress, run.eta_s) == ("waiting", hash_of(ROOMY), 0.0, None)
    assert run.in_force == rulebook.current(timezone.now()).hash
    done = backtests.work(run.id)
    assert done is not None
    assert (done.state, done.progress, done.over) == ("done", 1.0, True)
    assert done.result == counted(member, ROOMY, run.until)
    assert backtests.find(run.id) == done
    assert done.rate > 0
    assert backtests.work(run.id) is None  # there is nothing more to do
    assert run.id in [each.id for each in backtests.latest(hash=hash_of(ROOMY))]
    assert backtests.find(uuid.uuid4()) is None


def test_a_request_repeated_starts_one_run(member: str) -> None:
    run_id = uuid.uuid4()
    first = backtests.start(ROOMY, by="ann", member_id=member, run_id=run_id)
    assert backtests.start(ROOMY, by="ann", member_id=member, run_id=run_id) == first
    with pytest.raises(simulation.NoSuchTrial, match="schema"):
        backtests.start({}, by="ann")


def test_slices_and_stops_come_to_the_same_count(member: str) -> None:
    """Cut after each member, stopped between, taken up by the next: nothing is counted twice."""
    others = [new_id("m") for _ in range(5)]
    for other in others:
        ask(other, AcquireLicense("t1", "d1", "l1", STUDIO))
    whole = backtests.start(ROOMY, by="ann")
    done = backtests.work(whole.id)
    assert done is not None
    parts = backtests.start(ROOMY, by="bea", until=whole.until)
    slices = 0
    while (run := backtests.work(parts.id, seconds=0)) is not None:
        slices += 1
        if run.over:
            break
        assert run.state == "waiting"
        if slices == 2:
            assert backtests.stop(run.id).state == "stopped"  # type: ignore[union-attr]
            assert backtests.work(run.id) is None
            assert backtests.resume(run.id).state == "waiting"  # type: ignore[union-attr]
    assert run is not None
    assert slices > 2
    assert run.result == done.result


def test_somebody_may_stop_a_run_while_it_works(
    member: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backtests, "SAVE_EVERY_S", 0)
    monkeypatch.setattr("licensing.simulation.backtest.MOST", 1)
    ask(new_id("m"), AcquireLicense("t1", "d1", "l1", STUDIO))
    run = backtests.start(ROOMY, by="ann")
    stopped = backtests.work(run.id, progress=lambda found: backtests.stop(run.id) and None)
    assert stopped is not None
    assert stopped.state == "stopped"
    assert 0 < stopped.progress < 1


def test_a_worker_that_lost_its_lease_counts_no_more(
    member: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Taken for dead and replaced, it goes away; the other one's count stands."""
    monkeypatch.setattr(backtests, "SAVE_EVERY_S", 0)
    ask(new_id("m"), AcquireLicense("t1", "d1", "l1", STUDIO))
    run = backtests.start(ROOMY, by="ann")
    came: list[Any] = []

    def frozen(found: simulation.Backtest) -> None:
        if not came:
            past = timezone.now() - timedelta(seconds=1)
            BacktestRun.objects.filter(pk=run.id).update(lease_until=past)
            came.append(None)
            came.append(backtests.work(run.id))

    woken = backtests.work(run.id, progress=frozen)
    assert woken == came[1]
    assert woken is not None
    assert woken.state == "done"


def test_what_fails_is_said_and_can_be_resumed(
    member: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = backtests.start(ROOMY, by="ann", member_id=member)

    def broken(*args: Any, **options: Any) -> Any:
        raise RuntimeError("the disk is full")
        yield

    with monkeypatch.context() as patch:
        patch.setattr(simulation, "backtested", broken)
        with pytest.raises(RuntimeError):
            backtests.work(run.id)
    failed = backtests.find(run.id)
    assert failed is not None
    assert (failed.state, failed.error) == ("failed", "RuntimeError: the disk is full")
    backtests.resume(run.id)
    done = backtests.work(run.id)
    assert done is not None
    assert (done.state, done.error) == ("done", "")


def test_the_next_worker_takes_what_waits_longest(member: str) -> None:
    BacktestRun.objects.filter(state__in=["waiting", "running"]).update(state="stopped")
    runs = [backtests.start(ROOMY, by="ann", member_id=member) for _ in range(2)]
    taken = [backtests.work_on_next(seconds=5) for _ in range(3)]
    assert [run and run.id for run in taken] == [runs[0].id, runs[1].id, None]


def test_the_command_tells_a_backtest(
    member: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "rules.json"
    path.write_text(json.dumps(ROOMY))
    call_command("backtest", str(path), member=member, verbosity=0)
    said = capsys.readouterr().out
    assert "1 members would have another history" in said
    assert "AcquireLicense, DEVICE_LIMIT, accepted" in said
    call_command("backtest", str(path), member=member, json=True, verbosity=0)
    told = json.loads(capsys.readouterr().out)
    assert (told["affected"], told["hash"]) == (1, hash_of(ROOMY))
    run = backtests.find(uuid.UUID(told["id"]))
    assert run is not None
    assert run.state == "done"
    with pytest.raises(CommandError, match="done already"):
        call_command("backtest", resume=run.id, verbosity=0)
    path.write_text("{}")
    with pytest.raises(CommandError, match="schema"):
        call_command("backtest", str(path), verbosity=0)
    with pytest.raises(CommandError, match="ever published"):
        call_command("backtest", hash="sha256:0", verbosity=0)
