"""`/metrics` for Prometheus, to be read with a key that has the scope operations:read."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from timeline import policy
from timeline.api import keys
from timeline.api.problems import Problem
from timeline.metrics import REGISTRY


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Everything in the text format; 401 without a key, 403 without the scope."""
    try:
        known = keys.OPERATIONS(request)
    except Problem as problem:
        return HttpResponse(f"{problem.detail}\n", status=problem.status, content_type="text/plain")
    if not known:
        answer = HttpResponse("a key is needed\n", status=401, content_type="text/plain")
        answer.headers["WWW-Authenticate"] = "Bearer"
        return answer
    return HttpResponse(generate_latest(REGISTRY), content_type=CONTENT_TYPE_PLAIN_0_0_4)


policy.declare(metrics, policy.BY_KEY)
