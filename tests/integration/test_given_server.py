"""A PostgreSQL of somebody's own gets the same three roles, and the store holds there as here."""

import os
import subprocess
import sys
import uuid
from pathlib import Path

import psycopg
import pytest
from django.core.management import CommandError, call_command
from psycopg import errors

from timeline import given
from timeline.embedded import OWNER, SUPERUSER, Addresses

ROOT = Path(__file__).parents[2]


def test_a_given_server_is_prepared_migrated_and_guarded(database: Addresses) -> None:
    name = f"given_{uuid.uuid4().hex[:8]}"
    admin = database.conninfo(SUPERUSER)
    environment = given.prepare(admin, name)
    try:
        # The roles were here before, so that their passwords are not told.
        assert "***" in environment["DATABASE_URL"]
        done = subprocess.run(
            [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
            env={**os.environ, **environment, "DJANGO_SETTINGS_MODULE": "timeline.settings"},
            cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as conn:
            assert conn.info.user == "playhead_app"
            assert conn.execute("SELECT count(*) FROM bucket_head").fetchone() == (1024,)
            for attack in ("DELETE FROM event", "CREATE TABLE mine (a int)", "DROP TABLE event"):
                with pytest.raises(errors.InsufficientPrivilege):
                    conn.execute(attack.encode())
        with psycopg.connect(environment["DATABASE_OWNER_URL"]) as conn:
            assert conn.info.user == OWNER
            with pytest.raises(errors.InsufficientPrivilege, match="append-only"):
                conn.execute("DELETE FROM event")
        with psycopg.connect(environment["PLAYHEAD_BROKER_CONN"], autocommit=True) as conn:
            conn.execute("SELECT pgmq.create('given')")
            with pytest.raises(errors.InsufficientPrivilege):
                conn.execute("SELECT 1 FROM event")
        assert given.prepare(admin, name) == environment  # again: nothing to do
    finally:
        with psycopg.connect(admin, autocommit=True) as conn:
            conn.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def test_what_cannot_be_prepared_is_said_in_a_line() -> None:
    with pytest.raises(CommandError) as error:
        call_command("prepare_server", "postgresql://nobody@127.0.0.1:1/postgres")
    assert "\n" not in str(error.value)
