"""The rules studio in a browser: a restriction goes live by clicks alone, and the grid by keys."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from time import monotonic

import pytest
from django.contrib.auth.models import Group, User
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from licensing import backtests, rulebook, rulemaking, service
from licensing.domain.commands import AcquireLicense, ChangePlan
from licensing.rules import drafting
from tests.browser.conftest import Site
from tests.browser.kit import background, sign_in
from tests.conftest import new_id

DEMO = Path(__file__).parents[2] / "licensing" / "demo"
RULES = json.loads((DEMO / "rules_2.json").read_text())
STUDIO = "Toho"


@pytest.fixture
def signed_in(chromium: Browser, served: Site) -> Iterator[Callable[..., Page]]:
    """`signed_in("rules author")` is a page of a browser of its own; its faults fail the test."""
    contexts, faults = [], []

    def person(role: str, **options: object) -> Page:
        context = chromium.new_context(base_url=served.url, **options)  # type: ignore[arg-type]
        context.set_default_timeout(10_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
        name, password = new_id(role.replace(" ", "-")), new_id("password")
        user = User.objects.create_user(name, password=password)
        user.groups.add(Group.objects.get_or_create(name=role)[0])
        sign_in(page, name, password)
        return page

    yield person
    for context in contexts:
        context.close()
    # A 4xx is an answer here (a conflict, a fault beside its cell), which Chromium logs as well.
    assert [each for each in faults if "the server responded with a status of 4" not in each] == []


@pytest.fixture
def rule_set(database: object) -> str:
    name = new_id("rs")
    start = timezone.now() - timedelta(days=400)
    rulemaking.publish(
        name, RULES, valid_from=start, command_id=new_id("c"),
        actor=service.Actor("staff", "setup"), now=start,
    )  # fmt: skip
    return name


def worker() -> AbstractContextManager[None]:
    """Somebody who takes up backtests, as the beat's tick does."""
    return background(lambda: backtests.work_on_next(seconds=1), pause=0.1)


def start_draft(page: Page, rule_set: str, title: str = "Tighter") -> str:
    page.goto(f"/rules/{rule_set}/")
    page.get_by_label("Start a draft: what is it for?").fill(title)
    page.get_by_role("button", name="Start a draft").click()
    page.wait_for_url("**/drafts/*/")
    return page.url.rstrip("/").rpartition("/")[2]


def document(rule_set: str, draft_id: str) -> dict[str, object]:
    return rulebook.life_of(rule_set).drafts[draft_id].document


