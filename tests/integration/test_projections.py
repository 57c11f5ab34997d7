"""The runner: every event has its effect once, whatever happens to the workers."""

import threading
import time
from dataclasses import replace
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection, connections

from licensing import codec, store
from licensing import connection as stores
from licensing.connection import opened
from projections import builds, checkpoints, leases, parking, registry, runner, sides, turn
from projections.lag import lag
from projections.sql import statement
from tests.integration.tally_kit import (
    NAMED,
    PUT,
    append,
    choking_on,
    forget,
    made,
    same_bucket,
    seen,
    tallying,
)

KEYED = {
    "job_attempt",
    "projection_checkpoint",
    "projection_parked",
    *(
        sides.on(table, {projector.name: side})
        for projector in registry.PROJECTORS
        for table in projector.tables
        for side in "ab"
    ),
}


def parked(projector):
    return [row for row in parking.listing() if row.projection == projector.name]


def test_each_event_is_applied_once_in_order(fresh, tally):
    stream = append(fresh(), 5)
    runner.catch_up(projectors=[tally])
    assert runner.catch_up(projectors=[tally]) == 0
    append(stream.removeprefix("member-"), 2)
    runner.catch_up(projectors=[tally])
    assert seen(tally, stream) == [1, 2, 3, 4, 5, 6, 7]


def test_a_turn_looks_at_the_checkpoints_again_only_after_an_append(fresh, monkeypatch):
    runner.catch_up()
    look, looks = runner.catch_up, []

    def looking(seconds):
        looks.append(look(seconds))
        return looks[-1]

    monkeypatch.setattr(runner, "catch_up", looking)
    assert runner.follow(0.5, poll=0.02) == 0
    assert looks == [0]
    looks.clear()
    sleep, members = time.sleep, [fresh()]

    def appending(seconds):
        if members and looks:
            append(members.pop())
        sleep(seconds)

    monkeypatch.setattr(runner.time, "sleep", appending)
    assert runner.follow(2.0, poll=0.02) > 0
    assert looks[0] == 0 < looks[1]
    assert looks[-1] == 0
    assert len(looks) == 3  # it has looked once more whether that was all


def test_pages_follow_each_other(fresh, tally, monkeypatch):
    runner.catch_up(projectors=[tally])  # other tests' events need not come two by two
    monkeypatch.setattr(turn, "PAGE", 2)
    stream = append(fresh(), 7)
    runner.catch_up(projectors=[tally])
    assert seen(tally, stream) == [1, 2, 3, 4, 5, 6, 7]


def test_a_crash_between_apply_and_commit_loses_and_doubles_nothing(fresh, tally):
    die = PUT + "RETURNING pg_terminate_backend(pg_backend_pid())"
    stream = append(fresh(), 3)
    with pytest.raises(OperationalError):
        runner.catch_up(projectors=[tallying(tally.name, put=die)])
    connection.close()
    assert seen(tally, stream) == []
    assert parked(tally) == []
    runner.catch_up(projectors=[tally])
    assert seen(tally, stream) == [1, 2, 3]


def test_concurrent_runners_never_double(fresh, tally):
    streams, done = [fresh() for _ in range(12)], threading.Event()
    errors = []

    def run():
        try:
            while not done.is_set():
                runner.catch_up(projectors=[tally])
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    workers = [threading.Thread(target=run) for _ in range(3)]
    for worker in workers:
        worker.start()
    for _ in range(8):
        for member in streams:
            append(member)
    done.set()
    for worker in workers:
        worker.join()
    runner.catch_up(projectors=[tally])
    assert errors == []
    for member in streams:
        assert seen(tally, f"member-{member}") == list(range(1, 9))


def test_a_checkpoint_that_somebody_else_moved_is_not_moved_again(fresh, tally):
    stream = append(fresh())
    runner.catch_up(projectors=[tally])
    here = checkpoints.of(tally, store.bucket_of(stream), None)
    with stores.together() as transaction:
        checkpoints.advance(transaction, [(here, here.position)])
    with pytest.raises(checkpoints.Fenced), stores.together() as transaction:
        checkpoints.advance(transaction, [(here, here.position)])
    assert opened().info.transaction_status == 0


def test_a_worker_that_was_overtaken_writes_nothing(fresh, tally):
    stream = append(fresh(), 2)
    builds.announce([tally])
    stale = checkpoints.behind([tally], range(leases.SLICES))
    runner.catch_up(projectors=[tally])
    assert turn.take(stale, {tally.name: tally}) == 0
    assert seen(tally, stream) == [1, 2]


