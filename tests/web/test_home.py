"""The first page: what a text leads to, the queues, whom one opened last, the catalogue."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client

from licensing import catalogue, connection, service, store
from licensing.domain.commands import AcquireLicense, ChangePlan, RecordPlayback, RegisterDevice
from licensing.history import stream_of
from projections import runner
from tests.conftest import new_id
from tests.web.test_pages import assert_strict, staff, step_of, text
from timeline import finding, paging, profiles, recent
from timeline.models import RecentMember

ACTOR = service.Actor("device", "tests")


@pytest.fixture(scope="module")
def agent(database: object) -> Client:
    return staff()


def ask(member: str, command: Any, now: datetime | None = None, **more: Any) -> Any:
    now = now or datetime.now(UTC)
    return service.handle(
        member, command, command_id=new_id("c"), actor=ACTOR, now=now, recorded_at=now, **more
    )


def acquire(member: str, title: str, device: str, now: datetime | None = None) -> Any:
    about = {"name": title.title(), "studio": "UFA"}
    return ask(member, AcquireLicense(title, device, title=about, device={"type": "tv"}), now)


@pytest.fixture(scope="module")
def refused(database: object, published_rules: object) -> tuple[str, str, str]:
    """A member on basic who was refused a second device just now, a license, and the device."""
    member, device = new_id("m"), new_id("d")
    ask(member, ChangePlan("basic", "DE"))
    license_id = acquire(member, "metropolis", device).license_id
    acquire(member, "nosferatu", new_id("d"))
    ask(member, RecordPlayback(license_id, "start"), at=datetime.now(UTC) - timedelta(minutes=20))
    runner.catch_up()
    return member, license_id, device


def test_an_exact_id_leads_straight_to_its_member(
    agent: Client, refused: tuple[str, str, str]
) -> None:
    member, license_id, device = refused
    last = f"{step_of(member, 'PlaybackStarted')}/"
    event = store.read_event(connection.opened(), stream_of(member), 3)
    assert event
    for typed, place in (
        (member, ""), (f"member:{member}", ""), (f" {member} ", ""), (device, ""),
        (f"device:{device}", ""), (license_id, last), (f"license:{license_id}", last),
        (f"Licence: {license_id}", last), (str(event.event_id), "3/"),
        (f"event:{event.event_id}", "3/"), (event.event_id.hex, "3/"),
    ):  # fmt: skip
        answer = agent.get("/", {"q": typed})
        assert answer.status_code == 302, typed
        assert answer["Location"] == f"/members/{member}/timeline/{place}", typed


def test_an_e_mail_finds_its_member_now_and_formerly(agent: Client) -> None:
    member, mail = new_id("m"), f"{new_id('ada')}@example.org"
    profiles.put(member, mail, "Ada")
    profiles.put(member, f"new.{mail}", "Ada")
    for typed in (mail, f" {mail.upper()} ", f"new.{mail}"):
        answer = agent.get("/", {"q": typed})
        assert answer["Location"] == f"/members/{member}/timeline/", typed
    assert "exactly this e-mail" in text(agent, f"/?q={mail[:-1]}")


def test_a_member_whom_the_directory_does_not_know_yet_is_found(agent: Client) -> None:
    member = new_id("m")
    ask(member, ChangePlan("basic", "DE"))
    assert agent.get("/", {"q": member})["Location"] == f"/members/{member}/timeline/"


def test_a_prefix_narrows(agent: Client, refused: tuple[str, str, str]) -> None:
    member, license_id, device = refused
    for wrong in (
        f"device:{member}",
        f"license:{device}",
        f"member:{license_id}",
        f"event:{member}",
    ):
        html = text(agent, "/?q=" + wrong)
        assert_strict(html)
        assert f"/members/{member}/timeline/" not in html, wrong
        assert "has the id" in html or "is or begins with" in html


def test_several_are_a_table_that_says_why(agent: Client) -> None:
    shared, prefix = new_id("d"), new_id("pair")
    for number in "12":
        ask(f"{prefix}-{number}", RegisterDevice(shared, "tv"))
    runner.catch_up()
    html = text(agent, f"/?q={shared}")
    assert html.count("device id</small>") == 2
    html = text(agent, f"/?q={prefix}")
    assert html.count("member id begins so</small>") == 2
    assert agent.get(f"/?q={prefix}-1").status_code == 302


def test_too_many_are_said(agent: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("timeline.views.home.MOST", 2)
    prefix = new_id("many")
    for number in "123":
        ask(f"{prefix}-{number}", ChangePlan("basic", "DE"))
    runner.catch_up()
    html = text(agent, f"/?q={prefix}")
    assert "More than 2 members match" in html
    assert f"{prefix}-2" in html
    assert f"{prefix}-3" not in html


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("gone-for-good", "No member, device, license or event has the id “gone-for-good”"),
        ("device:", "Write an id after “device:”"),
        ("nobody@example.org", "No member has exactly this e-mail address"),
        ("<script>alert(404)</script>", "No member, device, license or event"),
        ("3410cc21-762f-412c-ab70-0817aeb40fcd", "No member, device, license or event"),
        ("event:" + "0" * 36, "No event has the id"),
        ("%", "No member, device, license or event"),
        ("_" * 400, "No member, device, license or event"),
    ],
)
def test_nobody_is_found_politely(agent: Client, typed: str, words: str) -> None:
    html = text(agent, f"/?q={quote(typed)}")
    assert words in html
    assert "<script>alert" not in html
    assert_strict(html)


def test_a_search_has_an_address_and_one_for_an_e_mail_has_none(agent: Client) -> None:
    forms = re.findall(
        r'<form class="(?:big)?find"[^>]*>', text(agent, "/") + text(agent, "/catalogue/")
    )
    assert len(forms) >= 2
    assert all('method="post"' in form for form in forms)
    assert agent.post("/", {"q": " device:tv 1 "})["Location"] == "/?q=device%3Atv+1"
    assert agent.post("/", {"q": ""})["Location"] == "/"
    member, mail = new_id("m"), f"{new_id('ada')}@example.org"
    ask(member, ChangePlan("basic", "DE"))
    profiles.put(member, mail, "Ada Found")
    assert agent.post("/", {"q": mail})["Location"] == f"/members/{member}/timeline/"
    nobody = agent.post("/", {"q": f"x{mail}"})
    assert nobody.status_code == 200
    html = nobody.content.decode()
    assert "exactly this e-mail" in html
    assert "@" not in re.search(r"<title>(.*?)</title>", html)[1]  # type: ignore[index]
    assert nobody["Cache-Control"] == "no-store"
    assert agent.post("/", {"q": "a\x00b"}).status_code == 422


@pytest.mark.parametrize("q", ["%00", "%F0%9F", "+", "a%00b", "%E2%80%AE"])
def test_no_question_breaks_the_page(agent: Client, q: str) -> None:
    assert agent.get(f"/?q={q}").status_code == 200
    assert agent.get(f"/catalogue/?q={q}&after={q}").status_code == 200


def test_the_prefix_may_be_part_of_an_id() -> None:
    assert finding.question("case:7") == finding.Question("", "case:7")
    assert finding.question("LICENCE:x") == finding.Question("license", "x")
    assert finding.question("a@b") == finding.Question("email", "a@b")


def test_the_queues_count_and_their_rows_open_the_step(
    agent: Client, refused: tuple[str, str, str]
) -> None:
    member, _, _ = refused
    home = text(agent, "/")
    assert_strict(home)
    links = re.findall(r'href="(/queues/[^"]+)"', home.replace("&amp;", "&"))
    # Other limits are of whoever else was there.
    own = ("row=b-basic", "band=hour", "limit=max_devices")
    told = {link for link in links if any(each in link for each in own)}
    assert len(told) >= 3
    for link in told:
        listed = text(agent, link)
        assert_strict(listed)
        steps = re.findall(rf'href="(/members/{member}/timeline/[^"]+)"', listed)
        assert steps, link
        assert agent.get(steps[0]).status_code == 200
    assert f"/members/{member}/timeline/{step_of(member, 'AcquisitionRefused')}/?tab=why" in text(
        agent, "/queues/refusals/"
    )
    assert "20 min late" in text(agent, "/queues/late/?period=24h")
    limits = text(agent, "/queues/limits/?limit=max_devices")
    assert re.search(
        rf'href="/members/{member}/timeline/{step_of(member, "LicenseIssued")}/"', limits
    )
    assert "1 of 1" in limits


def test_lists_are_paged_by_where_they_ended(
    agent: Client, refused: tuple[str, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("timeline.views.queues.PAGE", 1)
    monkeypatch.setattr("timeline.views.members.PAGE", 1)
    other = new_id("m")
    ask(other, ChangePlan("basic", "DE"))
    for device in ("d1", "d2"):
        acquire(other, f"film-{device}", device)
    ask(other, RecordPlayback(acquire(other, "m", "d1").license_id, "start"),
        at=datetime.now(UTC) - timedelta(hours=2))  # fmt: skip
    runner.catch_up()
    for url in ("/queues/refusals/", "/queues/late/?period=24h", "/queues/limits/", "/members/"):
        seen: list[str] = []
        address: str | None = url
        while address and len(seen) < 5:
            html = text(agent, address).replace("&amp;", "&")
            steps = re.findall(r'<th scope="row"><a class="mono" href="([^"]+)"', html)
            assert len(steps) == 1, address
            seen += steps
            following = re.search(r'href="([^"]*after=[^"]+)" rel="next"', html)
            address = following and following[1]
            if address and address.startswith("?"):
                address = url + address
        assert len(seen) >= 2, url
        assert len(set(seen)) == len(seen), url


@pytest.mark.parametrize(
    "url", ["/queues/refusals/", "/queues/late/", "/queues/limits/", "/members/", "/catalogue/"]
)
def test_no_query_breaks_a_list(agent: Client, url: str) -> None:
    places = (
        ["2026-01-01T00:00:00Z", "\0", 1], ["2026-01-01T00:00:00Z", "m", 2**63],
        ["2026-01-01T00:00:00Z", "m", 1, "\0", ""], ["0001-01-01T00:00:00", "m", 1], ["m"], "\0",
        ["2026-01-01T00:00:00Z", "\0"],
    )  # fmt: skip
    for place in places:
        assert agent.get(f"{url}?after={paging.token(place)}").status_code == 200, place
    for query in (
        "after=t", "after=zzz", "after=tWzFd", "after=%00", "period=%00&band=%00&limit=%00",
        "row=%00&reason=%F0", "period=99y&band=never", "limit=" + "x" * 500,
        "after=tWyIyMDI2LTAxLTAxVDAwOjAwOjAwWiIsIm0iLDk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5XQ",
    ):  # fmt: skip
        assert agent.get(f"{url}?{query}").status_code == 200, query


def test_whom_one_opened_last_is_remembered_for_oneself(published_rules: object) -> None:
    members = [new_id("m") for _ in range(recent.KEPT + 2)]
    for member in members:
        ask(member, ChangePlan("basic", "DE"))
    runner.catch_up()
    mine, other = staff(), staff()
    for member in members:
        text(mine, f"/members/{member}/timeline/")
    text(mine, f"/members/{members[5]}/timeline/1/")
    fragment = {"HX-Request": "true", "HX-Target": "section#panel"}
    mine.get(f"/members/{members[0]}/timeline/", headers=fragment)
    card = re.search(r'id="recent-h".*?</section>', text(mine, "/"), re.DOTALL)
    assert card
    expected = [members[5], *reversed([m for m in members[2:] if m != members[5]])]
    assert re.findall(r'timeline/">([^<]+)</a>', card[0]) == expected
    assert "Members whose history you open" in text(other, "/")
    assert RecentMember.objects.filter(member_id__in=members).count() == recent.KEPT


def test_the_catalogue_lists_titles_with_what_the_rules_may_ask(agent: Client) -> None:
    title = new_id("t")
    catalogue.put(title, {"name": f"Film {title}", "studio": "Nero-Film", "year": 1931, "4k": True})
    html = text(agent, f"/catalogue/?q=film+{title}")
    assert_strict(html)
    for words in (f"Film {title}", "Nero-Film", '<dd class="num">1931</dd>', ">true<", "offered"):
        assert words in html
    html = text(agent, "/catalogue/?q=no+such+film+anywhere")
    assert "No title’s id, name or studio" in html
