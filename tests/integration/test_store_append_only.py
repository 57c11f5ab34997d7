"""History cannot be rewritten: not by the application, and by the owner only past the triggers."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from psycopg import errors

from licensing import store
from tests.integration.store_kit import command, connected, event
from timeline.embedded import APP, OWNER, SUPERUSER, Addresses

REWRITES = [
    "UPDATE {} SET bucket = bucket",
    "UPDATE {} SET bucket = bucket WHERE false",
    "DELETE FROM {}",
    "DELETE FROM {} WHERE false",
    "TRUNCATE {}",
]
HISTORY = ["event", "command_log"]
HEADS = ["stream_head", "bucket_head"]


@pytest.fixture(autouse=True)
def written(database: Addresses, fresh: Callable[..., str]) -> Iterator[None]:
    """One stream with an event, which is still there when all has been tried."""
    stream = fresh("test")
    with connected(database) as conn:
        appended = store.append(conn, stream, [event()], command("c-1"))
        yield
        assert store.read_stream(conn, stream) == list(appended.events)
        assert store.find_command(conn, stream, "c-1") is not None


@pytest.mark.parametrize("table", HISTORY + HEADS)
@pytest.mark.parametrize("rewrite", [*REWRITES, "INSERT INTO {} SELECT * FROM {} WHERE false"])
def test_the_application_may_not_write_a_table_of_the_store(
    database: Addresses, table: str, rewrite: str
) -> None:
    # By its rights alone: they are looked at before any trigger, and must do without one.
    with (
        connected(database, APP) as conn,
        pytest.raises(errors.InsufficientPrivilege, match="permission denied"),
    ):
        conn.execute(rewrite.replace("{}", table).encode())


@pytest.mark.parametrize("table", HISTORY)
@pytest.mark.parametrize("rewrite", REWRITES)
def test_the_owner_is_refused_by_the_triggers(
    database: Addresses, table: str, rewrite: str
) -> None:
    with (
        connected(database, OWNER) as conn,
        pytest.raises(errors.InsufficientPrivilege, match="append-only"),
    ):
        conn.execute(rewrite.replace("{}", table).encode())


@pytest.mark.parametrize("table", HISTORY)
def test_replica_mode_does_not_skip_the_triggers(database: Addresses, table: str) -> None:
    with connected(database, SUPERUSER) as conn:
        conn.execute("SET session_replication_role = replica")
        with pytest.raises(errors.InsufficientPrivilege, match="append-only"):
            conn.execute(f"DELETE FROM {table}".encode())


def test_the_application_cannot_take_the_triggers_away(database: Addresses) -> None:
    with connected(database, APP) as conn, pytest.raises(errors.InsufficientPrivilege):
        conn.execute("ALTER TABLE event DISABLE TRIGGER ALL")


def test_only_the_application_may_call_the_stores_functions(database: Addresses) -> None:
    granted = """
        SELECT p.proname, a.grantee::regrole::text
          FROM pg_proc p, aclexplode(p.proacl) a
         WHERE p.proname IN ('append_events', 'bucket_of', 'chain_link', 'refuse_rewriting')
           AND a.grantee <> p.proowner
         ORDER BY 1
    """
    with connected(database, SUPERUSER) as conn:
        assert conn.execute(granted).fetchall() == [
            ("append_events", APP),
            ("bucket_of", APP),
            ("chain_link", APP),
        ]
        assert conn.execute(
            "SELECT count(*) FROM pg_proc WHERE proacl IS NULL AND proname = 'append_events'"
        ).fetchone() == (0,)


def test_the_function_looks_tables_up_in_its_own_schema(
    database: Addresses, fresh: Callable[..., str]
) -> None:
    """A table of the caller's with the same name cannot stand in for the store's."""
    stream = fresh("test")
    with connected(database, SUPERUSER) as conn:
        conn.execute("CREATE TEMP TABLE stream_head (LIKE public.stream_head)")
        conn.execute("SET search_path = pg_temp, public")
        store.append(conn, stream, [event()], command())
        rows: list[tuple[Any, ...]] = conn.execute("SELECT * FROM pg_temp.stream_head").fetchall()
        assert rows == []
        conn.execute("RESET search_path")
        conn.execute("DROP TABLE pg_temp.stream_head")
        assert store.stream_head(conn, stream) is not None


def test_snapshots_are_the_applications_to_write_and_throw_away(
    database: Addresses, fresh: Callable[..., str]
) -> None:
    stream = fresh("test")
    row = [store.bucket_of(stream), stream]
    with connected(database) as conn:
        conn.execute("INSERT INTO snapshot VALUES (%s, %s, 1, 'fold', '{}')", row)
        deleted = conn.execute("DELETE FROM snapshot WHERE bucket = %s AND stream_id = %s", row)
        assert deleted.rowcount == 1


def test_a_wrong_bucket_is_refused_by_every_table(
    database: Addresses, fresh: Callable[..., str]
) -> None:
    stream = fresh("test")
    wrong = (store.bucket_of(stream) + 1) % store.BUCKETS
    with connected(database) as conn, pytest.raises(errors.CheckViolation):
        conn.execute(
            "SELECT append_events(%s, %s, -1, NULL, 'c', 'Do', '{}', '', '{}',"
            " NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
            [wrong, stream],
        )
