"""Who is erased is gone from everywhere, for good, and the history stays whole."""

import io
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import CommandError, call_command
from django.db import connection as database_connection
from django.test import Client
from django.utils import timezone

from licensing import connection, history, sealing, service, store, trail
from licensing.domain.commands import AddNote
from licensing.models import AuditEntry
from licensing.store.integrity import verify_stream
from projections import builds, runner, traces
from projections.registry import PROJECTORS
from tests.conftest import new_id
from tests.integration.test_keyframes import lived, stored
from tests.web.api_client import ApiClient, publish_rules
from tests.web.story import tell
from tests.web.test_pages import staff
from timeline import demo_people, erasing, profiles
from timeline.models import ApiKey, RecentMember

WORDS = "rang about her grandmother"


def erase(member: str, *options: str) -> dict[str, Any]:
    out = io.StringIO()
    call_command("erase_member", member, "--request=R-17", "--yes", *options, stdout=out)
    told: dict[str, Any] = json.loads(out.getvalue())
    return told


@pytest.fixture(scope="module")
def api(database: object, published_rules: object) -> ApiClient:
    publish_rules()
    return ApiClient(ApiKey.issue("erasing")[1])


@pytest.fixture
def member(api: ApiClient, fresh: Callable[..., str]) -> str:
    found = fresh("m")
    tell(found)
    actor = service.Actor("staff", "tests")
    service.handle(found, AddNote(WORDS), command_id="note", actor=actor, now=timezone.now())
    profiles.put(found, f"{found}@example.com", "Ottilie Gone")
    user = User.objects.create_user(new_id("user"), password="not used")
    RecentMember.objects.create(user=user, member_id=found)
    runner.catch_up()
    return found


def test_the_person_is_gone_and_the_certificate_says_what_was_done(
    api: ApiClient, member: str, tmp_path: Path
) -> None:
    before = history.head(member)
    assert sum(traces.of_member(member).values()) > 0
    certificate = erase(member, f"--out={tmp_path / 'certificate.json'}")
    assert json.loads((tmp_path / "certificate.json").read_text()) == certificate
    assert (certificate["member_id"], certificate["request_id"]) == (member, "R-17")
    assert certificate["last_version"] == before + 1
    for done in ("key_destroyed", "profile_deleted", "chain_valid", "complete"):
        assert certificate[done] is True
    assert certificate["recent_views_deleted"] == 1
    assert "Ottilie" not in json.dumps(certificate)

    assert profiles.masked(member) is None
    assert profiles.find_by_email(f"{member}@example.com") is None
    assert not RecentMember.objects.filter(member_id=member).exists()
    assert set(traces.of_member(member).values()) == {0}
    stream = f"member-{member}"
    assert store.read_key(connection.opened(), stream) is None
    assert verify_stream(connection.opened(), stream) is None
    events = list(store.read_stream(connection.opened(), stream))
    assert (len(events), events[-1].type) == (before + 1, "MemberErased")
    (note,) = [event for event in events if event.type == "NoteAdded"]
    assert sealing.opened(stream, note.type, note.data)["text"] == sealing.ERASED
    noted = AuditEntry.objects.get(action="erase", subject=member)
    assert (noted.kind, f"{noted.kind} {noted.who}") == ("command", certificate["by"])


def test_why_somebody_looked_goes_with_the_member(api: ApiClient, member: str) -> None:
    who = trail.Who("staff", new_id("agent"))
    trail.record(who, "reveal", member, purpose="profile", reason=WORDS)
    auditor = User.objects.create_user(new_id("auditor"), password="not used")
    auditor.groups.add(Group.objects.get_or_create(name="auditor")[0])
    client = Client()
    client.force_login(auditor, backend="django.contrib.auth.backends.ModelBackend")
    page, sheet = f"/audit/?who={who.who}", f"/audit/export.csv?who={who.who}"
    assert WORDS in client.get(page).content.decode()
    assert WORDS in b"".join(client.get(sheet)).decode()  # type: ignore[call-overload]
    erase(member)
    for url in (page, sheet):
        shown = b"".join(client.get(url)).decode()  # type: ignore[call-overload]
        assert WORDS not in shown
        assert sealing.ERASED in shown
        assert sealing.SEALED not in shown
    trail.record(who, "act", member, reason=WORDS)  # too late to keep it anywhere
    last = AuditEntry.objects.filter(who=who.who).latest("id")
    assert (last.reason, last.detail) == (sealing.ERASED, {})


def test_a_long_history_is_read_on_after_its_member_is_gone(api: ApiClient) -> None:
    """It is long enough for keyframes, which are neither there any more nor written again."""
    member = lived(120)
    history.frame(member)
    known = sealing._keys[history.stream_of(member)]
    erase(member)
    staff_client = staff("agent")
    for remembered in (False, True):
        if remembered:  # as by another process that had the key when it was destroyed
            sealing._keys[history.stream_of(member)] = known
        for step in (121, 110, 60):
            assert staff_client.get(f"/members/{member}/timeline/{step}/").status_code == 200
            assert api.get(f"/members/{member}/state?version={step}")[0] == 200
        assert stored(member) == []


def test_a_question_about_an_erased_member_is_no_answer(api: ApiClient, member: str) -> None:
    question = {"title_id": "metropolis", "device_id": "d-1"}
    assert api.post(f"/members/{member}/explanations", question)[0] == 200
    erase(member)
    status, body = api.post(f"/members/{member}/explanations", question)
    assert (status, body["code"]) == (410, "member_erased")


