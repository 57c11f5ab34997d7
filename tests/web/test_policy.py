"""Who may open what: every view declares it, and every role meets every view.

The matrix is made of the URL resolver and the API's own list, so that a new page or operation is
in it without anybody's doing.
"""

import json
import re
import uuid
from collections.abc import Callable
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.test import Client, RequestFactory
from django.utils import timezone

from licensing import rulebook, rulemaking, service
from tests.conftest import new_id
from tests.web import every_view
from tests.web.api_client import RULES
from tests.web.story import tell
from timeline import policy
from timeline.actions import approvals
from timeline.api.keys import Key
from timeline.http import staff_page
from timeline.middleware import DefaultDeny
from timeline.models import SCOPES, ApiKey, ApprovalRequest
from timeline.policy import ADMINISTRATOR, PERMISSIONS, STAFF_ROLES

PLACE = re.compile(r"<(?:(\w+):)?(\w+)>")
WHOEVER = (*STAFF_ROLES, ADMINISTRATOR, "no role", "inactive", "nobody")
UUID = "00000000-0000-4000-8000-000000000000"


def address(route: str, member: str) -> str:
    """An address of this route, about `member` where it is about one."""

    def filled(place: re.Match[str]) -> str:
        kind, name = place[1] or "str", place[2]
        if name == "member_id":
            return member
        return {"uuid": UUID, "int": "1"}.get(kind, "1")

    return "/" + PLACE.sub(filled, route)


@pytest.fixture(scope="module")
def member(database: object, published_rules: object) -> str:
    found = new_id("m")
    tell(found)
    return found


@pytest.fixture(scope="module")
def clients(database: object) -> dict[str, Client]:
    """A browser for each role, and for those without one."""
    # Addresses name the first of everything, and an administrator changes and deletes that person.
    User.objects.create_user(new_id("first"))
    found = {}
    for who in WHOEVER:
        client = Client(raise_request_exception=False)
        if who != "nobody":
            user = User.objects.create_user(new_id("user"), password="not used")
            if who in STAFF_ROLES or who == "inactive":
                role = "agent" if who == "inactive" else who
                user.groups.add(Group.objects.get_or_create(name=role)[0])
            user.is_superuser = who == ADMINISTRATOR
            user.save()
            client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
            if who == "inactive":
                User.objects.filter(pk=user.pk).update(is_active=False)
        found[who] = client
    return found


def test_every_view_declares_who_may() -> None:
    silent = [view.route for view in every_view.views() if policy.declared(view.callback) is None]
    assert silent == []


def test_every_operation_asks_for_a_scope_or_is_declared_open() -> None:
    silent = []
    for method, path, operation in every_view.every_call():
        scopes = [auth.scope for auth in operation.auth_callbacks if isinstance(auth, Key)]
        opened = policy.declared(operation.view_func) == policy.PUBLIC
        if not opened and (len(scopes) != 1 or scopes[0] not in SCOPES):
            silent.append(f"{method} {path}")
    assert silent == []


def test_a_view_without_a_policy_answers_nobody() -> None:
    def page(request: HttpRequest) -> None: ...

    deny = DefaultDeny(lambda request: pytest.fail("not called"))
    with pytest.raises(PermissionDenied):
        deny.process_view(RequestFactory().get("/"), page, (), {})


def test_a_page_cannot_ask_for_a_permission_that_nobody_defined() -> None:
    with pytest.raises(ValueError, match="no such permission"):
        staff_page(may="everything")


def expected(asked: policy.Policy, method: str, who: str) -> Callable[[Any], bool]:
    """What the answer must be like: (status, location) -> whether it is."""
    if asked == policy.PUBLIC:
        return lambda answer: answer.status_code < 500 or "readyz" in answer.request["PATH_INFO"]
    if asked == policy.BY_KEY:  # a sign-in is no key
        return lambda answer: answer.status_code in (401, 405)
    if who in ("nobody", "inactive"):
        return lambda answer: (
            answer.status_code == 302 and answer["Location"].startswith("/sign-in/?next=/")
        )
    if who == "no role" or not policy.permits((who,), asked.needs(method)):
        return lambda answer: answer.status_code == 403
    return lambda answer: answer.status_code not in (401, 403) and answer.status_code < 500


