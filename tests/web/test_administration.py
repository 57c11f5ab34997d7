"""Administrators keep what is no event: each change is noted, and there is no way around that."""

import html as escaped
import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import quote
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from licensing import catalogue, trail
from licensing.models import AuditEntry
from tests.conftest import new_id
from tests.web import every_view
from tests.web.api_client import ApiClient
from tests.web.story import tell
from tests.web.test_pages import assert_strict, staff
from timeline import erasing, profiles
from timeline.administration.urls import site
from timeline.models import ApiKey
from timeline.profiles import Profile

ADD_KEY = "/admin/timeline/apikey/add/"


@pytest.fixture(scope="module")
def administrator(database: object) -> Client:
    client = staff(role=None)
    User.objects.filter(pk=client.session["_auth_user_id"]).update(is_superuser=True)
    client.raise_request_exception = False
    return client


@pytest.fixture(scope="module")
def agent_role(database: object) -> Group:
    return Group.objects.get_or_create(name="agent")[0]


def told(client: Client, url: str, status: int = 200) -> str:
    answer = client.get(url)
    assert answer.status_code == status, url
    return escaped.unescape(answer.content.decode())


def noted(subject: str) -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(subject=subject).exclude(action="read").order_by("id"))


def broken(*_: Any, **__: Any) -> None:
    raise trail.NotNoted("the audit trail cannot be written")


def key_form(client: Client, **given: Any) -> dict[str, Any]:
    page = told(client, ADD_KEY)
    key_id = re.search(r'name="key_id" value="([^"]+)"', page)
    assert key_id
    return {
        "key_id": key_id[1],
        "name": new_id("tool"),
        "scopes": ["feed:read"],
        "days": "30",
    } | given


def secret_in(answer: Any) -> str:
    found = re.search(r"plh_[0-9A-Za-z_]+", answer.content.decode())
    assert found
    return found[0]


def test_only_what_is_no_event_is_kept_here(administrator: Client) -> None:
    assert {model.__name__ for model in site._registry} == {
        "User", "Group", "ApiKey", "Title", "MemberProfile",
    }  # fmt: skip
    index = told(administrator, "/admin/")
    assert_strict(index)
    for name in ("Users", "Groups", "API keys", "Titles", "Member profiles"):
        assert name in index


def test_it_is_offered_to_administrators_and_refused_to_others(administrator: Client) -> None:
    assert 'href="/admin/"' in told(administrator, "/members/")
    for role in ("agent", "operator", "auditor"):
        client = staff(role)
        assert 'href="/admin/"' not in told(client, "/members/")
        assert client.get("/admin/auth/user/").status_code == 403
    assert Client().get("/admin/")["Location"] == "/sign-in/?next=/admin/"
    assert administrator.get("/admin/login/").status_code == 404


def test_nothing_can_be_deleted_or_changed_in_bulk(administrator: Client) -> None:
    routes = [view.route for view in every_view.pages() if view.route.startswith("admin/")]
    assert len(routes) > 12
    assert not [route for route in routes if "delete" in route or "history" in route]
    action = {"action": "delete_selected", "_selected_action": "1"}
    assert administrator.post("/admin/auth/user/", action).status_code == 405
    assert administrator.post("/admin/auth/group/1/change/", {"name": "x"}).status_code == 405


def test_somebody_is_added_gets_roles_and_signs_in(
    administrator: Client, agent_role: Group
) -> None:
    name, password = new_id("user"), "a long enough word"
    given = {"username": name, "password1": password, "password2": password,
             "groups": [agent_role.pk], "first_name": "Nadia", "last_name": "Berg"}  # fmt: skip
    answer = administrator.post("/admin/auth/user/add/", given)
    user = User.objects.get(username=name)
    assert answer["Location"] == f"/admin/auth/user/{user.pk}/change/"
    assert "is added" in told(administrator, answer["Location"])
    assert (user.is_superuser, user.get_full_name()) == (False, "Nadia Berg")
    (row,) = noted(f"user:{user.pk}")
    assert (row.action, row.purpose) == ("admin", "administration: add user")
    assert row.detail["roles"] == ["agent"]
    assert password not in str(vars(row))
    client = Client()
    assert client.post("/sign-in/", {"username": name, "password": password}).status_code == 302
    assert client.get("/members/").status_code == 200


