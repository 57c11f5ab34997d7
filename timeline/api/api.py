"""The JSON API: one router per resource, one shape for every refusal, nothing in another form."""

from typing import Any

from django.http import Http404, HttpRequest
from django.urls import URLPattern
from ninja import NinjaAPI, Router
from ninja.errors import HttpError, ValidationError
from ninja.operation import Operation

from timeline import policy
from timeline.api import (
    backtests,
    bulk,
    decisions,
    devices,
    explanations,
    feed,
    jobs,
    keys,
    licenses,
    members,
    openapi,
    operations,
    plans,
    problems,
    rules,
    support,
    timelines,
    titles,
    what_if,
    withdrawals,
)
from timeline.api import projections as projections_
from timeline.api.commanding import GuardedParser
from timeline.api.docs import Docs
from timeline.api.outputs import Renderer

DESCRIPTIONS = ("openapi-json", "openapi-view", "api-root")
"""What ninja adds itself: how the API is called, and nothing that anybody did with it."""


class PlayheadAPI(NinjaAPI):
    """Ninja's API with every view enclosed, those that ninja adds itself included."""

    def get_openapi_operation_id(self, operation: Operation) -> str:
        """A short name for generated clients: "licenses_acquire"."""
        view = operation.view_func
        return f"{view.__module__.rpartition('.')[2]}_{view.__name__}"

    def get_openapi_schema(self, **kwargs: Any) -> Any:
        """The description of every call, its answers and its problems."""
        return openapi.complete(super().get_openapi_schema(**kwargs))

    @property
    def urls(self) -> tuple[list[Any], str, str]:
        """The URL patterns, as `path("api/v1/", api.urls)` wants them."""
        patterns, app_name, namespace = super().urls
        return [_enclosed(pattern) for pattern in patterns], app_name, namespace


def _enclosed(pattern: Any) -> URLPattern:
    asked = policy.PUBLIC if pattern.name in DESCRIPTIONS else policy.BY_KEY
    enclosed = problems.enclose(pattern.callback, streams=pattern.name == bulk.NAME)
    view = policy.declare(enclosed, asked)
    return URLPattern(pattern.pattern, view, pattern.default_args, pattern.name)


api = PlayheadAPI(
    title="Playhead",
    version="1",
    description="Download licenses, their history, and the rules that decided.",
    docs=Docs(),
    renderer=Renderer(),
    parser=GuardedParser(),
    auth=keys.NOBODY,
    urls_namespace="api-1",
)
for kind in (Exception, Http404, HttpError, ValidationError):
    api.add_exception_handler(kind, problems.handle)

everything_else = Router()


@everything_else.api_operation(
    ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"],
    "/{path:address}",
    include_in_schema=False,
    auth=None,
)
@policy.public
def not_found(request: HttpRequest, address: str) -> None:
    """An address below the API that means nothing."""
    raise Http404


api.add_router("/commands", bulk.router)
api.add_router("/members", members.router)
api.add_router("/members/{member_id}", timelines.router)
api.add_router("/members/{member_id}/licenses", licenses.router)
api.add_router("/members/{member_id}/devices", devices.router)
api.add_router("/members/{member_id}/plan", plans.router)
api.add_router("/members/{member_id}/explanations", explanations.router)
api.add_router("/members/{member_id}/what-if", what_if.router)
api.add_router("/members/{member_id}", support.router)
api.add_router("/rules/{rule_set}/backtests", backtests.router)
api.add_router("/rules/{rule_set}", rules.router)
api.add_router("/titles", titles.router)
api.add_router("/withdrawals", withdrawals.router)
api.add_router("/decisions", decisions.router)
api.add_router("/events", feed.router)
api.add_router("/projections", projections_.router)
api.add_router("/jobs", jobs.router)
api.add_router("/operations", operations.router)
api.add_router("", everything_else)
