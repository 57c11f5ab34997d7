"""Who is calling: a bearer key, and whether it was issued for what is asked."""

from typing import Any

from django.http import HttpRequest
from ninja.security import HttpBearer

from timeline import audit, limits
from timeline.api.problems import Problem
from timeline.http import MEMBER_ID
from timeline.models import ApiKey

NO_SCOPE = ""
SUBJECTS = {
    "member_id": "", "rule_set": "rules:", "title_id": "title:", "name": "projection:",
    "kind": "job:",
}  # fmt: skip


def noted(request: HttpRequest, action: str, *, reason: str = "", **detail: Any) -> None:
    """Note a call, with its reason, before it does what it is for; raises NotNoted."""
    call, subject = _called(request), _subject(request)
    audit.record(request, action, subject, purpose=call, reason=reason, **detail)


class Key(HttpBearer):
    """Asks for a key with `scope`: 401 without a usable key, 429 too often, 403 without the scope.

    With `reads`, the look at members is noted in the audit trail, once in ten minutes; with
    `records`, each call is noted under this action. What devices ask for stands in the command log.
    """

    def __init__(self, scope: str, *, reads: bool = False, records: str = "") -> None:
        super().__init__()
        self.scope = scope
        self.reads = reads
        self.records = records

    def authenticate(self, request: HttpRequest, token: str) -> ApiKey | None:
        """The key row, which ninja keeps as `request.auth`."""
        key = ApiKey.find(token)
        if key is None:
            return None
        request.auth = key  # type: ignore[attr-defined]
        _check_rate(key)
        call, subject = _called(request), _subject(request)
        if not key.allows(self.scope):
            audit.refused(request, subject, call)
            raise Problem(403, "missing_scope", f"this key lacks the scope {self.scope}")
        if self.reads:
            audit.read(request, subject, "API" if subject else call)
        if self.records:
            audit.record(request, self.records, subject, purpose=call)
        return key


def _check_rate(key: ApiKey) -> None:
    # Counted once the secret is known to be right: nobody can use up another's requests.
    try:
        limits.take(f"key {key.pk}", key.requests_a_second())
    except limits.Exceeded as much:
        detail = f"this key may send {key.requests_a_second()} requests a second"
        headers = {"Retry-After": str(much.wait)}
        raise Problem(429, "rate_limited", detail, headers=headers) from None


def _called(request: HttpRequest) -> str:
    match = request.resolver_match
    return f"{request.method} {match.route.removeprefix('api/v1') if match else ''}"


def _subject(request: HttpRequest) -> str:
    given = request.resolver_match.kwargs if request.resolver_match else {}
    for name, prefix in SUBJECTS.items():
        value = given.get(name)
        if isinstance(value, str):
            return prefix + value if prefix or MEMBER_ID.fullmatch(value) else ""
    return ""


NOBODY = Key(NO_SCOPE)
"""What an operation asks that does not say which scope it needs: one that no key has."""

READ = Key("member:read", reads=True)
CATALOGUE = Key("member:read")
WRITE = Key("member:write")
SUPPORT = Key("member:write", records="act")
TITLES = Key("title:write", records="catalogue")
FEED = Key("feed:read", reads=True)
OPERATIONS = Key("operations:read")
OPERATIONS_ON_MEMBERS = Key("operations:read", reads=True)
OPERATE = Key("operations:write")
"""Its views note what is asked for, with the reason."""

WITHDRAWALS = OPERATIONS_ON_MEMBERS
WITHDRAW = OPERATE
RULES_READ = Key("rules:read")
RULES_ON_MEMBERS = Key("rules:read", reads=True)
RULES_WRITE = Key("rules:write", records="rules")
RULES_APPROVE = Key("rules:approve", records="rules")
