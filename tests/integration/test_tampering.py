"""Whatever somebody with all power over the database changes in history, the audit finds it."""

import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command

from licensing import heads, store
from tests.conftest import new_id
from tests.integration.store_kit import command, connected, event
from timeline.embedded import SUPERUSER, Addresses

EDITS = 1_000
SEED = int(os.environ.get("PLAYHEAD_TAMPER_SEED", "7"))
# One byte each: of a text, of a number's or an instant's binary form, of an id or a hash.
TEXTS = ("data", "metadata", "type")
_ID = "decode(replace(event_id::text, '-', ''), 'hex')"
_LATER = "+ make_interval(secs => %(flip)s * 0.000001 * (256 ^ (%(at)s % 4)))"
BYTES = {
    "event_id": f"encode(set_byte({_ID}, %(at)s % 16,"
    f" get_byte({_ID}, %(at)s % 16) # %(flip)s), 'hex')::uuid",
    "hash": "set_byte(hash, %(at)s % 32, get_byte(hash, %(at)s % 32) # %(flip)s)",
    "version": "version + (%(flip)s << 8)",
    "position": "position + (%(flip)s::bigint << (8 * (%(at)s % 5 + 2)))",
    "schema_version": "(schema_version # (%(flip)s % 127 + 1))::smallint",
    "occurred_at": f"occurred_at {_LATER}",
    "recorded_at": f"recorded_at {_LATER}",
    "appended_at": f"appended_at {_LATER}",
}
BYTES = {name: sql.replace(" % ", " %% ") for name, sql in BYTES.items()}


@pytest.fixture(scope="module")
def streams(database: Addresses) -> list[str]:
    """Some streams of six events."""
    with connected(database) as conn:
        made = [new_id("member-tampered") for _ in range(20)]
        for number, stream in enumerate(made):
            for version in range(6):
                new = event(
                    "Happened", number=number, nested={"text": f"é{version}", "n": [1, None]}
                )
                store.append(conn, stream, [new], command())
    return made


@pytest.fixture
def power(database: Addresses) -> Iterator[psycopg.Connection[Any]]:
    """Somebody with all power; nothing they do is kept."""
    with psycopg.connect(database.conninfo(SUPERUSER)) as conn:
        conn.execute("SET session_replication_role = replica")
        conn.execute("ALTER TABLE event DISABLE TRIGGER ALL")
        conn.execute("ALTER TABLE event DROP CONSTRAINT event_check")
        yield conn
        conn.rollback()


def edited_text(text: str, at: int, flip: int) -> str | None:
    """The text with another printable byte somewhere in it."""
    place = at % len(text)
    other = chr(33 + (ord(text[place]) + flip) % 90)
    return text[:place] + other + text[place + 1 :] if other != text[place] else None


def edit(conn: psycopg.Connection[Any], chance: random.Random, stream: str) -> str | None:
    """Change one byte of one column of one event; what was changed, or None when nothing was."""
    column = chance.choice([*TEXTS, *BYTES])
    version, at, flip = chance.randint(1, 6), chance.randrange(4096), chance.randint(1, 255)
    row = {"stream": stream, "version": version, "at": at, "flip": flip}
    where = "WHERE stream_id = %(stream)s AND version = %(version)s"
    if column in BYTES:
        sql = f"UPDATE event SET {column} = {BYTES[column]} {where}"
    else:
        found = conn.execute(f"SELECT {column}::text FROM event {where}", row).fetchone()
        assert found is not None
        changed = edited_text(found[0], at, flip)
        if changed is None:
            return None
        row["text"] = changed
        kind = "text" if column == "type" else "jsonb"
        sql = f"UPDATE event SET {column} = %(text)s::{kind} {where} RETURNING {column}::text"
        try:
            with conn.transaction():
                stored = conn.execute(sql, row).fetchone()
        except psycopg.DataError:
            return None  # no longer JSON: PostgreSQL itself does not take it
        return None if stored == found else f"{column} of version {version}"
    assert conn.execute(sql, row).rowcount == 1
    return f"{column} of version {version}"


def test_a_thousand_single_bytes_are_found(
    power: psycopg.Connection[Any], streams: list[str]
) -> None:
    chance = random.Random(SEED)
    done = 0
    while done < EDITS:
        stream = chance.choice(streams)
        with power.transaction(force_rollback=True):
            what = edit(power, chance, stream)
            if what is None:
                continue
            version = int(what.rpartition(" ")[2])
            found = store.verify_stream(power, stream)
            assert found is not None, (what, SEED)
            # The event itself, or the hole that a moved version leaves.
            assert found == version, (what, found, SEED)
        done += 1
    assert all(store.verify_stream(power, stream) is None for stream in streams)


def test_a_head_s_hash_and_a_missing_event_are_found(
    power: psycopg.Connection[Any], streams: list[str]
) -> None:
    for sql in (
        "UPDATE stream_head SET last_hash = set_byte(last_hash, 5, get_byte(last_hash, 5) # 1)"
        " WHERE stream_id = %s",
        "DELETE FROM event WHERE stream_id = %s AND version = 6",
        "DELETE FROM event WHERE stream_id = %s AND version = 2",
        "UPDATE stream_head SET version = 5 WHERE stream_id = %s",
    ):
        with power.transaction(force_rollback=True):
            assert power.execute(sql, [streams[0]]).rowcount == 1
            assert store.verify_stream(power, streams[0]) is not None, sql


def test_a_cut_tail_shows_against_a_signed_list(
    request: pytest.FixtureRequest,
    streams: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file, stream = tmp_path / "heads", streams[3]
    call_command("export_heads", str(file), verbosity=0)
    kept = heads.read(file.read_bytes())
    assert {head.stream_id for head in kept} >= set(streams)
    assert heads.missing(kept) is None
    power = request.getfixturevalue("power")  # from here on it holds the tables
    with power.transaction(force_rollback=True):
        power.execute("DELETE FROM event WHERE stream_id = %s AND version = 6", [stream])
        power.execute(
            "UPDATE stream_head SET version = 5, last_hash = (SELECT hash FROM event e"
            " WHERE e.stream_id = stream_head.stream_id AND e.version = 5) WHERE stream_id = %s",
            [stream],
        )
        assert store.verify_stream(power, stream) is None  # the chain alone does not show it
        monkeypatch.setattr(heads.connection, "opened", lambda: power)
        assert heads.missing(kept) == f"{stream}: version 6 is gone"
    monkeypatch.undo()
    genuine = file.read_bytes()
    power.rollback()
    file.write_bytes(genuine.replace(b'"version":6', b'"version":5', 1))
    with pytest.raises(CommandError, match="the signature does not fit"):
        call_command("verify", "--heads", str(file), verbosity=0)
