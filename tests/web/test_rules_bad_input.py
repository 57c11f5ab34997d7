"""What people paste, type and come too late with: a message beside the place, and nothing lost."""

import io
import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from licensing import rulebook, rulemaking, service
from licensing.rules import drafting, life
from tests.conftest import new_id
from tests.web.test_rules_pages import Studio, person, publish
from timeline import spreadsheets


@pytest.fixture
def studio(database: object) -> Studio:
    return Studio()


def told(answer: Any) -> str:
    """The page in words."""
    text = unescape(re.sub(r"<[^>]+>", " ", answer.content.decode()))
    return re.sub(r"\s+", " ", text)


def paste(studio: Studio, block: str, **more: str) -> Any:
    form = {"table": "studio", "row": "", "column": "label", "block": block} | more
    return studio.post("paste/", form)


def take(studio: Studio, name: str, content: bytes) -> Any:
    return studio.post("import/", {"table": "studio", "file": SimpleUploadedFile(name, content)})


GARBAGE = {
    "prose": "Dear colleague,\nplease find attached the new terms.\nRegards",
    "a page": "<html><body onload=alert(1)>\t<table>\t=HYPERLINK(1)\tx",
    "numbers": "1\t2\t3\t4\n5\t6\t7\t8",
    "another table": "id\tplan\tmax\nb-1\tbasic\tmany",
    "too wide": "\t".join("abcdefghijklmnopqrstuvwxyz"),
}


@pytest.mark.parametrize("block", GARBAGE.values(), ids=list(GARBAGE))
def test_pasted_garbage_is_told_line_by_line_and_kept(studio: Studio, block: str) -> None:
    before = studio.draft
    answer = paste(studio, block, table="base", row="b-basic", column="when.plan")
    html = answer.content.decode()
    assert answer.status_code == 422
    assert re.search(r"line \d", told(answer))
    kept = re.search(r"<textarea[^>]*name=\"block\"[^>]*>(.*?)</textarea>", html, re.S)
    assert kept
    assert unescape(kept[1]).strip("\n") == block
    assert studio.draft == before


def test_ten_thousand_rows_are_taken_and_one_more_is_not(studio: Studio) -> None:
    """The largest table there may be is pasted, verified and looked at a page at a time."""
    row = "Studio {0}\tStudio {0}\tJP\t{1}"
    room = 10_000 - len(drafting.table(studio.draft.document, "studio")["rows"])
    block = "\n".join(row.format(number, number % 40) for number in range(room + 1))
    over = paste(studio, block)
    assert over.status_code == 422
    assert "at most 10,000" in told(over)
    assert studio.draft.revision == 0
    assert paste(studio, block.rpartition("\n")[0]).status_code == 302
    assert len(drafting.table(studio.draft.document, "studio")["rows"]) == 10_000
    page = studio.get("?table=studio")
    assert page.count("<tr") < 200  # a page of them
    assert "10000" in re.sub("[,\u202f]", "", page)


CONTRADICTIONS = {
    "the end before the start": ("2027-03-01", "2027-01-01"),
    "the end at the start": ("2027-03-01", "2027-03-01"),
}


@pytest.mark.parametrize("dates", CONTRADICTIONS.values(), ids=list(CONTRADICTIONS))
def test_contradictory_dates_are_told_at_the_row_and_keep_it_from_approval(
    studio: Studio, dates: tuple[str, str]
) -> None:
    for column, text in zip(("from", "to"), dates, strict=True):
        assert studio.cell("st-warner", column, text).status_code == 302
    html = studio.get("?table=studio")
    assert "Contradictory dates" in html
    marked = re.search(r'<tr[^>]*data-row="st-warner".*?</tr>', html, re.S)
    assert marked
    assert "i-warn" in marked[0]
    answer = studio.post("submission/", {})
    assert answer.status_code == 422
    assert studio.row("st-warner")["from"].startswith(dates[0])  # what was typed is kept


@pytest.mark.parametrize("text", ["2027-13-45", "31 February", "tomorrow", "2027-02-30T10:00"])
def test_what_is_no_date_is_told_in_its_cell(studio: Studio, text: str) -> None:
    answer = studio.cell("st-warner", "from", text)
    assert answer.status_code == 422
    assert "is no date" in told(answer)
    assert f'value="{text}"' in answer.content.decode()
    assert "from" not in studio.row("st-warner")


def test_unknown_countries_are_told_wherever_they_come_from(studio: Studio) -> None:
    before = studio.draft
    typed = studio.cell("st-warner", "when.country", "JP, Brazil")
    pasted = paste(studio, "Toho in Brazil\tToho\tBrazil\t3")
    lines = "row,label,when studio,when country\n,Toho,Toho,XX\n"
    filed = take(studio, "rules.csv", lines.encode())
    for answer, name in ((typed, "Brazil"), (pasted, "Brazil"), (filed, "XX")):
        assert answer.status_code == 422
        assert f"no country “{name}”" in told(answer), told(answer)[:3000]
    assert studio.draft == before


