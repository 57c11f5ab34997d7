"""Who is calling: a bearer key, and whether it was issued for what is asked."""

from django.http import HttpRequest
from ninja.security import HttpBearer

from timeline.api.problems import Problem
from timeline.models import ApiKey

NO_SCOPE = ""


class Key(HttpBearer):
    """Asks for a key with `scope`: 401 without a usable key, 403 without the scope."""

    def __init__(self, scope: str) -> None:
        super().__init__()
        self.scope = scope

    def authenticate(self, request: HttpRequest, token: str) -> ApiKey | None:
        """The key row, which ninja keeps as `request.auth`."""
        key = ApiKey.find(token)
        if key is not None and not key.allows(self.scope):
            raise Problem(403, "missing_scope", f"this key lacks the scope {self.scope}")
        return key


NOBODY = Key(NO_SCOPE)
"""What an operation asks that does not say which scope it needs: one that no key has."""

READ = Key("member:read")
WRITE = Key("member:write")
TITLES = Key("title:write")
FEED = Key("feed:read")
OPERATIONS = Key("operations:read")
RULES_READ = Key("rules:read")
RULES_WRITE = Key("rules:write")
RULES_APPROVE = Key("rules:approve")