def test_a_bucket_in_other_hands_is_left_to_them(fresh, tally):
    stream = append(fresh())
    runner.catch_up(projectors=[tally])
    append(stream.removeprefix("member-"))
    found = checkpoints.behind([tally], range(leases.SLICES))
    bucket = store.bucket_of(stream)
    with connections["owner"].cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SELECT FROM projection_checkpoint WHERE bucket = %s FOR UPDATE", [bucket])
        assert turn.take(found, {tally.name: tally}) == 0
        cursor.execute("ROLLBACK")
    assert turn.take(found, {tally.name: tally}) == 1


def test_an_event_is_decoded_once_for_all_who_stand_at_its_place(fresh, tally, monkeypatch):
    looked_at = []
    known = {}
    for name in (f"{tally.name}_{n}" for n in range(3)):
        made(name)
        known[name] = tallying(name, before=lambda event: looked_at.append(event.data))
    decoded, lift = [], codec.lift
    monkeypatch.setattr(codec, "lift", lambda *about: decoded.append(about) or lift(*about))
    try:
        runner.catch_up(projectors=list(known.values()))
        decoded.clear()
        looked_at.clear()
        append(fresh(), 4)
        assert runner.catch_up(projectors=list(known.values())) == 12
    finally:
        for name in known:
            forget(name)
    assert (len(decoded), len(looked_at)) == (4, 12)


def test_a_poison_event_parks_its_stream_only(fresh, tally):
    sick = append(fresh(), 1)
    well = append(same_bucket(sick), 1)

    poisoned = tallying(tally.name, before=choking_on(sick, 2))
    append(sick.removeprefix("member-"), 2)
    append(well.removeprefix("member-"), 2)
    runner.catch_up(projectors=[poisoned])
    append(sick.removeprefix("member-"))
    append(well.removeprefix("member-"))
    runner.catch_up(projectors=[poisoned])
    assert seen(tally, well) == [1, 2, 3, 4]
    assert seen(tally, sick) == [1]
    (row,) = parked(tally)
    assert (row.stream_id, row.version, row.error) == (sick, 2, "ValueError: cannot read this")
    assert next(i for i in lag([tally]))["state"] == "parked"

    assert not parking.retry(poisoned, row.bucket, sick)
    assert parked(tally)[0].attempts == 2
    assert parking.retry(tally, row.bucket, sick)
    assert seen(tally, sick) == [1, 2, 3, 4]
    assert parked(tally) == []


def test_a_parked_event_can_be_skipped_with_a_reason(fresh, tally):
    stream = append(fresh(), 4)

    poisoned = tallying(tally.name, before=choking_on(stream, 2, 4))
    runner.catch_up(projectors=[poisoned])
    bucket = store.bucket_of(stream)
    skip = {"by": "ops", "reason": "a test"}
    assert not parking.skip(poisoned, bucket, stream, 2, **skip)
    assert parked(tally)[0].version == 4
    with pytest.raises(parking.NotParked, match="at event 4, not 2"):
        parking.skip(poisoned, bucket, stream, 2, **skip)  # the same said twice
    assert parked(tally)[0].version == 4
    assert parking.skip(poisoned, bucket, stream, 4, **skip)
    append(stream.removeprefix("member-"))
    runner.catch_up(projectors=[poisoned])
    assert seen(tally, stream) == [1, 3, 5]


def test_a_parked_stream_is_tried_again_by_itself(fresh, tally, monkeypatch):
    monkeypatch.setattr(parking, "DELAYS", (timedelta(0),))
    stream = append(fresh())

    runner.catch_up(projectors=[tallying(tally.name, before=choking_on(stream, 1))])
    assert seen(tally, stream) == []
    runner.catch_up(projectors=[tally])
    assert seen(tally, stream) == [1]


def test_a_stream_that_keeps_failing_waits_for_a_person(fresh, tally, monkeypatch):
    monkeypatch.setattr(parking, "DELAYS", (timedelta(0), timedelta(0)))
    poisoned = tallying(tally.name, before=choking_on(append(fresh()), 1))
    for _ in range(5):
        runner.catch_up(projectors=[poisoned])
    (row,) = parked(tally)
    assert (row.attempts, row.next_attempt_at) == (3, None)


def test_newer_code_builds_beside_and_takes_over_when_it_is_level(fresh, tally):
    stream = append(fresh(), 3)
    runner.catch_up(projectors=[tally])
    newer = tallying(tally.name, version=2)
    NAMED[tally.name] = newer
    builds.announce([newer])
    assert (builds.live(tally.name).version, builds.in_progress(tally.name).version) == (1, 2)
    append(stream.removeprefix("member-"))
    assert runner.catch_up(projectors=[tally]) == 1  # the older code goes on with what is read
    assert seen(tally, stream) == [1, 2, 3, 4]
    assert runner.catch_up(projectors=[newer]) > 0
    live = builds.live(tally.name)
    assert (live.version, live.side, builds.in_progress(tally.name)) == (2, "b", None)
    assert seen(tally, stream) == [1, 2, 3, 4]
    append(stream.removeprefix("member-"))
    assert runner.catch_up(projectors=[tally]) == 0
    runner.catch_up(projectors=[newer])
    assert seen(tally, stream) == [1, 2, 3, 4, 5]
    with pytest.raises(builds.Refused, match="version 1"):
        builds.roll_back(tally.name, by="ops")


