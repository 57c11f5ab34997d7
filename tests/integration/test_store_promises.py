"""Expected versions and stored outcomes under races, crashes and every way to ask again."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import errors

from licensing import store
from tests.conftest import new_id
from tests.integration.store_kit import command, connected, event
from timeline.embedded import SUPERUSER, Addresses

ROOT = Path(__file__).parents[2]
EXPECTATIONS = {"exact": 1, "exists": store.EXISTS, "any": store.ANY}


# What the processes of these tests begin with: events and commands like those of the store's kit.
MADE = textwrap.dedent(
    """
    import sys
    from datetime import datetime, timezone
    from uuid import uuid4
    import psycopg
    from licensing import store
    def made(data):
        noon = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
        return store.NewEvent(uuid4(), "Happened", 1, data, {"by": "test"}, noon)
    def asked(name):
        return store.CommandRecord(name, "Do", {"what": 1}, b"same", {"answer": name})
    """
)


def grow(addresses: Addresses, stream: str, count: int, events: int) -> Counter[str]:
    """So many appends on the exact version; what came of each try."""
    seen: Counter[str] = Counter()
    with connected(addresses) as conn:
        while seen["appended"] < count:
            head = store.stream_head(conn, stream)
            expected = head.version if head else store.NO_STREAM
            new = [event(after=expected) for _ in range(events)]
            try:
                seen[store.append(conn, stream, new, command(), expected=expected).status] += 1
            except store.WrongExpectedVersion:
                seen["conflict"] += 1
    return seen


@pytest.mark.parametrize("events", [1, 7])
def test_the_exact_version_admits_one_of_sixteen_threads(database: Addresses, events: int) -> None:
    stream, start = new_id("test"), threading.Barrier(16)

    def run(_: int) -> Counter[str]:
        start.wait()
        return grow(database, stream, 6, events)

    with ThreadPoolExecutor(16) as pool:
        seen = sum(pool.map(run, range(16)), Counter[str]())
    assert seen["appended"] == 96
    with connected(database) as conn:
        found = store.read_stream(conn, stream)
        assert [e.version for e in found] == list(range(1, 96 * events + 1))
        # Each batch follows the very version that it was decided on.
        assert all(e.data["after"] == (e.version - 1) // events * events for e in found)
        assert store.verify_stream(conn, stream) is None


@pytest.mark.parametrize("events", [1, 5])
def test_the_exact_version_admits_one_of_four_processes(database: Addresses, events: int) -> None:
    stream = new_id("test")
    code = textwrap.dedent(
        """
        from contextlib import closing
        import psycopg
        from licensing import store
        stream, events, conninfo = sys.argv[1], int(sys.argv[2]), sys.argv[3]
        done = 0
        with closing(psycopg.connect(conninfo, autocommit=True)) as conn:
            while done < 25:
                head = store.stream_head(conn, stream)
                expected = head.version if head else store.NO_STREAM
                new = [made({"after": expected}) for _ in range(events)]
                try:
                    store.append(conn, stream, new, asked(uuid4().hex), expected=expected)
                    done += 1
                except store.WrongExpectedVersion:
                    pass
        """
    )
    writers = [
        subprocess.Popen(
            [
                sys.executable,
                "-c",
                MADE + code,
                stream,
                str(events),
                database.conninfo("playhead_app"),
            ],
            cwd=ROOT,
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"},
        )
        for _ in range(4)
    ]
    assert [writer.wait(timeout=60) for writer in writers] == [0] * 4
    with connected(database) as conn:
        found = store.read_stream(conn, stream)
        assert [e.version for e in found] == list(range(1, 100 * events + 1))
        assert all(e.data["after"] == (e.version - 1) // events * events for e in found)
        assert store.verify_stream(conn, stream) is None


@pytest.mark.parametrize("events", [1, 3])
def test_no_stream_admits_one_and_exists_waits_for_it(database: Addresses, events: int) -> None:
    stream, start = new_id("test"), threading.Barrier(16)

    def create(number: int) -> str:
        with connected(database) as conn:
            start.wait()
            wanted = store.NO_STREAM if number % 2 else store.EXISTS
            try:
                new = [event() for _ in range(events)]
                found = store.append(conn, stream, new, command(), expected=wanted)
                return f"{wanted} {found.status}"
            except store.WrongExpectedVersion:
                return f"{wanted} conflict"

    with ThreadPoolExecutor(16) as pool:
        seen = Counter(pool.map(create, range(16)))
    assert (seen["0 appended"], seen["0 conflict"]) == (1, 7)
    assert seen["-2 appended"] + seen["-2 conflict"] == 8
    with connected(database) as conn:
        assert len(store.read_stream(conn, stream)) == events * (1 + seen["-2 appended"])


@pytest.mark.parametrize("expected", [store.NO_STREAM, 1, 7])
def test_a_stale_version_never_takes_the_bucket_lock(database: Addresses, expected: int) -> None:
    """It is answered at once while somebody else holds the bucket."""
    stream = new_id("test")
    with connected(database) as conn:
        store.append(conn, stream, [event(), event()], command())
        with connected(database, SUPERUSER) as holder, holder.transaction():
            lock = "SELECT position FROM bucket_head WHERE bucket = %s FOR UPDATE"
            before = holder.execute(lock, [store.bucket_of(stream)]).fetchone()
            with pytest.raises(store.WrongExpectedVersion):
                store.append(conn, stream, [event()], command(), expected=expected)
            # And the true version does need it: the lock that is held is the right one.
            with pytest.raises(errors.LockNotAvailable):
                store.append(conn, stream, [event()], command(), expected=2)
            assert before == holder.execute(lock, [store.bucket_of(stream)]).fetchone()


@pytest.mark.parametrize("isolation", ["REPEATABLE READ", "SERIALIZABLE"])
def test_only_read_committed_may_append(database: Addresses, isolation: str) -> None:
    """H3: any other level is refused by the function itself, whatever the client believes."""
    stream = new_id("test")
    with connected(database) as conn:
        conn.execute(f"SET default_transaction_isolation = '{isolation.lower()}'")
        with pytest.raises(errors.InvalidTransactionState, match="needs READ COMMITTED"):
            store.append(conn, stream, [event()], command())
        assert store.stream_head(conn, stream) is None


@pytest.mark.parametrize("events", [0, 1, 3])
@pytest.mark.parametrize("again", EXPECTATIONS)
def test_a_repeat_gets_its_answer_under_every_expectation(
    database: Addresses, events: int, again: str
) -> None:
    stream, record = new_id("test"), command("c-1")
    with connected(database) as conn:
        store.append(conn, stream, [event()], command())
        new = [event() for _ in range(events)]
        first = store.append(conn, stream, new, record, expected=1)
        store.append(conn, stream, [event()], command())
        heads, stood = store.bucket_heads(conn), store.stream_head(conn, stream)
        for expected in (EXPECTATIONS[again], store.NO_STREAM, 99):
            repeat = store.append(conn, stream, new, record, expected=expected)
            assert (repeat.status, repeat.outcome) == ("repeated", first.outcome)
            assert (repeat.version, repeat.events) == (1 + events, first.events)
            other = command("c-1", data_hash=b"other")
            with pytest.raises(store.CommandIdReused):
                store.append(conn, stream, new, other, expected=expected)
        assert (store.bucket_heads(conn), store.stream_head(conn, stream)) == (heads, stood)


def test_a_command_without_events_burns_nothing(database: Addresses) -> None:
    stream = new_id("test")
    with connected(database) as conn:
        store.append(conn, stream, [event()], command())
        heads, stood = store.bucket_heads(conn), store.stream_head(conn, stream)
        for number in range(3):
            stored = store.append(conn, stream, [], command(f"c-{number}"), expected=1)
            assert (stored.status, stored.version, stored.events) == ("stored", 1, ())
        assert (store.bucket_heads(conn), store.stream_head(conn, stream)) == (heads, stood)
        assert [row.seq for row in store.read_commands(conn, stream)] == [1, 2, 3, 4]


def test_an_answer_lost_between_commit_and_client_is_given_again(database: Addresses) -> None:
    """The client dies by SIGKILL with the statement sent and the answer unread."""
    stream = new_id("test")
    code = textwrap.dedent(
        """
        import os, select, signal
        from licensing.store import appending
        from licensing.store.statements import statement
        conn = psycopg.connect(sys.argv[2], autocommit=True)
        arguments, _ = appending.arguments_of(sys.argv[1], [made({})], asked("lost"))
        # Up to the point where the answer lies in the socket, committed and unread.
        query = psycopg._queries.PostgresQuery(psycopg.adapt.Transformer(conn))
        query.convert(statement("append_events"), arguments)
        conn.pgconn.send_query_params(
            query.query, query.params, query.types, query.formats, result_format=1
        )
        conn.pgconn.flush()
        select.select([conn.pgconn.socket], [], [], 10)
        os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    killed = subprocess.run(
        [sys.executable, "-c", MADE + code, stream, database.conninfo("playhead_app")],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"},
        check=False,
        timeout=60,
    )
    assert killed.returncode == -signal.SIGKILL
    with connected(database) as conn:
        (stored,) = store.read_stream(conn, stream)
        for expected in (store.NO_STREAM, store.ANY, 1):
            answer = store.append(conn, stream, [event()], command("lost"), expected=expected)
            assert (answer.status, answer.events) == ("repeated", (stored,))
        assert store.stream_head(conn, stream).version == 1  # type: ignore[union-attr]


