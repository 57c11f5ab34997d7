"""Support acts from the pages: pick, preview, confirm, receipt, undo; by forms alone."""

import html as markup
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from django.db import connection as django_connection
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from licensing import connection, history, service, store, trail
from licensing.domain import license as licenses
from licensing.domain import member as members
from licensing.domain.commands import AcquireLicense, AddNote, ChangePlan, GrantAllowance
from licensing.domain.member import Member
from licensing.models import AuditEntry
from licensing.trail import Who
from tests.conftest import new_id
from tests.integration.test_preview import everything
from tests.web.test_pages import assert_strict, staff
from timeline import erasing
from timeline.actions import approvals, ledger, tokens
from timeline.actions.models import ApprovalRequest, StaffAction, StaffDay
from timeline.presenters import clock

STAFF = service.Actor("staff", "tests")


class Someone:
    """A member of today, with one film on a tablet."""

    def __init__(self) -> None:
        self.id, self.count = new_id("m"), 0
        self.since = timezone.now() - timedelta(hours=5)
        self.does(ChangePlan("standard", "NL"))
        self.film = self.downloads("casablanca")

    def does(self, command: Any) -> service.Answer:
        self.count += 1
        now = self.since + timedelta(minutes=self.count)
        return service.handle(
            self.id, command, command_id=f"c{self.count}", actor=STAFF, now=now, recorded_at=now
        )

    def downloads(self, film: str, device: str = "ipad") -> str:
        license_id = f"{self.id}-{film}"
        title = {"name": film.title(), "studio": "Toho"}
        command = AcquireLicense(film, f"{self.id}-{device}", license_id, title, {"type": "tablet"})
        assert self.does(command).outcome == "accepted"
        return license_id

    @property
    def head(self) -> int:
        return history.head(self.id)

    @property
    def now(self) -> Member:
        return members.as_of(history.current(self.id), timezone.now())

    def last(self) -> store.RecordedEvent:
        events = store.read_stream(connection.opened(), history.stream_of(self.id))
        return list(events)[-1]

    def url(self, action: str) -> str:
        return f"/members/{self.id}/actions/{action}/"


@pytest.fixture
def someone(database: object, published_rules: object) -> Someone:
    return Someone()


@pytest.fixture(scope="module")
def agent(database: object) -> Client:
    return staff()


def forms_of(html: str) -> list[tuple[str, dict[str, str]]]:
    """The forms of a page: where each posts to, and what it holds."""
    found = []
    for action, body in re.findall(r'<form[^>]* action="([^"]+)"[^>]*>(.*?)</form>', html, re.S):
        fields = {}
        for tag in re.findall(r"<input[^>]*>", body):
            name, value = re.search(r'name="([^"]+)"', tag), re.search(r'value="([^"]*)"', tag)
            if name and ('type="radio"' not in tag or " checked" in tag):
                fields[name[1]] = markup.unescape(value[1]) if value else ""
        found.append((markup.unescape(action), fields))
    return found


def held(html: str, action: str) -> dict[str, str]:
    """What the page's form for this address holds."""
    return next(fields for url, fields in forms_of(html) if url == action and len(fields) > 1)


def page(answer: HttpResponse, status: int = 200) -> str:
    html = answer.content.decode()
    assert answer.status_code == status, re.findall(r"<h1.*?</h1>|<p.*?</p>", html, re.S)[:8]
    assert_strict(html)
    return html


def previewed(client: Client, url: str, status: int = 200, **sent: str) -> dict[str, str]:
    """Preview a form, and give back what its confirmation would send."""
    html = page(client.post(url, {"reason": "asked by phone", "do": "preview", **sent}), status)
    return held(html, url)


def confirmed(client: Client, url: str, **sent: str) -> str:
    """Preview a form and confirm it; where that led to."""
    answer = client.post(url, {**previewed(client, url, **sent), "do": "confirm"})
    assert answer.status_code == 302
    return str(answer["Location"])


def picks(someone: Someone) -> dict[str, dict[str, str]]:
    """Every action that is offered, filled in."""
    month = (timezone.now() + timedelta(days=30)).date().isoformat()
    return {
        "release": {"license": someone.film},
        "revoke": {"license": someone.film},
        "extend": {"license": someone.film, "amount": "5", "unit": "hours"},
        "grant": {"limit": "max_downloads", "amount": "1", "until": month},
        "deactivate": {"device": f"{someone.id}-ipad"},
        "note": {"text": "Calls again on Friday.", "step": "1"},
    }