def test_newer_code_takes_over_with_a_stream_that_it_parks(fresh, tally):
    """To wait for a person would leave what is read standing still: nobody runs its code."""
    stream = append(fresh(), 3)
    runner.catch_up(projectors=[tally])
    newer = tallying(tally.name, version=2, before=choking_on(stream, 2))
    NAMED[tally.name] = newer
    runner.catch_up(projectors=[newer])
    live = builds.live(tally.name)
    assert (live.version, live.parked, builds.in_progress(tally.name)) == (2, 1, None)


def test_a_rebuild_starts_with_nothing_parked(fresh, tally):
    stream = append(fresh())

    runner.catch_up(projectors=[tallying(tally.name, before=choking_on(stream, 1))])
    assert len(parked(tally)) == 1
    builds.request(tally.name, by="ops")
    assert next(i for i in lag([tally]))["state"] == "rebuilding"
    runner.catch_up(projectors=[tally])
    assert parked(tally) == []
    assert seen(tally, stream) == [1]


def test_each_key_has_the_bucket_so_the_tables_can_be_spread():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index"
            " WHERE indisunique AND indrelid::regclass::text = ANY(%s)",
            [[*KEYED]],
        )
        keys = cursor.fetchall()
    assert {table for table, _ in keys} == KEYED
    assert [key for _, key in keys if "(bucket, " not in key] == []


def test_lag_is_exact(fresh, tally):
    append(fresh())
    (item,) = lag([tally])  # before its first run it is behind by all there is
    assert (item["state"], item["position"]) == ("behind", 0)
    assert item["lag"]["seconds"] > 0
    runner.catch_up(projectors=[tally])
    append(fresh(), 3)
    append(fresh(), 2)
    (item,) = lag([tally])
    assert (item["state"], item["lag"]["events"]) == ("behind", 5)
    assert 0 < item["lag"]["seconds"] < 60
    runner.catch_up(projectors=[tally])
    (item,) = lag([tally])
    assert (item["state"], item["lag"]) == ("level", {"events": 0, "seconds": 0})


def test_the_command_catches_up_and_says_so(fresh, capsys):
    append(fresh(), 2)
    call_command("project", "--once")
    assert "events applied" in capsys.readouterr().out
    call_command("project", "status")
    assert "member_directory     level" in capsys.readouterr().out


def test_a_time_limit_is_kept_and_nothing_is_lost(fresh, tally):
    stream = append(fresh(), 3)
    while runner.catch_up(0, projectors=[tally]):
        pass
    assert seen(tally, stream) == [1, 2, 3]


def test_a_projection_ahead_of_a_restored_log_says_so_until_it_is_rebuilt(fresh, tally):
    """H18: what was read from a history that a restore took back is folded anew."""
    stream = append(fresh(), 3)
    runner.catch_up(projectors=[tally])
    here = store.bucket_of(stream)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE projection_checkpoint SET position = position + 900"
            " WHERE projection = %s AND bucket = %s",
            [tally.name, here],
        )
        cursor.execute(
            f"INSERT INTO {tally.name}_a (bucket, stream_id, version) VALUES (%s, %s, 4)",
            [here, stream],
        )
    (item,) = lag([tally])
    assert (item["state"], item["lag"]["events"]) == ("ahead", 0)
    builds.request(tally.name, by="ops")
    runner.catch_up(projectors=[tally])
    (item,) = lag([tally])
    assert (item["state"], item["lag"]["events"]) == ("level", 0)
    assert seen(tally, stream) == [1, 2, 3]


def test_finding_the_buckets_with_news_reads_no_events(tally):
    """H23: the poll looks at the buckets' heads and checkpoints, however long the log is."""
    builds.announce([tally])
    with connection.cursor() as cursor:
        asked = "EXPLAIN (FORMAT JSON) " + statement("waiting_slices")
        cursor.execute(asked, {"names": [tally.name], "versions": [1]})
        plan = str(cursor.fetchone()[0])
    assert "bucket_head" in plan
    assert "'event'" not in plan


def test_a_fold_is_never_given_two_buckets_at_once(fresh, tally):
    """H24: there is no order across buckets, so nothing may be folded across them."""
    turns = []
    streams = [append(fresh(), 2) for _ in range(12)]

    def fold(known, events):
        turns.append((events[0].bucket, {e.bucket for e in events}, [e.position for e in events]))
        return []

    runner.catch_up(projectors=[replace(tally, fold=fold)])
    assert {store.bucket_of(stream) for stream in streams} <= {bucket for bucket, _, _ in turns}
    for bucket, found, positions in turns:
        assert found == {bucket}
        assert positions == sorted(positions)


