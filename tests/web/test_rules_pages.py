"""The rules studio's pages: every tab whole, every edit without script, nothing broken by input."""

import copy
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from licensing import backtests, rulebook, rulemaking, service, simulation, trail
from licensing.domain.commands import AcquireLicense, ChangePlan
from licensing.models import AuditEntry
from licensing.rules import drafting, life
from licensing.rules.life import Draft
from licensing.trail import NotNoted
from tests.conftest import new_id
from tests.web.test_pages import assert_strict

DEMO = Path(__file__).parents[2] / "licensing" / "demo"
RULES: dict[str, Any] = json.loads((DEMO / "rules_2.json").read_text())
START = datetime(2024, 1, 1, tzinfo=UTC)
INTEGER = {"name": "x", "label": "x", "path": "a", "type": "integer"}
COUNTER = {"name": "x", "label": "x", "of": "downloads", "window": "ever"}
TABS = ("", "findings/", "examples/", "try/", "impact/", "difference/", "history/", "data/")


def person(role: str) -> Client:
    """A browser of somebody new with a role; `client.name` is who."""
    user = User.objects.create_user(new_id(role.replace(" ", "-")), password="not used")
    user.groups.add(Group.objects.get_or_create(name=role)[0])
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    client.name = user.username  # type: ignore[attr-defined]
    return client


def new_rule_set(document: dict[str, Any] = RULES) -> str:
    name = new_id("rs")
    rulemaking.publish(
        name, document, valid_from=START, command_id=new_id("c"),
        actor=service.Actor("staff", "setup"), now=START,
    )  # fmt: skip
    return name


class Studio:
    """A draft of a rule set of its own, and its author's browser."""

    def __init__(self, document: dict[str, Any] = RULES, rule_set: str = "") -> None:
        self.author = person("rules author")
        self.rule_set = rule_set or new_rule_set(document)
        form = {"title": "For the test", "key": new_id("k").replace("-", "") * 2}
        answer = self.author.post(f"/rules/{self.rule_set}/drafts/", form)
        assert answer.status_code == 302, answer.content[:300]
        self.url = answer["Location"]
        self.draft_id = self.url.rstrip("/").rpartition("/")[2]

    @property
    def draft(self) -> Draft:
        return rulebook.life_of(self.rule_set).drafts[self.draft_id]

    def row(self, row_id: str) -> dict[str, Any]:
        return drafting.row(self.draft.document, row_id)[1]

    def get(self, path: str = "", client: Client | None = None, **headers: str) -> str:
        answer = (client or self.author).get(self.url + path, headers=headers)
        assert answer.status_code == 200, (path, answer.status_code)
        return answer.content.decode()

    def post(
        self, path: str, form: dict[str, Any], client: Client | None = None, **headers: str
    ) -> Any:
        form = {"revision": str(self.draft.revision)} | form
        return (client or self.author).post(self.url + path, form, headers=headers)

    def cell(self, row: str, column: str, text: str, **more: Any) -> Any:
        return self.post("cell/", {"row": row, "column": column, f"text:{column}": text, **more})


@pytest.fixture
def studio(database: object) -> Studio:
    return Studio()


def test_every_tab_is_a_page_for_everybody_and_strict(studio: Studio) -> None:
    for client in (studio.author, person("viewer")):
        for tab in TABS:
            html = studio.get(tab, client)
            assert_strict(html)
            assert "For the test" in html
    assert "Add row" not in studio.get("", person("viewer"))


