"""The runner: every event has its effect once, whatever happens to the workers."""

import threading
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection, connections

from licensing import store
from licensing.connection import opened
from projections import bucket as buckets
from projections import checkpoints, parking, runner
from projections.lag import lag
from projections.projector import Projector
from projections.sql import statement
from tests.conftest import new_id

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEYED = {
    "job_attempt",
    "license_index",
    "license_index_device",
    "member_directory",
    "projection_checkpoint",
    "projection_parked",
    "renewal_calendar",
}
TALLY = """
CREATE TABLE IF NOT EXISTS tally (
    at bigint GENERATED ALWAYS AS IDENTITY, projection text, bucket int, stream_id text, version int
)
"""


@pytest.fixture(scope="module", autouse=True)
def tally_table(database):
    with connections["owner"].cursor() as cursor:
        cursor.execute(TALLY)
    yield
    with connections["owner"].cursor() as cursor:
        cursor.execute("DROP TABLE tally")


@pytest.fixture
def tally():
    """A projector with a checkpoint of its own, that keeps a row for each time it saw an event."""
    made = tallying(new_id("tally"))
    yield made
    forget(made.name)


def forget(name):
    with connection.cursor() as cursor:
        for table in ("projection_checkpoint", "projection_parked"):
            cursor.execute(f"DELETE FROM {table} WHERE projection = %s", [name])
        cursor.execute("DELETE FROM projection WHERE name = %s", [name])


def tallying(name, version=1, before=None, after=None):
    def apply(cursor, bucket, events):
        for event in events:
            if before:
                before(event)
            cursor.execute(
                "INSERT INTO tally (projection, bucket, stream_id, version) VALUES (%s,%s,%s,%s)",
                [name, bucket, event.stream_id, event.version],
            )
        if after:
            after(cursor)

    def clear(cursor, bucket):
        cursor.execute("DELETE FROM tally WHERE projection = %s AND bucket = %s", [name, bucket])

    return Projector(name, version, "member", None, apply, clear)


def choking_on(stream, *versions):
    """What to do before an event: raise on some of one stream."""

    def choke(event):
        if event.stream_id == stream and event.version in versions:
            raise ValueError("cannot read this")

    return choke


def append(member, count=1):
    """Events that no read model but the directory cares for."""
    stream = f"member-{member}"
    for _ in range(count):
        key = new_id("c")
        new = store.NewEvent(uuid4(), "PlaybackStopped", 1, {"license_id": "none"}, {}, NOW)
        record = store.CommandRecord(key, "Test", {}, b"x", {"outcome": "accepted"})
        store.append(opened(), stream, [new], record)
    return stream


def same_bucket(stream):
    """Another member whose stream shares the bucket."""
    wanted = store.bucket_of(stream)
    while True:
        other = new_id("m")
        if store.bucket_of(f"member-{other}") == wanted:
            return other


