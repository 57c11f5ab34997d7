"""The pages beside the timeline with JavaScript switched off: every way is a link or a form."""

import csv
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.contrib.auth.models import Group, User
from playwright.sync_api import Browser, Page, expect

from licensing import catalogue, service
from licensing.domain.commands import AcquireLicense, ChangePlan
from projections import runner
from tests.browser.conftest import Site
from tests.conftest import new_id
from tests.web.story import tell
from tests.web.test_pages import step_of
from timeline import profiles


@pytest.fixture(scope="module")
def told(database: object, published_rules: object) -> tuple[str, int]:
    """A member with a story, and its last step."""
    member = new_id("m")
    last = tell(member)
    runner.catch_up()
    return member, last


@pytest.fixture(scope="module")
def refused(database: object, published_rules: object) -> str:
    """A member on basic who was refused a second device just now."""
    member = new_id("m")
    for command in (
        ChangePlan("basic", "DE"),
        *(
            AcquireLicense(title, new_id("d"), title={"studio": "UFA"}, device={"type": "tv"})
            for title in ("metropolis", "nosferatu")
        ),
    ):
        service.handle(
            member,
            command,
            command_id=new_id("c"),
            actor=service.Actor("device", "tests"),
            now=datetime.now(UTC),
        )
    runner.catch_up()
    return member


@pytest.fixture
def plain(chromium: Browser, served: Site) -> Iterator[Page]:
    """A page without script, signed in by its form as an agent, at the home page."""
    context = chromium.new_context(base_url=served.url, java_script_enabled=False)
    context.set_default_timeout(10_000)
    username, password = new_id("agent"), new_id("password")
    user = User.objects.create_user(username, password=password)
    user.groups.add(Group.objects.get_or_create(name="agent")[0])
    page = context.new_page()
    page.goto("/")
    page.fill("input[name=username]", username)
    page.fill("input[name=password]", password)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_title("Members · Playhead")
    yield page
    context.close()


def search(page: Page, text: str) -> None:
    page.goto("/")
    page.locator("#q").fill(text)
    page.get_by_role("button", name="Search").click()


def test_home_finds_a_member_and_leads_back(plain: Page, told: tuple[str, int]) -> None:
    member, _ = told
    mail = f"{new_id('ada')}@example.org"
    profiles.put(member, mail, "Ada")
    for text in (member, f"member:{member}", mail, f"{member}-ipad"):
        search(plain, text)
        expect(plain).to_have_url(re.compile(f"/members/{member}/timeline/$"))
    plain.get_by_role("link", name="Members", exact=True).first.click()
    plain.locator(".recent").get_by_role("link", name=member).click()
    expect(plain.locator("#panel-in")).to_be_visible()
    plain.locator("#find").fill("nobody-of-this-name")
    plain.locator("#find").press("Enter")
    expect(plain.locator(".found")).to_contain_text("has the id “nobody-of-this-name”")
    plain.get_by_role("link", name="See all members").click()
    expect(plain.get_by_role("heading", level=1)).to_have_text("Members")


def test_a_queue_leads_to_the_step_and_its_reason(plain: Page, refused: str) -> None:
    plain.goto("/")
    plain.get_by_role("link", name=re.compile("Refusals")).first.click()
    plain.get_by_role("link", name=re.compile(f"{refused}, step")).click()
    expect(plain.locator("[data-tab=why]")).to_have_attribute("aria-current", "page")
    expect(plain.locator(".panel-body")).to_contain_text("DEVICE_LIMIT")


def test_the_catalogue_is_searched(plain: Page) -> None:
    title = new_id("t")
    catalogue.put(title, {"name": f"Film {title}", "studio": "Nero-Film"})
    plain.goto("/")
    plain.get_by_role("link", name="Catalogue").first.click()
    plain.get_by_label("Find a title").fill(title)
    plain.get_by_role("button", name="Find").click()
    expect(plain.locator(".found tbody tr")).to_have_count(1)
    expect(plain.locator(".found")).to_contain_text(f"Film {title}")


