"""`{% member_profile member_id %}`: who a member is, masked, with a way to reveal it."""

from typing import Any

from django import template
from django.template.context import RequestContext

from timeline import profiles
from timeline.http import may

register = template.Library()


@register.inclusion_tag("members/profile_part.html", takes_context=True)
def member_profile(context: RequestContext, member_id: str) -> dict[str, Any]:
    """The masked profile of a member; nothing for one without."""
    request = context["request"]
    return {
        "member_id": member_id,
        "profile": profiles.masked(member_id),
        "may_reveal": may(request, "reveal"),
        "csrf_token": context.get("csrf_token"),
        "shown_s": profiles.SHOWN_S,
    }