@pytest.mark.parametrize("who", WHOEVER)
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("about", ["known", "unknown"])
def test_every_role_meets_every_page(
    clients: dict[str, Client], member: str, who: str, method: str, about: str
) -> None:
    subject = member if about == "known" else new_id("gone")
    wrong = []
    for view in every_view.pages():
        asked = policy.declared(view.callback)
        assert asked is not None
        # Signing out would end the test's own session.
        if view.name == "sign-out":
            continue
        answer = clients[who].generic(method, address(view.route, subject))
        if not expected(asked, method, who)(answer):
            wrong.append((view.route, answer.status_code, answer.headers.get("Location")))
    assert wrong == []


@pytest.fixture(scope="module")
def rule_set(database: object, published_rules: object) -> str:
    """One of its own, so that nobody else's drafts are touched."""
    found, first = new_id("matrix"), rulebook.versions()[0].valid_from
    rulemaking.publish(
        found, json.loads(RULES.read_text()), valid_from=first, command_id=new_id(),
        actor=service.Actor("staff", "tests"), now=first,
    )  # fmt: skip
    return found


def staff(role: str = "agent") -> Client:
    """Somebody else with a role."""
    user = User.objects.create_user(new_id("user"), password="not used")
    user.groups.add(Group.objects.get_or_create(name=role)[0])
    client = Client(raise_request_exception=False)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def a_draft(rule_set: str, by: Client) -> str:
    begun = by.post(f"/rules/{rule_set}/drafts/", {"title": "a draft", "key": new_id("k")})
    return str(begun["Location"].rstrip("/").rpartition("/")[2])


def a_request(member: str, by: Client) -> str:
    """The key of a request for a second person."""
    return approvals.ask(
        ApprovalRequest(
            key=uuid.uuid4().hex, member_id=member, action="grant",
            sent={"limit": "max_downloads", "amount": "9", "until": "2099-01-01"},
            beyond="9 more; one person may grant 2", words=approvals.sealed(member, "asked"),
            seen_version=1, asked_by=int(by.session["_auth_user_id"]), asked_by_name="somebody",
            asked_at=timezone.now(),
        )
    ).key  # fmt: skip


OWNED = [view for view in every_view.pages() if re.search("<str:(draft|key)>", view.route)]


OWNERS = ("agent", "rules author", "rules approver")


@pytest.mark.parametrize(
    ("whose", "who"),
    [*(("other", who) for who in WHOEVER), *product(("own", "absent"), OWNERS)],
)
def test_every_role_meets_what_is_its_own_another_s_and_nobody_s(
    clients: dict[str, Client], member: str, rule_set: str, whose: str, who: str
) -> None:
    """Who may not learns nothing of what there is; who may is told 404 for what there is not."""
    wrong = []
    mine = whose == "own"
    # A thing of one's own is there for a role that can have one.
    may = {"draft": policy.permits((who,), "draft"), "key": policy.permits((who,), "act")}
    here = {"rule_set": rule_set, "draft": "none", "key": "none", "part": "facts"}
    if whose == "other" or (mine and may["draft"]):
        here["draft"] = a_draft(rule_set, clients[who] if mine else staff("rules author"))
    if whose == "other" or (mine and may["key"]):
        here["key"] = a_request(member, clients[who] if mine else staff())
    for view in OWNED:
        asked = policy.declared(view.callback)
        assert asked is not None
        if mine and not may["draft" if "<str:draft>" in view.route else "key"]:
            continue
        url = "/" + PLACE.sub(lambda place: here[place[2]], view.route)
        for method in ("GET", "POST"):
            answer = clients[who].generic(method, url)
            status = answer.status_code
            if who in ("nobody", "inactive", "no role") or not policy.permits(
                (who,), asked.needs(method)
            ):
                right = expected(asked, method, who)(answer)
            elif whose == "absent":
                right = status in (404, 405)
            else:  # four eyes are asked for by what is done, and 403 for one's own
                right = status < 500 and status not in (401, 404) and (status != 403 or mine)
            if not right:
                wrong.append((method, view.route, status))
    assert wrong == []


