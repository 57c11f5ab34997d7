"""Export and import are each other's mirror, and an import survives being killed."""

import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection as django_connection

from licensing import connection, exporting, history, service, store, trail
from licensing.domain.commands import AcquireLicense
from licensing.models import AuditEntry
from tests.conftest import new_id
from tests.integration.store_kit import NOON
from tests.integration.test_keyframes import acquire, lived
from timeline import embedded

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of another, empty store on a server of its own."""
    home = tmp_path_factory.mktemp("elsewhere")
    for parent in (home, *home.parents[:3]):
        parent.chmod(0o755)  # the server is another system user when the tests are root's
    server = embedded.Server(home, options=("fsync=off",))
    server.start()
    try:
        environment = {
            **os.environ, **server.addresses.environment(), "PLAYHEAD_HOME": str(home),
            "DJANGO_SETTINGS_MODULE": "timeline.settings",
        }  # fmt: skip
        manage(environment, "migrate", "--verbosity", "0")
        yield environment
    finally:
        server.stop()


def manage(environment: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def exported(member_id: str, *, commands: bool = False) -> list[dict[str, Any]]:
    lines = exporting.lines(history.stream_of(member_id), commands=commands)
    return [json.loads(line) for line in lines]


def test_a_whole_store_comes_back_byte_for_byte(elsewhere: dict[str, str], tmp_path: Path) -> None:
    busy, idle = lived(230), new_id()
    acquire(busy, "metropolis")
    acquire(idle, "metropolis")
    there, back = tmp_path / "there.jsonl", tmp_path / "back.jsonl"
    kept = [
        stream
        for stream in exporting.streams()
        if stream[0].startswith("rules-") or stream[0].endswith((busy, idle))
    ]
    with there.open("wb") as file:
        for stream, _ in kept:
            file.writelines(exporting.lines(stream, commands=True))
    said = manage(elsewhere, "import_history", str(there))
    assert "0 were there already" in said
    manage(elsewhere, "export_history", str(back), "--commands")
    assert back.read_bytes() == there.read_bytes()
    assert back.stat().st_mode & 0o777 == 0o600
    # Again: nothing twice. And what came over is whole, chain and all.
    assert "0 new events" in manage(elsewhere, "import_history", str(there))
    assert "every link holds" in manage(elsewhere, "verify", "--verbosity", "0")
    one = tmp_path / "one.jsonl"
    manage(elsewhere, "export_history", str(one), "--member", busy, "--commands")
    assert one.read_bytes() == b"".join(exporting.lines(history.stream_of(busy), commands=True))


def test_an_export_is_noted_before_its_first_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    member = lived(4)
    call_command("export_history", str(tmp_path / "one"), member=member)
    (row,) = AuditEntry.objects.filter(action="export", subject=member)
    assert (row.kind, row.purpose) == ("command", "manage.py export_history")

    def broken(*_: object, **__: object) -> object:
        raise trail.NotNoted("cannot be written")

    monkeypatch.setattr(trail, "_run", broken)
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("export_history", str(tmp_path / "two"), member=member)
    assert not (tmp_path / "two").exists()


def test_an_old_retry_stays_a_repeat_where_the_commands_went_along() -> None:
    member, moved, key = new_id(), new_id(), uuid.uuid4().hex
    command = AcquireLicense("metropolis", "d-1", None, {}, {"type": "phone"}, {})

    def ask(member_id: str) -> service.Answer:
        return service.handle(
            member_id, command, command_id=key, actor=service.Actor("device", "d-1"), now=NOON
        )

    first = ask(member)
    lines = [{**line, "member": moved} for line in exported(member, commands=True)]
    file = io.BytesIO(b"\n".join(json.dumps(line).encode() for line in lines))
    _import(file)
    again = ask(moved)
    assert history.head(moved) == history.head(member) == 2
    assert (again.outcome, again.license_id, again.version) == (
        first.outcome, first.license_id, first.version,
    )  # fmt: skip
    assert [event.event_id for event in again.events] == [event.event_id for event in first.events]


def test_an_answer_without_its_events_is_rejected() -> None:
    member, moved = new_id(), new_id()
    acquire(member, "metropolis")
    answers = [line for line in exported(member, commands=True) if "answered" in line]
    (line,) = ({**line, "member": moved} for line in answers)
    with pytest.raises(CommandError, match="1 lines were rejected"):
        _import(io.BytesIO(json.dumps(line).encode()))
    assert store.find_command(
        connection.opened(), history.stream_of(moved), line["command_id"]
    ) is None  # fmt: skip


def test_nobody_and_nowhere_are_said(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no such member"):
        call_command("export_history", "-", member=new_id("nobody"))
    with pytest.raises(CommandError, match="cannot write"):
        call_command("export_history", str(tmp_path / "no" / "file"), member=lived(4))


def test_a_killed_import_goes_on_where_it_was(elsewhere: dict[str, str], tmp_path: Path) -> None:
    members = [new_id() for _ in range(40)]
    file = tmp_path / "history.jsonl"
    with file.open("w") as out:
        for number in range(400):
            for member in members:
                at = (NOON + timedelta(minutes=number)).isoformat()
                line = {
                    "member": member, "type": "PlanChanged", "schema_version": 1,
                    "event_id": str(uuid.uuid4()), "occurred_at": at,
                    "data": {"plan": f"p{number}"},
                }  # fmt: skip
                out.write(json.dumps(line) + "\n")
    killed = subprocess.Popen(
        [sys.executable, "manage.py", "import_history", str(file)],
        cwd=ROOT, env=elsewhere, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    conninfo = {name: elsewhere[name] for name in ("DATABASE_URL",)}
    with _connected(conninfo["DATABASE_URL"]) as conn:
        wanted = [history.stream_of(member) for member in members]
        count = "SELECT count(*) FROM event WHERE stream_id = ANY (%s)"
        until = time.monotonic() + 60
        while conn.execute(count, [wanted]).fetchone()[0] == 0:
            assert killed.poll() is None
            assert time.monotonic() < until
        killed.send_signal(signal.SIGKILL)
        killed.wait(timeout=30)
        (before,) = conn.execute(count, [wanted]).fetchone()
        assert 0 < before < 16_000
        manage(elsewhere, "import_history", str(file))
        assert conn.execute(count, [wanted]).fetchone() == (16_000,)
        heads = conn.execute(
            "SELECT min(version), max(version) FROM stream_head WHERE stream_id = ANY (%s)",
            [wanted],
        )
        assert heads.fetchone() == (400, 400)
        unfinished = "SELECT count(*) FROM import_batch WHERE finished_at IS NULL"
        assert conn.execute(unfinished).fetchone() == (1,)
    assert "every link holds" in manage(elsewhere, "verify", "--verbosity", "0")


def test_writers_of_the_same_bucket_go_on_meanwhile() -> None:
    writer = new_id()
    bucket = store.bucket_of(history.stream_of(writer))
    imported = next(
        member
        for member in iter(new_id, None)
        if store.bucket_of(history.stream_of(member)) == bucket
    )
    done, answers = threading.Event(), []

    def write() -> None:
        number = 0
        while not done.is_set():
            answers.append(acquire(writer, f"t-{number}").outcome)
            number += 1
        django_connection.close()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for _ in range(4):
            runs = [_run(imported, 500)]
            store.import_events(connection.opened(), runs)
    finally:
        done.set()
        thread.join()
    assert history.head(imported) == 2000
    assert len(answers) > 1
    for stream in (history.stream_of(writer), history.stream_of(imported)):
        assert store.verify_stream(connection.opened(), stream) is None
    assert store.verify_feed(connection.opened(), bucket) is None


def test_a_chunk_goes_in_whole_or_not_at_all() -> None:
    one = new_id()
    bucket = store.bucket_of(history.stream_of(one))
    other = next(
        member
        for member in iter(new_id, None)
        if store.bucket_of(history.stream_of(member)) == bucket
    )
    position = store.bucket_heads(connection.opened())[bucket]
    stale = store.PastRun(history.stream_of(other), 3, _run(other, 2).events)
    with pytest.raises(store.WrongExpectedVersion):
        store.import_events(connection.opened(), [_run(one, 5), stale])
    back = store.PastRun(history.stream_of(other), 0, tuple(reversed(_run(other, 2).events)))
    with pytest.raises(store.OutOfOrder):
        store.import_events(connection.opened(), [_run(one, 5), back])
    assert (history.head(one), history.head(other)) == (0, 0)
    assert store.bucket_heads(connection.opened())[bucket] == position
    store.import_events(connection.opened(), [_run(one, 5), _run(other, 2)])
    assert (history.head(one), history.head(other)) == (5, 2)


def _run(member_id: str, events: int) -> store.PastRun:
    head = history.head(member_id)
    past = [
        store.PastEvent(
            store.NewEvent(uuid.uuid4(), "PlanChanged", 1, {"plan": f"p{n}"}, {}, NOON),
            NOON + timedelta(seconds=head + n),
        )
        for n in range(events)
    ]
    return store.PastRun(history.stream_of(member_id), head, past)


def _import(file: io.BytesIO) -> None:
    path = Path(os.environ["PLAYHEAD_HOME"]) / f"{uuid.uuid4().hex}.jsonl"
    path.write_bytes(file.getvalue())
    call_command("import_history", str(path), stdout=io.StringIO())


def _connected(url: str) -> Any:
    import psycopg

    return psycopg.connect(url, autocommit=True)