def test_a_short_or_a_taken_name_or_password_is_refused(administrator: Client) -> None:
    name = new_id("user")
    for first, second in (
        ("brief&7", "brief&7"),
        ("a long enough word", "another long word"),
        ("", ""),
    ):
        given = {"username": name, "password1": first, "password2": second}
        page = administrator.post("/admin/auth/user/add/", given).content.decode()
        assert "Nothing was written" in page
        assert not first or first not in page
    assert not User.objects.filter(username=name).exists()


def test_a_role_taken_away_and_a_person_disabled_count_at_once(
    administrator: Client, agent_role: Group
) -> None:
    client = staff()
    user = User.objects.get(pk=client.session["_auth_user_id"])
    page = f"/admin/auth/user/{user.pk}/change/"
    viewer = Group.objects.get_or_create(name="viewer")[0]
    administrator.post(page, {"groups": [viewer.pk], "is_active": "on", "username": "another"})
    user.refresh_from_db()
    assert user.username != "another"
    assert [row.detail["fields"] for row in noted(f"user:{user.pk}")] == [["groups"]]
    assert client.get("/members/").status_code == 200
    administrator.post(page, {"groups": [viewer.pk]})
    assert client.get("/members/")["Location"].startswith("/sign-in/")
    assert noted(f"user:{user.pk}")[-1].detail["may_sign_in"] is False
    administrator.post(page, {"groups": [viewer.pk]})  # nothing changed
    assert len(noted(f"user:{user.pk}")) == 2


def test_a_session_from_before_does_not_come_back_with_its_person(administrator: Client) -> None:
    away, other = staff(), staff()
    user = User.objects.get(pk=away.session["_auth_user_id"])
    page = f"/admin/auth/user/{user.pk}/change/"
    roles = list(user.groups.values_list("pk", flat=True))
    administrator.post(page, {"groups": roles})
    administrator.post(page, {"groups": roles, "is_active": "on"})
    user.refresh_from_db()
    assert user.is_active
    assert away.get("/members/").status_code == 302
    assert other.get("/members/").status_code == 200


def test_nobody_locks_himself_out(administrator: Client) -> None:
    me = administrator.session["_auth_user_id"]
    page = administrator.post(f"/admin/auth/user/{me}/change/", {"first_name": "x"})
    assert "Another administrator" in page.content.decode()
    user = User.objects.get(pk=me)
    assert (user.is_superuser, user.is_active, user.first_name) == (True, True, "")


def test_a_new_password_ends_the_sessions(administrator: Client) -> None:
    client = staff()
    user = User.objects.get(pk=client.session["_auth_user_id"])
    page = f"/admin/auth/user/{user.pk}/password/"
    assert "ends every session of theirs" in told(administrator, page)
    short = administrator.post(page, {"new_password1": "short", "new_password2": "short"})
    assert short.status_code == 422
    password = "quite another word"
    administrator.post(page, {"new_password1": password, "new_password2": password})
    user.refresh_from_db()
    assert user.check_password(password)
    assert client.get("/members/")["Location"].startswith("/sign-in/")
    assert [row.purpose for row in noted(f"user:{user.pk}")] == ["administration: password of user"]


def test_a_hash_cannot_be_guessed_by_filters(administrator: Client) -> None:
    for query in ("password__startswith=md5", "is_superuser=1", "groups__name=agent", "e=1"):
        assert administrator.get(f"/admin/auth/user/?{query}").status_code in (200, 400)
    assert administrator.get("/admin/auth/user/?password__startswith=md5").status_code == 400


@pytest.mark.parametrize("kind", ["auth/user", "auth/group", "timeline/apikey", "licensing/title",
                                  "timeline/memberprofile"])  # fmt: skip
def test_odd_addresses_are_no_faults(administrator: Client, kind: str) -> None:
    for query in ("q=%00", "q=%ff", "o=99.x", "p=-1", "p=abc", "all=", "_popup=1", "_to_field=x"):
        assert administrator.get(f"/admin/{kind}/?{query}").status_code < 500, query
    for key in ("%00", "9" * 400, "x" * 300, "..%2f", "_00", "-1", "%e2%80%ae", "0"):
        assert administrator.get(f"/admin/{kind}/{key}/change/").status_code == 404, key