def seen(projector, stream):
    """The versions of a stream that the projector kept, in the order in which it saw them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT version FROM tally WHERE projection = %s AND stream_id = %s ORDER BY at",
            [projector.name, stream],
        )
        return [version for (version,) in cursor.fetchall()]


def parked(projector):
    return [row for row in parking.listing() if row.projection == projector.name]


def test_each_event_is_applied_once_in_order(fresh, tally):
    stream = append(fresh(), 5)
    runner.catch_up(projectors=[tally])
    assert runner.catch_up(projectors=[tally]) == 0
    append(stream.removeprefix("member-"), 2)
    runner.catch_up(projectors=[tally])
    assert seen(tally, stream) == [1, 2, 3, 4, 5, 6, 7]


def test_pages_follow_each_other(fresh, tally, monkeypatch):
    monkeypatch.setattr(buckets, "PAGE", 2)
    stream = append(fresh(), 7)
    runner.catch_up(projectors=[tally])
    assert seen(tally, stream) == [1, 2, 3, 4, 5, 6, 7]


def test_a_crash_between_apply_and_commit_loses_and_doubles_nothing(fresh, tally):
    def die(cursor):
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    stream = append(fresh(), 3)
    with pytest.raises(OperationalError):
        runner.catch_up(projectors=[tallying(tally.name, after=die)])
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
    bucket = store.bucket_of(stream)
    with connection.cursor() as cursor:
        (claim,) = checkpoints.claim(cursor, bucket, [tally])
        checkpoints.advance(cursor, claim, claim.position + 1)
        with pytest.raises(checkpoints.Fenced):
            checkpoints.advance(cursor, claim, claim.position + 1)


def test_a_bucket_in_other_hands_is_left_to_them(fresh, tally):
    stream = append(fresh())
    runner.catch_up(projectors=[tally])
    append(stream.removeprefix("member-"))
    bucket = store.bucket_of(stream)
    with connections["owner"].cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SELECT FROM projection_checkpoint WHERE bucket = %s FOR UPDATE", [bucket])
        assert buckets.advance(bucket, [tally]) == 0
        cursor.execute("ROLLBACK")
    assert buckets.advance(bucket, [tally]) == 1


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
    assert not parking.skip(poisoned, bucket, stream, **skip)
    assert parked(tally)[0].version == 4
    assert parking.skip(poisoned, bucket, stream, **skip)
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


def test_newer_code_rebuilds_and_fences_older_code_off(fresh, tally):
    stream = append(fresh(), 3)
    runner.catch_up(projectors=[tally])
    newer = tallying(tally.name, version=2)
    assert runner.catch_up(projectors=[newer]) > 0
    assert seen(tally, stream) == [1, 2, 3]
    append(stream.removeprefix("member-"))
    assert runner.catch_up(projectors=[tally]) == 0
    runner.catch_up(projectors=[newer])
    assert seen(tally, stream) == [1, 2, 3, 4]


def test_a_rebuild_forgets_what_was_parked(fresh, tally):
    stream = append(fresh())

    runner.catch_up(projectors=[tallying(tally.name, before=choking_on(stream, 1))])
    assert len(parked(tally)) == 1
    runner.rebuild(tally)
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
            "INSERT INTO tally (projection, bucket, stream_id, version) VALUES (%s, %s, %s, 4)",
            [tally.name, here, stream],
        )
    (item,) = lag([tally])
    assert (item["state"], item["lag"]["events"]) == ("ahead", 0)
    runner.rebuild(tally)
    runner.catch_up(projectors=[tally])
    (item,) = lag([tally])
    assert (item["state"], item["lag"]["events"]) == ("level", 0)
    assert seen(tally, stream) == [1, 2, 3]


def test_finding_the_buckets_with_news_reads_no_events(tally):
    """H23: the poll looks at the buckets' heads and checkpoints, however long the log is."""
    checkpoints.announce(connection.cursor(), [tally])
    with connection.cursor() as cursor:
        asked = "EXPLAIN (FORMAT JSON) " + statement("dirty_buckets")
        cursor.execute(asked, {"names": [tally.name]})
        plan = str(cursor.fetchone()[0])
    assert "bucket_head" in plan
    assert "'event'" not in plan


def test_a_projector_is_never_given_two_buckets_at_once(fresh):
    """H24: there is no order across buckets, so nothing may be folded across them."""
    turns = []
    streams = [append(fresh(), 2) for _ in range(12)]
    name = new_id("turns")

    def apply(cursor, bucket, events):
        turns.append((bucket, {event.bucket for event in events}, [e.position for e in events]))

    projector = Projector(name, 1, "member", None, apply, lambda cursor, bucket: None)
    try:
        runner.catch_up(projectors=[projector])
    finally:
        forget(name)
    assert {store.bucket_of(stream) for stream in streams} <= {bucket for bucket, _, _ in turns}
    for bucket, found, positions in turns:
        assert found == {bucket}
        assert positions == sorted(positions)
