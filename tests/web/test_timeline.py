"""The timeline's page: orders, filter, ways, comparison, trials, pins, and what is new."""

import re
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from benchmarks.run import build
from licensing import connection, store
from licensing.domain.commands import AddNote
from licensing.history import stream_of
from tests.conftest import new_id
from tests.web.story import Teller, tell
from tests.web.test_pages import assert_strict, fragment, staff, step_of, text
from timeline.presenters import diff


@pytest.fixture(scope="module")
def told(database: object, published_rules: object) -> tuple[str, int]:
    """A member with a story, and its last step."""
    member = new_id("m")
    return member, tell(member)


@pytest.fixture(scope="module")
def agent(database: object) -> Client:
    return staff()


def steps_of(html: str) -> list[int]:
    """The steps of the list, from top to bottom."""
    return [int(step) for step in re.findall(r'<li class="ev[^"]*" id="s(\d+)"', html)]


def late_step(member: str) -> int:
    events = store.read_stream(connection.opened(), stream_of(member))
    return next(e.version for e in events if e.recorded_at - e.occurred_at > timedelta(hours=1)
                and e.type == "PlaybackStarted")  # fmt: skip


# -- Orders --


def test_a_late_event_stands_where_it_happened(agent: Client, told: tuple[str, int]) -> None:
    member, last = told
    late = late_step(member)
    known = steps_of(text(agent, f"/members/{member}/timeline/{late}/"))
    html = text(agent, f"/members/{member}/timeline/{late}/?order=happened")
    happened = steps_of(html)
    assert known == list(range(1, last + 1))
    assert sorted(happened) == known
    assert happened.index(late) < known.index(late)
    assert "as it happened" in html
    assert "reported 2 d 4 h later" in html
    assert f'data-v="{late}"' in html


def test_the_slider_counts_places_and_the_address_names_the_version(
    agent: Client, told: tuple[str, int]
) -> None:
    member, _ = told
    late = late_step(member)
    order = steps_of(text(agent, f"/members/{member}/timeline/{late}/?order=happened"))
    place = order.index(late) + 1
    answer = agent.get(f"/members/{member}/timeline/?place={place}&order=happened")
    assert answer["Location"] == f"/members/{member}/timeline/{late}/?order=happened"
    html = text(agent, answer["Location"])
    assert re.search(rf'id="v"[^>]+value="{place}"', html)
    following = order[place]
    assert f'id="go-next" href="/members/{member}/timeline/{following}/?order=happened"' in html


def test_the_state_follows_the_order(agent: Client, told: tuple[str, int]) -> None:
    """The film that was played late is played in the one order and not yet in the other."""
    member, _ = told
    late = late_step(member)
    url = f"/members/{member}/timeline/{late - 1}/?tab=compare&a={late - 1}"
    html = text(agent, f"{url}&a_order=happened")
    assert "Events that only one side knows" in html
    assert f'href="/members/{member}/timeline/{late}/' in html
    assert "A step is the same as itself" in text(agent, url)


# -- Filter --


def test_filters_add_up_and_can_be_taken_away(agent: Client, told: tuple[str, int]) -> None:
    member, last = told
    base = f"/members/{member}/timeline/{last}/"
    html = text(agent, f"{base}?type=LicenseIssued&type=LicenseRenewed&outcome=changed")
    assert len(steps_of(html)) == 8
    assert re.search(r"8 of \d+", html)
    chips = re.findall(r'class="chip" href="([^"]+)"', html)
    assert len(chips) == 3
    fewer = text(agent, chips[0].replace("&amp;", "&"))
    assert len(steps_of(fewer)) == 1
    for query, wanted in (
        ("outcome=refused", 4), ("outcome=late", 1), ("outcome=clock", 0), ("actor=job", 2),
        (f"device={member}-pixel", 6), ("title=vertigo", 1), ("from=2026-09-03&to=2026-09-04", 2),
        ("to=2020-01-01", 0), ("outcome=staff", 0),
    ):  # fmt: skip
        assert len(steps_of(text(agent, f"{base}?{query}"))) == wanted, query
    assert "by clock" in text(agent, f"{base}?outcome=clock")


