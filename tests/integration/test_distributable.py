"""The eight rules that keep the store distributable by bucket, each a check on schema or source.

They are those of Citus: what it delegates to one node, and what it refuses.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import errors

from licensing import store
from projections import sides
from projections.registry import PROJECTORS
from tests.conftest import new_id
from tests.integration.store_kit import command, connected, event
from timeline.embedded import APP, SUPERUSER, Addresses

ROOT = Path(__file__).parents[2]
STORE_SQL = ROOT / "licensing" / "store" / "sql"
MIGRATIONS = ROOT / "licensing" / "migrations" / "sql"


@pytest.fixture
def power(database: Addresses) -> Iterator[psycopg.Connection[Any]]:
    """Sees the whole catalogue; nothing it does is kept."""
    with psycopg.connect(database.conninfo(SUPERUSER)) as conn:
        yield conn
        conn.rollback()


def test_1_conflicts_and_repeats_come_back_as_rows(database: Addresses) -> None:
    stream = new_id("test")
    call = (
        "SELECT o_status FROM append_events(bucket_of(%s), %s, %s, NULL, %s, 'Do', '{}', %s, '{}',"
        " NULL, NULL, NULL, NULL, NULL, NULL, NULL)"
    )
    with connected(database) as conn:
        store.append(conn, stream, [event()], command("c-1"))
        for expected, name, data_hash, status in (
            (7, "c-2", b"same", "conflict"),
            (7, "c-1", b"same", "repeated"),
            (1, "c-1", b"other", "command id reused"),
        ):
            found = conn.execute(call, [stream, stream, expected, name, data_hash]).fetchone()
            assert found == (status,)


@pytest.mark.parametrize("name", ["append_events", "import_events", "import_commands"])
def test_2_the_function_is_called_alone_with_parameters_only(name: str) -> None:
    text = (STORE_SQL / f"{name}.sql").read_text()
    code = " ".join(line for line in text.splitlines() if not line.startswith("--"))
    assert re.fullmatch(rf"SELECT \* FROM {name}\((\s*%\(\w+\)b,?)+\s*\)", code.strip())


def test_3_the_bucket_is_an_integer_and_first_in_every_key(power: psycopg.Connection[Any]) -> None:
    keys = """
        SELECT i.indrelid::regclass::text, a.attname, a.atttypid::regtype::text
          FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
         WHERE i.indisunique AND i.indrelid IN ('event'::regclass, 'stream_head'::regclass,
               'bucket_head'::regclass, 'command_log'::regclass, 'snapshot'::regclass,
               'snapshot_page'::regclass)
    """
    found = power.execute(keys).fetchall()
    assert len(found) >= 6
    assert {row[1:] for row in found} == {("bucket", "integer")}


@pytest.mark.parametrize("name", ["append_events", "import_events", "import_commands"])
def test_4_settings_go_along_with_the_function(power: psycopg.Connection[Any], name: str) -> None:
    found = power.execute(
        "SELECT proconfig, prosecdef, prosrc FROM pg_proc WHERE proname = %s", [name]
    ).fetchone()
    assert found is not None
    settings, definer, source = found
    assert settings == ["search_path=public, pg_temp", "lock_timeout=2s"]
    assert definer
    if name != "import_commands":  # it reads nothing after a lock that a snapshot could miss
        assert "transaction_isolation" in source


def test_5_checkpoints_are_claimed_one_bucket_at_a_time() -> None:
    folder = ROOT / "projections" / "sql"
    for name in ("advance", "lock_checkpoint"):
        claim = (folder / f"{name}.sql").read_text()
        assert re.search(r"bucket = %\(bucket\)s", claim)
        assert "SKIP LOCKED" in claim
    for name in ("waiting_slices", "behind"):
        assert "FOR UPDATE" not in (folder / f"{name}.sql").read_text()


def test_6_what_commits_with_a_checkpoint_is_keyed_by_bucket(
    power: psycopg.Connection[Any],
) -> None:
    tables = [
        sides.on(table, {projector.name: side})
        for projector in PROJECTORS
        for table in projector.tables
        for side in "ab"
    ]
    for table in [*tables, "projection_checkpoint", "projection_parked"]:
        keys = power.execute(
            "SELECT array_agg(a.attname::text) FROM pg_index i JOIN pg_attribute a"
            " ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)"
            " WHERE i.indrelid = %s::regclass AND i.indisprimary",
            [table],
        ).fetchone()
        assert keys is not None
        assert "bucket" in keys[0], table


def test_7_errors_are_told_apart_by_their_sqlstate() -> None:
    for package in ("licensing", "projections"):
        for path in (ROOT / package).rglob("*.py"):
            code = path.read_text()
            assert not re.search(r"\bin str\((error|e|exc)\)", code), path
            assert "pgerror" not in code, path


def test_8_rights_alone_hold_without_the_triggers(power: psycopg.Connection[Any]) -> None:
    scripts = {path.name: path.read_text() for path in MIGRATIONS.glob("*.sql")}
    with_triggers = [name for name, text in scripts.items() if "CREATE TRIGGER" in text]
    assert sorted(with_triggers) == ["0002_append_only_triggers.sql", "0010_trail_triggers.sql"]
    for table in ("event", "command_log"):
        power.execute(f"DROP TRIGGER append_only ON {table}".encode())
    power.execute(f"SET ROLE {APP}".encode())
    for table in ("event", "command_log", "stream_head", "bucket_head"):
        for attack in ("DELETE FROM {}", "UPDATE {} SET bucket = bucket", "TRUNCATE {}"):
            with pytest.raises(errors.InsufficientPrivilege), power.transaction():
                power.execute(attack.format(table).encode())
