"""Every page in a real browser: nothing that axe finds, nothing that the policy stops, no overflow.

The pages are those of the URL resolver, so that a new one is tested without anybody's doing.
"""

import json
import uuid
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import pytest
from django.contrib.admin.utils import quote
from django.contrib.auth.models import Group, User
from django.utils import timezone
from playwright.sync_api import Browser, Page

from licensing import catalogue, rulebook, rulemaking, service
from licensing.domain.commands import AcquireLicense, ChangePlan, RecordPlayback
from licensing.models import Title
from licensing.trail import Who
from projections import census, heartbeat, runner, samples, withdrawals
from tests.browser.conftest import Site
from tests.browser.kit import sign_in
from tests.conftest import new_id
from tests.web import every_view
from tests.web.api_client import RULES, publish_rules
from tests.web.story import tell
from tests.web.test_pages import staff
from tests.web.test_policy import PLACE
from timeline import profiles
from timeline.actions import approvals
from timeline.models import ApiKey, ApprovalRequest, MemberProfile
from timeline.policy import STAFF_ROLES, declared

AXE = (Path(__file__).parent / "vendor" / "axe-core" / "axe.min.js").read_text()
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
# axe's rules that a scheme of colours can break.
COLOURS = ("color-contrast", "link-in-text-block")
# What the browser itself counts, besides what it writes to the console.
COUNTED = """
window.violations = [];
document.addEventListener('securitypolicyviolation', (event) => {
  window.violations.push(`${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile}`);
});
"""
# A rule set besides the one that decides.
ANOTHER = new_id("rules")
# Answers that are no pages, and those to be saved.
NO_PAGE = ("healthz", "readyz", "metrics")
FILES = (".csv", ".json", ".jsonl", ".txt", ".xlsx")


@pytest.fixture(scope="module")
def told(database: object, published_rules: object) -> tuple[str, int]:
    """A member with a story, and its last step."""
    publish_rules()
    member = new_id("m")
    last = tell(member)
    _busy()
    runner.catch_up()
    samples.take()
    census.count()
    census.measure(older_than=0.0)
    heartbeat.beat("w1@pages", heartbeat.PROCESS, pid=1)
    return member, last


def _busy() -> None:
    """What lists and queues show on a busy day, so that none of them is looked at empty."""
    # Rule sets of one title, and a version that others followed.
    now, document = timezone.now(), json.loads(RULES.read_text())
    for hours, title in ((2, "The first"), (1, document["title"])):
        rulemaking.publish(
            ANOTHER,
            document | {"id": ANOTHER, "title": title},
            valid_from=now - timedelta(hours=hours),
            command_id=new_id("c"),
            actor=service.Actor("staff", "tests"),
            now=now - timedelta(hours=hours),
        )
    # Somebody at the limit of a plan, refused just now, whose playback is told late.
    member, teller = new_id("m"), service.Actor("device", "tests")

    def does(command: Any, **more: Any) -> Any:
        now = timezone.now()
        return service.handle(
            member, command, command_id=new_id("c"), actor=teller, now=now, recorded_at=now, **more
        )

    does(ChangePlan("basic", "DE"))
    title, device = {"name": "Metropolis", "studio": "UFA"}, {"type": "tv", "name": "TV"}
    held = does(AcquireLicense("metropolis", new_id("d"), title=title, device=device)).license_id
    does(AcquireLicense("metropolis", new_id("d"), title=title, device=device))
    does(RecordPlayback(held, "start"), at=timezone.now() - timedelta(minutes=6))


@pytest.fixture(scope="module")
def everybody(chromium: Browser, served: Site) -> Iterator[Page]:
    """A page of somebody with all roles, on which violations of the policy are counted."""
    user = User.objects.create_superuser(name := new_id("user"), password=name)
    user.groups.set([Group.objects.get_or_create(name=role)[0] for role in STAFF_ROLES])
    context = chromium.new_context(base_url=served.url)
    context.add_init_script(COUNTED)
    page = context.new_page()
    sign_in(page, name, name)
    yield page
    context.close()


