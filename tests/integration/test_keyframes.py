"""Keyframes are a shortcut and no truth: each of them may go, and a wrong one is not believed."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection as django_connection
from django.test.utils import CaptureQueriesContext

from licensing import codec, connection, fold, history, keyframes, service, store
from licensing.domain import member as members
from licensing.domain import membership as memberships
from licensing.domain.commands import AcquireLicense, ReleaseLicense
from licensing.domain.license import (
    LicenseIssued,
    LicenseReleased,
    PlaybackStarted,
    PlaybackStopped,
)
from licensing.domain.pages import EMPTY
from licensing.store import statements
from tests.conftest import new_id
from tests.integration.store_kit import connected
from timeline.embedded import SUPERUSER, Addresses

START = datetime(2019, 1, 1, tzinfo=UTC)
ACTOR = service.Actor("device", "d-1")


def lived(events: int, *, member_id: str | None = None) -> str:
    """A member with a past of so many events: downloads that were played and given back."""
    member_id = member_id or new_id()
    new = []
    for number in range(1 + events // 4):
        license_id, at = f"l-{number}", START + timedelta(hours=6 * number)
        title = {"studio": f"studio-{number % 5}", "name": f"Film {number % 70}"}
        told: list[tuple[members.Event, timedelta]] = [
            (
                LicenseIssued(
                    license_id, f"t-{number % 70}", f"d-{number % 3}", title, {"type": "phone"}, {},
                    at + timedelta(hours=48), {"license_h": 48, "playback_h": 24},
                ),
                timedelta(0),
            ),
            (PlaybackStarted(license_id, at + timedelta(hours=25)), timedelta(hours=1)),
            (PlaybackStopped(license_id), timedelta(hours=3)),
            (LicenseReleased(license_id), timedelta(hours=4)),
        ]  # fmt: skip
        for event, later in told:
            name, schema_version, data = codec.encode(event)
            metadata = {"actor": {"kind": "device", "id": "d"}}
            new.append(
                store.NewEvent(uuid.uuid4(), name, schema_version, data, metadata, at + later)
            )
    new = new[:events]
    for first in range(0, events, 500):
        chunk = new[first : first + 500]
        record = store.CommandRecord(
            f"lived-{first}", "Live", {}, b"-", {"outcome": "accepted", "license_id": None}
        )
        store.append(
            connection.opened(),
            fold.stream_of(member_id),
            chunk,
            record,
            expected=first,
            recorded_at=chunk[-1].occurred_at,
        )
    return member_id


def stored(member_id: str) -> list[int]:
    """The versions of a member's keyframes."""
    with django_connection.cursor() as cursor:
        cursor.execute(
            "SELECT version FROM snapshot WHERE stream_id = %s ORDER BY version",
            [fold.stream_of(member_id)],
        )
        return [version for (version,) in cursor.fetchall()]


def acquire(member_id: str, title_id: str) -> service.Answer:
    return service.handle(
        member_id,
        AcquireLicense(title_id, "d-1", None, {}, {"type": "phone"}, {}),
        command_id=uuid.uuid4().hex,
        actor=ACTOR,
        now=datetime.now(UTC),
    )


def test_every_version_is_the_same_from_a_keyframe_as_from_the_start() -> None:
    member_id = lived(430)
    history.frame(member_id)
    assert stored(member_id) == list(range(50, 431, 50))
    for version in (0, 1, 49, 50, 51, 99, 100, 237, 399, 400, 430):
        assert history.at_version(member_id, version) == fold.from_the_start(member_id, version)


def test_any_step_of_a_history_is_folded_from_a_state_near_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Back and forth, in both orders, whose first difference is the late event's place."""
    member_id = lived(430)
    late = codec.encode(PlaybackStarted("l-79", START + timedelta(days=30)))
    event = store.NewEvent(uuid.uuid4(), *late, {}, START + timedelta(hours=6 * 80))
    record = store.CommandRecord("late", "Live", {}, b"-", {"outcome": "accepted"})
    store.append(connection.opened(), fold.stream_of(member_id), [event], record)
    history.frame(member_id)
    known = history.load(member_id)
    happened = known.as_it_happened()
    assert (known.recorded_until, happened.head) == (431, 431)
    assert 300 < happened.recorded_until < 330
    folded = 0
    plain = history.apply

    def counted(member: members.Member, fact: Any) -> members.Member:
        nonlocal folded
        folded += 1
        return plain(member, fact)

    monkeypatch.setattr(history, "apply", counted)
    for place in (431, 3, 400, 120, 299, 12, 431, 430, 250, 251):
        folded = 0
        assert known.state(place) == fold.from_the_start(member_id, place)
        assert folded <= history.FAR + history.KEYFRAME_EVERY, place
    for place in (290, 17, 300, 150):
        folded = 0
        assert happened.state(place) == fold.from_the_start(member_id, place)
        assert folded <= history.FAR + history.KEYFRAME_EVERY, place
    whole = members.Member(member_id)
    for step in happened.steps:
        whole = plain(whole, step)
    assert happened.state(431) == whole


def test_keyframes_hold_and_the_command_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    member_id = lived(220)
    history.frame(member_id)
    stream = fold.stream_of(member_id)
    assert all(keyframes.holds(stream, version) for version in (50, 100, 150, 200))
    assert not keyframes.holds(stream, 120)
    call_command("keyframes", "--check", "3", verbosity=0)
    assert "every one holds" in capsys.readouterr().out


