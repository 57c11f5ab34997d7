"""The pages: whole and in part, for staff only, and never broken by what an address says."""

import gzip
import re
from html.parser import HTMLParser

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from licensing import connection, store
from licensing.domain.commands import ChangePlan
from licensing.history import stream_of
from tests.conftest import new_id
from tests.web.story import Teller, tell

TABS = ("changed", "state", "why", "compare", "raw")


def staff(role: str | None = "agent") -> Client:
    """A browser signed in with a role."""
    user = User.objects.create_user(new_id("user"), password="not used")
    if role:
        user.groups.add(Group.objects.get_or_create(name=role)[0])
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture(scope="module")
def told(database: object, published_rules: object) -> tuple[str, int]:
    """A member with a story, and its last step."""
    member = new_id("m")
    return member, tell(member)


@pytest.fixture(scope="module")
def agent(database: object) -> Client:
    return staff()


def text(client: Client, url: str, **headers: str) -> str:
    answer = client.get(url, headers=headers)
    assert answer.status_code == 200, (url, answer.status_code)
    return answer.content.decode()


def fragment(client: Client, url: str, target: str) -> str:
    return text(client, url, **{"HX-Request": "true", "HX-Target": target})


class _Strict(HTMLParser):
    """Fails at what a strict Content-Security-Policy would drop."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        assert "style" not in named, (tag, attrs)
        assert not any(name.startswith("on") for name in named), (tag, attrs)
        assert tag != "style"
        assert tag != "script" or "src" in named or named.get("type") == "application/json"


def assert_strict(html: str) -> None:
    """Nothing that a strict Content-Security-Policy would drop."""
    # Parsed, because what people wrote stands in values and may look like anything.
    _Strict().feed(html)


def test_every_step_is_a_page_in_every_tab(agent: Client, told: tuple[str, int]) -> None:
    member, last = told
    for version in range(last + 1):
        for tab in TABS:
            html = text(agent, f"/members/{member}/timeline/{version}/?tab={tab}")
            assert_strict(html)
            assert 'type="range"' in html
            assert "<ol" in html
            assert len(gzip.compress(html.encode())) < 60 * 1024


def test_a_page_holds_what_is_needed_without_script(agent: Client, told: tuple[str, int]) -> None:
    member, last = told
    html = text(agent, f"/members/{member}/timeline/5/")
    for word in ("What changed", "State", "Why", "Compare", "Raw", f'max="{last}"'):
        assert word in html
    for version in (0, 4, 6, last):
        assert f'href="/members/{member}/timeline/{version}/"' in html


def test_a_fragment_is_one_region(agent: Client, told: tuple[str, int]) -> None:
    member, _ = told
    url = f"/members/{member}/timeline/5/"
    whole = text(agent, url)
    for target in ("section#panel", "section#events", "div#tracks"):
        part = fragment(agent, url, target)
        assert "<html" not in part
        assert len(part) < len(whole)
        assert_strict(part)
    assert 'data-v="5"' in fragment(agent, url, "section#panel")
    elsewhere = fragment(agent, url, "div#something")
    assert "<html" in elsewhere


def test_the_slider_asks_the_head_with_its_place(agent: Client, told: tuple[str, int]) -> None:
    member, _ = told
    part = fragment(agent, f"/members/{member}/timeline/?place=7&tab=why", "section#panel")
    assert 'data-v="7"' in part
    plain = agent.get(f"/members/{member}/timeline/?v=7&tab=why&q=vertigo")
    assert plain.status_code == 302
    assert plain["Location"] == f"/members/{member}/timeline/7/?tab=why&q=vertigo"


def test_answers_vary_by_what_htmx_says(agent: Client, told: tuple[str, int]) -> None:
    member, _ = told
    answer = agent.get(f"/members/{member}/timeline/5/")
    assert {"HX-Request", "HX-Target"} <= set(re.split(r",\s*", answer["Vary"]))
    back = agent.get(
        f"/members/{member}/timeline/5/",
        headers={
            "HX-Request": "true",
            "HX-Target": "section#panel",
            "HX-History-Restore-Request": "true",
        },
    )
    assert b"<html" in back.content


def test_a_refusal_says_why(agent: Client, told: tuple[str, int]) -> None:
    member, _ = told
    html = text(
        agent, f"/members/{member}/timeline/{step_of(member, 'AcquisitionRefused')}/?tab=why"
    )
    for words in ("DEVICE_LIMIT", "2 of 2", "iPad Air and Pixel 9", "would be the third"):
        assert words in html
    assert "b-standard" in html
    assert "terms of service §4" in html
    assert "none left" in html
    first = text(agent, f"/members/{member}/timeline/{step_of(member, 'AcquisitionRefused')}/")
    assert "would be the third" in first  # not only that a refusal changes nothing


def test_a_renewal_shows_was_and_now(agent: Client, told: tuple[str, int]) -> None:
    member, _ = told
    html = text(agent, f"/members/{member}/timeline/{step_of(member, 'LicenseRenewed')}/")
    assert "<del>0 of 2</del>" in html
    assert "<ins>1 of 2</ins>" in html
    assert "+7 d" in html


def test_late_reports_and_the_clock_have_rows(agent: Client, told: tuple[str, int]) -> None:
    member, last = told
    html = text(agent, f"/members/{member}/timeline/{last}/")
    assert "reported 2 d 4 h later" in html
    assert "by clock" in html
    clocked = re.search(r'href="([^"]+t=[^"]+)"', html)
    assert clocked
    carried = text(agent, clocked[1].replace("&amp;", "&"))
    assert "By clock since step" in carried


def test_filters_look_at_the_whole_history(agent: Client, told: tuple[str, int]) -> None:
    member, last = told
    html = text(agent, f"/members/{member}/timeline/{last}/?q=tokyo")
    assert re.search(r"2 of \d+", html)
    nothing = text(agent, f"/members/{member}/timeline/{last}/?q=%00zzz&outcome=refused")
    assert "No event matches" in nothing


@pytest.mark.parametrize(
    "query",
    [
        "?tab=%3Cscript%3E", "?tab=state&a=-1", "?tab=compare&a=99999999999999999", "?a=%F0%9F",
        "?t=yesterday", "?t=2026-13-45", "?t=0001-01-01T00:00:00", "?t=9999-12-31T23:59:59%2B00:00",
        "?span=%22&type=%00", "?q=" + "x" * 5000, "?around=0", "?around=999999999", "?v=", "?v=-3",
        "?v=%E0%A5%A7", "?tab=compare&a=", "?tab=raw&t=1", "?span=2w", "?span=all",
        "?t=9999-12-31T23:59:59-14:00", "?t=0001-01-01T00:00:00%2B14:00",
        "?v=9999-12-31T23:59:59-14:00", "?v=0001-01-01T00:00:00%2B14:00",
    ],
)  # fmt: skip
def test_no_query_breaks_a_page(agent: Client, told: tuple[str, int], query: str) -> None:
    member, _ = told
    for place in ("", "5/", "0/"):
        answer = agent.get(f"/members/{member}/timeline/{place}{query}")
        assert answer.status_code in (200, 302), (place, query)


def test_without_a_step_the_clock_stands_at_now(agent: Client, told: tuple[str, int]) -> None:
    member, last = told
    html = text(agent, f"/members/{member}/timeline/")
    assert f'data-v="{last}"' in html
    assert "clock at now" in html
    assert "carried on to" not in html
    assert "Go to now" not in html
    assert "Go to now" in text(agent, f"/members/{member}/timeline/{last}/")


def test_a_step_past_the_head_is_clamped_with_a_notice(
    agent: Client, told: tuple[str, int]
) -> None:
    member, last = told
    html = text(agent, f"/members/{member}/timeline/{last + 50}/")
    assert f"There is no step {last + 50} yet" in html
    assert f'data-v="{last}"' in html
    for garbage in ("abc", "1.5", "-1", "%3Cb%3E", "9" * 40, "٣"):
        assert "is no step" in text(agent, f"/members/{member}/timeline/{garbage}/")


def test_an_unknown_member_is_explained(agent: Client) -> None:
    html = text(agent, f"/members/{new_id('nobody')}/timeline/3/")
    assert "No events yet" in html
    assert agent.get("/members/%20%20/timeline/").status_code == 404


def test_a_member_without_downloads_is_told_what_would_appear(agent: Client) -> None:
    member = new_id("m")
    Teller(member).does(ChangePlan("basic", "DE"))
    html = text(agent, f"/members/{member}/timeline/")
    assert "No downloads so far." in html
    assert "A license will be a bar on the lane of its device" in html
    assert "Nothing was decided before the first event" in text(
        agent, f"/members/{member}/timeline/0/?tab=why"
    )


def test_an_event_leads_to_its_step(agent: Client, told: tuple[str, int]) -> None:
    member, _ = told
    third = store.read_event(connection.opened(), stream_of(member), 3)
    assert third is not None
    answer = agent.get(f"/events/{third.event_id}/")
    assert answer["Location"] == f"/members/{member}/timeline/3/"
    assert agent.get("/events/00000000-0000-0000-0000-000000000000/").status_code == 404


def test_nobody_without_a_role_sees_a_member(told: tuple[str, int]) -> None:
    member, _ = told
    for url in ("/", f"/members/{member}/timeline/", f"/members/{member}/timeline/5/"):
        assert Client().get(url)["Location"].startswith("/sign-in/?next=")
        refused = staff(role=None).get(url)
        assert refused.status_code == 403
        assert member.encode() not in refused.content


def test_a_fragment_after_the_session_ended_moves_the_whole_page(told: tuple[str, int]) -> None:
    member, _ = told
    url = f"/members/{member}/timeline/5/"
    answer = Client().get(
        url,
        headers={
            "HX-Request": "true",
            "HX-Target": "section#panel",
            "HX-Current-URL": f"https://evil.example{url}",
        },
    )
    assert answer.status_code == 401
    assert answer["HX-Redirect"] == f"/sign-in/?next=%2Fmembers%2F{member}%2Ftimeline%2F5%2F"


def test_signing_in_and_out() -> None:
    name = new_id("ada")
    user = User.objects.create_user(name, password="a long enough password")
    user.groups.add(Group.objects.get_or_create(name="viewer")[0])
    client = Client(enforce_csrf_checks=True)
    page = client.get("/sign-in/?next=/")
    assert_strict(page.content.decode())
    token = re.search(rb'csrfmiddlewaretoken" value="([^"]+)', page.content)
    assert token
    form = {"username": name, "password": "wrong", "csrfmiddlewaretoken": token[1].decode()}
    assert b"do not go together" in client.post("/sign-in/", form).content
    form["password"] = "a long enough password"
    assert client.post("/sign-in/?next=/", form)["Location"] == "/"
    home = text(client, "/")
    assert_strict(home)
    assert "Find a member" in home
    assert client.get("/sign-out/").status_code == 405
    token = re.search(rb'csrfmiddlewaretoken" value="([^"]+)', home.encode())
    assert token
    client.post("/sign-out/", {"csrfmiddlewaretoken": token[1].decode()})
    assert client.get("/").status_code == 302


def step_of(member: str, event_type: str) -> int:
    """The first step of a type."""
    recorded = store.read_stream(connection.opened(), stream_of(member))
    return next(event.version for event in recorded if event.type == event_type)
