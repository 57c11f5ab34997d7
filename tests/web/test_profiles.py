"""Who a member is stays masked, is found by the whole e-mail, and is revealed with a reason."""

import logging
import re

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.utils import timezone

from licensing import service, trail, vault
from licensing.domain.commands import AddNote, RegisterDevice
from licensing.models import AuditEntry
from projections import runner
from tests.conftest import new_id
from tests.web.api_client import ApiClient, publish_rules
from tests.web.story import tell
from timeline import demo_people, paging, profiles, telling
from timeline.models import ApiKey, KnownEmail, MemberProfile


def signed_in(role: str = "agent") -> tuple[Client, str]:
    user = User.objects.create_user(new_id("user"), password="not used")
    user.groups.add(Group.objects.get_or_create(name=role)[0])
    client = Client(raise_request_exception=False)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client, user.username


@pytest.fixture(scope="module")
def member(database: object, published_rules: object) -> str:
    publish_rules()
    found = new_id("m")
    tell(found)
    runner.catch_up()
    profiles.put(found, f"Kaia.Novak.{found}@example.org", "Kaia Novak")
    return found


def email_of(member: str) -> str:
    return f"Kaia.Novak.{member}@example.org"


def test_the_database_holds_nothing_in_plain_words(member: str) -> None:
    with connection.cursor() as cursor:
        for table in ("timeline_memberprofile", "timeline_knownemail"):
            cursor.execute(f"SELECT t::text, t FROM {table} t")
            text = str(cursor.fetchall()).lower()
            for word in ("kaia", "novak", b"kaia".hex(), b"example.org".hex()):
                assert word not in text
    row = MemberProfile.objects.get(pk=member)
    with pytest.raises(vault.CannotOpen):  # another member's row cannot be put in its place
        vault.unseal(vault.key_for("profiles"), bytes(row.email), "profile other email")
    with pytest.raises(vault.CannotOpen):
        vault.unseal(vault.new_key(), bytes(row.email), f"profile {member} email")


def test_an_email_finds_its_member_whole_only(member: str) -> None:
    email = email_of(member)
    for spelling in (email, email.upper(), f"  {email} ", email.lower()):
        assert profiles.find_by_email(spelling) == member
    for other in (email[1:], email[:-1], "Kaia", "", "@", "x" * 400 + "@example.org", "\x00@a.b"):
        assert profiles.find_by_email(other) is None


def test_a_former_email_still_finds_and_the_present_owner_comes_first() -> None:
    first, second = new_id("m"), new_id("m")
    shared = f"{new_id('x')}@example.com"
    profiles.put(first, shared, "One")
    assert profiles.find_by_email(shared) == first
    profiles.put(first, f"new-{shared}", "One")
    assert profiles.find_by_email(shared) == first
    profiles.put(second, shared, "Two")
    assert profiles.find_by_email(shared) == second
    assert profiles.find_by_email(f"new-{shared}") == first


@pytest.mark.parametrize("wrong", ["", "none", "a@b", "a b@example.org", "a@ex\nample.org", "@x.y"])
def test_what_is_no_email_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="no e-mail"):
        profiles.put(new_id("m"), wrong, "Nobody")


def test_search_by_email_leads_to_the_member(member: str) -> None:
    client, _ = signed_in()
    found = client.get("/", {"q": email_of(member)})
    assert found.status_code == 302
    assert found["Location"] == f"/members/{member}/timeline/"
    api = ApiClient(ApiKey.issue("tests")[1])
    status, body = api.get(f"/members?q={email_of(member)}")
    assert status == 200
    assert [(item["member_id"], item["why"]) for item in body["items"]] == [(member, "e-mail")]
    assert "Kaia" not in str(body)
    assert api.post("/members/search", {"q": email_of(member)}) == (200, body)


def test_a_tool_searches_without_an_address_that_names_anybody(member: str) -> None:
    key, secret = ApiKey.issue("tests", ["member:read"])
    api = ApiClient(secret)
    status, body = api.post("/members/search", {"q": member[:-2]})
    assert status == 200
    assert (200, body) == api.get(f"/members?q={member[:-2]}")
    place = f"limit=1&after={paging.token(['a'])}"
    assert api.post(f"/members/search?{place}", {"q": ""}) == api.get(f"/members?{place}")
    read, *_ = AuditEntry.objects.filter(who=key.pk).order_by("id")
    assert (read.action, read.subject, read.purpose) == ("read", "", "POST /members/search")
    assert member not in str(read.detail)
    for wrong in ({}, {"q": 1}, {"q": "x" * 255}, {"q": "a\tb"}, {"q": "x", "r": "y"}):
        assert api.post("/members/search", wrong)[0] == 422, wrong
    other = ApiClient(ApiKey.issue("tests", ["feed:read"])[1])
    assert other.post("/members/search", {"q": ""})[0] == 403


