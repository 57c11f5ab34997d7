"""Is the process alive, and is the product ready to serve: `/healthz` and `/readyz`."""

from __future__ import annotations

from collections.abc import Callable

from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from licensing.demo import play
from timeline.policy import public

HEARTBEAT_SECONDS = 30


@public
@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """The process answers; nothing else is asked, so that a database outage restarts nobody."""
    return JsonResponse({"status": "ok"})


@public
@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Every check with its answer: "ok" or what is missing, and 503 while anything is."""
    answers = {name: _answer(check) for name, check in CHECKS.items()}
    ready = all(answer == "ok" for answer in answers.values())
    body = {"status": "ready" if ready else "not ready", "checks": answers}
    return JsonResponse(body, status=200 if ready else 503)


def _answer(check: Callable[[], str]) -> str:
    try:
        return check()
    except Exception as error:  # whatever is broken, the page's job is to say so
        return f"failed: {type(error).__name__}"


def _database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return "ok"


_migrated = False


def _migrations() -> str:
    """Applied migrations do not go away under a running process, so a yes is remembered."""
    global _migrated
    if not _migrated:
        executor = MigrationExecutor(connection)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if plan:
            return f"{len(plan)} not applied"
        _migrated = True
    return "ok"


def _worker() -> str:
    """A worker beats through the broker, so a fresh beat shows beat, broker and worker at once."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT extract(epoch FROM clock_timestamp() - max(beat_at))::float8"
            " FROM projections_heartbeat WHERE kind = 'queue'"
        )
        row = cursor.fetchone()
    age = row[0] if row else None
    if age is None:
        return "no heartbeat yet"
    return "ok" if age < HEARTBEAT_SECONDS else f"last heartbeat {age:.0f} s ago"


_told = False


def _demo() -> str:
    """A demo that is still being played would show half a story; its end is remembered."""
    global _told
    _told = _told or play.standing()[0] != "unfinished"
    return "ok" if _told else "being played"


CHECKS = {"database": _database, "migrations": _migrations, "worker": _worker, "demo": _demo}