def test_a_restriction_nobody_thought_of_goes_live_by_clicks_alone(
    signed_in: Callable[..., Page], rule_set: str
) -> None:
    """At most 2 downloads per day of Toho's 4K titles in BR; no code, no deploy, five minutes."""
    began = monotonic()
    member = brazilian()
    page = signed_in("rules author")
    draft_id = start_draft(
        page, rule_set, "At most 2 downloads a day of Toho's 4K titles in Brazil"
    )

    page.get_by_role("link", name="Facts and counters").click()
    page.get_by_role("link", name="Add a fact").click()
    page.get_by_label("Name", exact=True).fill("quality")
    page.get_by_label("Label", exact=True).fill("Quality")
    page.get_by_label("Found at").fill("title.quality")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("link", name="Add a counter").click()
    page.get_by_label("Name", exact=True).fill("studio_4k_today")
    page.get_by_label("Label", exact=True).fill("4K downloads from this studio today")
    page.get_by_role("checkbox", name="Studio (studio)").check()
    page.get_by_label("In", exact=True).select_option("day")
    page.get_by_label("Where").first.select_option("title.quality")
    page.get_by_label("is", exact=True).first.fill("4K")
    page.get_by_label("Limit", exact=True).fill("studio_4k_max")
    page.get_by_label("Limit in words").fill("4K downloads from this studio a day")
    page.get_by_label("Reason code").fill("STUDIO_4K_DAILY")
    page.get_by_label("Reason in words").fill("Two 4K films of this studio a day are the limit.")
    page.get_by_role("button", name="Preview on real members").click()
    expect(page.get_by_text("nothing has to be filled in")).to_be_visible(timeout=60_000)
    expect(page.locator("#preview")).to_contain_text(member)
    page.get_by_role("button", name="Save").click()

    page.get_by_role("link", name="Add a table").click()
    page.get_by_label("Id", exact=True).fill("daily")
    page.get_by_role("textbox", name="Title", exact=True).fill("Daily limits")
    for name in ("Studio", "Country", "Quality"):
        page.locator("[data-field=inputs]").get_by_role("checkbox", name=name, exact=True).check()
    page.locator("[data-field=outputs]").get_by_role("checkbox", name="studio_4k_max").check()
    page.get_by_role("button", name="Save").click()

    page.get_by_role("button", name="Add row").click()
    key = page.locator('[data-cell="daily-new~when.studio"]')
    expect(page.locator('[data-cell="daily-new~label"]')).to_be_focused()
    for text in ("Toho 4K in Brazil", STUDIO, "BR", "4K", "2"):
        page.keyboard.type(text)
        page.keyboard.press("Tab")
        expect(page.locator("#grid")).to_contain_text(text)
        expect(page.locator("body > form[hidden]")).to_have_count(0)
    expect(key).to_have_text(STUDIO)
    expect(page.locator("#findings")).to_contain_text("No redundant rows")

    page.get_by_role("link", name="Try", exact=True).click()
    for label, value in (("Country", "BR"), ("Studio", STUDIO), ("Quality", "4K")):
        page.get_by_label(label, exact=True).fill(value)
    page.get_by_label("Plan").select_option("premium")
    page.get_by_label("4K downloads from this studio today").fill("2")
    page.get_by_role("button", name="Try it").click()
    expect(page.locator(".verdictbox")).to_contain_text("STUDIO_4K_DAILY")
    page.get_by_role("link", name="Keep as an example").click()
    page.get_by_label("Id", exact=True).fill("third-4k")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="1 example passes")).to_be_visible()

    page.get_by_role("link", name="Impact").click()
    with worker():
        page.get_by_role("button", name="Run the backtest").click()
        expect(page.get_by_text("newly refused")).to_be_visible()
        expect(page.get_by_role("button", name="Run again")).to_be_visible(timeout=120_000)
    expect(page.locator("#impact")).to_contain_text("STUDIO_4K_DAILY")
    page.get_by_role("button", name="Ask for approval").click()
    expect(page.get_by_text("You had a part in this draft")).to_be_visible()

    approver = signed_in("rules approver")
    approver.goto(f"/rules/{rule_set}/drafts/{draft_id}/difference/")
    expect(approver.locator("main")).to_contain_text("Row daily-new")
    approver.get_by_role("link", name="Approve or give back").click()
    approver.get_by_role("button", name="Approve").click()
    expect(approver.get_by_text("Next: publish")).to_be_visible()

    page.reload()
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_text("It is in force.")).to_be_visible()
    in_force = rulebook.current(timezone.now(), rule_set)
    assert in_force.version == 2
    assert in_force.ruleset.limits["studio_4k_max"].reason == "STUDIO_4K_DAILY"
    assert monotonic() - began < 300


def brazilian() -> str:
    """A member who downloaded three 4K films of one studio today."""
    member, now = new_id("m"), timezone.now()
    commands = [ChangePlan("premium", "BR")]
    commands += [  # type: ignore[misc]
        AcquireLicense(f"film-{n}", "tv", title={"studio": STUDIO, "quality": "4K"},
                       device={"type": "laptop"})
        for n in range(3)
    ]  # fmt: skip
    for number, command in enumerate(commands):
        service.handle(
            member, command, command_id=f"c{number}", actor=service.Actor("api", "t"), now=now
        )
    return member


