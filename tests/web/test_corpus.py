"""The corpus of odd input at every write of the API and in every form of the pages.

`make test` tries each door with a part of it, and each input at some doors; with PLAYHEAD_FUZZ
(`make fuzz`) every input is tried at every door, in each of its fields.
"""

import json
import os
import re
import uuid
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any, NamedTuple
from urllib.parse import quote, quote_plus

import pytest
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import Group, User
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from licensing import rulebook, rulemaking, service
from licensing.domain.commands import AcquireLicense
from projections import hints, runner
from tests import corpus
from tests.conftest import new_id
from tests.web import every_view
from tests.web.api_client import RULES, ApiClient
from tests.web.story import tell
from tests.web.test_policy import PLACE
from tests.web.undoing import undo
from timeline import policy, profiles
from timeline.models import ApiKey
from timeline.policy import STAFF_ROLES
from timeline.views.rules.declaring import PARTS

ALL = bool(os.environ.get("PLAYHEAD_FUZZ"))
EVERY = 1 if ALL else 8
"""Each door gets every eighth input in `make test`, each door from another one on."""

SOME_TIME = "2026-01-31T10:00:00Z"
HASH = "sha256:" + "0" * 64
FILM = {
    "title_id": "film",
    "device_id": "d1",
    "title": {"studio": "Toho"},
    "device": {"type": "tv"},
    "context": {"why": "test"},
}
# Every write of the API with each text that its body may hold; a new one has to be written here.
WRITES: dict[str, dict[str, Any]] = {
    "POST /members/{member_id}/licenses": {**FILM, "license_id": "one"},
    "POST /members/{member_id}/licenses/{license_id}/renewals": {"occurred_at": SOME_TIME},
    "POST /members/{member_id}/licenses/{license_id}/release": {"occurred_at": SOME_TIME},
    "POST /members/{member_id}/licenses/{license_id}/revocation": {"reason": "because"},
    "POST /members/{member_id}/licenses/{license_id}/playbacks": {
        "action": "start", "occurred_at": SOME_TIME,
    },
    "POST /members/search": {"q": "m-odd"},
    "POST /members/{member_id}/devices": {"device_id": "d2", "type": "tv", "name": "a set"},
    "POST /members/{member_id}/devices/{device_id}/deactivation": {"reason": "sold"},
    "POST /members/{member_id}/plan": {"plan": "standard", "country": "NL"},
    "POST /members/{member_id}/explanations": {**FILM, "at": SOME_TIME},
    "POST /members/{member_id}/what-if": {
        "add": {"command": "AcquireLicense", "data": FILM, "at": SOME_TIME},
        "rules": {"hash": HASH},
    },
    "POST /members/{member_id}/allowances": {
        "limit": "max_devices", "amount": 1, "expires_at": "2099-01-01T00:00:00Z",
        "reason": "because", "studio": "Toho", "title_id": "film", "allowance_id": "a-1",
    },
    "POST /members/{member_id}/notes": {"text": "a note"},
    "POST /members/{member_id}/cancellation": {"reason": "MOVED"},
    "POST /rules/{rule_set}/findings": {"document": {"title": "x", "tables": [], "facts": {}}},
    "POST /rules/{rule_set}/drafts": {"title": "a draft", "draft_id": "d-1"},
    "PUT /rules/{rule_set}/drafts/{draft_id}": {"document": {"title": "x"}, "revision": 0},
    "POST /rules/{rule_set}/drafts/{draft_id}/submission": {},
    "POST /rules/{rule_set}/drafts/{draft_id}/approval": {"hash": HASH},
    "POST /rules/{rule_set}/drafts/{draft_id}/rejection": {"reason": "no"},
    "POST /rules/{rule_set}/drafts/{draft_id}/publication": {"valid_from": "2099-01-01T00:00:00Z"},
    "POST /rules/{rule_set}/backtests": {"hash": HASH, "member_id": "m-1", "level": "first order"},
    "POST /rules/{rule_set}/backtests/{backtest}/stop": {},
    "POST /rules/{rule_set}/backtests/{backtest}/resumption": {},
    "POST /rules/{rule_set}/rollbacks": {"hash": HASH, "reason": "because"},
    "PUT /titles/{title_id}": {"name": "Ran", "studio": "Toho", "made": {"in": "Japan"}},
    "POST /projections/{name}/rebuild": {"reason": "because"},
    "POST /projections/{name}/rebuild/comparison": {},
    "POST /projections/{name}/rebuild/swap": {},
    "POST /projections/{name}/rebuild/cancellation": {},
    "POST /projections/{name}/rollback": {"generation": 1},
    "POST /projections/{name}/parked/{stream}/retry": {},
    "POST /projections/{name}/parked/{stream}/skip": {"version": 1, "reason": "because"},
    "POST /projections/{name}/parked/retry": {},
    "POST /jobs/{kind}/pause": {"reason": "because"},
    "POST /jobs/{kind}/resume": {},
    "POST /jobs/{kind}/rate": {"per_second": 5},
    "POST /jobs/{kind}/retry": {"member_id": "m", "license_id": "l", "due_at": SOME_TIME},
    "POST /withdrawals/dry-runs": {
        "kind": "title", "name": "film", "reason": "because", "case": "CS-1",
    },
    "POST /withdrawals": {"token": "none"},
    "POST /withdrawals/{withdrawal}/answer": {"agree": True, "answer": "why not"},
    "POST /withdrawals/{withdrawal}/stop": {},
    "POST /withdrawals/{withdrawal}/resumption": {},
    "POST /withdrawals/{withdrawal}/retry": {},
}  # fmt: skip


