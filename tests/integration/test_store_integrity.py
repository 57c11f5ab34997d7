"""An edit of history shows: `verify` recomputes the chain and names the first bad event."""

import json
from collections.abc import Callable
from datetime import datetime

import psycopg
import pytest
from django.core.management import CommandError, call_command

from licensing import connection, store
from tests.integration.store_kit import command, connected, edited_history, event
from timeline.embedded import OWNER, Addresses

WHERE = " WHERE stream_id = %s AND version = 3"


@pytest.fixture
def stream(database: Addresses, fresh: Callable[..., str]) -> str:
    """A stream of five events, by three commands."""
    name = f"member-{fresh('m')}"
    with connected(database) as conn:
        store.append(conn, name, [event(n=1)], command())
        store.append(conn, name, [event(n=2), event(n=3)], command())
        store.append(conn, name, [event(n=4), event(n=5)], command())
        assert store.verify_stream(conn, name) is None
    return name


@pytest.mark.parametrize(
    "edit",
    [
        "data = '{\"n\": 4}'",
        "data = data || '{\"more\": null}'",
        "metadata = '{}'",
        "type = 'Other'",
        "schema_version = 2",
        "event_id = gen_random_uuid()",
        "occurred_at = occurred_at - interval '1 microsecond'",
        "recorded_at = recorded_at - interval '1 microsecond'",
        "position = 1000000",
        "hash = sha256('')",
    ],
)
def test_an_edit_of_any_column_is_found(database: Addresses, stream: str, edit: str) -> None:
    with edited_history(database, f"UPDATE event SET {edit}{WHERE}", stream) as conn:
        assert store.verify_stream(conn, stream) == 3


def test_a_removed_event_is_found(database: Addresses, stream: str) -> None:
    with edited_history(database, f"DELETE FROM event{WHERE}", stream) as conn:
        assert store.verify_stream(conn, stream) == 3
        assert store.verify_feed(conn, store.bucket_of(stream)) is not None


def test_a_cut_tail_is_found(database: Addresses, stream: str) -> None:
    cut = "DELETE FROM event WHERE stream_id = %s AND version = 5"
    with edited_history(database, cut, stream) as conn:
        assert store.verify_stream(conn, stream) == 5
        assert store.verify_feed(conn, store.bucket_of(stream)) is not None


def test_a_tail_cut_together_with_its_head_shows_in_the_feed(
    database: Addresses, stream: str
) -> None:
    cut = "DELETE FROM event WHERE stream_id = %s AND version = 5"
    with edited_history(database, cut, stream) as conn:
        conn.execute(
            "UPDATE stream_head SET version = 4, last_hash = (SELECT hash FROM event e"
            " WHERE e.stream_id = stream_head.stream_id AND version = 4) WHERE stream_id = %s",
            [stream],
        )
        assert store.verify_stream(conn, stream) is None
        assert store.verify_feed(conn, store.bucket_of(stream)) is not None


def test_an_event_slipped_in_past_the_head_is_found(database: Addresses, stream: str) -> None:
    slip = """
        INSERT INTO event SELECT bucket, stream_id, 6, position + 1000, gen_random_uuid(), type,
               schema_version, data, metadata, occurred_at, recorded_at, appended_at, hash
          FROM event WHERE stream_id = %s AND version = 5
    """
    with edited_history(database, slip, stream) as conn:
        assert store.verify_stream(conn, stream) == 6
        assert store.verify_feed(conn, store.bucket_of(stream)) is not None


def test_a_rewritten_chain_does_not_meet_its_head(database: Addresses, stream: str) -> None:
    """Somebody who recomputes the last link still has the head to explain."""
    with connected(database) as app:
        last = store.read_event(app, stream, 5)
        assert last is not None
    forge = """
        UPDATE event e SET occurred_at = %s, hash = chain_link(
               (SELECT hash FROM event p WHERE p.stream_id = e.stream_id AND p.version = 4),
               %s, 5, e.position, %s, e.recorded_at, e.appended_at)
         WHERE stream_id = %s AND version = 5
    """
    moment = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
    content = store.integrity.content_hash(
        last.event_id, last.type, last.schema_version, last.data, last.metadata
    )
    with edited_history(database, forge, moment, content, moment, stream) as conn:
        assert store.verify_stream(conn, stream) == 5


def test_the_sql_link_is_pythons(database: Addresses) -> None:
    moments = [
        datetime.fromisoformat(moment)
        for moment in (
            "1969-12-31T23:59:59.999999+00:00",
            "2026-03-01T12:00:00.000001+05:30",
            "2026-03-01T12:00:01+00:00",
        )
    ]
    content, previous = bytes(range(32)), bytes(32)
    with connected(database) as conn:
        for position in (1, 2**40):
            found = conn.execute(
                "SELECT chain_link(%b, %b, 7, %s, %s, %s, %s)",
                [previous, content, position, *moments],
            ).fetchone()
            expected = store.integrity.chain_link(previous, content, 7, position, *moments)
            assert found == (expected,)


def test_verify_says_that_all_is_well(
    database: Addresses, stream: str, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("verify", member=stream.removeprefix("member-"))
    assert capsys.readouterr().out == "5 events verified: every link holds\n"
    call_command("verify", verbosity=0)
    assert "every link holds" in capsys.readouterr().out


def test_verify_names_the_first_bad_event(
    database: Addresses, stream: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit = f"UPDATE event SET data = '{{}}'{WHERE}"
    with edited_history(database, edit, stream) as conn:
        monkeypatch.setattr(connection, "opened", lambda: conn)
        with pytest.raises(CommandError, match=f"bad event: {stream}, version 3") as bad:
            call_command("verify", member=stream.removeprefix("member-"))
        assert bad.value.returncode == 1
        with pytest.raises(CommandError, match=f"bad event: {stream}, version 3"):
            call_command("verify", verbosity=0)


def test_verify_names_the_first_bad_event_in_json(
    database: Addresses,
    stream: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    edit = f"UPDATE event SET data = '{{}}'{WHERE}"
    with edited_history(database, edit, stream) as conn:
        monkeypatch.setattr(connection, "opened", lambda: conn)
        with pytest.raises(SystemExit) as ended:
            call_command("verify", member=stream.removeprefix("member-"), json=True)
    said, complained = capsys.readouterr()
    assert (ended.value.code, complained) == (1, "")
    assert json.loads(said) == {
        "ok": False, "events": None, "heads": None, "bad": {"stream_id": stream, "version": 3},
        "error": f"bad event: {stream}, version 3",
    }  # fmt: skip


def test_verify_knows_no_member_without_history(fresh: Callable[..., str]) -> None:
    with pytest.raises(CommandError, match="no such member"):
        call_command("verify", member=fresh("m"))


def test_only_power_over_the_triggers_makes_such_an_edit(database: Addresses, stream: str) -> None:
    with connected(database, OWNER) as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute(f"UPDATE event SET data = '{{}}'{WHERE}".encode(), [stream])