def pages() -> list[str]:
    """The routes of all pages for staff that open with a GET."""
    found = [
        view.route
        for view in every_view.pages()
        if (asked := declared(view.callback)) is not None
        and asked.kind == "staff"
        and view.route not in NO_PAGE
        and not view.route.endswith(FILES)
    ]
    return sorted(set(found))


def more(member: str, last: int) -> list[str]:
    """States of pages that an address alone reaches."""
    step = f"/members/{member}/timeline/{last}/"
    return [
        *(f"{step}?tab={tab}" for tab in ("state", "why", "compare", "raw", "what-if")),
        f"/members/{member}/timeline/10/?tab=why",
        f"{step}?order=happened&view=table", f"{step}?q=nothing+like+it", "/?q=m", "/?q=device:",
        "/?q=gone", "/queues/refusals/?period=7d", "/queues/late/?period=7d",
        f"/rules/{ANOTHER}/", "/catalogue/?q=zzz", "/nothing/here/",
        f"/members/{new_id('nobody')}/timeline/",
    ]  # fmt: skip


def faults(page: Page, only: Sequence[str] = ()) -> list[str]:
    """What axe says of the page as it is now, a line for each rule and place.

    `only` names the rules to look at; all without one.
    """
    # Not a script of the page: the policy would rightly refuse it.
    page.evaluate(AXE)
    asked: dict[str, Any] = {"resultTypes": ["violations"]}
    if only:
        asked["runOnly"] = {"type": "rule", "values": [*only]}
    found: list[dict[str, Any]] = page.evaluate(
        "async (asked) => (await axe.run(document, asked)).violations", asked
    )
    return [
        f"{each['id']} {each['impact']}: {node['target']} {node['html'][:160]}"
        for each in found
        for node in each["nodes"][:3]
    ]


def looked_at(page: Page, url: str, scheme: str) -> list[str]:
    """Everything that is wrong with a page, at both widths; nothing of what is no page.

    The dark scheme changes colours and nothing else, so that axe looks at those only.
    """
    said: list[str] = []
    answer = page.request.get(url)
    assert answer.status < 500, url
    if answer.status == 405 or "text/html" not in answer.headers.get("content-type", ""):
        return []

    def heard(message: Any) -> None:
        # The document's own status is no fault of it.
        if message.type == "error" and "the server responded with a status" not in message.text:
            said.append(message.text)

    def broke(error: Any) -> None:
        said.append(str(error))

    page.on("console", heard)
    page.on("pageerror", broke)
    page.goto(url)
    for width in (1440, 390):
        page.set_viewport_size({"width": width, "height": 900})
        only = COLOURS if scheme == "dark" else ()
        said += [f"{width} px: {fault}" for fault in faults(page, only)]
        over = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        if over > 0:
            said.append(f"{width} px: {over} px too wide")
    said += page.evaluate("window.violations")
    page.remove_listener("console", heard)
    page.remove_listener("pageerror", broke)
    return [f"{url}: {fault}" for fault in said]


@pytest.fixture(scope="module")
def values(told: tuple[str, int]) -> dict[str, str]:
    """What the places in routes are filled with: things that are there."""
    author = staff("rules author")
    drafts = f"/rules/{rulebook.RULE_SET}/drafts/"
    draft = author.post(drafts, {"title": "Another device", "key": new_id("k")})["Location"].rstrip(
        "/"
    )
    member, last = told
    profiles.put(member, f"{member}@example.org", "Ada Lovelace")
    catalogue.put("a-film", {"name": "Metropolis", "studio": "UFA"})
    User.objects.create_user(new_id("user"), password="not used")
    return {
        "member_id": member, "version": str(last), "rule_set": rulebook.RULE_SET, "number": "1",
        "draft": draft.rpartition("/")[2], "part": "facts", "projection": "license_index",
        "name": "extend", "key": _request(member),
        "event_id": "00000000-0000-4000-8000-000000000000", "withdrawal": _withdrawal(member),
    }  # fmt: skip