def test_the_rule_sets_and_versions_are_pages(studio: Studio) -> None:
    viewer = person("viewer")
    index = viewer.get("/rules/").content.decode()
    assert_strict(index)
    one = viewer.get(f"/rules/{studio.rule_set}/").content.decode()
    assert_strict(one)
    assert "For the test" in one
    hash = rulebook.versions(studio.rule_set)[0].hash
    for name in ("1", hash, hash.removeprefix("sha256:")[:12]):
        html = viewer.get(f"/rules/{studio.rule_set}/{name}/").content.decode()
        assert_strict(html)
        assert 'id="row-st-universal"' in html
    for gone in ("0", "2", "sha256:123", "nothing", "%00"):
        assert viewer.get(f"/rules/{studio.rule_set}/{gone}/").status_code == 404
    assert viewer.get(f"/rules/{new_id('none')}/").status_code == 404
    assert viewer.get(f"/rules/{studio.rule_set}/drafts/nothing/").status_code == 404


def test_a_cell_is_edited_without_script(studio: Studio) -> None:
    html = studio.get("?table=studio&row=st-warner&column=when.country")
    assert 'id="drawer"' in html
    answer = studio.post(
        "cell/",
        {
            "row": "st-warner",
            "column": "when.country",
            "way:when.country": "not",
            "more:when.country": "JP, KR",
        },
    )  # fmt: skip
    assert answer.status_code == 302
    assert answer["Location"].endswith("#row-st-warner")
    assert studio.row("st-warner")["when"]["country"] == {"not_in": ["JP", "KR"]}
    assert studio.cell("st-warner", "then.studio_year_max", "9").status_code == 302
    assert studio.cell("st-warner", "from", "2026-12-01").status_code == 302
    row = studio.row("st-warner")
    assert (row["then"]["studio_year_max"], row["from"]) == (9, "2026-12-01T00:00:00Z")


def test_a_cell_edit_answers_with_the_row_and_the_findings(studio: Studio) -> None:
    form = {
        "row": "b-basic",
        "column": "when.plan",
        "way:when.plan": "in",
        "value:when.plan": ["basic", "premium"],
    }
    answer = studio.post("cell/", form, HX_Request="true")
    html = answer.content.decode()
    assert answer.status_code == 200
    assert answer["ETag"] == '"1"'
    assert '[id="row-b-basic"]' in html.replace("&quot;", '"')
    assert "basic, premium" in html
    assert "Overlap" in html
    assert "<html" not in html


@pytest.mark.parametrize(
    ("column", "text", "words"),
    [
        ("when.plan", "premum", "Did you mean premium?"),
        ("then.max_devices", "many", "not a whole number"),
        ("from", "someday", "is no date"),
        ("when.country", "JP, Brazil", "There is no country “Brazil”"),
        ("when.country", "not UK", "Did you mean GB?"),
        ("reason", "NOPE", "There is no reason"),
        ("label", "x" * 600, "longer than"),
        ("when.plan", "in EEA", "There is no list"),
    ],
)
def test_what_cannot_be_read_is_told_beside_the_cell_and_kept_in_it(
    studio: Studio, column: str, text: str, words: str
) -> None:
    row = "st-warner" if column == "when.country" else "b-basic"
    for headers in ({}, {"HX_Request": "true"}):
        form = {"row": row, "column": column, f"text:{column}": text}
        answer = studio.post("cell/", form, **headers)
        html = answer.content.decode()
        assert answer.status_code == 422
        assert words in html
        assert text[:500] in html
    assert studio.draft.revision == 0


def test_two_people_edit_one_draft(studio: Studio) -> None:
    other = person("rules author")
    assert studio.cell("b-basic", "then.max_devices", "2").status_code == 302
    late = {
        "revision": "0",
        "row": "b-standard",
        "column": "then.max_devices",
        "text:then.max_devices": "3",
    }
    assert other.post(studio.url + "cell/", late).status_code == 302  # another row: no conflict
    same = {
        "revision": "0",
        "row": "b-basic",
        "column": "then.max_devices",
        "text:then.max_devices": "4",
    }
    answer = other.post(studio.url + "cell/", same)
    html = answer.content.decode()
    assert answer.status_code == 409
    assert studio.author.name in html  # type: ignore[attr-defined]
    assert re.search(r"<del>1</del>.*<ins>2</ins>", html)
    assert 'value="4"' in html
    assert "Take mine" in html
    assert studio.row("b-basic")["then"]["max_devices"] == 2
    again = same | {"revision": str(studio.draft.revision)}
    assert other.post(studio.url + "cell/", again).status_code == 302
    assert studio.row("b-basic")["then"]["max_devices"] == 4


