"""The headers that every answer has, and what only answers about members and sign-outs have."""

import re

import pytest
from django.test import Client, override_settings

from tests.conftest import new_id
from tests.web import every_view
from tests.web.api_client import ApiClient
from tests.web.story import tell
from tests.web.test_pages import assert_strict, staff
from tests.web.test_policy import address
from timeline import policy
from timeline.models import ApiKey

EVERYWHERE = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}


@pytest.fixture(scope="module")
def member(database: object, published_rules: object) -> str:
    found = new_id("m")
    tell(found)
    return found


def test_every_answer_has_them(member: str) -> None:
    agent, api = staff(), ApiClient(ApiKey.issue("headers")[1])
    answers = [
        agent.get(f"/members/{member}/timeline/"),
        agent.get(f"/members/{member}/export/events.jsonl"),
        agent.get("/nothing/here/"),
        agent.get("/audit/"),
        Client().get("/sign-in/"),
        Client().get("/healthz"),
        Client().get("/static/css/base.css"),
        Client().post("/static/css/base.css"),
        Client().get("/members"),
        Client().get("/"),
        Client().post("/sign-in/", {f"f{n}": "" for n in range(1_001)}),
        Client().generic("POST", "/sign-in/", CONTENT_LENGTH="100000000"),
        Client(enforce_csrf_checks=True).post("/sign-in/"),
        api.send("GET", f"/members/{member}"),
        api.send("GET", "/nothing"),
        api.send("POST", "/members/x/licenses", raw=b"{"),
    ]
    assert [answer.status_code for answer in answers[:7]] == [200, 200, 404, 403, 200, 200, 200]
    assert [answer.status_code for answer in answers[7:13]] == [405, 301, 302, 400, 413, 403]
    for answer in answers:
        for name, value in EVERYWHERE.items():
            assert answer[name] == value, (answer, name)
        assert "default-src 'none'" in answer["Content-Security-Policy"]
        assert "camera=()" in answer["Permissions-Policy"]
        assert "clipboard-write=(self)" in answer["Permissions-Policy"]


def test_no_page_is_without_a_strict_policy(member: str) -> None:
    agent = staff()
    seen = 0
    for view in every_view.pages():
        answer = agent.get(address(view.route, member))
        if "text/html" in answer.headers.get("Content-Type", ""):
            seen += 1
            said = answer["Content-Security-Policy"]
            assert "default-src 'none'" in said, view.route
            assert "unsafe" not in said, view.route
            assert answer["X-Frame-Options"] == "DENY", view.route
    assert seen > 20


def test_nothing_about_a_member_stays_in_a_browser(member: str) -> None:
    agent = staff()
    about = [
        view for view in every_view.pages() if "member_id" in view.route and view.name != "live"
    ]
    assert len(about) >= 6
    urls = [address(view.route, member) for view in about]
    urls += ["/", "/members/", f"/?q={member}", f"/members/{new_id('gone')}/timeline/"]
    for url in urls:
        kept = agent.get(url)["Cache-Control"]
        assert "no-store" in kept, url


def test_an_unchanged_head_is_still_cheap_to_ask_for(member: str) -> None:
    agent = staff()
    url = f"/members/{member}/timeline/live/?since=1"
    answer = agent.get(url)
    assert "no-store" not in answer["Cache-Control"]
    assert agent.get(url, headers={"If-None-Match": answer["ETag"]}).status_code == 304


def test_signing_out_clears_what_the_browser_keeps() -> None:
    agent = staff()
    answer = agent.post("/sign-out/")
    assert answer.status_code == 302
    assert answer["Clear-Site-Data"] == '"cache", "storage"'
    assert agent.cookies["sessionid"].value == ""
    assert agent.get("/")["Location"].startswith("/sign-in/")
    assert "Clear-Site-Data" not in Client().get("/sign-in/").headers


def test_a_form_from_another_site_is_refused() -> None:
    agent = staff()
    for site, status in (("cross-site", 403), ("same-site", 403), ("same-origin", 302)):
        answer = agent.post("/sign-out/", headers={"Sec-Fetch-Site": site})
        assert answer.status_code == status, site
        if status == 403:
            assert "from another site" in answer.content.decode()
    assert agent.get("/", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 302


def test_a_form_without_its_token_is_told_in_our_own_words() -> None:
    answer = Client(enforce_csrf_checks=True).post("/sign-in/", {"username": "a"})
    html = answer.content.decode()
    assert answer.status_code == 403
    assert "Nothing was changed: go back" in html
    assert_strict(html)


@override_settings(ALLOWED_HOSTS=["localhost"])
def test_another_host_is_refused_in_our_own_words() -> None:
    page = Client().get("/sign-in/", headers={"Host": "example.org"})
    assert page.status_code == 400
    assert_strict(page.content.decode())
    problem = Client().get("/api/v1/members", headers={"Host": "example.org"})
    assert problem.status_code == 400
    assert problem["Content-Type"] == "application/problem+json"
    assert problem.json()["code"] == "bad_request"
    assert problem["X-Request-Id"] == problem.json()["request_id"]
    for answer in (page, problem):
        assert "example.org" not in answer.content.decode()
        assert "default-src 'none'" in answer["Content-Security-Policy"]
        assert "no-store" in answer["Cache-Control"]


def test_every_form_needs_its_token(member: str) -> None:
    agent = staff()
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = agent.cookies
    asked = 0
    for view in every_view.pages():
        if (found := policy.declared(view.callback)) and found.kind == "staff":
            answer = strict.post(address(view.route, member), {"reason": "because"})
            assert answer.status_code == 403, view.route
            asked += 1
    assert asked > 20
    assert strict.post("/sign-in/", {"username": "a", "password": "b"}).status_code == 403
    page = strict.get("/sign-out/")
    assert page.status_code == 405
    html = strict.get("/").content.decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', html)
    assert token
    sent = {"csrfmiddlewaretoken": token[1]}
    assert strict.post("/sign-out/", sent).status_code == 302
