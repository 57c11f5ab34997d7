"""What an append answers: every expected version, every kind of repetition, and nothing burnt."""

from collections.abc import Callable, Iterator
from datetime import UTC, timedelta
from typing import Any

import psycopg
import pytest

from licensing import store
from licensing.store import appending, integrity
from licensing.store.statements import statement
from tests.integration.store_kit import NOON, command, connected, event, streams_in
from timeline.embedded import OWNER, Addresses

Connection = psycopg.Connection[Any]
Fresh = Callable[..., str]


@pytest.fixture
def conn(database: Addresses) -> Iterator[Connection]:
    """The application's connection."""
    with connected(database) as connection:
        yield connection


def position_of(conn: Connection, stream: str) -> int:
    return store.bucket_heads(conn)[store.bucket_of(stream)]


def test_events_come_back_as_the_append_answered_them(conn: Connection, fresh: Fresh) -> None:
    stream = fresh("test")
    before = position_of(conn, stream)
    new = [event("First", text="é漢\n", nested={"b": [1, None], "a": True}), event("Second")]
    appended = store.append(conn, stream, new, command("c-1"), expected=store.NO_STREAM)

    assert (appended.status, appended.version) == ("appended", 2)
    assert appended.outcome == {"answer": "c-1"}
    assert [e.version for e in appended.events] == [1, 2]
    assert [e.position for e in appended.events] == [before + 1, before + 2]
    assert [e.data for e in appended.events] == [e.data for e in new]
    assert {e.occurred_at for e in appended.events} == {NOON}
    assert store.read_stream(conn, stream) == list(appended.events)
    assert store.read_event(conn, stream, 2) == appended.events[1]
    assert store.find_event(conn, new[0].event_id) == appended.events[0]
    head = store.stream_head(conn, stream)
    assert head is not None
    assert (head.version, head.last_hash) == (2, appended.events[1].hash)
    assert position_of(conn, stream) == before + 2


def test_a_first_event_is_linked_to_the_genesis_of_its_stream(
    conn: Connection, fresh: Fresh
) -> None:
    stream, new = fresh("test"), event("First", a=1)
    (recorded,) = store.append(conn, stream, [new], command()).events
    content = integrity.content_hash(new.event_id, "First", 1, new.data, new.metadata)
    assert recorded.hash == integrity.chain_link(
        integrity.genesis(stream),
        content,
        1,
        recorded.position,
        NOON,
        recorded.recorded_at,
        recorded.appended_at,
    )


@pytest.mark.parametrize(
    ("events", "expected", "accepted"),
    [
        (0, store.ANY, True),
        (2, store.ANY, True),
        (0, store.NO_STREAM, True),
        (2, store.NO_STREAM, False),
        (0, store.EXISTS, False),
        (2, store.EXISTS, True),
        (0, 1, False),
        (2, 1, False),
        (2, 2, True),
        (2, 3, False),
    ],
)
def test_each_expected_version_is_really_checked(
    conn: Connection, fresh: Fresh, events: int, expected: int, accepted: bool
) -> None:
    stream = fresh("test")
    if events:
        store.append(conn, stream, [event() for _ in range(events)], command())
    if accepted:
        assert store.append(conn, stream, [event()], command(), expected=expected).version == (
            events + 1
        )
        return
    before = position_of(conn, stream)
    with pytest.raises(store.WrongExpectedVersion) as refused:
        store.append(conn, stream, [event()], command(), expected=expected)
    assert (refused.value.expected, refused.value.actual) == (expected, events)
    assert len(store.read_stream(conn, stream)) == events
    assert position_of(conn, stream) == before


def test_a_refused_first_command_leaves_no_stream(conn: Connection, fresh: Fresh) -> None:
    stream = fresh("test")
    for expected in (store.EXISTS, 4):
        with pytest.raises(store.WrongExpectedVersion):
            store.append(conn, stream, [event()], command("c-1"), expected=expected)
    assert store.stream_head(conn, stream) is None
    assert store.find_command(conn, stream, "c-1") is None
    assert store.verify_stream(conn, stream) is None
    appended = store.append(conn, stream, [event()], command("c-1"), expected=store.NO_STREAM)
    assert (appended.status, appended.version) == ("appended", 1)