def test_the_member_called_search_is_read_as_every_other() -> None:
    key, secret = ApiKey.issue("tests", ["member:read"])
    status, body = ApiClient(secret).get("/members/search")
    assert (status, body["member_id"]) == (200, "search")
    (read,) = AuditEntry.objects.filter(who=key.pk)
    assert (read.action, read.subject, read.purpose) == ("read", "search", "API")


@pytest.mark.parametrize("role", ["viewer", "agent", "auditor", "operator"])
def test_pages_show_it_masked(member: str, role: str) -> None:
    client, _ = signed_in(role)
    for url in (f"/members/{member}/timeline/", f"/members/{member}/profile/"):
        html = client.get(url).content.decode()
        assert "k•••@example.org" in html.lower()
        assert "K. N." in html
        assert "Novak" not in html
        assert (f'action="/members/{member}/profile/"' in html) == (role == "agent")


def test_a_reveal_takes_a_reason_shows_one_member_and_leaves_a_row(member: str) -> None:
    client, name = signed_in()
    url = f"/members/{member}/profile/"
    for reason in ("", "   ", "abc"):
        answer = client.post(url, {"reason": reason})
        assert answer.status_code == 422
        assert b"Novak" not in answer.content
    assert not AuditEntry.objects.filter(who=name, action="reveal").exists()
    answer = client.post(url, {"reason": "on the phone, to confirm"})
    html = answer.content.decode()
    assert "Kaia Novak" in html
    assert email_of(member) in html
    assert answer["Cache-Control"] == "no-store"
    assert re.search(r'http-equiv="refresh" content="60; url=/members/[^"]+/profile/"', html)
    row = AuditEntry.objects.get(who=name, action="reveal")
    assert row.subject == member
    assert trail.reason_of(member, row.reason, row.detail) == "on the phone, to confirm"
    assert "phone" not in f"{row.reason} {row.detail}"
    assert "Novak" not in str((row.detail, row.purpose))
    assert "Novak" not in client.get(url).content.decode()  # the next answer hides it again


def test_a_revealed_fragment_hides_itself(member: str) -> None:
    client, _ = signed_in()
    part = {"HX-Request": "true", "HX-Target": "div#profile"}
    answer = client.post(
        f"/members/{member}/profile/", {"reason": "on the phone"}, headers=part
    ).content.decode()
    assert "<html" not in answer
    assert 'hx-trigger="load delay:60s"' in answer
    assert "Kaia Novak" in answer


@pytest.mark.parametrize(
    "role", ["viewer", "rules author", "rules approver", "operator", "auditor"]
)
def test_only_an_agent_may_reveal(member: str, role: str) -> None:
    client, name = signed_in(role)
    answer = client.post(f"/members/{member}/profile/", {"reason": "I would like to know"})
    assert answer.status_code == 403
    assert b"Novak" not in answer.content
    assert AuditEntry.objects.filter(who=name, action="refused", subject=member).exists()


def test_a_profile_in_a_log_is_masked(member: str, caplog: pytest.LogCaptureFixture) -> None:
    person = profiles.reveal(member)
    logging.getLogger("tests").warning("%s %r", person, [person])
    assert "Kaia" not in caplog.text
    assert member in caplog.text


def test_erasing_leaves_no_way_to_the_person() -> None:
    gone = new_id("m")
    profiles.put(gone, f"{gone}@example.com", "Gone Soon")
    assert profiles.erase(gone)
    assert not profiles.erase(gone)
    assert profiles.masked(gone) is None
    assert profiles.find_by_email(f"{gone}@example.com") is None
    assert not KnownEmail.objects.filter(member_id=gone).exists()


def test_members_without_a_profile_have_none() -> None:
    client, _ = signed_in()
    assert client.get(f"/members/{new_id('m')}/profile/").status_code == 404
    assert client.get("/members/no%20id/profile/").status_code == 404


def test_the_demos_people_are_nobody(member: str) -> None:
    assert demo_people.person_of("maya-device-limit").name.startswith("Maya ")
    assert demo_people.person_of("m-ab12") == demo_people.person_of("m-ab12")
    people = [demo_people.person_of(f"m-{number}") for number in range(200)]
    assert {person.email.rpartition("@")[2] for person in people} <= set(demo_people.DOMAINS)
    assert len({person.email for person in people}) > 190
    assert demo_people.ensure_profiles() >= 0
    assert demo_people.ensure_profiles() == 0
    assert profiles.find_by_email(email_of(member)) == member


def test_lists_tell_sealed_steps_in_words() -> None:
    member = new_id("m")
    actor, now = service.Actor("staff", "tests"), timezone.now()
    for number, command in enumerate(
        (RegisterDevice(f"{member}-d", "tablet", "Kitchen tablet"), AddNote("Rang about it"))
    ):
        service.handle(member, command, command_id=f"c-{number}", actor=actor, now=now)
        words = telling.sentences([(member, number + 1)])[member, number + 1]
        assert ("Kitchen tablet" in words) or ("note" in words.lower())
        assert "erased" not in words
    runner.catch_up()
    client, _ = signed_in()
    assert client.get("/").status_code == 200