def test_if_match_names_the_revision(studio: Studio) -> None:
    assert studio.author.get(studio.url)["ETag"] == '"0"'
    studio.cell("b-basic", "then.max_devices", "2")
    form = {"row": "b-basic", "column": "then.max_devices", "text:then.max_devices": "3"}
    stale = studio.author.post(studio.url + "cell/", form, headers={"If-Match": '"0"'})
    assert stale.status_code == 409
    fresh = studio.author.post(studio.url + "cell/", form, headers={"If-Match": '"1"'})
    assert fresh.status_code == 302


def test_rows_are_added_duplicated_moved_disabled_and_removed(studio: Studio) -> None:
    def ids() -> list[str]:
        return [row["id"] for row in drafting.table(studio.draft.document, "studio")["rows"]]

    before = ids()
    for act, row in (
        ("add", ""),
        ("duplicate", before[0]),
        ("down", before[0]),
        ("disable", before[1]),
    ):
        answer = studio.post("rows/", {"act": act, "table": "studio", "row": row})
        assert answer.status_code == 302, answer.content[:300]
    assert ids()[:2] == [f"{before[0]}-2", before[0]]
    assert studio.row(before[1])["disabled"] is True
    assert "disabled" in studio.get("?table=studio")
    html = studio.post(
        "rows/", {"act": "remove", "table": "studio", "row": before[2]}, HX_Request="true"
    ).content
    assert b'id="grid"' in html
    assert before[2] not in ids()
    gone = studio.post("rows/", {"act": "up", "table": "studio", "row": before[2]})
    assert gone.status_code == 409
    assert "There is no row" in gone.content.decode()
    assert studio.post("rows/", {"act": "explode", "row": before[0]}).status_code == 409


def test_a_block_is_pasted_or_told_and_kept(studio: Studio) -> None:
    form = {
        "table": "studio",
        "row": "st-warner",
        "column": "when.studio",
        "block": "Toho\tJP\r\nMGM\tnot BR\r\n",
    }
    assert studio.post("paste/", form).status_code == 302
    assert studio.row("studio-new")["when"]["country"] == {"not_in": ["BR"]}
    form = {
        "table": "base",
        "row": "b-basic",
        "column": "then.max_devices",
        "block": "garbage\t<script>\n1\t2",
    }
    for headers in ({}, {"HX_Request": "true"}):
        answer = studio.post("paste/", form, **headers)
        html = answer.content.decode()
        assert answer.status_code == 422
        assert "garbage\t&lt;script&gt;" in html
        assert "line 1, then max_devices" in html
        # Where it was to go is still chosen.
        assert '<option value="then.max_devices" selected>' in html
        assert '<option value="b-basic" selected>' in html
    many = {"table": "studio", "row": "", "column": "label", "block": "x\n" * 10_001}
    answer = studio.post("paste/", many)
    assert answer.status_code == 422
    assert "at most 10,000" in answer.content.decode()


def test_findings_are_shown_with_a_witness_and_settled(studio: Studio) -> None:
    studio.post("rows/", {"act": "remove", "table": "base", "row": "b-premium"})
    html = studio.get("findings/")
    assert "Gap" in html
    assert "premium" in html
    key = re.search(r'name="finding" value="(\w+)"', html)
    assert key
    assert studio.post("findings/", {"finding": key[1]}).status_code == 302
    assert studio.row("base-gap-1")["when"] == {"plan": {"in": ["premium"]}}
    assert studio.post("findings/", {"finding": key[1]}).status_code == 409
    studio.cell("b-standard", "when.plan", "basic, standard")
    html = studio.get("findings/")
    assert "Plan of b-standard becomes standard" in html
    key = re.search(r'name="finding" value="(\w+)"', html)
    assert key
    assert studio.post("findings/", {"finding": key[1]}).status_code == 302
    assert studio.row("b-standard")["when"] == {"plan": {"in": ["standard"]}}
    studio.cell("b-basic", "from", "2026-12-01")
    studio.cell("b-basic", "to", "2026-11-01")
    assert "Contradictory dates" in studio.get("findings/")


