"""Personal text lies encrypted in events, commands and keyframes, and reads as it was written."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from django.db import connection as django_connection

from licensing import codec, connection, exporting, history, keyframes, sealing, service, store
from licensing.domain import commands
from licensing.domain.commands import AcquireLicense, AddNote, RegisterDevice, RevokeLicense
from licensing.store.integrity import verify_stream

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
WORDS = ("Ottilie", "grandmother", "secret-agent", "angry on the phone")
CODES = {
    ("AcquisitionRefused", "reason"), ("RenewalRefused", "reason"), ("ExtensionRefused", "reason"),
}  # fmt: skip


def lived(member: str) -> None:
    """A member about whom every kind of personal text is known."""
    for number, command in enumerate(
        (
            RegisterDevice("d-1", "tablet", "Ottilie's iPad"),
            AcquireLicense(
                title_id="t-1",
                device_id="d-1",
                license_id=f"{member}-l",
                title={"studio": "Toho"},
                device={"type": "tablet", "owner": "grandmother"},
                context={"agent": "secret-agent", "$sealed": "x"},
            ),
            AddNote("angry on the phone"),
            RevokeLicense(f"{member}-l", "grandmother asked"),
        )
    ):
        service.handle(
            member,
            command,
            command_id=f"c-{number}",
            actor=service.Actor("staff", "tests"),
            now=NOW + timedelta(minutes=number),
            recorded_at=NOW + timedelta(minutes=number),
        )


def everything_stored(member: str) -> str:
    with django_connection.cursor() as cursor:
        told = ""
        for table in ("event", "command_log", "snapshot", "snapshot_page"):
            cursor.execute(
                f"SELECT t::text FROM {table} t WHERE stream_id = %s", [f"member-{member}"]
            )
            told += str(cursor.fetchall())
    return told


@pytest.mark.usefixtures("published_rules")
def test_what_is_stored_holds_no_word_of_it(fresh: Callable[..., str]) -> None:
    member = fresh("m")
    lived(member)
    last = store.read_event(connection.opened(), f"member-{member}", 4)
    assert last is not None
    keyframes.keep(history.at_version(member, 4), last.hash)
    stored = everything_stored(member)
    assert stored.count("$sealed") >= 8
    for word in WORDS:
        assert word not in stored
        assert word.encode().hex() not in stored
    assert "tablet" in stored  # what the rules declare stands as it is


@pytest.mark.usefixtures("published_rules")
def test_it_reads_as_it_was_written(fresh: Callable[..., str]) -> None:
    member = fresh("m")
    lived(member)
    history.forget(member)
    state = history.current(member)
    assert state.devices["d-1"].name == "Ottilie's iPad"
    license = state.licenses[f"{member}-l"]
    assert license.device == {"type": "tablet", "owner": "grandmother"}
    assert license.context == {"agent": "secret-agent", "$sealed": "x"}
    assert [note.text for note in state.notes] == ["angry on the phone"]
    assert license.revoked_for == "grandmother asked"
    steps = history.load(member).steps
    assert steps[0].recorded.data["name"] == "Ottilie's iPad"
    again = service.handle(
        member,
        AddNote("angry on the phone"),
        command_id="c-2",
        actor=service.Actor("staff", "tests"),
        now=NOW,
    )
    assert again.events[0].data["text"] == "angry on the phone"
    assert verify_stream(connection.opened(), f"member-{member}") is None


@pytest.mark.usefixtures("published_rules")
def test_without_the_key_the_shape_stays_and_the_text_is_gone(fresh: Callable[..., str]) -> None:
    member = fresh("m")
    lived(member)
    stream = f"member-{member}"
    gone = store.erase(connection.opened(), stream)
    assert (gone.version, gone.key) == (4, True)
    again = store.erase(connection.opened(), stream)
    assert (again.erased_at, again.key) == (gone.erased_at, False)
    sealing.forget(stream)
    history.forget(member)
    state = history.at_version(member, 4)
    assert state.devices["d-1"].name == sealing.ERASED
    assert state.licenses[f"{member}-l"].device == {"type": "tablet"}
    assert state.licenses[f"{member}-l"].context == {}
    assert [note.text for note in state.notes] == [sealing.ERASED]
    assert verify_stream(connection.opened(), stream) is None
    with pytest.raises(store.StreamErased):
        service.handle(
            member,
            AddNote("one more"),
            command_id="late",
            actor=service.Actor("staff", "tests"),
            now=NOW + timedelta(days=1),
        )
    assert store.stream_head(connection.opened(), stream).version == 4  # type: ignore[union-attr]
    lines = b"".join(exporting.lines(stream, commands=True)).decode()
    assert "$sealed" in lines
    assert not any(word in lines for word in WORDS)


@pytest.mark.usefixtures("published_rules")
def test_an_export_carries_plain_words(fresh: Callable[..., str]) -> None:
    member = fresh("m")
    lived(member)
    lines = b"".join(exporting.lines(f"member-{member}", commands=True)).decode()
    assert all(word in lines for word in WORDS)


def test_a_key_opens_its_own_stream_only(fresh: Callable[..., str]) -> None:
    one, other = f"member-{fresh('m')}", f"member-{fresh('m')}"
    sealed = sealing.seal(one, "NoteAdded", {"note_id": "n", "text": "hush"}, ())
    assert sealing.opened(one, "NoteAdded", sealed)["text"] == "hush"
    assert sealing.opened(other, "NoteAdded", sealed)["text"] == sealing.ERASED
    sealing.seal(other, "NoteAdded", {"note_id": "n", "text": "made a key"}, ())
    assert sealing.opened(other, "NoteAdded", sealed)["text"] == sealing.ERASED


@pytest.mark.parametrize("odd", ["", "!", "AAAA", "é", "x" * 40])
def test_what_was_never_sealed_here_does_not_open(odd: str, fresh: Callable[..., str]) -> None:
    stream = f"member-{fresh('m')}"
    sealing.seal(stream, "NoteAdded", {"text": "has a key"}, ())
    told = sealing.opened(stream, "NoteAdded", {"note_id": "n", sealing.SEALED: odd})
    assert told == {"note_id": "n", "text": sealing.ERASED}


def test_older_events_in_plain_words_read_as_before(fresh: Callable[..., str]) -> None:
    plain = {"note_id": "n-1", "text": "Called about the iPad.", "version": 4}
    assert sealing.opened(f"member-{fresh('m')}", "NoteAdded", plain) is plain


def test_every_word_of_people_is_listed() -> None:
    """A new event or command with a text in it must say whether somebody wrote it."""
    kinds: dict[str, Any] = {**codec.BY_NAME, **commands.BY_NAME}
    free = {"reason", "text", "name"}
    missing = [
        (name, field.name)
        for name, kind in kinds.items()
        for field in msgspec.structs.fields(kind)
        if field.name in free
        and (name, field.name) not in CODES
        and field.name not in sealing.TEXTS.get(name, ())
    ]
    assert missing == []
    maps = [
        (name, field.name)
        for name, kind in kinds.items()
        for field in msgspec.structs.fields(kind)
        if field.name in ("device", "context") and field.name not in sealing.MAPS.get(name, ())
    ]
    assert maps == []
