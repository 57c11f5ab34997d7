"""Withdrawing a title or a studio by the pages: counted, confirmed, once; a second person."""

import re
import uuid
from datetime import datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.core import signing
from django.test import Client
from django.utils import timezone

from licensing import catalogue, history, rulebook
from licensing.models import AuditEntry
from projections import runner, withdrawals
from projections.withdrawals import Run
from tests.conftest import new_id
from tests.integration.test_withdrawals import Scene, download
from tests.web.test_actions import held, page
from tests.web.test_pages import staff
from tests.web.test_rules_pages import RULES, new_rule_set, person
from timeline import paging
from timeline.actions import withdrawing

URL = "/withdrawals/"


@pytest.fixture
def scene(published_rules: object) -> Scene:
    return Scene()


@pytest.fixture
def agent(database: object) -> Client:
    return staff()


def asked(scene: Scene, **more: str) -> dict[str, str]:
    return {"kind": "title", "name": scene.title, "reason": "contract 4711 ended"} | more


def previewed(client: Client, sent: dict[str, str]) -> str:
    return page(client.post(URL, sent | {"do": "preview"}))


def begun(client: Client, scene: Scene, **more: str) -> Run:
    """Preview and confirm; the withdrawal that came of it."""
    form = held(previewed(client, asked(scene, **more)), URL)
    answer = client.post(URL, form | {"do": "confirm"})
    assert answer.status_code == 302, page(answer, answer.status_code)
    run = withdrawals.find(uuid.UUID(answer["Location"].rstrip("/").rpartition("/")[2]))
    assert run is not None
    return run


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html)))


# -- The dry run --


def test_a_dry_run_counts_shows_five_and_writes_nothing(agent: Client) -> None:
    scene = Scene(members=7)
    heads = [history.head(m) for m in scene.members]
    html = previewed(agent, asked(scene, case="CS-9"))
    told = text_of(html)
    assert "7 active licenses would be taken back" in told
    assert "7 members concerned" in told
    sample = re.findall(r'<a class="mono" href="/members/([^/]+)/timeline/(\d+)/">', html)
    assert len(sample) == 5
    assert {member for member, _ in sample} <= set(scene.members)
    assert all(history.head(member) == int(step) for member, step in sample)
    assert told.count("would be taken back") == 1 + 5
    assert "What was taken back stays so" in told
    assert [history.head(m) for m in scene.members] == heads
    assert not any(run.name == scene.title for run in withdrawals.latest(50))


def test_a_studio_is_told_by_title(agent: Client, scene: Scene) -> None:
    download(scene.members[0], other := new_id("t"), scene.studio)
    catalogue.put(other, {"name": "Another film", "studio": scene.studio})
    runner.catch_up()
    html = previewed(agent, {"kind": "studio", "name": scene.studio, "reason": "r"})
    assert "4 active licenses" in text_of(html)
    assert "By title" in html


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"name": ""}, "Name a title or a studio."),
        ({"name": "no such film"}, "There is no title of this name or id"),
        ({"name": "no such studio", "kind": "studio"}, "There is no studio of this name"),
        ({"reason": " "}, "Say why; it is kept with the action."),
        ({"reason": "x" * 501}, "At most 500 characters."),
        ({"case": "a b"}, "Letters, digits and . _ / # - only"),
    ],
)
def test_bad_input_is_told_beside_its_place(
    agent: Client, scene: Scene, sent: dict[str, str], said: str
) -> None:
    html = page(agent.post(URL, asked(scene) | sent | {"do": "preview"}), 422)
    assert said in html
    assert 'aria-invalid="true"' in html
    kept = sent.get("reason", "contract 4711 ended").strip()
    assert f'value="{kept}"' in html  # nothing that was typed is lost


def test_titles_of_one_name_are_told_apart(agent: Client, scene: Scene) -> None:
    name = new_id("Nosferatu")
    for studio in ("UFA", "Herzog"):
        catalogue.put(new_id("t"), {"name": name, "studio": studio})
    html = previewed(agent, asked(scene, name=name))
    assert "Which of these?" in html
    assert "UFA" in html
    assert "Herzog" in html