@pytest.fixture
def transactions(monkeypatch):
    """The buckets of each transaction that moved checkpoints, the refused ones too."""
    found, advance = [], checkpoints.advance

    def noted(transaction, moves):
        found.append(sorted({checkpoint.bucket for checkpoint, _ in moves}))
        advance(transaction, moves)

    monkeypatch.setattr(checkpoints, "advance", noted)
    return found


def apart(fresh, count):
    """So many members, each in a bucket of its own."""
    found = {}
    while len(found) < count:
        member = fresh()
        found.setdefault(store.bucket_of(f"member-{member}"), member)
    return list(found.values())


def test_buckets_with_little_to_do_share_a_transaction(fresh, tally, transactions, monkeypatch):
    runner.catch_up(projectors=[tally])
    transactions.clear()
    streams = [append(member) for member in apart(fresh, 12)]
    runner.catch_up(projectors=[tally])
    assert transactions == [sorted(store.bucket_of(stream) for stream in streams)]
    assert [seen(tally, stream) for stream in streams] == [[1]] * 12

    transactions.clear()
    monkeypatch.setattr(turn, "TOGETHER", 5)
    for stream in streams:
        append(stream.removeprefix("member-"))
    runner.catch_up(projectors=[tally])
    assert sorted(map(len, transactions)) == [2, 5, 5]

    transactions.clear()
    monkeypatch.setattr(turn, "TOGETHER", 1)  # as where buckets are on several servers
    for stream in streams:
        append(stream.removeprefix("member-"))
    runner.catch_up(projectors=[tally])
    assert list(map(len, transactions)) == [1] * 12

    transactions.clear()
    monkeypatch.setattr(turn, "TOGETHER", 64)
    monkeypatch.setattr(turn, "PAGE", 4)
    for stream in streams[:3]:
        append(stream.removeprefix("member-"), 3)
    runner.catch_up(projectors=[tally])
    assert list(map(len, transactions)) == [1, 1, 1], "no more than a page of events"
    assert [len(seen(tally, stream)) for stream in streams] == [6] * 3 + [3] * 9


def test_what_one_bucket_of_a_transaction_refuses_keeps_no_other(fresh, tally, transactions):
    well = [append(member) for member in apart(fresh, 6)]
    sick = append(same_bucket(well[0]))
    runner.catch_up(projectors=[tally])
    transactions.clear()
    for stream in (*well, sick):
        append(stream.removeprefix("member-"), 2)
    runner.catch_up(projectors=[tallying(tally.name, before=choking_on(sick, 2))])
    assert [seen(tally, stream) for stream in well] == [[1, 2, 3]] * 6
    assert seen(tally, sick) == [1]
    assert [row.stream_id for row in parked(tally)] == [sick]
    assert all(len(buckets) == 1 for buckets in transactions), "each by itself, the second time"


def test_a_bucket_that_somebody_else_moved_keeps_no_other_of_its_transaction(fresh, tally):
    runner.catch_up(projectors=[tally])
    streams = [append(member) for member in apart(fresh, 4)]
    found = checkpoints.behind([tally], range(leases.SLICES))
    moved = checkpoints.of(tally, store.bucket_of(streams[0]), None)
    with stores.together() as transaction:
        checkpoints.advance(transaction, [(moved, moved.position)])
    assert turn.take(found, {tally.name: tally}) == len(streams) - 1
    assert [seen(tally, stream) for stream in streams] == [[], [1], [1], [1]]
    runner.catch_up(projectors=[tally])
    assert [seen(tally, stream) for stream in streams] == [[1]] * 4


def test_looking_costs_little_whoever_has_the_work(fresh, tally, monkeypatch):
    """A look goes over the checkpoints of every bucket, so they are few and far between."""
    runner.catch_up(projectors=[tally])
    looks = []
    for name in ("waiting", "behind"):
        look = getattr(checkpoints, name)
        monkeypatch.setattr(
            checkpoints,
            name,
            lambda *about, look=look, name=name: looks.append(name) or look(*about),
        )
    stream = append(fresh())
    assert runner.catch_up(projectors=[tally]) == 1
    assert looks == ["waiting", "behind", "behind"]

    looks.clear()
    append(stream.removeprefix("member-"))
    with leases.of(range(leases.SLICES), leases.SLICES):
        assert runner.catch_up(0.5, projectors=[tally]) == 0
    assert looks == ["waiting"], "another worker has it all"
    assert runner.catch_up(projectors=[tally]) == 1
    assert seen(tally, stream) == [1, 2]