FILES: dict[str, tuple[str, bytes]] = {
    "nothing": ("a.csv", b""),
    "no text": ("a.csv", b"\x89PNG\r\n\x1a\n\x00\x00"),
    "no workbook": ("a.xlsx", b"PK\x03\x04 and then nothing"),
    "another kind": ("a.docx", b"words"),
    "no rule set": ("a.json", b'{"tables": 1}'),
    "no json": ("a.json", b"{"),
    "no row known": ("a.csv", b"colour,shape\nred,round\n"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_cannot_be_taken_says_why_and_changes_nothing(
    studio: Studio, name: str
) -> None:
    before = studio.draft
    answer = take(studio, *FILES[name])
    assert answer.status_code == 422
    assert "i-warn" in answer.content.decode()
    assert studio.draft == before


def test_a_file_of_too_many_rows_is_refused_before_it_is_read(studio: Studio) -> None:
    lines = "row,label,when studio\n" + "".join(f",S{n},S{n}\n" for n in range(10_001))
    answer = take(studio, "many.csv", lines.encode())
    assert answer.status_code == 422
    assert "more than 10,000 rows" in told(answer)
    formula = spreadsheets.to_xlsx({"studio": [["row", "label"], ["", "x"]]})
    assert take(studio, "a.xlsx", formula[: len(formula) // 2]).status_code == 422
    assert io.BytesIO(formula).read(2) == b"PK"


def test_somebody_elses_draft_says_whose_it_is_and_what_an_edit_means(studio: Studio) -> None:
    other = person("rules author")
    owner = studio.author.name  # type: ignore[attr-defined]
    page = studio.get("", other)
    assert f"This is {owner}’s draft" in unescape(page)
    assert "cannot approve it" in page
    assert "This is" not in unescape(studio.get(""))
    # Whoever may not edit keeps the page, without the ways to.
    looker = person("viewer")
    assert "Add row" not in studio.get("?table=studio", looker)
    form = {"row": "b-basic", "column": "label", "text:label": "Mine now"}
    assert studio.post("cell/", form, looker).status_code == 403
    assert studio.draft.revision == 0
    # And one that was never there is no fault of the page's.
    gone = studio.author.get(f"/rules/{studio.rule_set}/drafts/{new_id('draft')}/")
    assert gone.status_code == 404


def test_a_draft_whose_base_was_superseded_says_so_everywhere_and_loses_nothing(
    studio: Studio,
) -> None:
    studio.cell("b-basic", "then.max_devices", "3")
    for by, command in (
        ("ann", life.SubmitDraft(studio.draft_id)),
        ("bea", life.ApproveDraft(studio.draft_id, studio.draft.hash)),
    ):
        rulemaking.handle(
            studio.rule_set, command, command_id=new_id("c"),  # type: ignore[arg-type]
            actor=service.Actor("staff", by), now=timezone.now(),
        )  # fmt: skip
    other = Studio(rule_set=studio.rule_set)
    other.cell("b-basic", "then.max_devices", "2")
    publish(other)
    for tab in ("", "findings/", "impact/", "history/"):
        page = studio.get(tab)
        assert "Version 2 was published since this draft was started" in page
        assert "bring the draft up to date" in page
    answer = studio.post("publication/", {"when": "now"})
    assert answer.status_code == 409
    assert studio.row("b-basic")["then"]["max_devices"] == 3
    assert rulebook.life_of(studio.rule_set).last == other.draft.hash


def test_a_scheduled_draft_is_suspended_by_another_and_says_so(studio: Studio) -> None:
    studio.cell("b-basic", "then.max_devices", "3")
    later = timezone.now() + timedelta(days=30)
    for by, command in (
        ("ann", life.SubmitDraft(studio.draft_id)),
        ("bea", life.ApproveDraft(studio.draft_id, studio.draft.hash)),
        ("ann", life.PublishDraft(studio.draft_id, later)),
    ):
        rulemaking.handle(
            studio.rule_set, command, command_id=new_id("c"),  # type: ignore[arg-type]
            actor=service.Actor("staff", by), now=timezone.now(),
        )  # fmt: skip
    author = person("rules author")
    form = {"title": "Sooner", "key": new_id("k").replace("-", "") * 2, "base": "in force"}
    url = author.post(f"/rules/{studio.rule_set}/drafts/", form)["Location"]
    other = Studio.__new__(Studio)
    other.author, other.rule_set, other.url = author, studio.rule_set, url
    other.draft_id = url.rstrip("/").rpartition("/")[2]
    other.cell("b-basic", "then.max_devices", "2")
    publish(other)
    page = studio.get("")
    assert "Suspended before it came into force" in page
    assert studio.draft.status == "suspended"
    assert studio.row("b-basic")["then"]["max_devices"] == 3
