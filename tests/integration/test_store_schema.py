"""The schema keeps the rules that let it be distributed by bucket one day."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.integration.store_kit import connected
from timeline.embedded import OWNER, SUPERUSER, Addresses

TABLES = ["stream_head", "bucket_head", "event", "command_log", "snapshot"]
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


@pytest.mark.parametrize("table", ["stream_head", "event", "command_log", "snapshot"])
def test_the_bucket_is_checked_against_the_stream(conn: Connection, table: str) -> None:
    checks = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = %s::regclass"
    assert ("CHECK ((bucket = bucket_of(stream_id)))",) in conn.execute(checks, [table]).fetchall()


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
