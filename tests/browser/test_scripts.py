"""Nobody's words become a script: payloads in every field, every view that shows them, a browser.

`make test` tries fifteen payloads; with PLAYHEAD_FUZZ (`make fuzz`) it tries them all.
"""

import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.auth.models import Group, User
from django.utils import timezone
from playwright.sync_api import Browser, Page

from licensing import catalogue, rulebook, rulemaking, service, trail
from projections import hints, runner
from tests.browser.conftest import Site
from tests.browser.kit import sign_in
from tests.browser.payloads import SCRIPTS
from tests.conftest import new_id
from tests.web import every_view
from tests.web.api_client import RULES, ApiClient, publish_rules
from tests.web.test_policy import PLACE
from timeline import policy, profiles
from timeline.models import ApiKey
from timeline.policy import STAFF_ROLES
from timeline.views.rules.declaring import PARTS

ALL = bool(os.environ.get("PLAYHEAD_FUZZ"))
SOME = 15
BATCHES = (
    [SCRIPTS[at : at + SOME] for at in range(0, len(SCRIPTS), SOME)]
    if ALL
    else [SCRIPTS[:: len(SCRIPTS) // SOME][:SOME]]
)
OPENED = (
    r"^/$|^/members/$|timeline/2/$|catalogue|audit/$|operations/$|drafts/[^/]+/$|\?table=|/user/$"
)
TABS = ("changed", "state", "why", "compare", "raw", "what-if")
# Notes whatever runs, and whatever the policy keeps from running: that was no text any more either.
HEARD = """
window.ran = [];
for (const name of ['alert', 'confirm', 'prompt', 'print']) {
  window[name] = () => { window.ran.push(name + ' was called'); };
}
document.addEventListener('securitypolicyviolation', (event) => {
  window.ran.push(`${event.effectiveDirective} ${event.blockedURI} ${event.sample}`);
});
"""
# What no page of ours has, and so was made of somebody's words.
FOREIGN = """
window.foreign = (root) => {
  const found = [];
  const never = ['iframe', 'object', 'embed', 'base', 'style', 'marquee', 'math', 'video', 'audio',
    'xss', 'isindex', 'keygen', 'foreignobject', 'animate', 'set', 'image', 'img', 'mglyph'];
  for (const each of root.querySelectorAll('*')) {
    const name = each.localName.toLowerCase();
    if (never.includes(name)) found.push(name);
    if (name === 'script') {
      const src = each.getAttribute('src');
      if (src === null ? each.type !== 'application/json' : !src.startsWith('/static/')) {
        found.push('script ' + (src ?? each.textContent.slice(0, 60)));
      }
    }
    for (const key of each.getAttributeNames()) {  // a field may be called `attributes`
      const said = each.getAttribute(key).replace(/[\\u0000-\\u0020]/g, '').toLowerCase();
      if (/^(on|style$|srcdoc$|hx-on|formaction$)/.test(key)) found.push(`${name} ${key}`);
      if (/^(href|src|action|data|xlink:href|poster|background|hx-(get|post))$/.test(key) &&
          !/^(\\/|\\?|#|$|https?:\\/\\/)/.test(said)) {
        found.push(`${name} ${key}=${said.slice(0, 40)}`);
      }
      if (key === 'content' && /script:|data:/.test(said) && name === 'meta') found.push(said);
    }
  }
  return found;
};
window.look = async (urls, headers, words) => {
  const told = [];
  for (const url of urls) {
    const answer = await fetch(url, {headers});
    const html = await answer.text();
    if (!(answer.headers.get('content-type') ?? '').startsWith('text/html')) continue;
    const read = new DOMParser().parseFromString(html, 'text/html');
    const wrong = window.foreign(read);
    if (answer.status >= 500) wrong.push(`answered ${answer.status}`);
    // Put in the page too: what has a handler tries to run it then.
    const here = document.createElement('div');
    here.append(...[...read.body.childNodes].map((node) => document.importNode(node, true)));
    document.body.append(here);
    await new Promise((done) => setTimeout(done));
    const shown = window.shown(here, words);
    here.remove();
    told.push({url, wrong: wrong.concat(window.ran.splice(0)), shown});
  }
  return told;
};
window.shown = (root, words) => {
  const all = [root.textContent];
  for (const each of root.querySelectorAll('[value], [title], [aria-label], textarea')) {
    all.push(each.value, each.title, each.getAttribute('aria-label'));
  }
  const text = all.join('\\n').replace(/\\s+/g, ' ');
  return words.filter((word) => text.includes(word.replace(/\\s+/g, ' ').trim()));
};
"""


@pytest.fixture(autouse=True)
def no_hints(monkeypatch: pytest.MonkeyPatch) -> None:
    """No broker listens here."""
    monkeypatch.setattr(hints, "nudge", lambda: None)


@pytest.fixture(scope="module")
def everybody(chromium: Browser, served: Site) -> Iterator[Page]:
    """A page of somebody with every role, on which everything that runs is heard."""
    user = User.objects.create_superuser(name := new_id("user"), password=name)
    user.groups.set([Group.objects.get_or_create(name=role)[0] for role in STAFF_ROLES])
    context = chromium.new_context(base_url=served.url)
    context.add_init_script(HEARD + FOREIGN)
    page = context.new_page()
    page.on("dialog", lambda dialog: dialog.dismiss())
    sign_in(page, name, name)
    yield page
    context.close()


@pytest.fixture(scope="module")
def clean_rules(database: object) -> Iterator[None]:
    """Afterwards, the rules in force say nothing odd any more."""
    yield
    publish_rules()


def lives(api: ApiClient, member: str, word: str) -> None:
    """A member in whose history the word stands wherever a command lets it."""
    film = {"title": {"name": word, "studio": word}, "device": {"type": word},
            "context": {word: word}}  # fmt: skip
    m = f"/members/{member}"
    soon = "2099-01-01T00:00:00Z"
    for path, body in (
        ("plan", {"plan": "premium", "country": word}),
        ("devices", {"device_id": word, "type": word, "name": word}),
        ("devices", {"device_id": "d1", "type": "tv", "name": word}),
        ("allowances", {"limit": "max_devices", "amount": 1, "expires_at": soon, "reason": word,
                        "studio": word, "title_id": word}),
        ("licenses", {"license_id": "one", "title_id": word, "device_id": "d1", **film}),
        ("licenses", {"license_id": "two", "title_id": "film", "device_id": word, **film}),
        ("licenses/one/playbacks", {"action": "start"}),
        ("licenses/one/renewals", {}),
        ("notes", {"text": word, "version": 2}),
        ("licenses/one/revocation", {"reason": word}),
        ("devices/d1/deactivation", {"reason": word}),
        ("licenses", {"license_id": "last", "title_id": word, "device_id": "d3", **film}),
    ):  # fmt: skip
        assert api.send("POST", f"{m}/{path}", body).status_code < 500, (path, word)


def rules_of(words: list[str]) -> dict[str, Any]:
    """A rule set whose words for people are these, each in its turn."""
    turn = 0

    def said(value: Any, name: str = "") -> Any:
        nonlocal turn
        if isinstance(value, dict):
            return {key: said(inner, "said" if name == "reasons" else key)
                    for key, inner in value.items()}  # fmt: skip
        if isinstance(value, list):
            return [said(inner, name) for inner in value]
        if isinstance(value, str) and name in ("title", "label", "source", "owner", "said"):
            turn += 1
            return words[turn % len(words)][:200]
        return value

    document = json.loads(RULES.read_text())
    return said(document) | {"lists": {"odd": words}}


def publishes(rule_set: str, document: dict[str, Any]) -> None:
    rulemaking.publish(
        rule_set,
        document,
        valid_from=rulebook.versions()[0].valid_from,
        command_id=new_id(),
        actor=service.Actor("staff", "tests"),
        now=timezone.now(),
    )


def whole(word: str) -> bool:
    """Whether every field takes it: no control characters, not too long."""
    return word.isprintable() and word == word.strip() and len(word) <= 120


@pytest.mark.parametrize("words", BATCHES, ids=range(len(BATCHES)))
def test_no_view_runs_what_a_field_holds(
    everybody: Page, clean_rules: None, words: list[str]
) -> None:
    api = ApiClient(ApiKey.issue("scripts")[1])
    rule_set = new_id("odd")
    document = rules_of([word for word in words if whole(word)])
    publishes(rulebook.RULE_SET, document)
    publishes(rule_set, document)
    members = [new_id("m") for _ in words]
    for member, word in zip(members, words, strict=True):
        lives(api, member, word)
        _stands_elsewhere(api, member, rule_set, word)
    runner.catch_up()

    everybody.goto("/")
    own = [each for turn, member in enumerate(members) for each in _steps(api, member, turn)]
    steps = _looked(everybody, own, words)
    said = [url for turn, word in enumerate(words) for url in _reflecting(members[0], word, turn)]
    pages = list(_pages(members[-1], rule_set))
    told = steps + _looked(everybody, said + pages, words) + _previewed(everybody, members, words)
    # Those whose own scripts handle the words are opened for good.
    for url in pages if ALL else [url for url in pages if re.search(OPENED, url)]:
        told.append(_opened(everybody, url, words))
    wrong = [(each["url"], each["wrong"]) for each in told if each["wrong"]]
    assert not wrong, wrong[:5]
    # Otherwise nothing was tried.
    counted = Counter(word for each in steps for word in each["shown"])
    assert all(counted[word] >= 4 for word in words if whole(word)), counted
    assert len({each["url"].partition("?")[0] for each in told if each["shown"]}) > 40


def _stands_elsewhere(api: ApiClient, member: str, rule_set: str, word: str) -> None:
    """In the catalogue, a profile, people, keys, drafts, the audit trail."""
    catalogue.put(new_id("film"), {"name": word, "studio": word, word: word})
    if word.isprintable():
        profiles.put(member, f"{member}@example.org", word)
        ApiKey.issue(word[:100], ["feed:read"])
        User.objects.create_user(new_id("u"), first_name=word[:150], last_name=word[:150])
    User.objects.create_user(word[:120] + new_id("-"), password="not used")
    api.post(f"/rules/{rule_set}/drafts", {"title": word[:200], "draft_id": new_id("d")})
    who = trail.Who("staff", word, word)
    trail.record(who, "act", word, purpose=word, reason=word, odd=word)


def _steps(api: ApiClient, member: str, turn: int) -> Iterator[str]:
    """Steps in the tabs that tell of them, and the newest in all tabs."""
    _, page = api.get(f"/members/{member}/timeline?limit=100")
    versions = [item["version"] for item in page["items"]]
    for version in versions if ALL else versions[turn % 5 :: 5]:
        yield f"/members/{member}/timeline/{version}/?tab=raw"
        yield f"/members/{member}/timeline/{version}/?tab=why"
    # Of a word that no field takes there is no step: which those are is counted at the end.
    for newest in versions[-1:]:
        for tab in TABS if ALL else (TABS[turn % len(TABS)], "state"):
            yield f"/members/{member}/timeline/{newest}/?tab={tab}&a=1"
    yield f"/members/{member}/timeline/?order=happened&view=table"
    yield f"/members/{member}/can-download/"


def _reflecting(member: str, word: str, turn: int) -> list[str]:
    """Addresses that say the word back."""
    q, part = quote(word), quote(word, safe="")
    m = f"/members/{member}"
    found = [
        f"/?q={q}", f"/?q=device:{q}", f"/members/?q={q}", f"/catalogue/?q={q}",
        f"/audit/?who={q}&subject={q}&action={q}&since={q}", f"/audit/?{q}={q}",
        f"{m}/timeline/?q={q}&type={q}&device={q}&title={q}&of={q}&tab={q}&t={q}",
        f"{m}/timeline/{part}/", f"{m}/can-download/?title={q}&device={q}&at={q}",
        f"/admin/auth/user/?q={q}", f"/admin/timeline/memberprofile/?q={q}&o={q}",
        f"/sign-in/?next={q}&ended={q}", f"/queues/refusals/?row={q}&period={q}",
        f"/{part}/", f"/rules/{part}/", f"/members/{part}/timeline/", f"/approvals/{part}/",
    ]  # fmt: skip
    return found if ALL else found[turn % 4 :: 4]


def _pages(member: str, rule_set: str) -> Iterator[str]:
    """Every page of the product."""
    life = rulebook.life_of(rule_set)
    known = {
        "member_id": member, "version": "2", "rule_set": rule_set, "number": "1",
        "draft": next(iter(life.drafts)), "key": "none", "name": "note", "part": "facts",
        "projection": "license_index",
        "object_id": str(User.objects.latest("pk").pk),
    }  # fmt: skip
    for view in every_view.pages():
        asked = policy.declared(view.callback)
        if asked is None or asked.kind != "staff" or re.search("/live|<uuid:", view.route):
            continue
        if view.route.startswith("admin/") and "<path" in view.route and "/user/" not in view.route:
            continue
        here = known | ({"version": "1"} if view.route.startswith("rules/") else {})
        for part in PARTS if "<str:part>" in view.route else ("facts",):
            filled = {**here, "part": part}
            yield "/" + PLACE.sub(
                lambda place, filled=filled: filled.get(place[2], "none"), view.route
            )
    yield f"/rules/{rule_set}/drafts/{known['draft']}/?table=base&row=b-basic"


def _looked(page: Page, urls: list[str], words: list[str]) -> list[dict[str, Any]]:
    """What fetched pages hold."""
    found: list[dict[str, Any]] = page.evaluate(
        "([urls, words]) => window.look(urls, {}, words)", [urls, words]
    )
    return found


def _opened(page: Page, url: str, words: list[str]) -> dict[str, Any]:
    """What an opened page holds, and what ran in it."""
    answer = page.request.head(url)
    if answer.status == 405 or "text/html" not in answer.headers.get("content-type", ""):
        return {"url": url, "wrong": [], "shown": []}
    page.goto(url)
    wrong = page.evaluate("window.foreign(document).concat(window.ran)")
    return {
        "url": url,
        "wrong": wrong,
        "shown": page.evaluate("(words) => window.shown(document.body, words)", words),
    }


def _previewed(page: Page, members: list[str], words: list[str]) -> list[dict[str, Any]]:
    """Forms that say back what was sent: previews, refusals, a revealed profile."""
    send = """async ([sent, words]) => {
      const token = document.querySelector('[name=csrfmiddlewaretoken]').value, told = [];
      for (const [url, fields] of sent) {
        const body = new URLSearchParams({...fields, csrfmiddlewaretoken: token});
        const html = await (await fetch(url, {method: 'POST', body})).text();
        const read = new DOMParser().parseFromString(html, 'text/html');
        told.push({url, wrong: window.foreign(read), shown: window.shown(read.body, words)});
      }
      return told;
    }"""
    sent: list[tuple[str, dict[str, str]]] = []
    for member, word in zip(members, words, strict=True):
        note = {"text": word, "step": "1", "reason": word, "case": word}
        sent += [
            (f"/members/{member}/actions/note/", {**note, "do": "preview"}),
            (f"/members/{member}/actions/grant/", {**note, "amount": word, "until": word}),
            (f"/members/{member}/profile/", {"reason": f"because {word}"}),
            ("/admin/licensing/title/add/", {"title_id": word, "attributes": word}),
            ("/admin/timeline/apikey/add/", {"name": word, "days": word, "rate": word}),
            ("/operations/jobs/", {"kind": word, "reason": word, "do": "pause"}),
        ]
    found: list[dict[str, Any]] = page.evaluate(send, [sent, words])
    return found


def test_what_runs_would_be_heard(chromium: Browser, everybody: Page) -> None:
    """The same words, put in a page as they are: the policy stops them, and without it they run."""
    everybody.goto("/")
    everybody.evaluate(
        "document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=alert(1)>')"
    )
    everybody.wait_for_function("window.ran.length > 0")
    assert set(everybody.evaluate("window.foreign(document)")) == {
        "img",
        "img onerror",
        "img src=x",
    }
    context = chromium.new_context(bypass_csp=True)
    context.add_init_script(HEARD)
    page = context.new_page()
    ran = 0
    for word in SCRIPTS:
        page.goto("data:text/html," + quote(f"<!doctype html><title>x</title><p>{word}</p>"))
        page.wait_for_timeout(5)
        ran += bool(page.evaluate("window.ran?.length ?? 0"))
        if ran >= 20:
            break
    context.close()
    assert ran >= 20