def _withdrawal(member: str) -> str:
    """The id of one that is under way, with licenses put down and some of them dealt with."""
    now, target = timezone.now(), withdrawals.Target("studio", "UFA")
    run = withdrawals.begin(
        uuid.uuid4(), target, until=now, reason="the contract ended", case="CS-1", shown=9,
        members=7, who=Who("staff", "somebody"), who_id="user:0", second=False,
    )  # fmt: skip
    withdrawals.work(run_id=run.id)
    return str(run.id)


def _request(member: str) -> str:
    """The key of a request for a second person."""
    kept = approvals.ask(
        ApprovalRequest(
            key=uuid.uuid4().hex,
            member_id=member,
            action="grant",
            sent={"limit": "max_downloads", "amount": "9", "until": "2099-01-01"},
            beyond="9 more; one person may grant 2",
            words=approvals.sealed(member, "asked by phone"),
            seen_version=1,
            asked_by=0,
            asked_by_name="somebody",
            asked_at=timezone.now(),
        )
    )
    return kept.key


def _kept(kind: str, values: dict[str, str]) -> str:
    """The key of something of this kind in the administration."""
    found: dict[str, Any] = {
        "user": User.objects.filter(is_superuser=False).order_by("-pk").first,
        "group": Group.objects.filter(name="agent").first,
        "apikey": lambda: ApiKey.issue("a tool", ["feed:read"])[0],
        "title": lambda: Title.objects.get(pk="a-film"),
        "memberprofile": lambda: MemberProfile.objects.get(pk=values["member_id"]),
    }
    return str(quote(found[kind]().pk))


def address(route: str, values: dict[str, str]) -> str:
    """The route with its places filled."""
    known = values | ({"version": "1"} if route.startswith("rules/") else {})
    if route.startswith("admin/") and "<" in route:
        known |= {"object_id": _kept(route.split("/")[2], values)}
    return "/" + PLACE.sub(lambda place: known[place[2]], route)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("route", pages())
def test_a_page_is_for_everybody(
    everybody: Page, values: dict[str, str], route: str, scheme: Literal["light", "dark"]
) -> None:
    everybody.emulate_media(color_scheme=scheme)
    found = looked_at(everybody, address(route, values), scheme)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_states_of_pages_are_for_everybody(
    everybody: Page, told: tuple[str, int], scheme: Literal["light", "dark"]
) -> None:
    everybody.emulate_media(color_scheme=scheme)
    found = [fault for url in more(*told) for fault in looked_at(everybody, url, scheme)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_sign_in_is_for_everybody(page: Page, scheme: Literal["light", "dark"]) -> None:
    page.add_init_script(COUNTED)
    page.emulate_media(color_scheme=scheme)
    found = looked_at(page, "/sign-in/", scheme)
    assert not found, "\n".join(found)


def test_what_is_wrong_would_be_seen(everybody: Page, told: tuple[str, int]) -> None:
    """The measures on a page that was spoiled."""
    everybody.goto("/")
    everybody.evaluate(
        """() => {
          const picture = document.createElement('img');
          picture.src = 'https://elsewhere.example/a.png';
          picture.setAttribute('style', 'width: 1px');
          const pale = document.createElement('p');
          pale.textContent = 'Hardly to be read';
          pale.style.color = '#777';
          pale.style.background = '#888';
          document.getElementById('main').append(picture, pale);
        }"""
    )
    assert any(fault.startswith("image-alt") for fault in faults(everybody))
    assert {fault.split()[0] for fault in faults(everybody, COLOURS)} == {"color-contrast"}
    stopped = everybody.evaluate("window.violations")
    assert any(fault.startswith("img-src") for fault in stopped)
    assert any(fault.startswith("style-src") for fault in stopped)
