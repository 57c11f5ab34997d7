"""Withdrawals: counted, done once each however often workers die, stopped, resumed, told apart."""

import os
import signal
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from licensing import catalogue, erasing, history, service, store
from licensing import connection as stores
from licensing.domain.commands import AcquireLicense, ReleaseLicense
from licensing.models import AuditEntry
from licensing.trail import Who
from projections import runner, withdrawals
from projections.withdrawals import Run, Target, working
from tests.conftest import new_id

STAFF = service.Actor("staff", "tests")
ANN = Who("staff", "ann", "operator")


def does(member: str, command: Any) -> Any:
    return service.handle(member, command, command_id=new_id("c"), actor=STAFF, now=timezone.now())


def download(member: str, title: str, studio: str, device: str = "ipad") -> str:
    license_id = new_id("lic")
    about = {"name": title.title(), "studio": studio}
    asked = AcquireLicense(title, f"{member}-{device}", license_id, about, {"type": "tablet"})
    assert does(member, asked).outcome == "accepted"
    return license_id


class Scene:
    """A title of a studio of its own, with members who hold licenses of it."""

    def __init__(self, members: int = 3) -> None:
        self.title, self.studio = new_id("t"), new_id("Studio")
        self.members = [new_id("m") for _ in range(members)]
        self.licenses = {m: download(m, self.title, self.studio) for m in self.members}
        runner.catch_up()
        self.target = Target("title", self.title)

    def begin(self, second: bool = False, **more: Any) -> Run:
        now = timezone.now()
        counted = withdrawals.count(self.target, until=now, now=now)
        values: dict[str, Any] = {
            "until": now, "reason": "contract ended", "case": "CS-1", "shown": counted.licenses,
            "members": counted.members, "who": ANN, "who_id": "user:1", "second": second,
        }  # fmt: skip
        return withdrawals.begin(uuid.uuid4(), self.target, **values | more)

    def types(self, member: str) -> list[str]:
        stream = history.stream_of(member)
        return [event.type for event in store.read_stream(stores.opened(), stream)]

    def taken(self, member: str) -> list[store.RecordedEvent]:
        events = store.read_stream(stores.opened(), history.stream_of(member))
        return [event for event in events if event.type == "LicenseRevoked"]

    def noted(self) -> Counter[str]:
        found = AuditEntry.objects.filter(subject__in=self.members, purpose="withdraw title")
        return Counter(found.values_list("subject", flat=True))


@pytest.fixture
def scene(published_rules: object) -> Scene:
    return Scene()


def finished(run: Run) -> Run:
    found = withdrawals.work(run_id=run.id)
    assert found is not None
    return found


def test_a_dry_run_counts_and_writes_nothing(scene: Scene) -> None:
    extra = download(scene.members[0], scene.title, scene.studio, "pixel")
    other = download(scene.members[0], new_id("t"), scene.studio)
    runner.catch_up()
    heads = [history.head(m) for m in scene.members]
    now = timezone.now()
    found = withdrawals.count(scene.target, until=now, now=now)
    assert (found.licenses, found.members) == (4, 3)
    held = {*scene.licenses.values(), extra}
    assert {each.license_id for each in found.sample} == held
    of_studio = withdrawals.count(Target("studio", scene.studio), until=now, now=now)
    assert (of_studio.licenses, of_studio.members, len(of_studio.titles)) == (5, 3, 2)
    assert of_studio.titles[0][0] == scene.title  # the most first
    assert {each.license_id for each in of_studio.sample} == {*held, other}
    later = now + timedelta(days=4000)  # by then all have ended by the clock
    assert withdrawals.count(scene.target, until=now, now=later).licenses == 0
    earlier = now - timedelta(hours=1)
    assert withdrawals.count(scene.target, until=earlier, now=now).licenses == 0
    assert [history.head(m) for m in scene.members] == heads


def test_a_studio_is_what_was_issued_as_its_own_and_what_the_catalogue_says(scene: Scene) -> None:
    name = new_id("Bought")
    target = Target("studio", name)
    now = timezone.now()
    assert withdrawals.count(target, until=now, now=now).licenses == 0
    catalogue.put(scene.title, {"name": "A film", "studio": name})
    assert withdrawals.count(target, until=now, now=now).licenses == 3


def test_each_license_is_taken_back_once_and_noted_once(scene: Scene) -> None:
    released, member = scene.members[0], scene.members[1]
    run = scene.begin()
    does(released, ReleaseLicense(scene.licenses[released]))  # between count and work
    late = download(member, scene.title, scene.studio, "pixel")  # after what was shown
    runner.catch_up()
    done = finished(run)
    assert (done.state, done.found, done.withdrawn, done.gone, done.refused) == ("done", 2, 2, 0, 0)
    assert [len(scene.taken(m)) for m in scene.members] == [0, 1, 1]
    event = scene.taken(member)[0]
    assert event.metadata["withdrawal"] == str(run.id)
    assert event.metadata["case"] == "CS-1"
    assert event.metadata["actor"] == {"kind": "staff", "id": "ann"}
    assert event.data["license_id"] == scene.licenses[member]
    assert scene.noted() == dict.fromkeys(scene.members[1:], 1)
    assert withdrawals.since(scene.target, until=run.until, now=timezone.now()) == 1
    assert history.current(member).licenses[late].status == "active"
    items = withdrawals.items(run.id, "withdrawn", 10)
    assert {each.member_id for each in items} == set(scene.members[1:])
    assert all(each.version == history.head(each.member_id) or each.version for each in items)
    assert withdrawals.work(run_id=run.id) is None  # there is nothing more to do


