"""Who a member is: masked for everybody, in plain words for an agent who says why."""

from django import forms
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import render

from timeline import audit, profiles
from timeline.http import MEMBER_ID, may, part_wanted, staff_page

SHORTEST_REASON = 5


class Why(forms.Form):
    """Why somebody wants to see personal data; it is kept in the audit trail."""

    reason = forms.CharField(
        min_length=SHORTEST_REASON,
        max_length=200,
        error_messages={
            "required": "Say why: it is kept in the audit trail.",
            "min_length": "Say why in a few words.",
        },
    )


@staff_page(writes="reveal", reads="profile")
def profile(request: HttpRequest, member_id: str) -> HttpResponseBase:
    """The masked profile; a POST with a reason shows it for a minute."""
    known = profiles.masked(member_id) if MEMBER_ID.fullmatch(member_id) else None
    if known is None:
        raise Http404("There is no profile of this member.")
    context = {
        "section": "members",
        "member_id": member_id,
        "profile": known,
        "may_reveal": may(request, "reveal"),
        "shown_s": profiles.SHOWN_S,
    }
    if request.method == "POST":
        form = Why(request.POST)
        if form.is_valid():
            reason = form.cleaned_data["reason"]
            audit.record(request, "reveal", member_id, purpose="profile", reason=reason)
            context["revealed"] = profiles.reveal(member_id)
        else:
            context["wrong"] = form.errors["reason"][0]
            context["reason"] = request.POST.get("reason", "")[:200]
    part = part_wanted(request, ("profile",)) == "profile"
    name = "members/profile_part.html" if part else "members/profile.html"
    answer = render(request, name, context, status=422 if "wrong" in context and not part else 200)
    answer.headers["Cache-Control"] = "no-store"
    return answer