def test_a_key_is_issued_once_however_often_the_form_is_sent(administrator: Client) -> None:
    given = key_form(administrator)
    answer = administrator.post(ADD_KEY, given)
    assert answer["Cache-Control"] == "no-store"
    secret = secret_in(answer)
    assert ApiClient(secret).get("/events")[0] == 200
    assert ApiClient(secret).get("/jobs")[0] == 403
    again = administrator.post(ADD_KEY, given)
    assert again.status_code == 422
    assert "was issued already" in again.content.decode()
    (key,) = ApiKey.objects.filter(name=given["name"])
    for url in ("/admin/timeline/apikey/", f"/admin/timeline/apikey/{key.pk}/change/"):
        page = told(administrator, url)
        assert secret not in page
        assert "feed:read" in page
    (row,) = noted(f"key:{key.pk}")
    assert (row.action, row.purpose) == ("key", "administration: issue")
    assert secret not in str(vars(row))


def test_the_latest_key_is_first_and_no_column_claims_the_order(administrator: Client) -> None:
    keys = [ApiKey.issue("tests")[0].pk for _ in range(3)]
    page = told(administrator, "/admin/timeline/apikey/")
    assert sorted(keys, key=page.index) == keys[::-1]
    assert 'class="sorted"' not in page


def test_a_key_that_cannot_be_is_said_so(administrator: Client) -> None:
    before = ApiKey.objects.count()
    for odd in ({"name": " "}, {"name": "x\u202ey\x07"}, {"scopes": ["everything"]}, {"scopes": []},
                {"days": "0"}, {"days": "99999"}, {"rate": "0"}, {"rate": "1e9"}, {"key_id": "../"},
                {"key_id": "short"}):  # fmt: skip
        assert administrator.post(ADD_KEY, key_form(administrator, **odd)).status_code == 422, odd
    assert ApiKey.objects.count() == before


def test_a_key_is_rotated_and_revoked(administrator: Client) -> None:
    first = secret_in(administrator.post(ADD_KEY, given := key_form(administrator)))
    old = f"/admin/timeline/apikey/{given['key_id']}"
    page = told(administrator, f"{old}/rotate/")
    new_key = re.search(r'name="key_id" value="([^"]+)"', page)
    assert new_key
    sent = {"key_id": new_key[1], "days": "30", "keep_hours": "0"}
    second = secret_in(administrator.post(f"{old}/rotate/", sent))
    assert [ApiClient(s).get("/events")[0] for s in (first, second)] == [401, 200]
    assert "Rotate" not in told(administrator, f"{old}/change/")
    assert administrator.post(f"{old}/rotate/", sent).status_code == 422
    url = f"/admin/timeline/apikey/{new_key[1]}/revoke/"
    assert "cannot be taken back" in told(administrator, url)
    assert administrator.post(url).status_code == 302
    assert ApiClient(second).get("/events")[0] == 401
    purposes = [row.purpose for row in noted(f"key:{new_key[1]}")]
    assert purposes == ["administration: rotate", "administration: revoke"]