EVENTS = {
    "release": "LicenseReleased",
    "revoke": "LicenseRevoked",
    "extend": "LicenseExtended",
    "grant": "AllowanceGranted",
    "deactivate": "DeviceDeactivated",
    "note": "NoteAdded",
}


# -- One action --


@pytest.mark.parametrize("action", EVENTS)
def test_a_preview_writes_nothing_and_the_confirmation_does_what_it_showed(
    agent: Client, someone: Someone, action: str
) -> None:
    url, sent = someone.url(action), picks(someone)[action]
    page(agent.get(url))  # covers the reading in the audit trail
    before, head = everything(), someone.head
    form = previewed(agent, url, **sent)
    assert everything() == before
    answer = agent.post(url, {**form, "do": "confirm"})
    step = someone.head
    assert answer["Location"] == f"/members/{someone.id}/timeline/{step}/?receipt={form['key']}"
    types = [
        event.type
        for event in store.read_stream(connection.opened(), history.stream_of(someone.id))
    ]
    assert EVENTS[action] in types[head:]
    assert someone.last().metadata["actor"]["kind"] == "staff"
    html = page(agent.get(answer["Location"]))
    assert f"done, step {step}" in html
    assert 'role="status"' in html


def test_a_preview_says_what_why_and_whether_it_can_be_taken_back(
    agent: Client, someone: Someone
) -> None:
    url = someone.url("extend")
    sent = {"license": someone.film, "amount": "5", "unit": "hours", "reason": "r"}
    html = page(agent.post(url, sent))
    for told in (
        "Events that would be appended",
        "plan-dashed",
        "What would change",
        "The rule",
        "Effect on each limit",
        "Can be taken back until",
        "Nothing is written yet",
    ):
        assert told in html
    sent = {"license": someone.film, "reason": "r"}
    assert "Not reversible" in page(agent.post(someone.url("revoke"), sent))


def test_every_limit_is_told_before_and_after(agent: Client, someone: Someone) -> None:
    html = page(agent.post(someone.url("release"), {"license": someone.film, "reason": "r"}))
    table = html.partition("Effect on each limit")[2]
    row = re.search(r"<tr[^>]*><th[^>]*>Downloads in use</th>(.*?)</tr>", table, re.S)
    assert row
    assert re.findall(r"(\d+) of (\d+)", row[1]) == [("1", "15"), ("0", "15")]


@pytest.mark.parametrize("action", EVENTS)
def test_a_reason_is_required(agent: Client, someone: Someone, action: str) -> None:
    head = someone.head
    sent = picks(someone)[action]
    html = page(agent.post(someone.url(action), {**sent, "reason": "  \x07 "}), 422)
    assert "Say why; it is kept with the action." in html
    form = previewed(agent, someone.url(action), **sent)
    again = agent.post(someone.url(action), {**form, "reason": "", "do": "confirm"})
    assert again.status_code == 409
    assert someone.head == head


def test_wrong_fields_are_told_beside_them_and_nothing_is_lost(
    agent: Client, someone: Someone
) -> None:
    sent = {
        "license": "somebody-elses", "amount": "-1", "unit": "years", "reason": "x" * 501,
        "case": "no spaces here",
    }  # fmt: skip
    html = page(agent.post(someone.url("extend"), sent), 422)
    for field in ("license", "amount", "unit", "reason", "case"):
        assert f'id="f-{field}-bad"' in html
    assert "no spaces here" in html
    assert "5 fields cannot be so" in html


def test_an_extension_that_can_never_be_is_told_beside_its_number(
    agent: Client, someone: Someone
) -> None:
    sent = {"license": someone.film, "amount": "400", "unit": "days", "reason": "r"}
    html = page(agent.post(someone.url("extend"), sent), 422)
    assert "At most 366 days." in html
    assert 'value="400"' in html
    fits = page(agent.post(someone.url("extend"), sent | {"unit": "hours"}))
    assert "At most" not in fits


def test_the_reason_stands_in_the_event_and_in_the_audit_trail(
    agent: Client, someone: Someone
) -> None:
    words = f"fraud case {new_id('f')}"
    confirmed(agent, someone.url("revoke"), license=someone.film, reason=words, case="CS-7")
    event = someone.last()
    assert "$sealed" in event.data
    assert words not in event.data_json
    assert someone.now.licenses[someone.film].status == "revoked"
    assert event.metadata["case"] == "CS-7"
    (row,) = AuditEntry.objects.filter(subject=someone.id, action="act")
    assert (row.purpose, row.detail["case"]) == ("revoke", "CS-7")
    assert trail.reason_of(row.subject, row.reason, row.detail) == words


