"""Examines the whole: the store's checks, and that no checkpoint is ahead of its feed."""

from collections.abc import Callable, Iterator

from django.db import connection

from licensing import audit
from licensing.audit import Finding, Progress
from projections.sql import statement

SAMPLE = 20
"""Streams and keyframes that a quick examination recomputes."""


def quiet(done: int, total: int) -> None:
    """Progress that nobody watches."""


def examine(
    *, full: bool = False, sample: int = SAMPLE, progress: Callable[[str], Progress] | None = None
) -> Iterator[Finding]:
    """Every finding as soon as it is made; `full` recomputes every hash chain."""
    watched = progress or (lambda name: quiet)
    yield audit.settings()
    yield audit.roles()
    yield audit.feeds()
    yield audit.heads()
    yield checkpoints()
    yield audit.readable()
    yield audit.frames(sample, watched("keyframes"))
    yield audit.chains(None if full else sample, watched("chains"))


def checkpoints() -> Finding:
    """No projection has read further than its feed goes."""
    with connection.cursor() as cursor:
        cursor.execute(statement("checkpoints_ahead"))
        ahead = cursor.fetchall()
    title, figures = "Checkpoints are behind their feeds", {"ahead": len(ahead)}
    if not ahead:
        said = "No projection is ahead of the log."
        return Finding("checkpoints", title, "ok", said, figures)
    said = "; ".join(
        f"{projection} in bucket {bucket}: checkpoint {position}, head {head}"
        for projection, bucket, position, head in ahead[: audit.NAMED]
    )
    todo = (
        "The log is older than what was read from it, as after a restore. "
        "Rebuild the projection: manage.py project rebuild NAME."
    )
    return Finding("checkpoints", title, "failed", said, figures, todo)