IN_LINES = "POST /commands"


@pytest.fixture(autouse=True)
def no_hints(monkeypatch: pytest.MonkeyPatch) -> None:
    """No broker listens here."""
    monkeypatch.setattr(hints, "nudge", lambda: None)


@pytest.fixture(scope="module", autouse=True)
def taken_back(database: object) -> Iterator[None]:
    """A form that takes a reason has jobs rest for any."""
    yield
    undo()


@pytest.fixture(scope="module")
def api(database: object, published_rules: object) -> ApiClient:
    return ApiClient(ApiKey.issue("corpus")[1])


@pytest.fixture(scope="module")
def rule_set(database: object) -> str:
    """A rule set of its own, so that nobody else's rules change."""
    found = new_id("corpus")
    rulemaking.publish(
        found,
        json.loads(RULES.read_text()),
        valid_from=rulebook.versions()[0].valid_from,
        command_id=new_id(),
        actor=service.Actor("staff", "tests"),
        now=rulebook.versions()[0].valid_from,
    )
    return found


@pytest.fixture(scope="module")
def places(api: ApiClient, rule_set: str) -> dict[str, str]:
    """What stands in addresses; the member has a license, and the read model is none of ours."""
    member = new_id("m")
    assert api.post(f"/members/{member}/licenses", {**FILM, "license_id": "one"})[0] == 200
    draft = {"title": "a draft", "draft_id": "first"}
    status, said = api.post(f"/rules/{rule_set}/drafts", draft)
    assert status == 200, said
    return {"member_id": member, "license_id": "one", "device_id": "d1", "rule_set": rule_set,
            "draft_id": "first", "title_id": new_id("film"), "name": "nothing",
            "stream": f"member-{member}", "kind": "nothing",
            "withdrawal": str(uuid.uuid4()),
            "backtest": str(uuid.uuid4())}  # fmt: skip