def test_nothing_to_withdraw_is_said_and_not_offered(agent: Client, scene: Scene) -> None:
    catalogue.put(title := new_id("t"), {"name": "Unwanted"})
    html = previewed(agent, asked(scene, name=title))
    assert "Nobody holds an active license of it" in html
    assert 'value="confirm"' not in html


# -- The confirmation --


def test_what_was_confirmed_is_done_once_and_noted(agent: Client, scene: Scene) -> None:
    form = held(previewed(agent, asked(scene, case="CS-9")), URL) | {"do": "confirm"}
    first, second = agent.post(URL, form), agent.post(URL, form)  # a double click
    assert first["Location"] == second["Location"]
    run_id = uuid.UUID(first["Location"].rstrip("/").rpartition("/")[2])
    assert page(agent.get(first["Location"])).count("Waiting for a worker") == 1
    withdrawals.work(run_id=run_id)
    assert [len(scene.taken(m)) for m in scene.members] == [1, 1, 1]
    begins = AuditEntry.objects.filter(subject=f"title:{scene.title}", purpose="withdraw, begin")
    assert [(row.reason, row.detail["licenses"]) for row in begins] == [("contract 4711 ended", 3)]
    told = text_of(page(agent.get(first["Location"])))
    assert "3 taken back 0 already gone 0 refused" in told
    assert "What cannot be undone" in told
    for member in scene.members:
        assert f"/members/{member}/timeline/{history.head(member)}/" in page(
            agent.get(first["Location"])
        )
    event = scene.taken(scene.members[0])[0]
    assert event.metadata["case"] == "CS-9"


def test_more_than_was_shown_is_409_with_a_fresh_dry_run(agent: Client, scene: Scene) -> None:
    late = new_id("m")
    download(late, scene.title, scene.studio)  # the index does not know it yet
    form = held(previewed(agent, asked(scene)), URL)
    runner.catch_up()
    html = page(agent.post(URL, form | {"do": "confirm"}), 409)
    assert "Nothing was done: this is a fresh dry run" in html
    assert "1 more license was found" in text_of(html)
    assert "4 active licenses" in text_of(html)
    assert not any(run.name == scene.title for run in withdrawals.latest(50))
    again = held(html, URL)
    assert agent.post(URL, again | {"do": "confirm"}).status_code == 302