def test_the_grid_is_edited_by_keys_and_says_what_is_wrong(
    signed_in: Callable[..., Page], rule_set: str
) -> None:
    page = signed_in("rules author")
    draft_id = start_draft(page, rule_set)
    cell = page.locator('[data-cell="b-basic~label"]')
    cell.click()
    expect(cell).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    expect(page.locator('[data-cell="b-standard~when.plan"]')).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.type("basic, premium")
    page.keyboard.press("Enter")
    expect(page.locator("#findings")).to_contain_text("Overlap")
    expect(page.locator('[data-cell="b-standard~when.plan"]')).to_be_focused()
    expect(page.locator("#revision")).to_have_text("1")
    # The form of a cell: opened by Enter, closed by Escape, its faults beside it.
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(page.locator("#drawer")).to_be_visible()
    page.locator("#drawer").get_by_role("checkbox", name="premium").uncheck()
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#findings")).to_contain_text("No overlaps")
    expect(page.locator("#drawer")).to_have_count(0)
    page.locator('[data-cell="b-basic~then.max_devices"]').click()
    page.keyboard.type("many")
    page.keyboard.press("Enter")
    expect(page.locator("#drawer .err")).to_contain_text("not a whole number")
    expect(page.locator("#drawer input[aria-invalid=true]")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#drawer")).to_have_count(0)
    # Rows: duplicated, moved, pasted into.
    page.locator('[data-cell="b-basic~label"]').click()
    page.keyboard.press("Control+d")
    expect(page.locator('[data-row="b-basic-2"]')).to_be_visible()
    expect(page.locator('[data-cell="b-basic-2~label"]')).to_be_focused()
    page.keyboard.press("Alt+ArrowUp")
    expect(page.locator("tbody tr").first).to_have_attribute("data-row", "b-basic-2")
    page.evaluate(
        """() => {
          const data = new DataTransfer();
          data.setData('text/plain', 'Pasted\\tstandard\\nToo\\tpremium');
          document.activeElement.dispatchEvent(
            new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }));
        }"""
    )
    expect(page.locator('[data-cell="b-basic-2~label"]')).to_have_text("Pasted")
    expect(page.locator('[data-cell="b-basic~when.plan"]')).to_have_text("premium")
    _, row = drafting.row(document(rule_set, draft_id), "b-basic")  # type: ignore[arg-type]
    assert row["label"] == "Too"


def test_who_writes_faster_than_answers_come_loses_nothing(
    signed_in: Callable[..., Page], rule_set: str
) -> None:
    """A row is written without a pause, over a network that takes a while for each answer."""
    page = signed_in("rules author")
    draft_id = start_draft(page, rule_set)
    page.goto(page.url + "?table=studio")

    slow = {"offline": False, "latency": 250, "downloadThroughput": -1, "uploadThroughput": -1}
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", slow)
    page.locator('[data-cell="st-warner~label"]').click()
    for text in ("Warner at home", "Warner Bros., MGM", "JP, KR"):
        page.keyboard.type(text, delay=15)
        page.keyboard.press("Tab")
    expect(page.locator("#revision")).to_have_text("3", timeout=15_000)
    expect(page.locator("#drawer")).to_have_count(0)
    _, row = drafting.row(document(rule_set, draft_id), "st-warner")  # type: ignore[arg-type]
    assert row["label"] == "Warner at home"
    assert row["when"] == {
        "studio": {"in": ["Warner Bros.", "MGM"]}, "country": {"in": ["JP", "KR"]},
    }  # fmt: skip


def test_a_conflict_shows_both_edits(signed_in: Callable[..., Page], rule_set: str) -> None:
    one, other = signed_in("rules author"), signed_in("rules author")
    draft_id = start_draft(one, rule_set)
    other.goto(one.url)
    for page, number in ((one, "2"), (other, "3")):
        page.locator('[data-cell="b-basic~then.max_devices"]').click()
        page.keyboard.type(number)
        page.keyboard.press("Enter")
        expect(page.locator("body > form[hidden]")).to_have_count(0)
    expect(one.locator('[data-cell="b-basic~then.max_devices"]')).to_have_text("2")
    drawer = other.locator("#drawer")
    expect(drawer).to_contain_text("changed this while you were at it")
    expect(drawer.locator("ins")).to_have_text("2")
    drawer.get_by_role("button", name="Take mine").click()
    expect(other.locator('[data-cell="b-basic~then.max_devices"]')).to_have_text("3")
    _, row = drafting.row(document(rule_set, draft_id), "b-basic")  # type: ignore[arg-type]
    assert row["then"]["max_devices"] == 3


def test_every_edit_works_without_script(signed_in: Callable[..., Page], rule_set: str) -> None:
    page = signed_in("rules author", java_script_enabled=False)
    start_draft(page, rule_set)
    page.get_by_role("link", name="Studio contracts").click()
    page.locator('[data-cell="st-warner~when.country"]').click()
    page.get_by_label("Country condition").select_option("not")
    page.get_by_label("Country values").fill("JP, KR")
    page.get_by_role("button", name="Save").click()
    expect(page.locator('[data-cell="st-warner~when.country"]')).to_have_text("not JP, KR")
    page.locator('[data-cell="st-warner~"]').click()
    page.get_by_role("button", name="Disable").click()
    expect(page.locator('[data-row="st-warner"]')).to_contain_text("disabled")
    page.get_by_role("button", name="Add row").click()
    expect(page.locator('[data-row="studio-new"]')).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_the_pages_fit_wide_and_narrow(
    signed_in: Callable[..., Page], rule_set: str, theme: str, width: int
) -> None:
    brazilian()
    page = signed_in("rules author", viewport={"width": width, "height": 1000}, color_scheme=theme)
    draft_id = start_draft(page, rule_set, "Fewer devices on the basic plan, and Toho in Japan")
    page.goto(page.url + "?table=studio")
    page.get_by_text("Paste a block").click()
    later = f"{timezone.now() + timedelta(days=20):%Y-%m-%d}"
    block = (
        f"Toho in Japan\tToho\tJP\t3\t\t\t{later}\t\tSTUDIO_YEARLY\tcontract 5120 §1\tLicensing\n"
    )
    block += "Warner again\tWarner Bros.\tany\t20\t\t\t\t\t\t\t\n"
    block += "Toho in Brazil\tToho\tBR\t1\t\t\t\t\tSTUDIO_YEARLY\tcontract 5121 §1\tLicensing"
    page.get_by_label("Block").fill(block)
    page.get_by_role("button", name="Paste it in").click()
    expect(page.locator('[data-row="studio-new"]')).to_be_visible()
    base = f"/rules/{rule_set}/drafts/{draft_id}/"
    run = backtests.start(document(rule_set, draft_id), by="t", rule_set_id=rule_set)
    backtests.work(run.id, seconds=3)
    for name, path in {
        "edit": f"{base}?table=studio",
        "cell": f"{base}?row=st-warner&column=when.country",
        "row": f"{base}?row=b-basic",
        "findings": f"{base}findings/",
        "data": f"{base}data/",
        "counter": f"{base}data/counters/?name=studio_downloads_year",
        "try": f"{base}try/?purpose=acquire&f.plan=basic&n.devices_with_downloads=1",
        "impact": f"{base}impact/",
        "difference": f"{base}difference/",
        "history": f"{base}history/",
        "set": f"/rules/{rule_set}/",
        "version": f"/rules/{rule_set}/1/",
    }.items():
        page.goto(path)
        page.wait_for_load_state("networkidle")
        sideways = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert sideways <= 0, (name, sideways)
        picture(page, f"rules-{name}-{width}-{theme}")


def picture(page: Page, name: str) -> None:
    folder = os.environ.get("PLAYHEAD_PICTURES")
    if folder:
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)
