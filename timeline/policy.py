"""Who may do what: one table of permissions, and what each view declares to ask of its callers.

Default deny: a view that declares nothing answers nobody (`timeline/middleware.py`).
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

import msgspec

STAFF_ROLES = ("viewer", "agent", "rules author", "rules approver", "operator", "auditor")
ADMINISTRATOR = "administrator"
"""Django's superuser: keeps users, keys and the catalogue, and does nothing of the others' work."""

V = TypeVar("V", bound=Callable[..., Any])

_EVERYBODY = frozenset({*STAFF_ROLES, ADMINISTRATOR})

PERMISSIONS: Mapping[str, frozenset[str]] = {
    # Histories are pseudonymous and their reading is audited; every role's work leads to them.
    "read": _EVERYBODY,
    "reveal": frozenset({"agent"}),
    "act": frozenset({"agent"}),
    # Never what one has asked for oneself: the database refuses that too.
    "second": frozenset({"agent", "operator"}),
    # A title or a studio from everybody; many at once need a second person.
    "withdraw": frozenset({"agent", "operator"}),
    "draft": frozenset({"rules author", "rules approver"}),
    # Never what one has written oneself: that depends on the draft, so `licensing.rules.life` asks.
    "approve": frozenset({"rules approver"}),
    "operate": frozenset({"operator"}),
    "audit": frozenset({"auditor"}),
    "administer": frozenset({ADMINISTRATOR}),
}
"""Each permission with the roles that hold it: the only place where the two meet."""


class Policy(msgspec.Struct, frozen=True):
    """What a view asks of its callers, and for requests that change something.

    `kind` is "staff" (a signed-in person whose roles hold the permission), "key" (an API key with
    the operation's scope) or "public".
    """

    kind: str
    reads: str = ""
    writes: str = ""

    def needs(self, method: str) -> str:
        """The permission that a request with this method needs."""
        return self.reads if method in ("GET", "HEAD", "OPTIONS", "TRACE") else self.writes


PUBLIC = Policy("public")
BY_KEY = Policy("key")


def staff(may: str, writes: str = "") -> Policy:
    """The policy of a page: `may` to open it, `writes` (else `may` too) to send something to it."""
    for permission in filter(None, (may, writes)):
        if permission not in PERMISSIONS:
            raise ValueError(f"no such permission: {permission}")
    return Policy("staff", may, writes or may)


def declare(view: V, policy: Policy) -> V:
    """Note on a view what it asks for."""
    view.policy = policy  # type: ignore[attr-defined]
    return view


def public(view: V) -> V:
    """Declare that a view is for everybody: it tells nothing about members, rules or people."""
    return declare(view, PUBLIC)


def declared(view: object) -> Policy | None:
    """What a view declares; None for one that declares nothing."""
    found = getattr(view, "policy", None)
    return found if isinstance(found, Policy) else None


def permits(roles: Collection[str], permission: str) -> bool:
    """Whether any of these roles holds the permission."""
    return not PERMISSIONS[permission].isdisjoint(roles)