def ask(conn: psycopg.Connection[Any], statement: str) -> None:
    """Executes a statement, a COPY from the client too."""
    if statement.endswith("STDIN"):
        with conn.cursor().copy(statement.encode()) as copy:
            copy.write(b"")
    else:
        conn.execute(statement.encode())


@pytest.mark.parametrize(
    "attack",
    [
        "INSERT INTO event SELECT * FROM event LIMIT 1 ON CONFLICT (bucket, position) DO UPDATE"
        " SET type = 'x'",
        "INSERT INTO command_log SELECT * FROM command_log LIMIT 1 ON CONFLICT DO NOTHING",
        "COPY event FROM STDIN",
        "COPY command_log FROM STDIN",
        "COPY event TO PROGRAM 'cat'",
        "DROP TABLE event",
        "DROP FUNCTION refuse_rewriting CASCADE",
        "DROP SCHEMA public CASCADE",
        "ALTER TABLE event ADD COLUMN extra int",
        "ALTER TABLE event OWNER TO playhead_app",
        "ALTER TABLE event DISABLE TRIGGER append_only",
        "ALTER FUNCTION append_events SECURITY INVOKER",
        "CREATE OR REPLACE FUNCTION bucket_of(stream_id text) RETURNS integer"
        " LANGUAGE sql AS 'SELECT 1'",
        "CREATE TABLE mine (a int)",
        "CREATE TEMP TABLE event (a int)",
        "CREATE SCHEMA mine",
        "CREATE TRIGGER mine BEFORE INSERT ON event EXECUTE FUNCTION refuse_rewriting()",
        "CREATE RULE mine AS ON INSERT TO event DO INSTEAD NOTHING",
        "SET session_replication_role = replica",
        "SET ROLE playhead_owner",
        "GRANT INSERT ON event TO playhead_app",
        "BEGIN; LOCK TABLE event IN ACCESS EXCLUSIVE MODE",
        "SELECT lo_import('/etc/hostname')",
        "SELECT pg_read_file('PG_VERSION')",
        "VACUUM FULL event",
    ],
)
def test_the_application_s_role_is_refused(database: Addresses, attack: str) -> None:
    """The attacks of the fault catalogue: each refused by rights, nothing changed."""
    with connected(database) as conn:
        before = conn.execute("SELECT count(*), max(appended_at) FROM event").fetchone()
        with connected(database) as attacker:
            if attack.startswith(("GRANT", "VACUUM")):
                attacker.execute(attack.encode())  # a warning: nothing to give, skipped
            else:
                with pytest.raises(errors.InsufficientPrivilege):
                    ask(attacker, attack)
        assert conn.execute(
            "SELECT has_table_privilege('playhead_app', 'event', 'INSERT')"
        ).fetchone() == (False,)
        assert conn.execute("SELECT count(*), max(appended_at) FROM event").fetchone() == before


