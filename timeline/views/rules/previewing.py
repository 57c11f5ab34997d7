"""What a fact or a counter would have been in real requests, before anything uses it."""

from django.http import HttpRequest, HttpResponseBase, HttpResponseNotAllowed
from django.shortcuts import render

from timeline import audit, counting
from timeline import studio as studios
from timeline.http import is_fragment, staff_page
from timeline.presenters.rules import counting as presenter
from timeline.views.rules import frame
from timeline.views.rules.frame import Refusal


@staff_page(may="draft")
def page(request: HttpRequest, rule_set: str, draft: str) -> HttpResponseBase:
    """Go on with a count, as far as a moment takes it."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    studio = studios.load(rule_set, draft)
    state = counting.unpack(request.POST.get("state", ""))
    if state is None or studio.ruleset is None:
        refusal = Refusal(422, "This count is too old to go on with: begin it again.")
        if is_fragment(request):
            said = {"refusal": refusal}
            return render(request, "rules/fragments/said.html", said, status=422)
        return frame.show(
            request, studio, "edit", {"refusal": refusal}, status=422, template="rules/counted.html"
        )
    audit.read(request, "", "rules")
    card = presenter.card(counting.go_on(state, studio.ruleset))
    context = {"preview": card, "rule_set": rule_set, "draft": studio.draft}
    if is_fragment(request):
        return render(request, "rules/fragments/preview.html", context)
    return frame.show(request, studio, "edit", context, template="rules/counted.html")
