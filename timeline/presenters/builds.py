"""The builds of a read model in words: how far the new one is, and what became of the others."""

from datetime import datetime, timedelta

import msgspec

from projections.builds import Build
from projections.comparing import Comparison
from timeline.presenters import clock
from timeline.presenters.directory import grouped

STATES = {"ready": "waits for the swap", "retired": "was live before"}
ALL_BUCKETS = 1024


class Step(msgspec.Struct, frozen=True):
    """One step of a rebuild. `state` is done, now or next."""

    words: str
    state: str


class Growing(msgspec.Struct, frozen=True):
    """The build in progress: figures as they are shown, and where it stands on its way."""

    name: str
    generation: int
    version: str
    said: str
    percent: int
    done: str
    target: str
    left: str
    rate: str
    eta: str
    level: bool
    parked: str
    asked: str
    comparison: str
    comparing: str
    differences: list[str]
    steps: list[Step]


class Row(msgspec.Struct, frozen=True):
    """A build in the list."""

    generation: int
    version: str
    side: str
    state: str
    said: str
    asked: str
    when: str
    comparison: str


def growing(build: Build, now: datetime) -> Growing:
    """The build in progress."""
    level = build.state == "ready"
    eta = build.eta_seconds
    return Growing(
        name=build.projection,
        generation=build.generation,
        version=f"v{build.version}",
        said=STATES.get(build.state, build.state),
        # Not whole before it is: a last event may be the one that takes long.
        percent=min(int(build.percent), 100 if not build.left else 99),
        done=grouped(min(build.position, build.target)),
        target=grouped(build.target),
        left=grouped(build.left),
        rate=f"{grouped(round(build.rate))} events/s" if build.rate else "",
        eta="" if eta is None else f"about {clock.duration(timedelta(seconds=max(1, round(eta))))}",
        level=level,
        parked=_parked(build),
        asked=asked(build, now),
        comparison=compared(build.comparison) if build.comparison else "",
        comparing=_comparing(build),
        differences=differences(build.comparison) if build.comparison else [],
        steps=_steps(build),
    )


def _steps(build: Build) -> list[Step]:
    """Built, compared, swapped: what is behind it, what is going on, what comes."""
    built = build.state == "ready" or not build.left
    compared = build.comparison is not None and build.comparing_percent is None
    return [
        Step("Built beside the live one", "done" if built else "now"),
        Step("Compared row by row", "done" if compared else "now" if built else "next"),
        Step(
            "Swapped when you say so"
            if build.hold or build.state == "ready"
            else "Swapped by itself",
            "now" if built and compared else "next",
        ),
    ]


def _comparing(build: Build) -> str:
    """How far a comparison is; a worker does it."""
    if build.comparing_percent is None:
        return ""
    return f"A worker compares it with the live one, row by row: {int(build.comparing_percent)} %."


def _parked(build: Build) -> str:
    if not build.parked:
        return ""
    found = f"{grouped(build.parked)} stream{' is' if build.parked == 1 else 's are'} parked in it"
    if build.state == "ready" and not build.hold:
        return f"{found}, at events that the live build has passed: it waits for a person."
    return f"{found}."


def row(build: Build, now: datetime) -> Row:
    """A build in the list."""
    began, ended = build.live_at, build.ended_at
    when = f"live {clock.ago(began, now)}" if began else ""
    if ended:
        when += f"{', ' if when else ''}ended {clock.ago(ended, now)}"
    return Row(
        generation=build.generation,
        version=f"v{build.version}",
        side=build.side,
        state=build.state,
        said=STATES.get(build.state, build.state),
        asked=asked(build, now),
        when=when or "–",
        comparison=compared(build.comparison) if build.comparison else "–",
    )


def asked(build: Build, now: datetime) -> str:
    """Who wanted it, when, and why."""
    words = f"{build.requested_by}, {clock.ago(build.requested_at, now)}"
    return f"{words}: {build.reason}" if build.reason else words


def compared(found: Comparison) -> str:
    """What a comparison came to, in a sentence."""
    where = "" if found.buckets == ALL_BUCKETS else f" in {grouped(found.buckets)} of 1 024 buckets"
    rows = f"{grouped(found.rows)} rows compared{where}"
    if found.equal:
        return f"{rows}: equal."
    live, new = grouped(found.only_live), grouped(found.only_new)
    return f"{rows}: {live} only in the live build, {new} only in the new one."


def differences(found: Comparison) -> list[str]:
    """A few of the rows that differ, as JSON, each with the build that has it."""
    return [
        f"{which}: {msgspec.json.encode(each).decode()}"
        for which, rows in (("live", found.live_samples), ("new", found.new_samples))
        for each in rows
    ]