def test_a_filter_hides_rows_and_keeps_the_state(agent: Client, told: tuple[str, int]) -> None:
    member, last = told
    url = f"/members/{member}/timeline/{last}/"
    all_of_it = fragment(agent, f"{url}?tab=state", "section#panel")
    filtered = fragment(agent, f"{url}?tab=state&type=NoteAdded", "section#panel")
    states = [
        re.search(r'<dl class="facts">.*?</dl>', html, re.DOTALL) for html in (all_of_it, filtered)
    ]
    assert states[0]
    assert states[1]
    assert states[0][0] == states[1][0]


def test_nothing_found_names_the_filter_and_offers_to_clear_it(
    agent: Client, told: tuple[str, int]
) -> None:
    member, last = told
    html = text(agent, f"/members/{member}/timeline/{last}/?q=zzz&outcome=late&tab=why")
    assert "No event matches" in html
    assert "“zzz” and Reported late" in html
    cleared = re.search(r'<a class="btn" href="([^"]+)" data-filter-link>Clear the filter', html)
    assert cleared
    assert cleared[1] == f"/members/{member}/timeline/{last}/?tab=why"


# -- Ways --


def ways(html: str) -> dict[str, str]:
    return {
        name: href.replace("&amp;", "&")
        for href, name in re.findall(r'href="([^"]+)" data-way="([a-z-]+)"', html)
    }


def test_the_steps_of_one_license_are_neighbors(agent: Client, told: tuple[str, int]) -> None:
    member, _ = told
    renewed = step_of(member, "LicenseRenewed")
    html = text(agent, f"/members/{member}/timeline/{renewed}/")
    found = ways(html)
    assert "The Third Man expired on iPad Air" in text(agent, found["follow-next"])
    refused = step_of(member, "RenewalRefused")
    assert urlsplit(found["follow-previous"]).path == f"/members/{member}/timeline/{refused}/"
    device = f"device:{member}-ipad"
    along = ways(text(agent, f"/members/{member}/timeline/{renewed}/?of={device}"))
    assert parse_qs(urlsplit(along["follow-next"]).query)["of"] == [device]
    assert "iPad Air" in text(agent, along["follow-next"])


def test_refusals_and_matches_are_stepped_through(agent: Client, told: tuple[str, int]) -> None:
    member, _ = told
    first = step_of(member, "AcquisitionRefused")
    found = ways(text(agent, f"/members/{member}/timeline/1/?type=LicenseExpired"))
    assert urlsplit(found["refusal-next"]).path == f"/members/{member}/timeline/{first}/"
    expired = step_of(member, "LicenseExpired")
    assert urlsplit(found["match-next"]).path == f"/members/{member}/timeline/{expired}/"
    assert "match-previous" not in found


# -- Step or date --


def test_a_date_leads_to_the_last_step_until_then_and_says_so(
    agent: Client, told: tuple[str, int]
) -> None:
    member, _ = told
    answer = agent.get(f"/members/{member}/timeline/?v=2026-09-03 12:00")
    path = urlsplit(answer["Location"])
    assert path.path == f"/members/{member}/timeline/3/"
    html = text(agent, answer["Location"])
    assert "No event at 3 Sep 12:00. Showing step 3" in html
    before = agent.get(f"/members/{member}/timeline/?v=2020-01-01")
    assert before["Location"] == f"/members/{member}/timeline/0/"


# -- Many changes --


def test_many_changes_are_cut_and_all_of_them_can_be_asked_for(
    agent: Client, told: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diff, "MOST", 1)
    member, last = told
    html = text(agent, f"/members/{member}/timeline/{last}/?tab=compare&a=1")
    assert " more are not shown." in html
    every = re.search(r'href="([^"]+)"[^>]*>Show all</a>', html)
    assert every
    whole = text(agent, every[1].replace("&amp;", "&"))
    assert "not shown" not in whole
    assert whole.count('class="ent"') > html.count('class="ent"')
    assert "all=1" not in whole.split('id="go-next"')[1].split(">")[0]  # not carried on


# -- What if --


