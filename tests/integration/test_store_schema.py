"""The schema keeps the rules that let it be distributed by bucket one day."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.integration.store_kit import connected
from timeline.embedded import OWNER, SUPERUSER, Addresses

TABLES = ["stream_head", "bucket_head", "event", "command_log", "snapshot", "snapshot_page"]
Connection = psycopg.Connection[Any]


@pytest.fixture
def conn(database: Addresses) -> Iterator[Connection]:
    """A connection that sees the whole catalogue."""
    with connected(database, SUPERUSER) as connection:
        yield connection


@pytest.mark.parametrize("table", TABLES)
def test_every_key_starts_with_an_integer_bucket(conn: Connection, table: str) -> None:
    first_columns = """
        SELECT DISTINCT a.attname, a.atttypid::regtype::text, a.attgenerated
          FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
         WHERE i.indrelid = %s::regclass
    """
    assert conn.execute(first_columns, [table]).fetchall() == [("bucket", "integer", "")]


@pytest.mark.parametrize("table", TABLES)
def test_no_foreign_keys_on_the_hot_path(conn: Connection, table: str) -> None:
    keys = "SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND conrelid = %s::regclass"
    assert conn.execute(keys, [table]).fetchone() == (0,)


@pytest.mark.parametrize(
    "table", ["stream_head", "event", "command_log", "snapshot", "snapshot_page"]
)
def test_the_bucket_is_checked_against_the_stream(conn: Connection, table: str) -> None:
    """H12: whatever writes a row, it stands in the bucket of its stream."""
    checks = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = %s::regclass"
    (check,) = [
        text for (text,) in conn.execute(checks, [table]).fetchall() if "(stream_id" in text
    ]
    condition = check.removeprefix("CHECK ")
    streams = "SELECT 'member-' || n AS stream_id FROM generate_series(1, 50) AS n"
    for shift, agreed in ((0, 50), (1, 0)):
        rows = f"SELECT *, (bucket_of(stream_id) + {shift}) % 1024 AS bucket FROM ({streams}) AS s"
        # The other columns of the constraint, as any row has them.
        others = (
            "1 AS version, 1::bigint AS position, 'T' AS type, 1 AS schema_version,"
            " 'c' AS command_id, 1 AS seq, sha256('') AS hash, sha256('') AS last_hash"
        )
        found = conn.execute(f"SELECT count(*) FROM (SELECT *, {others} FROM ({rows}) AS r) AS row"
                             f" WHERE {condition}")  # fmt: skip
        assert found.fetchone() == (agreed,)


def test_the_append_carries_its_own_settings_and_rights(conn: Connection) -> None:
    found = conn.execute(
        "SELECT prosecdef, proconfig, proowner::regrole::text FROM pg_proc"
        " WHERE proname = 'append_events'"
    ).fetchone()
    assert found == (True, ["search_path=public, pg_temp", "lock_timeout=2s"], OWNER)
    owner = conn.execute("SELECT rolsuper FROM pg_roles WHERE rolname = %s", [OWNER]).fetchone()
    assert owner == (False,)


def test_bucket_heads_stay_on_their_pages(conn: Connection) -> None:
    found = conn.execute("SELECT reloptions FROM pg_class WHERE relname = 'bucket_head'").fetchone()
    assert found is not None
    assert "fillfactor=10" in found[0]
    assert conn.execute(
        "SELECT min(bucket), max(bucket), count(*) FROM bucket_head"
    ).fetchone() == (
        0,
        1023,
        1024,
    )


@pytest.mark.parametrize("table", ["event", "command_log"])
def test_tables_that_only_grow_are_vacuumed_for_their_inserts(conn: Connection, table: str) -> None:
    """H22: without it, the first vacuum of a large table is the one against wraparound."""
    found = conn.execute("SELECT reloptions FROM pg_class WHERE relname = %s", [table]).fetchone()
    assert found is not None
    assert "autovacuum_vacuum_insert_scale_factor=0.05" in found[0]
