"""The doctor says what is wrong, in words, figures and exit status, and changes nothing."""

import json
from typing import Any

import msgspec
import psycopg
import pytest
from django.core.management import call_command
from django.db import connection as django_connection
from django.test import Client

from licensing import audit, connection, history, keyframes, store
from licensing.domain.membership import Membership
from licensing.history import stream_of
from projections import doctor
from tests.conftest import new_id
from tests.integration.store_kit import command, connected, event
from tests.integration.test_keyframes import lived
from tests.web.test_pages import staff
from timeline.embedded import OWNER, SUPERUSER, Addresses


def said(capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, Any]:
    """The doctor's JSON, by the names of its findings."""
    with pytest.raises(SystemExit) as exit:
        call_command("doctor", "--json", *options)
    assert exit.value.code == 1
    whole = json.loads(capsys.readouterr().out)
    assert whole["ok"] is False
    return {finding["name"]: finding for finding in whole["findings"]}


def test_the_test_server_s_own_faults_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    """The tests give durability up for speed, which is just what the doctor must not pass over."""
    found = said(capsys)
    assert found["settings"]["status"] == "failed"
    assert "fsync is off" in found["settings"]["said"]
    assert found["roles"]["status"] == "ok"
    for name in ("feeds", "heads", "checkpoints"):
        assert found[name]["status"] == "ok", found[name]


@pytest.fixture
def power(database: Addresses, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The checks, asked by somebody who has just changed the database; nothing is kept."""
    with psycopg.connect(database.conninfo(SUPERUSER)) as conn:
        monkeypatch.setattr(audit.connection, "opened", lambda: conn)
        yield conn
        conn.rollback()


def test_a_hole_in_a_feed_and_a_lying_head_are_named(
    power: psycopg.Connection[Any], database: Addresses
) -> None:
    stream = new_id("member-ill")
    with connected(database) as conn:
        for _ in range(3):
            store.append(conn, stream, [event()], command())
    assert (audit.feeds().status, audit.heads().status) == ("ok", "ok")
    power.execute("ALTER TABLE event DISABLE TRIGGER ALL")
    power.execute("DELETE FROM event WHERE stream_id = %s AND version = 2", [stream])
    feeds, heads = audit.feeds(), audit.heads()
    assert (feeds.status, heads.status) == ("failed", "failed")
    assert f"bucket {store.bucket_of(stream)}:" in feeds.said
    assert f"{stream}: head 3, last event 3, 2 events" in heads.said
    chains = audit.chains(None, doctor.quiet)
    assert f"{stream}: first bad event 2" in chains.said


def test_power_over_history_is_a_warning(power: psycopg.Connection[Any]) -> None:
    found = audit.roles()
    assert (found.status, "is a superuser" in found.said) == ("warning", True)
    power.execute(f"SET ROLE {OWNER}")
    assert "owns the tables" in audit.roles().said


def test_a_checkpoint_past_its_feed_is_named() -> None:
    name = new_id("ahead")
    with django_connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO projection_build (projection, generation, side, version, state, hold,"
            " requested_by, requested_at, sampled_at, sampled_position, earlier_at,"
            " earlier_position) VALUES (%s, 1, 'a', 1, 'live', false, 'tests', now(), now(), 0,"
            " now(), 0)",
            [name],
        )
        cursor.execute(
            "INSERT INTO projection_checkpoint (projection, bucket, position, generation)"
            " SELECT %s, 7, position + 5, 1 FROM bucket_head WHERE bucket = 7",
            [name],
        )
    try:
        found = doctor.checkpoints()
        assert found.status == "failed"
        assert f"{name} in bucket 7" in found.said
    finally:
        with django_connection.cursor() as cursor:
            cursor.execute("DELETE FROM projection_checkpoint WHERE projection = %s", [name])
            cursor.execute("DELETE FROM projection_build WHERE projection = %s", [name])
    assert doctor.checkpoints().status == "ok"


@pytest.fixture
def no_keyframes() -> None:
    """Other tests' keyframes, of which each is folded again from its first event, are gone."""
    call_command("keyframes", "--delete", verbosity=0)


@pytest.mark.usefixtures("no_keyframes")
def test_a_wrong_keyframe_is_named() -> None:
    member = lived(60)
    history.frame(member)
    assert audit.frames(100_000, doctor.quiet).status == "ok"
    kept = keyframes.nearest(member)
    at_50 = store.read_event(connection.opened(), stream_of(member), 50)
    assert kept is not None
    assert at_50 is not None
    keyframes.drop(member)
    keyframes.keep(msgspec.structs.replace(kept, membership=Membership("never chosen")), at_50.hash)
    try:
        found = audit.frames(100_000, doctor.quiet)
        assert found.status == "failed"
        assert f"{stream_of(member)}: keyframe 50" in found.said
    finally:
        keyframes.drop(member)


def test_a_standby_is_no_place_for_the_store(
    power: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """H19: what a standby shows may still be lost."""
    real = store.server(power)
    assert not real.standby
    promoted = msgspec.structs.replace(
        real, fsync="on", full_page_writes="on", synchronous_commit="on"
    )
    for standby, status in ((False, "ok"), (True, "failed")):
        server = msgspec.structs.replace(promoted, standby=standby, oldest_transaction_s=0)
        monkeypatch.setattr(audit.store, "server", lambda conn, server=server: server)
        assert audit.settings().status == status
    assert "standby" in audit.settings().said


@pytest.mark.usefixtures("no_keyframes")
def test_the_page_says_what_the_command_says(database: Addresses) -> None:
    stream = stream_of(lived(8))
    with connected(database) as conn:
        assert store.verify_stream(conn, stream) is None
    html = staff("operator").get("/operations/doctor/").content.decode()
    assert "fsync is off" in html
    assert "failed" in html
    assert 'href="?sample=200"' in html
    assert staff("agent").get("/operations/doctor/?sample=200").status_code == 200
    assert staff("agent").get("/operations/doctor/?sample=999999999").status_code == 200
    assert Client().get("/operations/doctor/").status_code == 302