def test_a_draft_lives_from_submission_to_publication(studio: Studio) -> None:
    studio.cell("b-basic", "then.max_devices", "2")
    approver = person("rules approver")
    assert studio.post("approval/", {"hash": studio.draft.hash}, approver).status_code == 409
    assert studio.post("submission/", {}).status_code == 302
    assert studio.post("approval/", {"hash": studio.draft.hash}).status_code == 403
    assert studio.post("approval/", {"hash": "sha256:0"}, approver).status_code == 409
    assert studio.post("approval/", {"hash": studio.draft.hash}, approver).status_code == 302
    early = studio.post("publication/", {"when": "now"})
    assert early.status_code == 409
    assert "not backtested" in early.content.decode()
    backtest(studio)
    assert "disabled" not in re.search(r"<button[^>]*>Publish</button>", studio.get("history/"))[0]  # type: ignore[index]
    past = studio.post("publication/", {"when": "later", "at": "2020-01-01"})
    assert past.status_code == 422
    assert studio.post("publication/", {"when": "later", "at": "soon"}).status_code == 422
    key = new_id("k")
    for _ in range(2):
        assert studio.post("publication/", {"when": "now", "key": key}).status_code == 302
    assert rulebook.current(timezone.now(), studio.rule_set).hash == studio.draft.hash
    assert len(rulebook.versions(studio.rule_set)) == 2
    closed = studio.cell("b-basic", "then.max_devices", "3")
    assert closed.status_code == 409