def test_the_statements_name_the_bucket_and_nothing_ever_upserts_history() -> None:
    """H2, H9, H14: of the store's statements, each passes the bucket; none notifies."""
    about_files = {"import_batches", "put_import_batch", "server_settings", "bucket_heads"}
    whole_store = {"count_events", "feeds_off", "heads_off"}
    for path in sorted((ROOT / "licensing" / "store" / "sql").glob("*.sql")):
        code = "\n".join(
            line for line in path.read_text().splitlines() if not line.startswith("--")
        )
        assert "notify" not in code.lower(), path.name
        if path.stem not in about_files | whole_store:
            assert "bucket" in code, path.name
        if "ON CONFLICT" in code:
            assert path.stem in {"keep_keyframe", "put_import_batch"}, path.name
    for path in (ROOT / "licensing" / "migrations" / "sql").glob("*.sql"):
        code = path.read_text()
        for statement in code.split(";"):
            if "INSERT INTO event" in statement:
                assert "ON CONFLICT" not in statement, path.name


def test_rows_that_every_append_updates_stay_on_their_page(database: Addresses) -> None:
    """H7: the updates of bucket heads are heap-only, so that they leave no index entries behind."""
    streams = [new_id("test") for _ in range(40)]
    figures = (
        "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'bucket_head'"
    )
    with connected(database) as conn, connected(database, SUPERUSER) as power:
        for stream in streams:
            for _ in range(5):
                store.append(conn, stream, [event()], command())
        conn.execute("SELECT pg_stat_force_next_flush()")
        conn.execute("SELECT 1")
        power.execute("SELECT pg_stat_clear_snapshot()")
        found = power.execute(figures.encode()).fetchone()
        assert found is not None
        updated, heap_only = found
        assert updated >= 200
        assert heap_only / updated > 0.95