def stored() -> tuple[Any, ...]:
    """Changes whenever something is stored: an event, a command, a title."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT sum(version) FROM stream_head), (SELECT sum(command_seq) FROM"
            " stream_head), (SELECT count(*) FROM title), (SELECT max(updated_at) FROM title)"
        )
        return tuple(cursor.fetchone())


def send(
    api: ApiClient, door: str, places: dict[str, str], raw: bytes, kind: str = "application/json"
) -> HttpResponse:
    method, _, path = door.partition(" ")
    filled = re.sub(r"\{(\w+)\}", lambda place: quote(places[place[1]], safe=""), path)
    return api.send(method, filled, raw=raw, content_type=kind)


def mine(inputs: list[Any], door: int) -> list[Any]:
    """Those that this door is tried with."""
    return inputs[door % EVERY :: EVERY]


def fields(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places of all texts in a body."""
    if isinstance(value, str):
        yield path
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from fields(inner, (*path, name))


def replaced(value: Any, path: tuple[Any, ...], text: str) -> Any:
    """The body with another text at a place."""
    if not path:
        return text
    return value | {path[0]: replaced(value[path[0]], path[1:], text)}


def tried(
    door: str, inputs: list[corpus.Text]
) -> Iterator[tuple[corpus.Text, Any, dict[str, str]]]:
    """Each text with a body that holds it, or with a place of the address that does."""
    whole = WRITES[door]
    at: list[Any] = [*fields(whole), *re.findall(r"\{(\w+)\}", door)]
    for turn, odd in enumerate(inputs):
        for place in at if ALL else [at[turn % len(at)]]:
            if isinstance(place, str):
                yield odd, whole, {place: odd.text}
            else:
                yield odd, replaced(whole, place, odd.text), {}
        yield odd, {**whole, odd.text: odd.text}, {}


def test_every_write_is_in_the_table() -> None:
    assert WRITES.keys() | {IN_LINES} == {
        f"{call.method} {call.path}" for call in every_view.calls() if call.method != "GET"
    }


def test_odd_lines_of_many_commands_change_nothing(api: ApiClient) -> None:
    """The commands in bulk: their body is no JSON, but each of its lines is."""
    member = new_id("m")
    whole = {"member": member, "command": "AcquireLicense", "command_id": "c", "data": FILM}
    bodies = [raw for raw in mine(corpus.BODIES, 0) if raw.strip() and b"\n" not in raw]
    banned = [odd.text for odd in mine(corpus.TEXTS, 0) if odd.banned]
    odd = [
        whole | {"command_id": new_id("c")} | changed
        for text in banned
        for changed in (
            {"member": text},
            {"command_id": text},
            {"command": text},
            {"data": FILM | {"title_id": text}},
            {"data": FILM | {"context": {text: text}}},
            {text: text},
        )
    ]
    assert bodies
    assert odd
    before = stored()
    for lines in (bodies, odd):
        answer = api.send_lines(lines)
        *found, last = [json.loads(each) for each in answer.getvalue().splitlines()]
        assert last["sums"] == {
            "lines": len(lines), "outcomes": {"problem": len(lines)}, "stopped": None,
        }  # fmt: skip
        assert {each["problem"]["status"] for each in found} <= {413, 422}
    assert stored() == before


@pytest.mark.parametrize("door", WRITES)
def test_what_no_door_may_take(api: ApiClient, places: dict[str, str], door: str) -> None:
    number = list(WRITES).index(door)
    inputs = [(body, "application/json") for body in corpus.BODIES]
    inputs += [(b"{}", kind) for kind in corpus.KINDS]
    before = None
    # Those without anything in them first: where no body is needed, something may be done.
    for raw, kind in sorted(mine(inputs, number), key=lambda given: bool(given[0].strip())):
        if raw.strip() and before is None:
            before = stored()
        answer = send(api, door, places, raw, kind)
        case = (raw[:60], kind, answer.status_code, answer.content[:200])
        assert answer.status_code in (400, 413, 415, 422) or not raw.strip(), case
        assert answer.status_code < 500, case
        assert answer.status_code == 200 or json.loads(answer.content)["code"], case
    assert stored() == before