# -- Once, and only what was shown --


def test_a_double_click_does_it_once(agent: Client, someone: Someone) -> None:
    url = someone.url("extend")
    form = previewed(agent, url, license=someone.film, amount="5", unit="hours")
    first, second = (agent.post(url, {**form, "do": "confirm"}) for _ in range(2))
    assert first["Location"] == second["Location"]
    assert someone.last().type == "LicenseExtended"
    assert [x.type for x in _events(someone)].count("LicenseExtended") == 1


def test_racing_clicks_do_it_once(agent: Client, someone: Someone) -> None:
    url = someone.url("extend")
    form = previewed(agent, url, license=someone.film, amount="5", unit="hours")

    def click(_: int) -> HttpResponse:
        return _apart(lambda: _like(agent).post(url, {**form, "do": "confirm"}))

    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(click, range(6)))
    assert [x.type for x in _events(someone)].count("LicenseExtended") == 1
    # Whoever came between reading and writing may have been told to look again; nobody failed.
    assert {answer.status_code for answer in answers} <= {302, 409}
    assert 302 in {answer.status_code for answer in answers}
    assert agent.post(url, {**form, "do": "confirm"}).status_code == 302


def test_what_moved_gives_a_fresh_preview_that_says_so(agent: Client, someone: Someone) -> None:
    url = someone.url("release")
    form = previewed(agent, url, license=someone.film)
    someone.does(AddNote("seen meanwhile"))
    head = someone.head
    html = page(agent.post(url, {**form, "do": "confirm"}), 409)
    assert "Nothing was done: this is a fresh preview" in html
    assert "The history went on." in html
    assert f'href="/members/{someone.id}/timeline/{head}/"' in html
    assert someone.head == head
    fresh = held(html, url)
    assert fresh["key"] != form["key"]
    assert agent.post(url, {**fresh, "do": "confirm"}).status_code == 302


def test_what_is_over_meanwhile_cannot_be_confirmed(agent: Client, someone: Someone) -> None:
    url = someone.url("release")
    form = previewed(agent, url, license=someone.film)
    confirmed(agent, url, license=someone.film)
    head = someone.head
    html = page(agent.post(url, {**form, "do": "confirm"}), 409)
    assert "nothing to choose" in html
    assert someone.head == head


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"rules": "sha256:others"}, "Other rules are in force."),
        ({"alike": "other"}, "Time has passed, and it would now do something else."),
        ({"user": 0}, "The form was changed after the preview."),
        ({"member": "m-other"}, "The form was changed after the preview."),
        ({"command": "other"}, "The form was changed after the preview."),
    ],
)
def test_a_token_is_good_for_what_it_was_given_for(
    agent: Client, someone: Someone, change: dict[str, Any], told: str
) -> None:
    url, head = someone.url("extend"), someone.head
    form = previewed(agent, url, license=someone.film, amount="5", unit="hours")
    seen, _ = tokens.read(form["token"])
    assert seen is not None
    form["token"] = tokens.sign(msgspec.structs.replace(seen, **change))
    assert told in page(agent.post(url, {**form, "do": "confirm"}), 409)
    assert someone.head == head