def test_what_cannot_be_noted_is_not_done(
    administrator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    form, name, title = key_form(administrator), new_id("user"), new_id("film")
    known = User.objects.get(pk=staff().session["_auth_user_id"])
    monkeypatch.setattr(trail, "record", broken)
    word = "a long enough word"
    for url, given in (
        (ADD_KEY, form),
        ("/admin/auth/user/add/", {"username": name, "password1": word, "password2": word}),
        (f"/admin/auth/user/{known.pk}/change/", {"first_name": "Other"}),
        (f"/admin/auth/user/{known.pk}/password/", {"new_password1": word, "new_password2": word}),
        ("/admin/licensing/title/add/", {"title_id": title, "attributes": '{"name": "x"}'}),
    ):
        assert administrator.post(url, given).status_code == 503, url
    monkeypatch.undo()
    assert not ApiKey.objects.filter(name=form["name"]).exists()
    assert not User.objects.filter(username=name).exists()
    assert catalogue.get(title) == {}
    before = known.password
    known.refresh_from_db()
    assert (known.first_name, known.is_active, known.password) == ("", True, before)


def test_titles_go_through_the_guard_and_the_catalogue(administrator: Client) -> None:
    title = new_id("film")
    add = "/admin/licensing/title/add/"
    for odd in ("", "[]", "{", '{"a": 1.5}', '{"a": 1, "a": 2}', '{"name": 7}', '{"a": "\\u0000"}'):
        page = administrator.post(add, {"title_id": title, "attributes": odd}).content.decode()
        assert "Nothing was written" in page, odd
    for odd_id in (" x", "a\u0007b", "x" * 65, ""):
        given = {"title_id": odd_id, "attributes": '{"name": "x"}'}
        assert b"Nothing was written" in administrator.post(add, given).content
    administrator.post(
        add, {"title_id": title, "attributes": '{"name": "Der Müde Tod", "year": 1921}'}
    )
    assert catalogue.get(title) == {"name": "Der Müde Tod", "year": 1921}
    page = f"/admin/licensing/title/{title}/change/"
    assert '"name": "Der Müde Tod"' in told(administrator, page)
    administrator.post(page, {"attributes": '{"name": "Destiny"}', "title_id": "other"})
    assert catalogue.get(title) == {"name": "Destiny"}
    assert [(row.action, row.detail) for row in noted(f"title:{title}")] == [
        ("catalogue", {}), ("catalogue", {"fields": ["attributes"]}),
    ]  # fmt: skip


def test_a_profile_is_kept_masked_and_never_shown_in_plain_words(administrator: Client) -> None:
    member = new_id("m")
    add = "/admin/timeline/memberprofile/add/"
    person = {"member_id": member, "new_email": f"{member}@example.org", "new_name": "Ada Lovelace"}
    for odd in ({"new_email": "nobody"}, {"member_id": "../x"}, {"new_name": ""}):
        assert b"Nothing was written" in administrator.post(add, person | odd).content
    administrator.post(add, person)
    assert profiles.reveal(member) == Profile(member, f"{member}@example.org", "Ada Lovelace")
    page = f"/admin/timeline/memberprofile/{member}/change/"
    for url in (page, f"/admin/timeline/memberprofile/?q={member}",
                f"/admin/timeline/memberprofile/?q={member}@example.org"):  # fmt: skip
        html = told(administrator, url)
        assert "A. L." in html
        assert "Lovelace" not in html
    administrator.post(page, {"new_email": "", "new_name": "Ada King"})
    assert profiles.reveal(member) == Profile(member, f"{member}@example.org", "Ada King")
    rows = noted(member)
    assert [row.purpose for row in rows] == [
        "administration: add member profile", "administration: change member profile",
    ]  # fmt: skip
    assert "King" not in str([row.detail for row in rows])
    assert AuditEntry.objects.filter(subject=member, action="read", purpose="profile").exists()


def test_an_email_is_looked_for_without_an_address_that_holds_it(administrator: Client) -> None:
    member, people = new_id("m"), "/admin/timeline/memberprofile/"
    profiles.put(member, f"{member}@example.org", "Ada Lovelace")
    assert '<form class="adm-find" role="search"' in told(administrator, people)
    assert f'method="post" action="{people}"' in told(administrator, people)
    page = f"{people}{quote(member)}/change/"
    for typed, place in (
        (f" {member}@example.org", page), (member, f"{people}?q={member}"), ("", people),
        ("nobody@example.org", people),
    ):  # fmt: skip
        assert administrator.post(people, {"q": typed})["Location"] == place, typed
    said = told(administrator, people)
    assert "Nobody has this e-mail" in said
    assert 'class="say adm-say adm-none"' in said


def test_an_erased_member_gets_no_profile_again(administrator: Client) -> None:
    member = new_id("m")
    tell(member)
    profiles.put(member, f"{member}@example.org", "Ada Lovelace")
    erasing.erase(member, "asked for it", who=trail.Who("command", "tests"), now=timezone.now())
    again = {"member_id": member, "new_email": "a@example.org", "new_name": "Ada"}
    answer = administrator.post("/admin/timeline/memberprofile/add/", again)
    assert "was erased" in answer.content.decode()
    assert profiles.masked(member) is None


def test_djangos_own_log_stays_empty(administrator: Client) -> None:
    """Its rows could be changed; the trail's cannot."""
    assert not LogEntry.objects.exists()
