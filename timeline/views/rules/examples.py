"""The Examples tab: requests that are kept with the rules, and what each comes to now."""

import msgspec
from django.http import HttpRequest, HttpResponseBase

from licensing import rules
from timeline import studio as studios
from timeline.http import staff_page
from timeline.presenters.rules import declarations
from timeline.studio import Studio
from timeline.views.rules import frame


class Result(msgspec.Struct, frozen=True):
    """An example with how it came out; `differences` is empty where it is as expected."""

    id: str
    title: str
    words: str
    differences: tuple[str, ...]
    ran: bool


@staff_page
def page(request: HttpRequest, rule_set: str, draft: str) -> HttpResponseBase:
    """All examples, the failing ones first."""
    studio = studios.load(rule_set, draft)
    if studio.ruleset is None:
        return frame.show(request, studio, "examples", {}, template="rules/misshapen.html")
    results = sorted(_results(studio), key=lambda each: not each.differences)
    failing = sum(bool(each.differences) for each in results)
    ran = all(each.ran for each in results)
    body = {"results": results, "failing": failing, "ran": ran}
    return frame.show(request, studio, "examples", body)


def _results(studio: Studio) -> list[Result]:
    ruleset = studio.ruleset
    assert ruleset is not None
    if any(rules.faults(studio.document)):
        return [
            Result(case.id, case.title, declarations.case_words(case), (), False)
            for case in ruleset.cases
        ]
    return [
        Result(each.case.id, each.case.title, declarations.case_words(each.case),
               each.differences, True)
        for each in rules.run_cases(rules.Compiled(ruleset))
    ]  # fmt: skip