def test_a_token_lasts_five_minutes(
    agent: Client, someone: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, head = someone.url("release"), someone.head
    form = previewed(agent, url, license=someone.film)
    assert tokens.VALID_S == 300
    monkeypatch.setattr(tokens, "VALID_S", -1)
    html = page(agent.post(url, {**form, "do": "confirm"}), 409)
    assert "The preview is older than five minutes." in html
    assert someone.head == head


def test_a_form_that_was_changed_after_its_preview_does_nothing(
    agent: Client, someone: Someone
) -> None:
    url, head = someone.url("extend"), someone.head
    form = previewed(agent, url, license=someone.film, amount="5", unit="hours")
    for other in (
        {"amount": "6"}, {"reason": "another"}, {"token": "made up"}, {"token": ""},
        {"key": "f" * 32}, {"key": "g" * 32}, {"key": ""},
    ):  # fmt: skip
        page(agent.post(url, {**form, **other, "do": "confirm"}), 409)
    # Somebody else cannot confirm it either.
    page(staff().post(url, {**form, "do": "confirm"}), 409)
    assert someone.head == head


def test_a_key_is_good_for_one_form(agent: Client, someone: Someone) -> None:
    url = someone.url("extend")
    form = previewed(agent, url, license=someone.film, amount="5", unit="hours")
    assert agent.post(url, {**form, "do": "confirm"}).status_code == 302
    note = someone.url("note")
    other = previewed(agent, note, text="hello", step="1")
    html = page(agent.post(note, {**other, "key": form["key"], "do": "confirm"}), 409)
    assert "used for something else" in html


# -- Refusals, the cap, and a second person --


def test_a_refused_action_says_what_would_make_it_allowed_and_can_be_recorded(
    agent: Client, someone: Someone
) -> None:
    url = someone.url("extend")
    sent = {"license": someone.film, "amount": "300", "unit": "days", "reason": "r"}
    html = page(agent.post(url, sent))
    assert "What would make it allowed" in html
    assert "Record the refusal" in html
    assert re.search(r"Preview \d+ hours", html)
    form = held(html, url)
    answer = agent.post(url, {**form, "do": "confirm"})
    assert someone.last().type == "ExtensionRefused"
    assert "refused, and recorded as step" in page(agent.get(answer["Location"]))
    assert ledger.find(form["key"]).outcome == "refused"  # type: ignore[union-attr]


def test_the_nearest_that_is_allowed_is_one_click_away(agent: Client, someone: Someone) -> None:
    url = someone.url("extend")
    sent = {"license": someone.film, "amount": "300", "unit": "days", "reason": "r"}
    html = page(agent.post(url, sent))
    fewer = next(fields for _, fields in forms_of(html) if fields.get("unit") == "hours")
    assert "vb-allowed" in page(agent.post(url, {**fewer, "do": "preview"}))


def test_no_race_exceeds_the_day(settings: Any) -> None:
    settings.ACTIONS_PER_DAY = 3
    client = staff()
    everyone = [Someone() for _ in range(8)]
    forms = [
        previewed(client, each.url("release"), license=each.film) for each in everyone
    ]  # fmt: skip

    def confirm(index: int) -> int:
        url = everyone[index].url("release")
        post = lambda: _like(client).post(url, {**forms[index], "do": "confirm"})  # noqa: E731
        return _apart(post).status_code

    with ThreadPoolExecutor(8) as threads:
        answers = sorted(threads.map(confirm, range(8)))
    assert answers == [302] * 3 + [429] * 5
    assert sum(each.last().type == "LicenseReleased" for each in everyone) == 3
    user_id = int(client.session["_auth_user_id"])
    assert StaffDay.objects.get(user_id=user_id).used == 3
    # Notes are free, and so is looking.
    confirmed(client, everyone[0].url("note"), text="cap reached", step="1")
    html = page(client.get(f"/members/{everyone[0].id}/actions/"))
    assert "3 of 3 actions used today" in html


def test_what_changed_nothing_takes_no_place_of_the_day(agent: Client, someone: Someone) -> None:
    client = staff()
    sent = {"license": someone.film, "amount": "300", "unit": "days"}
    confirmed(client, someone.url("extend"), **sent)
    assert StaffDay.objects.get(user_id=int(client.session["_auth_user_id"])).used == 0


def asked_second(client: Client, someone: Someone) -> ApprovalRequest:
    """Somebody asks for 300 days, which is beyond the rules."""
    url = someone.url("extend")
    sent = {"license": someone.film, "amount": "300", "unit": "days"}
    form = previewed(client, url, reason="the rights holder agreed", **sent)
    answer = client.post(url, {**form, "do": "second"})
    assert answer.status_code == 302
    # A double click asks once.
    assert client.post(url, {**form, "do": "second"})["Location"] == answer["Location"]
    return ApprovalRequest.objects.get(pk=answer["Location"].split("/")[2], member_id=someone.id)


def test_beyond_the_rules_a_second_person_decides(agent: Client, someone: Someone) -> None:
    head = someone.head
    wanted = asked_second(agent, someone)
    assert someone.head == head
    url = f"/approvals/{wanted.key}/"
    other = staff()
    assert "the rights holder agreed" in page(other.get(url))
    assert wanted.member_id in page(other.get("/approvals/"))
    token = held(page(other.get(url)), url)["token"]
    answer = other.post(url, {"token": token, "do": "approve", "answer": ""})
    assert answer.status_code == 302
    event = someone.last()
    assert (event.type, someone.head) == ("LicenseExtended", head + 1)
    assert event.metadata["approval"] == wanted.key
    license = someone.now.licenses[someone.film]
    assert licenses.ends_at(license) > timezone.now() + timedelta(days=299)
    # Again is once.
    again = other.post(url, {"token": token, "do": "approve", "answer": ""})
    assert again["Location"] == answer["Location"]
    assert someone.head == head + 1
    assert f"/members/{someone.id}/timeline/{head + 1}/" in page(other.get(url))


def test_nobody_decides_his_own(agent: Client, someone: Someone) -> None:
    wanted, head = asked_second(agent, someone), someone.head
    url = f"/approvals/{wanted.key}/"
    html = page(agent.get(url))
    assert "another person has to decide" in html
    assert "Approve and carry out" not in html
    for do in ("approve", "reject"):
        page(agent.post(url, {"do": do, "answer": "mine", "token": "x"}), 409)
    wanted.refresh_from_db()
    assert (wanted.state, someone.head) == ("pending", head)
    with pytest.raises(approvals.NotOpen):
        approvals.decide(
            wanted.key, approvals.APPROVED, _user(agent), "", timezone.now()
        )  # the database refuses it too


def test_a_request_can_be_rejected_with_an_answer(agent: Client, someone: Someone) -> None:
    wanted, head = asked_second(agent, someone), someone.head
    url, other = f"/approvals/{wanted.key}/", staff("operator")
    page(other.post(url, {"do": "reject", "answer": ""}), 422)
    page(other.post(url, {"answer": "neither"}), 422)
    assert other.post(url, {"do": "reject", "answer": "too long"}).status_code == 302
    assert "too long" in page(agent.get(url))
    page(staff().post(url, {"do": "approve", "token": "x"}), 409)
    assert someone.head == head


def test_a_request_expires(agent: Client, someone: Someone) -> None:
    wanted = asked_second(agent, someone)
    past = timezone.now() - timedelta(minutes=1)
    ApprovalRequest.objects.filter(pk=wanted.key).update(expires_at=past)
    url, other = f"/approvals/{wanted.key}/", staff()
    html = page(other.get(url))
    assert "Nobody decided in time" in html
    page(other.post(url, {"do": "reject", "answer": "late"}), 409)
    wanted.refresh_from_db()
    assert wanted.state == "pending"


def test_an_approval_does_what_was_looked_at(agent: Client, someone: Someone) -> None:
    wanted = asked_second(agent, someone)
    url, other = f"/approvals/{wanted.key}/", staff()
    token = held(page(other.get(url)), url)["token"]
    someone.does(AddNote("seen meanwhile"))
    head = someone.head
    html = page(other.post(url, {"token": token, "do": "approve"}), 409)
    assert "The history went on." in html
    wanted.refresh_from_db()
    assert (wanted.state, someone.head) == ("pending", head)


def test_goodwill_beyond_policy_needs_a_second_person(agent: Client, someone: Someone) -> None:
    month = (timezone.now() + timedelta(days=30)).date().isoformat()
    url = someone.url("grant")
    sent = {"limit": "max_downloads", "amount": "9", "until": month, "reason": "r"}
    html = page(agent.post(url, sent))
    assert "Beyond what one person may decide" in html
    head = someone.head
    page(agent.post(url, {**held(html, url), "do": "confirm"}), 409)
    assert someone.head == head


def test_words_of_requests_are_sealed_and_go_with_the_member(
    agent: Client, someone: Someone
) -> None:
    wanted = asked_second(agent, someone)
    with django_connection.cursor() as cursor:
        cursor.execute("SELECT t::text FROM approval_request t WHERE key = %s", [wanted.key])
        assert "rights holder" not in cursor.fetchone()[0]
    assert approvals.words(wanted)["reason"] == "the rights holder agreed"
    erasing.erase(someone.id, "erase-1", who=Who("command", "tests"), now=timezone.now())
    assert approvals.words(wanted)["reason"] == "[erased]"
    url = f"/approvals/{wanted.key}/"
    assert "It cannot be done any more" in page(staff().get(url))
    assert staff().post(url, {"do": "reject", "answer": "gone"}).status_code == 409
    assert "erased" in page(agent.get(someone.url("note")), 409)


# -- Undo --


@pytest.mark.parametrize("action", ["extend", "grant", "deactivate"])
def test_undo_is_an_action_that_compensates(agent: Client, someone: Someone, action: str) -> None:
    before = someone.now
    receipt = page(agent.get(confirmed(agent, someone.url(action), **picks(someone)[action])))
    undo = re.search(r'href="([^"]+)">Undo</a>', receipt)
    assert undo
    address = markup.unescape(undo[1])
    url = address.partition("?")[0]
    form = held(page(agent.get(address)), url)
    head = someone.head
    confirmed(agent, url, **{k: v for k, v in form.items() if k not in ("reason", "case")})
    assert someone.head == head + 1
    after = someone.now
    match action:
        case "extend":
            assert (
                after.licenses[someone.film].expires_at == before.licenses[someone.film].expires_at
            )
        case "grant":
            assert all(x.withdrawn_at for x in after.allowances.values())
        case _:
            assert after.devices[f"{someone.id}-ipad"].deactivated_at is None


def test_what_cannot_be_taken_back_offers_no_undo(agent: Client, someone: Someone) -> None:
    html = page(agent.get(confirmed(agent, someone.url("release"), license=someone.film)))
    assert ">Undo</a>" not in html


# -- Who, and what odd addresses get --


def test_actions_are_offered_at_the_head_to_whoever_may(agent: Client, someone: Someone) -> None:
    head = f"/members/{someone.id}/timeline/"
    html = page(agent.get(head))
    assert f'href="{someone.url("release")}"' in html
    past = page(agent.get(f"{head}1/"))
    assert f'href="{someone.url("release")}"' not in past
    assert 'aria-disabled="true">Actions' in past
    viewer = staff("viewer")
    assert someone.url("release") not in page(viewer.get(head))
    assert viewer.get(someone.url("release")).status_code == 403
    assert viewer.post(someone.url("release"), {"do": "confirm"}).status_code == 403


def test_odd_addresses_get_clear_answers(agent: Client, someone: Someone) -> None:
    assert agent.get(someone.url("destroy")).status_code == 404
    assert agent.get("/members/nobody-here/actions/release/").status_code == 404
    assert agent.get("/members/%20/actions/").status_code == 404
    assert agent.get("/approvals/%00/").status_code == 404
    assert agent.get(f"/members/{someone.id}/timeline/1/?receipt=%00").status_code == 200
    other = Someone()
    receipt = confirmed(agent, other.url("note"), text="x", step="1").partition("?")[2]
    html = page(agent.get(f"/members/{someone.id}/timeline/1/?{receipt}"))
    assert "Add a note</b>" not in html


def test_a_token_of_another_day_is_not_confirmed_after_a_repeat_of_the_key(
    agent: Client, someone: Someone
) -> None:
    """A form whose command was sent but whose end was never noted is answered from the log."""
    url = someone.url("extend")
    form = previewed(agent, url, license=someone.film, amount="5", unit="hours")
    first = agent.post(url, {**form, "do": "confirm"})
    StaffAction.objects.filter(pk=form["key"]).update(state="open", outcome="", version=None)
    again = agent.post(url, {**form, "do": "confirm"})
    assert again["Location"] == first["Location"]
    row = ledger.find(form["key"])
    assert row is not None
    assert (row.state, row.outcome, row.version) == ("done", "accepted", someone.head)


def test_an_allowance_that_was_granted_is_listed_to_be_taken_back(
    agent: Client, someone: Someone
) -> None:
    until = timezone.now() + timedelta(days=3)
    someone.does(GrantAllowance("max_downloads", 1, until, "goodwill"))
    html = page(agent.get(someone.url("take-allowance-back")))
    assert clock.moment(until, None).split(",")[0] in html


def _events(someone: Someone) -> list[store.RecordedEvent]:
    return list(store.read_stream(connection.opened(), history.stream_of(someone.id)))


def _user(client: Client) -> Any:
    from django.contrib.auth.models import User

    return User.objects.get(pk=client.session["_auth_user_id"])


def _like(client: Client) -> Client:
    """Another tab of the same browser."""
    other = Client()
    other.cookies = client.cookies
    return other


def _apart(call: Callable[[], HttpResponse]) -> HttpResponse:
    """Runs in a thread, which has a database connection of its own to close."""
    try:
        return call()
    finally:
        django_connection.close()