def test_other_processes_forget_the_key_within_seconds(
    member: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that had opened a text has the key in memory, and is told nothing."""
    stream = history.stream_of(member)
    assert sealing._key(stream)[0] is not None
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(sealing, "forget", lambda stream: None)
        erase(member)
    now = time.monotonic()
    monkeypatch.setattr(sealing.time, "monotonic", lambda: now + 5.0)
    assert sealing._key(stream)[0] is None


def test_every_further_command_answers_410_and_adds_nothing(api: ApiClient, member: str) -> None:
    erase(member)
    head = history.head(member)
    for path, body in (
        ("licenses", {"title_id": "metropolis", "device_id": "d-9"}),
        ("devices", {"device_id": "d-9", "type": "tv"}),
        ("plan", {"plan": "premium", "country": "DE"}),
        ("notes", {"text": "one more"}),
    ):
        answer = api.send("POST", f"/members/{member}/{path}", body, Idempotency_Key=new_id("c"))
        assert (path, answer.status_code) == (path, 410)
        assert json.loads(answer.content)["code"] == "member_erased"
    assert history.head(member) == head


def test_no_profile_comes_back(member: str) -> None:
    erase(member)
    demo_people.ensure_profiles()  # as at every start of the demo
    assert profiles.masked(member) is None
    with pytest.raises(store.StreamErased):
        profiles.put(member, f"{member}@example.com", "Ottilie Again")
    assert profiles.masked(member) is None


def test_reading_an_erased_member_fails_nowhere(api: ApiClient, member: str) -> None:
    erase(member)
    for path in ("", "/licenses", "/timeline"):
        answer = api.send("GET", f"/members/{member}{path}")
        assert (path, answer.status_code < 500) == (path, True)
        assert WORDS.encode() not in answer.content
    client = Client(raise_request_exception=False)
    user = User.objects.create_user(new_id("user"), password="not used")
    user.groups.add(Group.objects.get_or_create(name="agent")[0])
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    last = history.head(member)
    for page in ("", f"{last}/", f"{last - 1}/", "1/"):
        shown = client.get(f"/members/{member}/timeline/{page}")
        assert (page, shown.status_code) == (page, 200)
        assert WORDS.encode() not in shown.content
        assert b"The personal data of this member were erased on" in shown.content
    raw = client.get(f"/members/{member}/timeline/{last - 1}/?tab=raw")
    assert WORDS.encode() not in raw.content


def test_a_second_time_is_a_repeat_and_finishes_what_was_cut_off(member: str) -> None:
    first = erase(member)
    # As if the process had died between the closing of the history and the rest.
    with database_connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO timeline_memberprofile (member_id, email, name, changed_at)"
            " VALUES (%s, '', '', now())",
            [member],
        )
    out = io.StringIO()
    call_command("erase_member", member, "--request=R-18", "--yes", stdout=out)
    second = json.loads(out.getvalue())
    assert second["erased_at"] == first["erased_at"]
    assert second["last_version"] == first["last_version"]
    assert second["request_id"] == "R-17"
    assert (second["key_destroyed"], second["profile_deleted"]) == (False, True)
    assert not profiles.erase(member)


def test_a_rebuild_does_not_bring_the_rows_back(member: str) -> None:
    erase(member)
    for projector in PROJECTORS:
        builds.request(projector.name, by="tests")
    runner.catch_up()
    assert set(traces.of_member(member).values()) == {0}


def test_a_parked_stream_is_forgotten_too(member: str) -> None:
    with database_connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO projection_parked"
            " (bucket, projection, generation, stream_id, version, error, parked_at)"
            " SELECT %s, 'license_index', generation, %s, 1, 'test', now()"
            " FROM projection_build WHERE projection = 'license_index' AND state = 'live'",
            [store.bucket_of(f"member-{member}"), f"member-{member}"],
        )
    assert erase(member)["complete"]
    with database_connection.cursor() as cursor:
        cursor.execute(
            "SELECT resolution, reason FROM projection_parked WHERE stream_id = %s",
            [f"member-{member}"],
        )
        assert cursor.fetchall() == [("skipped", "the member was erased")]


def test_nobody_is_erased_by_mistake(member: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for given in (["no-such-member", "--request=R"], ["no such id", "--request=R"]):
        with pytest.raises(CommandError, match="no such member"):
            call_command("erase_member", *given, "--yes")
    with pytest.raises(CommandError, match="--request"):
        call_command("erase_member", member, "--request=Ottilie at home", "--yes")
    monkeypatch.setattr("builtins.input", lambda _: "yes")
    with pytest.raises(CommandError, match="nothing was erased"):
        call_command("erase_member", member, "--request=R-1")
    assert profiles.masked(member) is not None
    assert not AuditEntry.objects.filter(action="erase", subject=member).exists()


def test_what_cannot_be_noted_is_not_erased(member: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise erasing.trail.NotNoted("the audit trail cannot be written")

    monkeypatch.setattr(erasing.trail, "record", broken)
    with pytest.raises(CommandError, match="audit trail"):
        call_command("erase_member", member, "--request=R-1", "--yes")
    assert profiles.masked(member) is not None
    assert history.current(member).erased_at is None