def test_a_fallback_is_still_there_for_two_appends_at_one_position(database: Addresses) -> None:
    """H8, H11: a position is unique in its bucket, and free in every other."""
    wanted = """
        SELECT array_agg(a.attname::text ORDER BY k.n) FROM pg_index i
         CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k(attnum, n)
          JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
         WHERE i.indrelid = 'event'::regclass AND i.indisunique GROUP BY i.indexrelid
    """
    with connected(database, SUPERUSER) as conn:
        keys = {tuple(columns) for (columns,) in conn.execute(wanted).fetchall()}
    assert ("bucket", "position") in keys
    assert all(key[0] == "bucket" for key in keys)


def test_history_points_at_nothing(database: Addresses) -> None:
    """H16: no foreign key is on the way of an append."""
    with connected(database, SUPERUSER) as conn:
        found = conn.execute(
            "SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND conrelid IN"
            " ('event'::regclass, 'stream_head'::regclass, 'bucket_head'::regclass,"
            " 'command_log'::regclass)"
        ).fetchone()
    assert found == (0,)


def test_the_clock_of_the_feed_never_goes_back(database: Addresses) -> None:
    """H10: appended_at is monotone in a bucket, recorded_at in a stream."""
    with connected(database, SUPERUSER) as conn:
        back = conn.execute(
            "SELECT count(*) FROM (SELECT appended_at < lag(appended_at)"
            " OVER (PARTITION BY bucket ORDER BY position) AS back FROM event) AS e WHERE back"
        ).fetchone()
        assert back == (0,)
        late = conn.execute(
            "SELECT count(*) FROM (SELECT recorded_at < lag(recorded_at)"
            " OVER (PARTITION BY bucket, stream_id ORDER BY version) AS back FROM event) AS e"
            " WHERE back"
        ).fetchone()
        assert late == (0,)


def test_the_owner_is_no_superuser_and_cannot_reach_the_queue(database: Addresses) -> None:
    roles = "SELECT rolname, rolsuper, rolcreaterole, rolbypassrls, rolreplication FROM pg_roles"
    with psycopg.connect(database.conninfo(SUPERUSER)) as conn:
        found = {name: powers for name, *powers in conn.execute(roles).fetchall()}
    for name in ("playhead_owner", "playhead_app", "playhead_broker"):
        assert found[name] == [False] * 4
    with connected(database, "playhead_broker") as conn:
        for table in ("event", "command_log", "stream_head"):
            with pytest.raises(errors.InsufficientPrivilege):
                conn.execute(f"SELECT 1 FROM public.{table}".encode())


def test_no_append_wakes_listeners_itself(database: Addresses) -> None:
    """H9: a notification in the append's transaction would serialize all commits."""
    with connected(database, SUPERUSER) as conn:
        found = conn.execute(
            "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
            " AND prosrc ~* 'notify' "
        ).fetchall()
        triggers = conn.execute(
            "SELECT DISTINCT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgrelid IN"
            " ('event'::regclass, 'stream_head'::regclass, 'bucket_head'::regclass,"
            " 'command_log'::regclass)"
        ).fetchall()
    assert found == []
    assert triggers == [("append_only",)]