@pytest.mark.parametrize("door", WRITES)
def test_odd_texts_are_refused_or_given_back(
    api: ApiClient, places: dict[str, str], door: str
) -> None:
    known, number = places, list(WRITES).index(door)
    if "{license_id}" in door or "{device_id}" in door or door.endswith("/licenses"):
        known = places | {"member_id": new_id("m")}
        assert api.post(f"/members/{known['member_id']}/licenses", FILM | {"license_id": "one"})
    for odd, body, elsewhere in tried(door, mine(corpus.TEXTS, number)):
        before = stored()
        answer = send(api, door, known | elsewhere, json.dumps(body).encode())
        case = (odd.about, body, elsewhere, answer.status_code, answer.content[:200])
        assert answer.status_code < 500, case
        json.loads(answer.content or b"{}")
        if odd.banned:
            assert answer.status_code >= 400, case
        if answer.status_code >= 400:
            assert stored() == before, case
    readable(api, known["member_id"])


def readable(api: ApiClient, member: str) -> None:
    """Whatever was stored can be read."""
    after = ""
    while True:
        status, page = api.get(f"/members/{member}/timeline?limit=200{after}")
        assert status == 200, page
        if not page["next"]:
            break
        after = f"&after={page['next']}"
    assert api.get(f"/members/{member}/state")[0] == 200


class Form(NamedTuple):
    """A form of a page: its address, its fields as they stand, and the names of the free ones."""

    page: str
    action: str
    given: list[tuple[str, str]]
    free: list[str]