def test_every_change_is_noted_before_it_is_made(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    approver = person("rules approver")
    studio.cell("b-basic", "then.max_devices", "2")
    studio.post("submission/", {})
    studio.post("rejection/", {"reason": "Too generous"}, approver)
    studio.post("impact/", {"act": "start"})
    first = rulebook.versions(studio.rule_set)[0].hash
    approver.post(f"/rules/{studio.rule_set}/roll-back/", {"hash": first, "reason": "Back"})
    noted = AuditEntry.objects.filter(action="rules", subject=f"rules:{studio.rule_set}")
    assert [(row.who, row.purpose, row.reason) for row in noted.order_by("id")] == [
        (studio.author.name, "start draft", ""),  # type: ignore[attr-defined]
        (studio.author.name, "edit draft", ""),  # type: ignore[attr-defined]
        (studio.author.name, "submit draft", ""),  # type: ignore[attr-defined]
        (approver.name, "reject draft", "Too generous"),  # type: ignore[attr-defined]
        (studio.author.name, "start backtest", ""),  # type: ignore[attr-defined]
        (approver.name, "roll back", "Back"),  # type: ignore[attr-defined]
    ]

    def broken(*_: Any, **__: Any) -> Any:
        raise NotNoted("cannot be written")

    before = rulebook.head(studio.rule_set)
    monkeypatch.setattr(trail, "_run", broken)
    assert studio.cell("b-basic", "then.max_devices", "3").status_code == 503
    assert studio.post("impact/", {"act": "start", "key": str(uuid4())}).status_code == 503
    assert rulebook.head(studio.rule_set) == before


def test_whoever_sees_members_in_an_impact_is_noted(studio: Studio) -> None:
    reader = person("auditor")
    studio.get("impact/", reader)
    noted = AuditEntry.objects.filter(action="read", who=reader.name)  # type: ignore[attr-defined]
    assert [row.purpose for row in noted] == ["rules"]


def backtest(studio: Studio) -> None:
    from licensing import backtests

    answer = studio.post("impact/", {"act": "start"})
    assert answer.status_code == 302, answer.content[:500]
    run = backtests.latest(hash=studio.draft.hash)[0]
    assert "Waiting for a worker" in studio.get("impact/")
    assert backtests.work(run.id) is not None
    html = studio.get("impact/")
    assert "newly refused" in html
    part = studio.get("impact/", HX_Request="true", HX_Target="section#impact")
    assert "<html" not in part


def test_an_approver_never_approves_his_own(studio: Studio) -> None:
    approver = person("rules approver")
    assert "cannot approve it" in studio.get("", approver)
    form = {"row": "b-basic", "column": "then.max_devices", "text:then.max_devices": "2"}
    assert studio.post("cell/", form, approver).status_code == 302
    studio.post("submission/", {})
    answer = studio.post("approval/", {"hash": studio.draft.hash}, approver)
    assert answer.status_code == 403
    assert "You had a part in this draft" in answer.content.decode()


def test_who_may_not_is_refused(studio: Studio) -> None:
    form = {"row": "b-basic", "column": "then.max_devices", "text:then.max_devices": "2"}
    for role in ("viewer", "agent", "operator", "auditor"):
        assert studio.post("cell/", form, person(role)).status_code == 403
        assert studio.post("submission/", {}, person(role)).status_code == 403
    assert studio.post("approval/", {"hash": "x"}).status_code == 403
    back = {"hash": rulebook.versions(studio.rule_set)[0].hash, "reason": "no"}
    assert studio.author.post(f"/rules/{studio.rule_set}/roll-back/", back).status_code == 403


def test_a_superseded_draft_is_brought_up_to_date(studio: Studio) -> None:
    other = Studio(rule_set=studio.rule_set)
    studio.cell("b-basic", "then.max_devices", "3")
    studio.cell("st-warner", "then.studio_year_max", "9")
    other.cell("b-basic", "then.max_devices", "2")
    publish(other)
    html = studio.get("")
    assert "Version 2 was published since" in html
    assert "bring the draft up to date" in html
    html = studio.get("difference/")
    assert "Changed by both" in html
    clash = re.search(r'name="mine" value="([^"]+)"', html)
    assert clash
    answer = studio.post("difference/", {"mine": clash[1], "key": "0123456789abcdef"})
    assert answer.status_code == 302
    new = answer["Location"].rstrip("/").split("/")[-2]
    draft = rulebook.life_of(studio.rule_set).drafts[new]
    assert drafting.row(draft.document, "b-basic")[1]["then"]["max_devices"] == 3
    assert drafting.row(draft.document, "st-warner")[1]["then"]["studio_year_max"] == 9
    assert draft.base == rulebook.life_of(studio.rule_set).last
    assert studio.draft.status == "rejected"
    assert studio.post("difference/", {}).status_code == 409


def publish(studio: Studio) -> None:
    """Bring a draft into force by its commands alone."""
    now = timezone.now()
    for by, command in (
        ("ann", life.SubmitDraft(studio.draft_id)),
        ("bea", life.ApproveDraft(studio.draft_id, studio.draft.hash)),
        ("ann", life.PublishDraft(studio.draft_id, now)),
    ):
        rulemaking.handle(
            studio.rule_set, command, command_id=new_id("c"),  # type: ignore[arg-type]
            actor=service.Actor("staff", by), now=now,
        )  # fmt: skip


def test_an_earlier_version_comes_back_in_one_click(studio: Studio) -> None:
    studio.cell("b-basic", "then.max_devices", "2")
    publish(studio)
    first = rulebook.versions(studio.rule_set)[0].hash
    approver = person("rules approver")
    url = f"/rules/{studio.rule_set}/roll-back/"
    assert approver.post(url, {"hash": first, "reason": ""}).status_code == 422
    assert approver.post(url, {"hash": "sha256:0", "reason": "x"}).status_code == 409
    form = {"hash": first, "reason": "Too generous", "key": new_id("k")}
    for _ in range(2):
        assert approver.post(url, form).status_code == 302
    assert [each.hash for each in rulebook.versions(studio.rule_set)][2:] == [first]
    assert "Too generous" in approver.get(f"/rules/{studio.rule_set}/").content.decode()


def test_an_edit_is_taken_back(studio: Studio) -> None:
    studio.cell("b-basic", "then.max_devices", "2")
    assert "Take this edit back" in studio.get("history/")
    assert studio.post("undo/", {}).status_code == 302
    assert studio.draft.document == RULES
    assert "No difference" in studio.get("difference/")


def declare(studio: Studio, part: str, **form: Any) -> Any:
    return studio.post(f"data/{part}/", {"act": "save"} | form)


def test_facts_counters_limits_and_tables_are_declared_in_forms(studio: Studio) -> None:
    answer = declare(
        studio, "facts", name="quality", label="Quality", path="title.quality", type="string"
    )
    assert answer.status_code == 302, answer.content.decode()[:2000]
    counter = {
        "name": "studio_4k_today", "label": "4K today", "of": "downloads", "same": ["studio"],
        "window": "day", "path_1": "title.quality", "is_1": "4K", "limit": "studio_4k_max",
        "limit_label": "4K downloads a day", "reason": "STUDIO_4K", "message": "Enough for today.",
    }  # fmt: skip
    preview = studio.post("data/counters/", {"act": "preview"} | counter)
    assert preview.status_code == 200
    assert "on real members" in preview.content.decode()
    token = re.search(r'name="state" value="([^"]+)"', preview.content.decode())
    if token:  # there may be few members to count
        assert studio.post("preview/", {"state": token[1]}).status_code == 200
    assert studio.post("preview/", {"state": "forged"}).status_code == 422
    assert declare(studio, "counters", **counter).status_code == 302
    document = studio.draft.document
    assert document["counters"]["studio_4k_today"]["where"] == {"title.quality": {"in": ["4K"]}}
    assert document["limits"]["studio_4k_max"]["reason"] == "STUDIO_4K"
    table = {
        "name": "daily",
        "title": "Daily",
        "hit": "collect",
        "inputs": ["studio", "country", "quality"],
        "outputs": ["studio_4k_max"],
    }
    assert declare(studio, "tables", **table).status_code == 302
    assert declare(studio, "lists", name="EEA", values="NL\nDE, FR").status_code == 302
    assert studio.draft.document["lists"] == {"EEA": ["NL", "DE", "FR"]}
    more = {"old": "daily", "title": "Daily", "inputs": ["studio"], "outputs": ["studio_4k_max"]}
    assert declare(studio, "tables", **more).status_code == 302
    assert drafting.table(studio.draft.document, "daily")["inputs"] == ["studio"]
    for part, name in (
        ("facts", "quality"),
        ("counters", "studio_4k_today"),
        ("limits", "studio_4k_max"),
        ("reasons", "STUDIO_4K"),
        ("lists", "EEA"),
        ("tables", "daily"),
    ):
        assert_strict(studio.get(f"data/{part}/?name={name}"))
        assert studio.author.get(f"{studio.url}data/{part}/?name=gone").status_code == 409
    assert studio.post("data/lists/", {"act": "remove", "old": "EEA"}).status_code == 302
    assert studio.draft.document["lists"] == {}
    assert studio.author.get(f"{studio.url}data/planets/").status_code == 404


@pytest.mark.parametrize(
    ("part", "form", "words"),
    [
        ("facts", {"name": "Plan X", "label": "x", "path": "a", "type": "string"}, "made of"),
        ("facts", {"name": "plan", "label": "x", "path": "a", "type": "string"}, "already"),
        ("facts", {"name": "x", "label": "x", "path": "..", "type": "string"}, "A path is"),
        ("facts", INTEGER | {"default": "many"}, "whole number"),
        ("counters", COUNTER | {"window": "days"}, "how many"),
        ("counters", COUNTER | {"of": "planets"}, "valid choice"),
        ("counters", COUNTER | {"is_1": "4K"}, "what this is about"),
        ("limits", {"name": "max_devices", "label": "x"}, "already"),
        ("reasons", {"name": "lower", "message": "x"}, "capital letters"),
        ("lists", {"name": "EEA", "values": "not NL"}, "values only"),
        ("tables", {"name": "t", "title": "T", "hit": "collect"}, "required"),
        ("examples", {"name": "c", "row": "gone"}, "There is no row"),
    ],
)  # fmt: skip
def test_what_a_form_cannot_take_is_told_beside_the_field(
    studio: Studio, part: str, form: dict[str, Any], words: str
) -> None:
    answer = declare(studio, part, **form)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert studio.draft.revision == 0


def test_a_request_is_tried_and_kept_as_an_example(studio: Studio) -> None:
    html = studio.get("try/?purpose=acquire&f.plan=basic&n.devices_with_downloads=1")
    assert "Refused" in html
    assert "DEVICE_LIMIT" in html
    assert "whole number" in studio.get("try/?purpose=acquire&f.hours_left=soon")
    kept = re.search(r'href="([^"]*examples/\?case=[^"]*)"', html)
    assert kept
    form = studio.author.get(kept[1].replace("&amp;", "&")).content.decode()
    assert 'value="1"' in form
    case = {
        "name": "second-device",
        "f.plan": "basic",
        "n.devices_with_downloads": "1",
        "reason": "DEVICE_LIMIT",
        "purpose": "acquire",
    }
    assert declare(studio, "examples", **case).status_code == 302
    assert "1 example pass" in studio.get("examples/")
    studio.cell("b-basic", "then.max_devices", "2")
    assert "granted instead of refused" in studio.get("examples/")
    assert studio.post("submission/", {}).status_code == 422


def test_a_decision_is_loaded(studio: Studio, fresh: Callable[..., str]) -> None:
    from tests.web.story import tell

    member = fresh("m")
    last = tell(member)
    html = studio.get(f"try/?load=compare&member={member}&step={last - 1}")
    assert "As it was decided" in html
    assert "By this draft" in html
    for query, status in (
        (f"member={member}&step=1", 404),
        ("member=&step=1", 422),
        (f"member={member}&step=x", 422),
        ("member=nobody-here&step=3", 404),
    ):
        assert studio.author.get(f"{studio.url}try/?load=compare&{query}").status_code == status


def test_a_draft_that_is_no_rule_set_is_shown_as_what_it_is(database: object) -> None:
    rule_set = new_rule_set()
    author = person("rules author")
    rulemaking.handle(
        rule_set, life.StartDraft("odd", "Odd", {"tables": 5}), command_id=new_id("c"),
        actor=service.Actor("api", "k"), now=timezone.now(),
    )  # fmt: skip
    for tab in TABS:
        answer = author.get(f"/rules/{rule_set}/drafts/odd/{tab}")
        assert answer.status_code == 200, tab
        assert_strict(answer.content.decode())
    form = {"row": "x", "column": "label", "text:label": "y"}
    assert author.post(f"/rules/{rule_set}/drafts/odd/cell/", form).status_code == 409


def test_a_started_draft_needs_a_title_and_is_started_once(studio: Studio) -> None:
    url = f"/rules/{studio.rule_set}/drafts/"
    assert studio.author.post(url, {"title": " "}).status_code == 422
    form = {"title": "Twice", "key": new_id("k").replace("-", "")}
    places = {studio.author.post(url, form)["Location"] for _ in range(2)}
    assert len(places) == 1


def test_what_is_under_the_grid_follows_the_draft(
    studio: Studio, fresh: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Other tests' members are in the history too, and would take the places of the samples.
    monkeypatch.setitem(simulation.backtested.__kwdefaults__, "samples", 100_000)
    member, studio_id = fresh(), fresh("studio")
    now = timezone.now()
    service.handle(member, ChangePlan("premium", "BR"), command_id="c-1",
                   actor=service.Actor("api", "t"), now=now)  # fmt: skip
    issued = service.handle(
        member,
        AcquireLicense("film", "tv", title={"studio": studio_id}, device={"type": "laptop"}),
        command_id="c-2", actor=service.Actor("api", "t"), now=now,
    )  # fmt: skip
    block = f"{studio_id}\t{studio_id}\tBR\t0\t\t\t2020-01-01\t\tSTUDIO_YEARLY"
    studio.post("paste/", {"table": "studio", "block": block})
    assert "not of this draft as it is" in studio.get("?table=studio")
    run = backtests.start(studio.draft.document, by="t", rule_set_id=studio.rule_set)
    backtests.work(run.id, seconds=60)
    html = studio.get("?table=studio")
    assert_strict(html)
    assert "The draft adds studio-new, changes nothing before 1 Jan 2020" in html
    assert "Full report" in html
    # A sample leads to the same decision, made again by the draft.
    link = f"{member}/timeline/{issued.version}/"
    (href,) = [
        each for each in re.findall(r'href="([^"]+)"', studio.get("impact/")) if link in each
    ]
    trial = studio.author.get(unescape(href)).content.decode()
    assert "First divergence" in trial
    assert "the draft “For the test”" in trial
    form = {"row": "st-warner", "column": "when.country", "text:when.country": "JP"}
    answer = studio.post("cell/", form, HX_Request="true").content.decode()
    assert "not of this draft as it is" in answer
    assert "changes st-warner" in answer


def test_the_difference_is_told_in_words(studio: Studio) -> None:
    studio.cell("b-basic", "then.max_devices", "2")
    studio.cell("st-warner", "when.country", "JP, KR")
    studio.post("rows/", {"act": "add", "table": "device"})
    html = studio.get("difference/")
    assert "Max devices of b-basic" in html
    assert "Country of st-warner" in html
    assert "JP, KR" in html
    assert "Row device-new" in html


def test_hostile_documents_break_no_page(database: object) -> None:
    document = copy.deepcopy(RULES)
    document["title"] = '"><script>alert(1)</script>'
    document["tables"][1]["title"] = "<b>x</b>"
    document["tables"][1]["rows"][0]["label"] = "<img src=x onerror=alert(1)>"
    document["tables"][1]["rows"][0]["id"] = 'a"b] c'
    studio = Studio(document)
    for tab in ("", "?table=studio", "findings/", "difference/", "data/", "try/"):
        assert_strict(studio.get(tab))
    answer = studio.cell('a"b] c', "source", "x")
    assert answer.status_code == 302


def test_what_the_draft_does_not_change_is_told_apart_in_its_impact(studio: Studio) -> None:
    """Refusals by a row that the base has too come of older rules, and say so."""
    member, now = new_id("m"), timezone.now()
    film = {"name": "Metropolis", "studio": "UFA"}
    for number, command in enumerate(
        (ChangePlan("basic", "JP"), AcquireLicense("metropolis", "tv", title=film))
    ):
        service.handle(
            member, command, command_id=f"c{number}", actor=service.Actor("api", "t"), now=now
        )
    studio.cell("b-basic", "label", "Basic, as ever")
    backtest(studio)
    html = studio.get("impact/")
    assert re.search(r'wd-metropolis <small class="dim">as in v1</small>', html)
    assert "are so by rows that v1 has too" in html
    assert ">today</text>" in studio.author.get(f"/rules/{studio.rule_set}/").content.decode()
