"""Withdrawals in words: what they are about, how far they are, what can be undone."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from projections.withdrawals import Run
from timeline.presenters import clock

OUTCOME_WORDS = {
    "withdrawn": "Taken back",
    "gone": "Already gone",
    "refused": "Refused",
}
STATE_WORDS = {
    "asked": "waits for a second person",
    "rejected": "rejected",
    "waiting": "waiting",
    "running": "running",
    "done": "done",
    "stopped": "stopped",
    "failed": "failed",
}


class Row(msgspec.Struct, frozen=True):
    """A withdrawal in the list."""

    id: str
    title: str
    kind: str
    state: str
    tone: str
    figures: str
    by: str
    asked: str
    reason: str


class Seen(msgspec.Struct, frozen=True):
    """All that the page says of a withdrawal."""

    title: str
    state: str
    tone: str
    percent: int
    progress: str
    asked: str
    until: str
    took: str
    counts: tuple[tuple[str, str, int], ...]
    fewer: str


def title(kind: str, name: str, called: str | None) -> str:
    """What it is about, by the name people know."""
    return called or name if kind == "title" else name


def row(run: Run, called: str | None, now: datetime, *, expired: bool) -> Row:
    """One line of the list."""
    figures = f"{run.withdrawn:,} of {run.found or run.shown:,}"
    return Row(
        str(run.id), title(run.kind, run.name, called), run.kind, state(run, expired=expired),
        tone(run), figures, run.by_name, clock.ago(run.asked_at, now), run.reason,
    )  # fmt: skip


def state(run: Run, *, expired: bool) -> str:
    """Where it stands."""
    if expired:
        return "expired"
    if run.state == "running" and run.stop_asked:
        return "stopping"
    if run.state == "waiting" and run.started_at is not None:
        return "running"  # between two turns of a worker
    return STATE_WORDS[run.state]


def tone(run: Run) -> str:
    """The class of its tag."""
    if run.state in ("rejected", "failed"):
        return "k-refused"
    return "k-late" if run.state in ("asked", "stopped") else ""


def seen(run: Run, called: str | None, now: datetime, *, expired: bool) -> Seen:
    """Everything about one."""
    return Seen(
        title(run.kind, run.name, called),
        state(run, expired=expired),
        tone(run),
        int(100 * run.progress),
        _progress(run),
        clock.moment(run.asked_at, now.year),
        clock.stamp(run.until),
        clock.duration(timedelta(seconds=run.worked_s)) if run.worked_s else "",
        tuple(
            (name, OUTCOME_WORDS[name], count)
            for name, count in (
                ("withdrawn", run.withdrawn),
                ("gone", run.gone),
                ("refused", run.refused),
            )
        ),
        _fewer(run),
    )


def _progress(run: Run) -> str:
    if run.state == "waiting" and run.started_at is None:
        return "Waiting for a worker to take it up"
    if not run.gathered:
        return f"Looking for licenses, {run.found:,} so far"
    told = f"{run.ended:,} of {run.found:,} licenses"
    if run.eta_s is not None and 0 < run.ended < run.found:
        told += f", about {clock.duration(timedelta(seconds=round(run.eta_s) or 1))} left"
    return told


def _fewer(run: Run) -> str:
    """Why there are not as many as were shown."""
    if run.state != "done" or run.found >= run.shown:
        return ""
    gone = run.shown - run.found
    are = "license has" if gone == 1 else "licenses have"
    return f"{gone:,} {are} ended between the dry run and the start."


def titles_line(titles: Sequence[tuple[str, str | None, int]], licenses: int) -> str:
    """What the titles that are not named make up."""
    rest = licenses - sum(count for _, _, count in titles)
    return f"{rest:,} of further titles" if rest > 0 else ""