class Forms(HTMLParser):
    """The forms of a page that are sent by POST."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.page, self.found, self.open = page, list[Form](), False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.open = told.get("method", "").lower() == "post"
            if self.open:
                self.found.append(Form(self.page, told.get("action") or self.page, [], []))
        elif self.open and tag == "option":
            self._choose(told)
        elif self.open and (name := told.get("name")) and name != "csrfmiddlewaretoken":
            self._take(tag, name, told)

    def _take(self, tag: str, name: str, told: dict[str, str]) -> None:
        form, kind = self.found[-1], told.get("type", "text")
        pressed = tag == "button" and name in dict(form.given)
        if pressed or (kind in ("checkbox", "radio") and "checked" not in told):
            return
        form.given.append((name, told.get("value", "")))
        if tag != "button" and kind not in ("checkbox", "radio", "file"):
            form.free.append(name)

    def _choose(self, told: dict[str, str]) -> None:
        given = self.found[-1].given
        if given and ("selected" in told or not given[-1][1]):
            given[-1] = (given[-1][0], told.get("value", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.open = False


@pytest.fixture(scope="module")
def everybody(database: object) -> Client:
    """Somebody with every role, an administrator too."""
    user = User.objects.create_superuser(new_id("user"), password="not used")
    user.groups.set([Group.objects.get_or_create(name=role)[0] for role in STAFF_ROLES])
    client = Client(raise_request_exception=False)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture(scope="module")
def about(api: ApiClient, rule_set: str) -> dict[str, str]:
    """What stands in the addresses of pages."""
    member = new_id("m")
    draft = {"title": "another draft", "draft_id": "second"}
    assert api.post(f"/rules/{rule_set}/drafts", draft)[0] == 200
    last = tell(member)
    runner.catch_up()
    service.handle(
        member,
        AcquireLicense("an-open-one", "tokyo-story", "ipad"),
        command_id=new_id(),
        actor=service.Actor("device", "tests"),
        now=timezone.now(),
    )
    profiles.put(member, f"{member}@example.org", "Ada Lovelace")
    somebody = User.objects.create_user(new_id("user"), password="not used")
    return {"member_id": member, "version": str(last), "rule_set": rule_set, "number": "1",
            "draft": "second", "key": "nothing", "event_id": HASH[7:43],
            "withdrawal": str(uuid.uuid4()),
            "backtest": str(uuid.uuid4()), "projection": "nothing",  # no rebuild for nothing
            "user": str(somebody.pk), "apikey": ApiKey.issue("corpus", ["feed:read"])[0].pk,
            "group": "1", "title": "film", "memberprofile": member}  # fmt: skip


SIGN_IN = Form("/sign-in/", "/sign-in/", [("username", "x"), ("password", "y")], ["username"])
PARKED = Form(
    "/operations/parked/",
    "/operations/parked/",
    [("projection", "license_index"), ("stream", "member-m"), ("reason", "why"), ("do", "skip")],
    ["projection", "stream", "reason", "do"],
)
ACTIONS = ("release", "revoke", "extend", "grant", "deactivate", "note")


def addresses(about: dict[str, str]) -> Iterator[str]:
    """The pages that may have a form."""
    for view in every_view.pages():
        asked = policy.declared(view.callback)
        if asked is None or asked.kind != "staff" or "<uuid:" in view.route:
            continue
        known = dict(about)
        if "<path:" in view.route:
            known["object_id"] = about[view.route.split("/")[2]]
        names = ACTIONS if "actions/<str:name>" in view.route else ("",)
        names = tuple(PARTS) if "<str:part>" in view.route else names
        for name in names:
            here = known | {"name": name, "part": name}
            filled = PLACE.sub(lambda place, here=here: here.get(place[2], "none"), view.route)
            yield "/" + filled
            if view.name == "draft":
                yield f"/{filled}?table=base&row=b-basic"
                yield f"/{filled}?table=base&row=b-basic&column=plan"


def forms(client: Client, about: dict[str, str]) -> list[Form]:
    """Every form once: by the address it is sent to and its fields."""
    found: dict[Any, Form] = {1: SIGN_IN, 2: PARKED}
    for page in addresses(about):
        answer = client.get(page)
        if answer.status_code != 200 or "text/html" not in answer["Content-Type"]:
            continue
        reader = Forms(page)
        reader.feed(answer.content.decode())
        for form in reader.found:
            fixed = tuple(given for given in form.given if given[0] == "do")
            found.setdefault((form.action, tuple(form.free), fixed), form)
    return list(found.values())


def encoded(pairs: list[tuple[str, str]]) -> bytes:
    return "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in pairs).encode()


def again(client: Client, form: Form) -> Form:
    """The form as its page shows it now: what is edited meanwhile has another revision."""
    reader = Forms(form.page)
    reader.feed(client.get(form.page).content.decode())
    same = (new for new in reader.found if (new.action, new.free) == (form.action, form.free))
    return next(same, form)


def test_every_form_takes_odd_texts_without_a_fault(
    everybody: Client, about: dict[str, str]
) -> None:
    found = [form for form in forms(everybody, about) if form.free]
    tried = 0
    for number, stale in enumerate(found):
        form = again(everybody, stale)
        # Who is signed in already is sent on by the form for it, whatever it says; and to who is
        # not it is shown again.
        signing_in = form.action == SIGN_IN.action
        client = Client() if signing_in else everybody
        for turn, odd in enumerate(mine(corpus.TEXTS, number)[:: 1 if ALL else 5]):
            for name in form.free if ALL else form.free[turn % len(form.free) :][:1]:
                pairs = [(n, odd.text if n == name else value) for n, value in form.given]
                before = stored() if odd.banned else None
                answer = client.post(
                    form.action, encoded(pairs), "application/x-www-form-urlencoded"
                )
                tried += 1
                case = (form.page, form.action, name, odd.about, answer.status_code)
                assert answer.status_code < 500, case
                if odd.banned:
                    assert signing_in or answer.status_code >= 400, case
                    assert stored() == before, case
                    assert not signing_in or SESSION_KEY not in client.session, case
    assert len(found) > 30
    assert tried > 100
    for page in addresses(about):
        assert everybody.get(page).status_code < 500, page