def test_a_fragment_is_refused_like_its_page(clients: dict[str, Client], member: str) -> None:
    part = {"HX-Request": "true", "HX-Target": "section#panel"}
    url = f"/members/{member}/timeline/3/"
    assert clients["agent"].get(url, headers=part).status_code == 200
    assert clients["no role"].get(url, headers=part).status_code == 403
    away = clients["nobody"].get(url, headers=part)
    assert (away.status_code, away["HX-Redirect"]) == (401, "/sign-in/?next=%2F")


def test_a_role_taken_away_counts_at_once(member: str) -> None:
    user = User.objects.create_user(new_id("user"), password="not used")
    user.groups.add(Group.objects.get_or_create(name="viewer")[0])
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    url = f"/members/{member}/timeline/3/"
    assert client.get(url).status_code == 200
    user.groups.clear()
    assert client.get(url).status_code == 403


def test_every_permission_has_a_holder_and_only_known_roles() -> None:
    known = {*STAFF_ROLES, ADMINISTRATOR}
    for permission, roles in PERMISSIONS.items():
        assert roles, permission
        assert roles <= known, permission
    # What must lie in different hands.
    assert PERMISSIONS["draft"] - PERMISSIONS["approve"]
    assert not PERMISSIONS["audit"] & PERMISSIONS["operate"]
    assert not PERMISSIONS["administer"] & (PERMISSIONS["reveal"] | PERMISSIONS["act"])


def scope_of(call: every_view.Call) -> str | None:
    return next(
        (auth.scope for auth in call.operation.auth_callbacks if isinstance(auth, Key)), None
    )


def send(secret: str | None, call: every_view.Call, member: str) -> tuple[int, str]:
    path = re.sub(
        r"\{(?:\w+:)?(\w+)\}", lambda p: member if p[1] == "member_id" else "1", call.path
    )
    headers = {"Authorization": f"Bearer {secret}"} if secret else {}
    answer = Client(raise_request_exception=False).generic(
        call.method, f"/api/v1{path}", b"{}", content_type="application/json", headers=headers
    )
    return answer.status_code, answer.json().get("code", "")


@pytest.mark.parametrize("about", ["known", "unknown"])
@pytest.mark.parametrize("scope", SCOPES)
def test_every_scope_meets_every_operation(scope: str, about: str, member: str) -> None:
    subject = member if about == "known" else new_id("gone")
    _, secret = ApiKey.issue("matrix", [scope])
    wrong = []
    for call in every_view.calls():
        status, code = send(secret, call, subject)
        refused = (status, code) == (403, "missing_scope")
        if refused == (scope_of(call) == scope) or (status >= 500 and code != "no_rules"):
            wrong.append((call.method, call.path, status, code))
    assert wrong == []


@pytest.mark.parametrize("kind", ["none", "made up", "expired", "revoked"])
def test_no_operation_answers_without_a_usable_key(kind: str, member: str) -> None:
    key, secret = ApiKey.issue("matrix", expires_at=timezone.now() + timedelta(days=1))
    match kind:
        case "expired":
            ApiKey.objects.filter(pk=key.pk).update(expires_at=timezone.now())
        case "revoked":
            key.revoke()
    shown = {"none": None, "made up": secret[:-7] + "0000000"}.get(kind, secret)
    answers = {send(shown, call, member) for call in every_view.calls()}
    assert answers == {(401, "unauthorized")}
