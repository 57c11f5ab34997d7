"""Takes the pictures of docs/screenshots: `make pictures`.

A demo of its own, played up to one instant at which every clock of the pages stands still, so that
the same code gives the same pictures (what the database notes by its own clock, as the audit trail
does, tells the time of the taking). It is no file that `make test` finds: the demo wants an
empty store.
"""

import copy
import json
import os
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pytest
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.utils import timezone
from playwright.sync_api import Browser, Page

from licensing import connection, rulebook, rulemaking, service, store
from licensing.demo import play
from licensing.history import stream_of
from licensing.rules import life
from projections import census, heartbeat, jobs, runner, samples
from tests.browser.conftest import Site
from tests.browser.kit import sign_in
from timeline import demo_people

NOW = datetime(2026, 11, 25, 16, 40, tzinfo=UTC)
FOLDER = Path(os.environ.get("PLAYHEAD_PICTURES", "docs/screenshots"))
HEAVY = "hana-heavy-viewer"
PEOPLE = ("agent", "rules author", "operator", "auditor")
Scheme = Literal["light", "dark"]


@pytest.fixture(scope="session", autouse=True)
def published_rules(database: object) -> None:
    """The demo brings its own."""


@pytest.fixture(scope="module", autouse=True)
def played(database: object) -> Iterator[None]:
    """The demo, its read models up to date, and every clock at NOW."""
    play.play(play.Plan(200, 18, 7, NOW), workers=1, progress=lambda members, events: None)
    runner.catch_up()
    jobs.sweep(NOW)
    runner.catch_up()
    demo_people.ensure_profiles()
    census.count()
    census.measure(older_than=0.0)
    samples.take()
    heartbeat.beat("web@playhead", heartbeat.PROCESS, pid=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timezone, "now", lambda: NOW)
        patch.setattr(settings, "DEMO_DATA", True)
        yield


@pytest.fixture(scope="module")
def draft(played: None) -> str:
    """A draft with two restrictions of a studio, of which the one makes the other useless."""
    by, draft_id = service.Actor("staff", "rules author"), uuid.uuid5(uuid.NAMESPACE_URL, "d").hex
    at = NOW - timedelta(minutes=50)
    document: dict[str, Any] = json.loads((play.FOLDER / "rules_2.json").read_text())
    (studios,) = (table for table in document["tables"] if table["id"] == "studio")
    for row_id, label, when, most in (
        ("st-toho", "Toho, yearly", {}, 6),
        ("st-toho-de", "Toho in Germany, yearly", {"country": {"in": ["DE"]}}, 9),
    ):
        row = copy.deepcopy(studios["rows"][0])
        row |= {"id": row_id, "label": label, "source": "contract 6021 §1"}
        row["when"] = {"studio": {"in": ["Toho"]}, **when}
        row["then"] = {"studio_year_max": most}
        studios["rows"].append(row)
    for number, command in enumerate(
        (
            life.StartDraft(draft_id, "Toho: at most 6 downloads a year"),
            life.EditDraft(draft_id, document, 0),
        )
    ):
        rulemaking.handle(
            rulebook.RULE_SET, command, command_id=f"pictures-{number}", actor=by,
            now=at + timedelta(minutes=number),
        )  # fmt: skip
    runner.catch_up()
    return draft_id


@pytest.fixture(scope="module")
def people(chromium: Browser, served: Site, played: None) -> Iterator[dict[str, Page]]:
    """A page for each role."""
    pages: dict[str, Page] = {}
    for role in PEOPLE:
        context = chromium.new_context(base_url=served.url)
        context.set_default_timeout(20_000)
        pages[role] = page = context.new_page()
        page.clock.set_fixed_time(NOW)
        user = User.objects.create_user(role.replace(" ", "-"), password=role)
        user.groups.add(Group.objects.get_or_create(name=role)[0])
        sign_in(page, user.username, role)
    yield pages
    for page in pages.values():
        page.context.close()


def take(
    page: Page, name: str, url: str = "", *, scheme: Scheme = "light", width: int = 1440,
    height: int = 900,
) -> None:  # fmt: skip
    """A picture of a page as it is, or of an address."""
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme=scheme)
    if url:
        page.goto(url)
    page.evaluate("document.fonts.ready")
    FOLDER.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=FOLDER / f"{name}.png", animations="disabled")


def step(member: str, event_type: str, until: datetime = NOW) -> int:
    """The last step of a type until an instant."""
    return max(
        event.version
        for event in store.read_stream(connection.opened(), stream_of(member))
        if event.type == event_type and event.recorded_at <= until
    )


def test_the_timeline(people: dict[str, Page]) -> None:
    page, busy = people["agent"], step(HEAVY, "LicenseRenewed", NOW - timedelta(days=25))
    for member in ("liam-plan-change", "otto-offline", "ines-studio-limit", "pia-playback-window"):
        page.goto(f"/members/{member}/timeline/")
    url = f"/members/{HEAVY}/timeline/{busy}/"
    take(page, "timeline-light", url, height=1000)
    take(page, "timeline-dark", url, height=1000, scheme="dark")
    take(page, "timeline-phone-light", url, width=390, height=844)
    take(page, "timeline-phone-dark", url, width=390, height=844, scheme="dark")
    refused = (
        f"/members/maya-device-limit/timeline/{step('maya-device-limit', 'AcquisitionRefused')}/"
    )
    take(page, "why", f"{refused}?tab=why", height=1000)
    take(page, "why-dark", f"{refused}?tab=why", height=1000, scheme="dark")
    take(page, "compare", f"{url}?tab=compare&a={busy - 14}", height=1100)
    late = step("otto-offline", "LicenseReleased")
    take(page, "late-events", f"/members/otto-offline/timeline/{late}/?order=happened")


def test_what_if(people: dict[str, Page]) -> None:
    page = people["agent"]
    refused = step("ruth-rule-change", "AcquisitionRefused")
    page.goto(f"/members/ruth-rule-change/timeline/{refused}/?tab=what-if")
    page.locator("[name=try_rules]").select_option(index=2)
    page.get_by_role("button", name="Try").click()
    page.locator(".sim").wait_for()
    take(page, "what-if", height=1200)


def test_home_and_queues(people: dict[str, Page]) -> None:
    page = people["agent"]
    take(page, "home", "/")
    take(page, "home-dark", "/", scheme="dark")
    take(page, "queue", "/queues/refusals/?period=7d")
    member = "ines-studio-limit"
    url = f"/members/{member}/can-download/"
    page.goto(url)
    page.get_by_label("Title").fill("Jaws")
    page.locator("[name=device]").select_option(index=1)
    page.locator("main form button[type=submit]").first.click()
    take(page, "can-download")


def test_rules_and_operations(people: dict[str, Page], draft: str) -> None:
    rules = f"/rules/{rulebook.RULE_SET}"
    take(people["rules author"], "rules-studio", f"{rules}/drafts/{draft}/?table=studio")
    take(people["rules author"], "rules-timeline", f"{rules}/timeline/")
    take(people["operator"], "operations", "/operations/")
    take(people["auditor"], "audit", "/audit/")


def test_the_pictures_are_small() -> None:
    """Together under 3 MB, so that cloning stays quick."""
    sizes = {path.name: path.stat().st_size for path in FOLDER.glob("*.png")}
    assert len(sizes) >= 16
    assert sum(sizes.values()) < 3_000_000, sizes