def test_what_had_ended_already_is_told_apart(scene: Scene) -> None:
    run = scene.begin()
    assert _cut(run, after=working.SLICES) is not None  # all put down, nothing asked for
    member = scene.members[0]
    does(member, ReleaseLicense(scene.licenses[member]))
    done = finished(run)
    assert (done.found, done.withdrawn, done.gone) == (3, 2, 1)
    assert [each.member_id for each in withdrawals.items(run.id, "gone", 10)] == [member]
    assert member not in scene.noted()


def _cut(run: Run, after: int) -> Run | None:
    """Slices of no time at all, so that each is one step."""
    found: Run | None = None
    for _ in range(after):
        found = withdrawals.work(run_id=run.id, seconds=0)
    return found


def test_a_worker_that_dies_anywhere_loses_nothing_and_doubles_nothing(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Died after each command, before it could keep it: the next one asks for the same again."""
    run = scene.begin()
    _cut(run, after=working.SLICES)
    died = 0
    real: Callable[..., Any] = service.handle
    for fatal in range(1, 4):
        calls = []

        def handle(*args: Any, **more: Any) -> Any:
            answer = real(*args, **more)
            calls.append(1)  # noqa: B023 (this turn's own)
            if len(calls) == fatal:  # noqa: B023
                raise KeyboardInterrupt
            return answer

        with monkeypatch.context() as patch:
            patch.setattr(working.service, "handle", handle)
            with pytest.raises(KeyboardInterrupt):
                withdrawals.work(run_id=run.id)
        died += 1
        assert withdrawals.work(run_id=run.id) is None  # its lease is still on
        _lease_over(run)
    done = finished(run)
    assert (died, done.state, done.found, done.withdrawn) == (3, "done", 3, 3)
    assert [len(scene.taken(m)) for m in scene.members] == [1, 1, 1]
    assert scene.noted() == dict.fromkeys(scene.members, 1)


def _lease_over(run: Run) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE withdrawal SET lease_until = now() - interval '1 s' WHERE id = %s", [run.id]
        )


KILLED = """
import os, signal, sys, uuid
import django
django.setup()
from licensing import service
from projections import withdrawals
real, calls = service.handle, []
def handle(*args, **more):
    answer = real(*args, **more)
    calls.append(1)
    if len(calls) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return answer
withdrawals.working.service.handle = handle
withdrawals.work(run_id=uuid.UUID(sys.argv[1]))
"""


def test_a_killed_process_is_no_matter(scene: Scene) -> None:
    run = scene.begin()
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "timeline.settings"}
    ended = subprocess.run(
        [sys.executable, "-c", KILLED, str(run.id)], env=env, capture_output=True, check=False
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr[-2000:]
    between = withdrawals.find(run.id)
    assert between is not None
    assert (between.state, between.found, between.ended) == ("running", 3, 0)
    assert sum(len(scene.taken(m)) for m in scene.members) == 2
    _lease_over(run)
    done = finished(run)
    assert (done.state, done.found, done.withdrawn) == ("done", 3, 3)
    assert [len(scene.taken(m)) for m in scene.members] == [1, 1, 1]
    assert scene.noted() == dict.fromkeys(scene.members, 1)


def test_a_worker_that_was_taken_for_dead_keeps_nothing(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = scene.begin()
    _cut(run, after=working.SLICES)
    real: Callable[..., Any] = service.handle
    others: list[Run | None] = []

    def handle(*args: Any, **more: Any) -> Any:
        if not others:
            others.append(None)
            _lease_over(run)
            others.append(withdrawals.work(run_id=run.id))
        return real(*args, **more)

    monkeypatch.setattr(working.service, "handle", handle)
    woken = finished(run)
    assert woken == others[1]
    assert (woken.state, woken.withdrawn) == ("done", 3)
    assert [len(scene.taken(m)) for m in scene.members] == [1, 1, 1]
    assert scene.noted() == dict.fromkeys(scene.members, 1)


def test_it_can_be_stopped_and_goes_on(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(working, "PAGE", 1)
    run = scene.begin()
    _cut(run, after=working.SLICES)
    stopped = withdrawals.stop(run.id)
    assert stopped is not None
    assert (stopped.state, stopped.over) == ("stopped", True)
    assert withdrawals.work(run_id=run.id) is None
    withdrawals.resume(run.id)
    real: Callable[..., Any] = service.handle

    def handle(*args: Any, **more: Any) -> Any:
        withdrawals.stop(run.id)  # while it is worked on
        return real(*args, **more)

    with monkeypatch.context() as patch:
        patch.setattr(working.service, "handle", handle)
        half = finished(run)
    assert (half.state, half.ended) == ("stopped", 1)
    assert half.progress == pytest.approx(0.05 + 0.95 / 3)
    withdrawals.resume(run.id)
    done = finished(run)
    assert (done.state, done.withdrawn, done.stop_asked) == ("done", 3, False)
    assert withdrawals.resume(run.id) == done  # what is done is done


def test_what_was_refused_says_why_and_can_be_asked_again(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, busy, odd = scene.members
    run = scene.begin()
    _cut(run, after=working.SLICES)
    erasing.erase(gone, new_id("case"), actor=STAFF, now=timezone.now())
    real: Callable[..., Any] = service.handle

    def handle(member: str, *args: Any, **more: Any) -> Any:
        if member == busy:
            raise store.WrongExpectedVersion(history.stream_of(member), 1, 2)
        if member == odd:
            raise ZeroDivisionError("odd")
        return real(member, *args, **more)

    with monkeypatch.context() as patch:
        patch.setattr(working.service, "handle", handle)
        done = finished(run)
    assert (done.state, done.withdrawn, done.refused) == ("done", 0, 3)
    why = {each.member_id: each.detail for each in withdrawals.items(run.id, "refused", 10)}
    assert why == {
        gone: "the member was erased",
        busy: "too many commands of this member at once",
        odd: "ZeroDivisionError: odd",
    }
    waits = withdrawals.again(run.id)
    assert waits is not None
    assert (waits.state, waits.refused) == ("waiting", 0)
    done = finished(run)
    assert (done.withdrawn, done.refused) == (2, 1)


def test_it_waits_for_the_license_index(scene: Scene) -> None:
    """A license that was issued before the start, and is not in the index yet, is not missed."""
    late = new_id("m")
    download(late, scene.title, scene.studio)
    run = scene.begin()
    waits = finished(run)
    assert (waits.state, waits.gathered) == ("waiting", False)
    runner.catch_up()
    done = finished(run)
    assert (done.state, done.shown, done.withdrawn) == ("done", 3, 4)
    assert len(scene.taken(late)) == 1


def test_a_second_person_agrees_or_not_and_nobody_to_their_own(scene: Scene) -> None:
    run = scene.begin(second=True)
    assert run.state == "asked"
    assert withdrawals.work(run_id=run.id) is None
    yes: dict[str, Any] = {"agree": True, "answer": "", "hours": 48}
    with pytest.raises(withdrawals.OwnRequest):
        withdrawals.decide(run.id, who=ANN, who_id="user:1", **yes)
    bea = Who("staff", "bea", "agent")
    late = withdrawals.decide(run.id, who=bea, who_id="user:2", **yes | {"hours": 0})
    assert late is not None
    assert late.state == "asked"  # too late
    agreed = withdrawals.decide(run.id, who=bea, who_id="user:2", **yes)
    assert agreed is not None
    assert (agreed.state, agreed.second_name) == ("waiting", "bea")
    assert finished(run).withdrawn == 3
    other = scene.begin(second=True)
    no = withdrawals.decide(
        other.id, agree=False, who=bea, who_id="user:2", answer="not yet", hours=48
    )
    assert no is not None
    assert (no.state, no.answer) == ("rejected", "not yet")
    assert withdrawals.work(run_id=other.id) is None


def test_the_same_request_begins_one(scene: Scene) -> None:
    run = scene.begin()
    with connection.cursor() as cursor:
        cursor.execute("SELECT cardinality(heads) FROM withdrawal WHERE id = %s", [run.id])
        assert cursor.fetchone() == (1024,)
    same = withdrawals.begin(
        run.id, Target("studio", "another"), until=timezone.now(), reason="other", case="",
        shown=0, members=0, who=ANN, who_id="user:1", second=False,
    )  # fmt: skip
    assert same == run
    withdrawals.stop(run.id)


def test_the_command_counts_does_and_goes_on(
    scene: Scene, capsys: pytest.CaptureFixture[str], settings: Any
) -> None:
    call_command("withdraw", title=scene.title)
    said = capsys.readouterr().out
    assert "3 active licenses of 3 members" in said
    assert said.count(scene.title.title()) == 3
    assert "Nothing was written" in said
    with pytest.raises(CommandError, match="--reason"):
        call_command("withdraw", title=scene.title, yes=True)
    assert [len(scene.taken(m)) for m in scene.members] == [0, 0, 0]
    run = scene.begin()
    withdrawals.stop(run.id)
    call_command("withdraw", resume=run.id)
    assert "done: 3 taken back, 0 already gone, 0 refused" in capsys.readouterr().out
    with pytest.raises(CommandError, match="no such withdrawal"):
        call_command("withdraw", resume=uuid.uuid4())
    download(scene.members[0], scene.title, scene.studio)
    runner.catch_up()
    settings.WITHDRAW_ALONE = 0
    call_command("withdraw", studio=scene.studio, reason="again", yes=True)
    assert "waits for a second person" in capsys.readouterr().out
    settings.WITHDRAW_ALONE = 100
    call_command("withdraw", studio=scene.studio, reason="again", yes=True)
    assert "done: 1 taken back" in capsys.readouterr().out
