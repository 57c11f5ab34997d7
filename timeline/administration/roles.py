"""The roles there are: what each may do is fixed in `timeline/policy.py`, who holds it is here."""

from typing import Any, cast

from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html_join

from timeline.administration.kept import Kept
from timeline.policy import PERMISSIONS, STAFF_ROLES

MEANS = {
    "read": "open histories, rules and operations",
    "reveal": "reveal who a member is, with a reason",
    "act": "act for a member",
    "second": "decide as the second person",
    "withdraw": "take a title or a studio back from everybody",
    "draft": "write rules",
    "approve": "approve and publish rules of others",
    "operate": "rebuild, retry, skip, pause",
    "audit": "read and export the audit trail",
    "administer": "keep people, keys, titles and profiles",
}


class Roles(Kept):
    """To be looked at: somebody gets a role on their own page."""

    about = "What each role may do, and who holds it."
    may_add = False
    may_change = False
    list_display = ("name", "may", "holders")
    fields = ("name", "may", "people")
    readonly_fields = ("name", "may", "people")
    ordering = ("pk",)

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Group]":
        """The roles; a group of another name would let nobody do anything."""
        found = cast("QuerySet[Group]", super().get_queryset(request))
        return found.filter(name__in=STAFF_ROLES).prefetch_related("user_set")

    def may(self, group: Group) -> str:
        held = [name for name, roles in PERMISSIONS.items() if group.name in roles]
        return "; ".join(MEANS[name] for name in held)

    may.short_description = "may"  # type: ignore[attr-defined]

    def holders(self, group: Group) -> int:
        return len(group.user_set.all())

    def people(self, group: Group) -> Any:
        page = "admin:auth_user_change"
        links = (
            (reverse(page, args=(user.pk,)), user.get_username()) for user in group.user_set.all()
        )
        return format_html_join(", ", '<a href="{}">{}</a>', links) or "nobody"