@pytest.mark.parametrize("expected", [store.ANY, store.EXISTS, store.NO_STREAM, 1, 2, 9])
def test_a_repeated_command_gets_its_first_answer_under_any_expected_version(
    conn: Connection, fresh: Fresh, expected: int
) -> None:
    stream = fresh("test")
    first = store.append(conn, stream, [event(n=1), event(n=2)], command("c-1"))
    store.append(conn, stream, [event(n=3)], command("c-2"))
    before = position_of(conn, stream)
    again = store.append(conn, stream, [event(other=1)], command("c-1"), expected=expected)
    assert again.status == "repeated"
    assert (again.outcome, again.version, again.events) == (first.outcome, 2, first.events)
    assert len(store.read_stream(conn, stream)) == 3
    assert position_of(conn, stream) == before


def test_a_command_id_with_other_data_is_refused(conn: Connection, fresh: Fresh) -> None:
    stream = fresh("test")
    store.append(conn, stream, [event()], command("c-1"))
    with pytest.raises(store.CommandIdReused) as refused:
        store.append(conn, stream, [event()], command("c-1", data_hash=b"other"), expected=9)
    assert (refused.value.stream_id, refused.value.command_id) == (stream, "c-1")
    assert len(store.read_stream(conn, stream)) == 1
    other = fresh("test")
    assert store.append(conn, other, [event()], command("c-1")).status == "appended"


def test_a_command_without_events_is_stored_and_repeated(conn: Connection, fresh: Fresh) -> None:
    stream = fresh("test")
    before = position_of(conn, stream)
    first = store.append(conn, stream, [], command("c-0"), expected=store.NO_STREAM)
    store.append(conn, stream, [event()], command("c-1"), expected=store.NO_STREAM)
    second = store.append(conn, stream, [], command("c-2"), expected=1)
    assert [(a.status, a.version, a.events) for a in (first, second)] == [
        ("stored", 0, ()),
        ("stored", 1, ()),
    ]
    again = store.append(conn, stream, [], command("c-2"))
    assert (again.status, again.outcome, again.version, again.events) == (
        "repeated",
        second.outcome,
        1,
        (),
    )
    assert position_of(conn, stream) == before + 1
    log = store.read_commands(conn, stream)
    assert [(c.seq, c.command_id, c.first_version, c.last_version) for c in log] == [
        (1, "c-0", 1, 0),
        (2, "c-1", 1, 1),
        (3, "c-2", 2, 1),
    ]
    assert store.read_commands(conn, stream, after_seq=1, until_seq=2) == [log[1]]
    assert store.find_command(conn, stream, "c-2") == log[2]
    assert (log[1].name, log[1].data, log[1].data_hash) == ("Do", {"what": 1}, b"same")


def test_a_refused_append_does_not_take_the_bucket(conn: Connection, database: Addresses) -> None:
    """A conflict answers at once while somebody else holds the bucket; a write waits its turn."""
    held, stream = streams_in(77, 2)
    store.append(conn, stream, [event()], command("c-1"))
    with psycopg.connect(database.conninfo(OWNER)) as owner:
        owner.execute("SELECT FROM bucket_head WHERE bucket = 77 FOR UPDATE")
        with pytest.raises(store.WrongExpectedVersion):
            store.append(conn, stream, [event()], command(), expected=5)
        assert store.append(conn, stream, [event()], command("c-1")).status == "repeated"
        assert store.append(conn, stream, [], command("c-2")).status == "stored"
        with pytest.raises(psycopg.errors.LockNotAvailable):
            store.append(conn, held, [event()], command("c-3"))
        owner.rollback()
    assert store.append(conn, held, [event()], command("c-3"), expected=0).status == "appended"


def test_an_erased_stream_repeats_but_takes_no_more(
    conn: Connection, fresh: Fresh, database: Addresses
) -> None:
    stream = fresh("test")
    first = store.append(conn, stream, [event()], command("c-1"))
    with connected(database, OWNER) as owner:
        owner.execute("UPDATE stream_head SET erased_at = now() WHERE stream_id = %s", [stream])
    assert store.append(conn, stream, [event()], command("c-1")).events == first.events
    with pytest.raises(store.StreamErased):
        store.append(conn, stream, [event()], command("c-2"), expected=7)
    assert len(store.read_stream(conn, stream)) == 1