def test_rows_events_and_state_are_taken_along(
    plain: Page, told: tuple[str, int], tmp_path: Path
) -> None:
    member, last = told
    plain.goto(f"/members/{member}/timeline/5/")
    plain.locator("summary", has_text="Outcome").click()
    plain.locator("[name=outcome][value=refused]").check()
    plain.locator("#filter").get_by_role("button", name="Filter").click()
    plain.locator(".tools summary").click()
    expect(plain.get_by_role("button", name="Print this step")).to_be_hidden()
    rows = list(csv.DictReader(saved(plain, "Rows as CSV", tmp_path).splitlines()))
    assert rows
    assert all("Refused" in row["outcome"] for row in rows)
    assert len(rows) == plain.locator(".evlist .ev").count()
    events = saved(plain, "Events as JSON lines", tmp_path).splitlines()
    assert len(events) == last
    assert {json.loads(line)["member"] for line in events} == {member}
    plain.locator("[data-tab=state]").click()
    state = json.loads(saved(plain, "The state as known at step 5", tmp_path))
    assert state["version"] == 5


def test_orders_windows_and_the_table_are_links(plain: Page, told: tuple[str, int]) -> None:
    member, last = told
    plain.goto(f"/members/{member}/timeline/{last}/")
    plain.get_by_role("link", name="As it happened").click()
    plain.get_by_role("link", name="Look closer").click()
    plain.get_by_role("link", name="Show as table").click()
    expect(plain.locator("#plot caption")).to_contain_text("Licenses and refusals between")
    expect(plain.get_by_role("link", name="As it happened")).to_have_attribute(
        "aria-current", "true"
    )
    plain.locator("#plot tbody a").first.click()
    expect(plain.locator("#plot")).to_contain_text("At the playhead")  # and stays a table
    plain.get_by_role("link", name="Show as lanes").click()
    plain.locator("#plot .refmark").first.focus()
    plain.keyboard.press("Enter")
    expect(plain.locator("#step-h")).to_contain_text("refused")
    plain.locator("#box").fill("2026-09-03 12:00")
    plain.locator("#box").press("Enter")
    expect(plain.locator(".say")).to_contain_text("No event at 3 Sep 12:00. Showing step 3")


def test_ways_lead_along_a_license_and_the_refusals(plain: Page, told: tuple[str, int]) -> None:
    member, _ = told
    plain.goto(f"/members/{member}/timeline/1/")
    plain.locator("[data-way=refusal-next]").click()
    expect(plain.locator("#step-h")).to_contain_text("refused")
    step = step_of(member, "LicenseRenewed")
    plain.goto(f"/members/{member}/timeline/{step}/")
    plain.locator("[data-way=follow-previous]").click()
    expect(plain.locator("#step-h")).to_contain_text("The Third Man")
    plain.locator(".way summary").click()
    plain.get_by_role("link", name="the device iPad Air").click()
    expect(plain).to_have_url(re.compile("of=device"))
    plain.locator("[data-way=follow-next]").click()
    expect(plain.locator(".panel-in")).to_contain_text("iPad Air")


def test_compare_and_what_if_are_forms(plain: Page, told: tuple[str, int]) -> None:
    member, _ = told
    issued = step_of(member, "LicenseIssued")
    plain.goto(f"/members/{member}/timeline/{issued + 6}/?tab=compare")
    plain.locator("#a").fill(str(issued - 1))
    plain.get_by_role("button", name="Compare").click()
    expect(plain.locator("#panel")).to_contain_text("Events that only one side knows")
    plain.get_by_role("link", name="Swap").click()
    expect(plain.locator("#panel-in")).to_have_attribute("data-v", str(issued - 1))
    plain.goto(f"/members/{member}/timeline/{issued}/")
    plain.get_by_role("link", name="What if").click()
    plain.get_by_label(f"Without step {issued}").check()
    plain.get_by_role("button", name="Try").click()
    expect(plain.locator(".watermark")).to_contain_text("Simulation")
    expect(plain.locator(".sim")).to_contain_text("First divergence")


def test_an_action_is_previewed_and_confirmed(plain: Page, told: tuple[str, int]) -> None:
    member, last = told
    plain.goto(f"/members/{member}/timeline/")
    plain.locator("#act-menu summary").click()
    plain.get_by_role("link", name="Note", exact=False).first.click()
    plain.locator("textarea, input[name=text]").first.fill("called about the laptop")
    if plain.locator("[name=reason]").count():
        plain.locator("[name=reason]").fill("asked by phone")
    plain.get_by_role("button", name="Preview").click()
    expect(plain.locator(".act-preview")).to_contain_text("called about the laptop")
    assert service.history.head(member) == last
    plain.locator("button[value=confirm]").click()
    expect(plain.locator(".receipt")).to_contain_text(f"done, step {last + 1}")


def saved(page: Page, name: str, folder: Path) -> str:
    with page.expect_download() as download:
        page.get_by_role("link", name=name).click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path.read_text()