def test_a_trial_shows_both_histories_and_writes_nothing(
    agent: Client, told: tuple[str, int]
) -> None:
    member, last = told
    issued = step_of(member, "LicenseIssued")
    base = f"/members/{member}/timeline/{issued}/?tab=what-if"
    form = text(agent, base)
    assert "Simulation" not in form
    html = text(agent, f"{base}&try_drop=1")
    assert_strict(html)
    for words in ("Simulation", "Nothing was written", "First divergence", "Both histories",
                  "Final difference", "not there"):  # fmt: skip
        assert words in html
    assert 'class="p-would"' in html or 'class="p-was"' in html
    head = store.stream_head(connection.opened(), stream_of(member))
    assert head is not None
    assert head.version == last


@pytest.mark.parametrize(
    "query",
    ["try_rules=sha256:none", "try_rules=none/none", "try_rules=%00/x&try_start=1",
     "try_add=download", "try_add=%00", "try_add=release:nobody",
     "try_add=download&try_title=x&try_device=y", "try_drop=zzz", "try_add=renew:"],
)  # fmt: skip
def test_no_trial_breaks_a_page(agent: Client, told: tuple[str, int], query: str) -> None:
    member, _ = told
    for step in (0, 4):
        html = text(agent, f"/members/{member}/timeline/{step}/?tab=what-if&{query}")
        assert "cannot be tried" in html or "Simulation" in html


def test_a_refused_download_says_what_would_have_allowed_it(
    agent: Client, told: tuple[str, int]
) -> None:
    member, _ = told
    refused = step_of(member, "AcquisitionRefused")
    html = text(agent, f"/members/{member}/timeline/{refused}/?tab=why")
    assert "What would have made it allowed" in html
    assert "1 more device allowed" in html
    assert "Recorded with the decision" in html


def test_a_reason_that_was_not_recorded_is_never_told_as_if_it_were(agent: Client) -> None:
    """What was imported without its decision is explained with the rules as of then."""
    member = build(4)
    html = text(agent, f"/members/{member}/timeline/1/?tab=why")
    assert "Reconstructed with the rules as of then" in html
    assert "Recorded with the decision" not in html


# -- Notes, pins, news --


def test_a_note_stands_at_its_step(agent: Client, told: tuple[str, int]) -> None:
    member = new_id("m")
    teller = Teller(member)
    tell(member)
    teller.count, teller.now = 900, teller.now + timedelta(days=80)
    teller.does(AddNote("called about <this>", version=4), kind="staff")
    html = text(agent, f"/members/{member}/timeline/4/")
    assert 'class="pinned"' in html
    assert "called about &lt;this&gt;" in html
    assert 'class="pinned"' not in text(agent, f"/members/{member}/timeline/5/")
    row = re.search(r'id="s4".*?</li>', html, re.DOTALL)
    assert row
    assert 'class="tag k-note"' in row[0]


def test_a_pinned_link_tells_when_folding_differs(agent: Client, told: tuple[str, int]) -> None:
    member, last = told
    pinned = agent.get(
        f"/members/{member}/timeline/6/pin/?tab=why", headers={"Accept": "text/plain"}
    ).content.decode()
    address = urlsplit(pinned)
    query = parse_qs(address.query)
    assert query["pinned"] == [str(last)]
    url = f"{address.path}?{address.query}"
    assert "folds to what it did then" in text(agent, url)
    seen = query["seen"][0]
    other = url.replace(seen, "0" * len(seen))
    assert "gives another state" in text(agent, other)
    assert agent.get(f"/members/{member}/timeline/6/pin/")["Location"].startswith(address.path)


def test_news_are_cheap_to_ask_for(agent: Client, told: tuple[str, int]) -> None:
    member, last = told
    url = f"/members/{member}/timeline/live/?since={last}"
    answer = agent.get(url)
    assert answer.json() == {"head": last, "count": 0, "earliest": None}
    again = agent.get(url, headers={"If-None-Match": answer["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    some = agent.get(f"/members/{member}/timeline/live/?since={last - 3}").json()
    assert some["count"] == 3
    assert some["earliest"]


def test_the_picture_as_a_table(agent: Client, told: tuple[str, int]) -> None:
    member, last = told
    html = fragment(agent, f"/members/{member}/timeline/{last}/?view=table&span=all", "div#tracks")
    assert "<table" in html
    assert "expired by the clock" in html
    assert "Show as lanes" in html
    assert_strict(html)