def test_recorded_at_never_goes_back_within_a_stream(conn: Connection, fresh: Fresh) -> None:
    stream = fresh("test")
    moments = [NOON, NOON - timedelta(days=1), NOON + timedelta(microseconds=1)]
    recorded = [
        store.append(conn, stream, [event()], command(), recorded_at=moment).events[0]
        for moment in moments
    ]
    assert [e.recorded_at for e in recorded] == [NOON, NOON, moments[2]]
    assert all(e.recorded_at.tzinfo is UTC for e in recorded)
    assert [e.appended_at for e in recorded] == sorted(e.appended_at for e in recorded)
    assert recorded[0].appended_at > NOON
    (now,) = store.append(conn, stream, [event()], command()).events
    assert now.recorded_at == now.appended_at


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "America/St_Johns"])
def test_instants_are_utc_whatever_the_session_says(
    conn: Connection, fresh: Fresh, zone: str
) -> None:
    conn.execute("SELECT set_config('TimeZone', %s, false)", [zone])
    stream = fresh("test")
    appended = store.append(conn, stream, [event()], command())
    assert store.read_stream(conn, stream) == list(appended.events)
    assert appended.events[0].recorded_at.tzinfo is UTC
    assert store.verify_stream(conn, stream) is None


def test_an_append_inside_a_transaction_is_refused(conn: Connection, fresh: Fresh) -> None:
    with conn.transaction(), pytest.raises(store.AppendNotAlone):
        store.append(conn, fresh("test"), [event()], command())
    conn.set_autocommit(False)
    with pytest.raises(store.AppendNotAlone):
        store.append(conn, fresh("test"), [event()], command())


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
def test_another_isolation_is_refused_by_the_function(
    conn: Connection, fresh: Fresh, level: str
) -> None:
    conn.execute("SELECT set_config('default_transaction_isolation', %s, false)", [level])
    with pytest.raises(psycopg.errors.InvalidTransactionState, match=level):
        store.append(conn, fresh("test"), [event()], command())


def test_what_cannot_be_stored_is_refused_before_anything_is_sent(
    conn: Connection, fresh: Fresh
) -> None:
    stream = fresh("test")
    with pytest.raises(store.NotStorable, match=r"events\[1\]\.data\.x"):
        store.append(conn, stream, [event(), event(x=0.5)], command())
    naive = store.NewEvent(event().event_id, "T", 1, {}, {}, NOON.replace(tzinfo=None))
    with pytest.raises(ValueError, match="needs an offset"):
        store.append(conn, stream, [naive], command())
    with pytest.raises(ValueError, match="-3"):
        store.append(conn, stream, [event()], command(), expected=-3)
    assert store.stream_head(conn, stream) is None


def test_a_second_event_with_the_same_id_is_an_error_that_burns_nothing(
    conn: Connection, fresh: Fresh
) -> None:
    stream, twice = fresh("test"), event()
    store.append(conn, stream, [twice], command())
    before = position_of(conn, stream)
    with pytest.raises(psycopg.errors.UniqueViolation):
        store.append(conn, stream, [event(), twice], command("c-2"))
    assert position_of(conn, stream) == before
    assert store.append(conn, stream, [event()], command("c-2")).events[0].position == before + 1


def test_an_append_costs_the_same_after_a_long_history(conn: Connection, fresh: Fresh) -> None:
    """A look-up by a wrong index would read the whole log of the stream each time."""
    stream = fresh("test")

    def pages_touched() -> int:
        arguments, _ = appending.arguments_of(stream, [event()], command())
        explain = b"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + statement("append_events")
        with psycopg.Cursor(conn) as cursor:
            found = cursor.execute(explain, arguments, prepare=True).fetchone()
        assert found is not None
        return int(found[0][0]["Plan"]["Shared Hit Blocks"])

    def usual_cost() -> int:
        return min(pages_touched() for _ in range(8))

    short = usual_cost()
    for _ in range(600):
        store.append(conn, stream, [event()], command())
    assert usual_cost() <= short + 12