def test_all_can_be_deleted_while_states_made_of_them_are_in_use() -> None:
    member_id = lived(430)
    history.frame(member_id)
    whole = fold.from_the_start(member_id, 400)
    kept = keyframes.nearest(member_id, 400)
    assert kept is not None
    pages = kept.licenses.root.content
    assert isinstance(pages, tuple)
    assert all(page.content is None for page in pages if page is not EMPTY)
    assert any(page.content is None for page in pages)
    history.forget(member_id)
    current = history.current(member_id)
    call_command("keyframes", "--member", member_id, "--delete", verbosity=0)
    assert stored(member_id) == []
    # Pages that nobody had fetched yet are folded from the events again.
    assert kept.licenses["l-7"] == whole.licenses["l-7"]
    assert kept == whole
    assert dict(current.downloads) == dict(fold.from_the_start(member_id, 430).downloads)
    assert acquire(member_id, "t-new").outcome == "accepted"


@pytest.mark.parametrize("table", ["snapshot", "snapshot_page"])
def test_either_table_alone_can_be_emptied(table: str) -> None:
    member_id = lived(120)
    history.frame(member_id)
    with django_connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {table} WHERE stream_id = %s", [fold.stream_of(member_id)])
    history.forget(member_id)
    assert history.current(member_id) == fold.from_the_start(member_id, 120)


DAMAGES = {
    "one bit": "set_byte(content, 9, get_byte(content, 9) # 1)",
    "emptied": "''",
    "cut short": "substring(content FROM 1 FOR 20)",
    "taken for an index": "set_byte(content, 0, 0)",
    "not packed": "set_byte(content, 0, 119)",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_page_is_folded_again(database: Addresses, damage: str) -> None:
    member_id = lived(120)
    history.frame(member_id)
    with connected(database, SUPERUSER) as conn:
        edited = conn.execute(
            f"UPDATE snapshot_page SET content = {DAMAGES[damage]} WHERE stream_id = %s",
            [fold.stream_of(member_id)],
        )
        assert edited.rowcount > 0
    try:
        assert not keyframes.holds(fold.stream_of(member_id), 100)
        assert history.at_version(member_id, 110) == fold.from_the_start(member_id, 110)
    finally:
        keyframes.drop(member_id)


def test_a_keyframe_of_another_history_is_refused_and_deleted() -> None:
    member_id = lived(120)
    history.frame(member_id)
    kept = keyframes.nearest(member_id, 100)
    assert kept is not None
    keyframes.drop(member_id)
    keyframes.keep(kept, b"the hash of another event")
    assert stored(member_id) == [100]
    assert keyframes.nearest(member_id, 100) is None
    assert stored(member_id) == []


def test_a_wrong_keyframe_is_found_by_the_check() -> None:
    member_id = lived(120)
    right = history.at_version(member_id, 100)
    keyframes.drop(member_id)
    (recorded,) = store.read_stream(
        connection.opened(), fold.stream_of(member_id), after=99, until=100
    )
    wrong = members.evolve(right, memberships.PlanChanged(plan="gold"), START, decided_at=START)
    wrong = members.replace(wrong, version=100)
    keyframes.keep(wrong, recorded.hash)
    assert not keyframes.holds(fold.stream_of(member_id), 100)
    with pytest.raises(CommandError, match=member_id):
        call_command("keyframes", "--check", "100000", verbosity=0)
    assert keyframes.nearest(member_id, 100) is None


def test_another_fold_does_not_meet_this_ones_keyframes(monkeypatch: pytest.MonkeyPatch) -> None:
    member_id = lived(120)
    history.frame(member_id)
    monkeypatch.setattr(keyframes, "FOLD_VERSION", "another build")
    assert keyframes.nearest(member_id) is None
    history.forget(member_id)
    assert history.current(member_id) == fold.from_the_start(member_id, 120)
    assert stored(member_id) == [50, 100, 100]


def test_commands_leave_keyframes_behind() -> None:
    member_id = new_id()
    for number in range(26):
        license_id = acquire(member_id, f"t-{number}").license_id
        assert license_id is not None
        service.handle(
            member_id, ReleaseLicense(license_id), command_id=uuid.uuid4().hex, actor=ACTOR,
            now=datetime.now(UTC),
        )  # fmt: skip
    assert history.head(member_id) == 53  # the device registered itself
    assert acquire(member_id, "one more").version == 54
    assert stored(member_id) == [50]


class Work:
    """Counts what is done for a member: statements, rows and folded events."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.statements = self.rows = self.folded = 0
        run, evolve = statements.rows, members.evolve

        def rows(conn: Any, name: str, parameters: Any) -> Any:
            found = run(conn, name, parameters)
            self.statements += 1
            self.rows += len(found)
            return found

        def evolved(*args: Any, **options: Any) -> Any:
            self.folded += 1
            return evolve(*args, **options)

        for module in (statements, store.snapshots, store.reading, store.order):
            monkeypatch.setattr(module, "rows", rows)
        monkeypatch.setattr(members, "evolve", evolved)

    def of(self, action: Any, member_id: str) -> tuple[int, int, int]:
        self.statements = self.rows = self.folded = 0
        with CaptureQueriesContext(django_connection) as others:
            action(member_id)
        return self.statements + len(others), self.rows, self.folded


def test_a_command_and_a_step_cost_the_same_after_a_hundred_and_after_ten_thousand_events(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    short, long = lived(110), lived(10_010)
    for member_id in (short, long):
        history.frame(member_id)
        history.forget(member_id)
    work = Work(monkeypatch)
    for action in (
        lambda member_id: acquire(member_id, "t-of-a-cold-start"),
        lambda member_id: acquire(member_id, "t-of-a-warm-one"),
        lambda member_id: history.around(member_id, history.head(member_id) - 40),
        lambda member_id: history.at_version(member_id, history.head(member_id) - 20),
    ):
        little, much = work.of(action, short), work.of(action, long)
        assert much[2] == little[2] <= 60  # events folded
        assert much[0] <= little[0] + 3  # statements
        assert much[1] <= little[1] + 60  # rows