def test_an_old_dry_run_is_409(
    agent: Client, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = held(previewed(agent, asked(scene)), URL)
    monkeypatch.setattr(withdrawing, "VALID_S", -1)
    html = page(agent.post(URL, form | {"do": "confirm"}), 409)
    assert "older than five minutes" in html


@pytest.mark.parametrize("token", ["", "x", "a:b:c", "stolen"])
def test_a_token_of_nobody_or_somebody_else_does_nothing(
    agent: Client, scene: Scene, token: str
) -> None:
    if token == "stolen":
        token = held(previewed(staff(), asked(scene)), URL)["token"]
    html = page(agent.post(URL, asked(scene) | {"do": "confirm", "token": token}), 409)
    assert "Nothing was done" in html
    assert not any(run.name == scene.title for run in withdrawals.latest(50))


def test_change_brings_the_form_back_as_it_was(agent: Client, scene: Scene) -> None:
    form = held(previewed(agent, asked(scene, case="CS-9")), URL)
    html = page(agent.post(URL, form | {"do": "change"}))
    assert f'value="{scene.title}"' in html
    assert 'value="contract 4711 ended"' in html
    assert 'value="CS-9"' in html


def test_only_agents_and_operators_withdraw(scene: Scene) -> None:
    for role in ("viewer", "rules author", "auditor"):
        client = staff(role)
        assert "Agents and operators withdraw" in page(client.get(URL))
        assert client.post(URL, asked(scene)).status_code == 403
    assert "3 active licenses" in text_of(previewed(staff("operator"), asked(scene)))


# -- While it runs --


def test_it_is_stopped_and_goes_on_by_buttons(agent: Client, scene: Scene) -> None:
    run = begun(agent, scene)
    url = f"{URL}{run.id}/"
    assert agent.post(url, {"do": "stop"}).status_code == 302
    html = page(agent.get(url))
    assert "Stopped at 0 %" in html
    assert withdrawals.work(run_id=run.id) is None
    assert "Meanwhile it is stopped" in page(agent.post(url, {"do": "stop"}), 409)
    assert agent.post(url, {"do": "resume"}).status_code == 302
    done = withdrawals.work(run_id=run.id)
    assert done is not None
    assert done.withdrawn == 3
    assert "There is no such action" in page(agent.post(url, {"do": "burn"}), 422)
    purposes = AuditEntry.objects.filter(subject=f"title:{scene.title}").order_by("id")
    assert list(purposes.values_list("purpose", flat=True)) == [
        "withdraw, begin", "withdraw, stop", "withdraw, resume",
    ]  # fmt: skip


def test_the_progress_renews_itself_until_it_is_over(agent: Client, scene: Scene) -> None:
    run = begun(agent, scene)
    url = f"{URL}{run.id}/"
    part = agent.get(url, headers={"HX-Request": "true", "HX-Target": "div#run"})
    html = part.content.decode()
    assert html.lstrip().startswith('<div id="run"')
    assert "every 1s" in html
    assert "<progress" in html
    withdrawals.work(run_id=run.id)
    assert "every 1s" not in page(agent.get(url))


def test_outcomes_come_a_page_at_a_time_and_as_a_sheet(
    agent: Client, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    from timeline.views import withdrawals as views

    monkeypatch.setattr(views, "PAGE", 2)
    run = begun(agent, scene)
    withdrawals.work(run_id=run.id)
    html = page(agent.get(f"{URL}{run.id}/"))
    further = re.search(r'href="([^"]+)" rel="next"', html)
    assert further
    more = page(agent.get(unescape(further[1])))
    found = [m for m in scene.members for part in (html, more) if f'aria-label="{m}, lic' in part]
    assert sorted(found) == sorted(scene.members)
    sheet = b"".join(agent.get(f"{URL}{run.id}/outcomes.csv").streaming_content).decode()  # type: ignore[attr-defined]
    lines = sheet.splitlines()
    assert lines[0] == "member,license,outcome,detail,step,at"
    assert sorted(line.split(",")[0] for line in lines[1:]) == sorted(scene.members)
    forged = [paging.token((timezone.now(), text)) for text in ("z" * 36, "", "1")]
    for odd in ("x", "t", "tAAAA", *forged, paging.token((-1, "m", "l"))):
        page(agent.get(f"{URL}{run.id}/?after={odd}&outcome=zzz"))
        page(agent.get(f"{URL}?after={odd}"))
    assert agent.get(f"{URL}{uuid.uuid4()}/").status_code == 404


def test_what_was_downloaded_since_can_be_withdrawn_too(agent: Client, scene: Scene) -> None:
    run = begun(agent, scene)
    withdrawals.work(run_id=run.id)
    download(new_id("m"), scene.title, scene.studio)
    runner.catch_up()
    html = page(agent.get(f"{URL}{run.id}/"))
    assert "1 license was issued after" in text_of(html)
    assert f"{URL}?kind=title&amp;name={scene.title}" in html


# -- A second person --


def test_many_licenses_need_a_second_person(agent: Client, scene: Scene, settings: Any) -> None:
    settings.WITHDRAW_ALONE = 2
    assert "a second person has to agree" in previewed(agent, asked(scene))
    run = begun(agent, scene)
    url = f"{URL}{run.id}/"
    assert run.state == "asked"
    assert "another agent or operator has to agree" in page(agent.get(url))
    assert "You asked for this yourself" in page(agent.post(url, {"do": "agree"}), 409)
    other = staff("operator")
    assert "needed to reject" in page(other.get(url))
    assert "Say why" in page(other.post(url, {"do": "reject"}), 422)
    assert other.post(url, {"do": "agree", "answer": "seen the notice"}).status_code == 302
    done = withdrawals.work(run_id=run.id)
    assert done is not None
    assert (done.withdrawn, done.answer) == (3, "seen the notice")
    third = staff("operator")
    assert "Somebody else was first" in page(third.post(url, {"do": "agree"}), 409)


def test_a_rejected_or_forgotten_request_does_nothing(
    agent: Client, scene: Scene, settings: Any
) -> None:
    settings.WITHDRAW_ALONE = 0
    other = staff("operator")
    run = begun(agent, scene)
    url = f"{URL}{run.id}/"
    assert other.post(url, {"do": "reject", "answer": "not this one"}).status_code == 302
    assert "Nothing was done" in page(agent.get(url))
    forgotten = begun(agent, scene)
    settings.APPROVAL_HOURS = 0
    url = f"{URL}{forgotten.id}/"
    assert "Nobody agreed in time" in page(agent.get(url))
    assert "Nobody answered in time" in page(other.post(url, {"do": "agree"}), 409)
    assert withdrawals.work(run_id=forgotten.id) is None
    assert [len(scene.taken(m)) for m in scene.members] == [0, 0, 0]


# -- The rules --


def test_a_draft_refuses_new_downloads_and_another_allows_them_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rule_set = new_rule_set(RULES)
    author = person("rules author")
    catalogue.put(title := new_id("t"), {"name": "The Cat", "studio": "Toho"})
    sent = {"kind": "title", "name": title}
    answer = author.post(f"/rules/{rule_set}/refusals/", sent | {"do": "refuse"})
    assert answer.status_code == 302
    html = page(author.get(answer["Location"].partition("#")[0]))
    assert "The Cat withdrawn" in html
    draft = next(iter(rulebook.life_of(rule_set).drafts.values()))
    table = next(each for each in draft.document["tables"] if each["id"] == "withdrawn")
    assert table["rows"][-1] == {
        "id": f"wd-{title}", "label": "The Cat withdrawn", "when": {"title": {"in": [title]}},
        "then": {"allow": False}, "reason": "TITLE_WITHDRAWN",
    }  # fmt: skip
    lifted = author.post(
        f"/rules/{rule_set}/refusals/", {"kind": "title", "name": "metropolis", "do": "lift"}
    )
    assert lifted["Location"].endswith("#row-wd-metropolis")
    drafts = list(rulebook.life_of(rule_set).drafts.values())
    rows = next(each for each in drafts[-1].document["tables"] if each["id"] == "withdrawn")
    assert rows["rows"][0]["disabled"] is True
    # Where there is nothing to lift, or no column for it, that is said.
    for odd in (sent | {"do": "lift"}, {"kind": "studio", "name": "Toho", "do": "refuse"}):
        told = author.post(f"/rules/{rule_set}/refusals/", odd, follow=True)
        assert re.search("No row in force refuses The Cat|No table of these rules", page(told))
    assert author.get(f"/rules/{rule_set}/refusals/").status_code == 302
    assert staff("agent").post(f"/rules/{rule_set}/refusals/", sent).status_code == 403


def test_the_page_says_whether_the_rules_refuse_it(agent: Client, scene: Scene) -> None:
    assert "Not stopped by this" in previewed(agent, asked(scene))


def test_signed_tokens_hold_what_was_seen(agent: Client, scene: Scene) -> None:
    token = held(previewed(agent, asked(scene)), URL)["token"]
    told = signing.loads(token, salt=withdrawing.SALT)
    assert (told["licenses"], told["members"], told["name"]) == (3, 3, scene.title)
    assert timezone.now() - datetime.fromisoformat(told["until"]) < timedelta(minutes=5)
