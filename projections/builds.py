"""Blue/green rebuilds: a new build grows beside the live one, is compared, and takes its place.

Every read model has two sides, `a` and `b`. A build writes one of them, with checkpoints of its
own; the live build's side is the one that is read, and jobs act on that one only. The books are in
PostgreSQL and any runner does the work, so a build goes on after whatever process died.

For the operations page, the API and the command line:

    request(name, by=...)     begin to build the other side
    in_progress(name)         the build that grows, with its progress; None if there is none
    live(name)                the build that is read
    ask_comparison(name)      have the runners compare the build that waits with the live one
    compare(name)             the same here and now, which may take long
    swap(name, by=...)        put the new build in the live one's place
    cancel(name, by=...)      give the new build up; the live one was never touched
    roll_back(name, by=...)   put back the build that was live before
    before(name)              the build that `roll_back` would put back
    history(name)             every build, newest first
"""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

import msgspec
from django.db import IntegrityError, connection, transaction

from licensing import connection as stores
from projections import comparing, sides
from projections.comparing import Comparison
from projections.projector import Projector
from projections.registry import named
from projections.sql import statement

__all__ = [
    "Build",
    "Comparison",
    "Refused",
    "announce",
    "ask_comparison",
    "before",
    "cancel",
    "compare",
    "finish",
    "history",
    "in_progress",
    "listing",
    "live",
    "request",
    "roll_back",
    "swap",
]

IN_PROGRESS = ("building", "ready")


class Refused(Exception):
    """This cannot be done with the build as it stands; the message says why, for people."""


class Build(msgspec.Struct, frozen=True):
    """One build of a projection.

    `state` is building, ready (level, and waiting for a person), live, retired or cancelled.
    `hold` says that it shall not be swapped in by itself. `position` of `target` events are done,
    in all buckets together; `rate` is events a second over the last minute at most and
    `eta_seconds` what is left at that rate: None when nothing is left or nothing moves.
    `parked` streams could not be applied to it. `comparing_percent` is how far it is compared with
    the live one, while it is.
    """

    projection: str
    generation: int
    side: str
    version: int
    state: str
    hold: bool
    requested_by: str
    reason: str | None
    requested_at: datetime
    ready_at: datetime | None
    live_at: datetime | None
    ended_at: datetime | None
    comparison: Comparison | None
    position: int
    target: int
    rate: float
    parked: int
    comparing_percent: float | None

    @property
    def left(self) -> int:
        """Events that it has not passed yet."""
        return max(self.target - self.position, 0)

    @property
    def percent(self) -> float:
        """How much of the log it has passed, 0 to 100."""
        return 100.0 * min(self.position / self.target, 1.0) if self.target else 100.0

    @property
    def eta_seconds(self) -> float | None:
        """How long it will take at the present rate."""
        return self.left / self.rate if self.left and self.rate else None

    def as_dict(self) -> dict[str, Any]:
        """For the API."""
        told: dict[str, Any] = msgspec.to_builtins(self, builtin_types=(datetime,))
        return told | {
            "rate": round(self.rate, 1),
            "percent": round(self.percent, 1),
            "comparing_percent": _rounded(self.comparing_percent),
            "events_left": self.left,
            "eta_seconds": _rounded(self.eta_seconds),
        }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def request(name: str, *, by: str, reason: str | None = None, hold: bool = False) -> Build:
    """Begin to build the side of a projection that is not live; the runners do the work.

    When it is level it is compared with the live side and swapped in; with `hold`, or where it
    could not apply what the live one of the same code has applied, it waits for `swap`. Raises
    LookupError for an unknown name, Refused while another build is in progress.
    """
    projector = named(name)
    announce([projector])
    asked = {"name": name, "version": projector.version, "hold": hold, "by": by, "reason": reason}
    try:
        with transaction.atomic():
            _begin(asked)
    except IntegrityError:  # two at once
        raise Refused(f"{name} is being rebuilt already.") from None
    found = in_progress(name)
    assert found is not None
    return found


def cancel(name: str, *, by: str, generation: int | None = None) -> Build:
    """Give up the build in progress. Raises Refused when there is none.

    `generation` says which build is meant, here and below: that of another is refused.
    """
    with transaction.atomic():
        build = _locked(name, IN_PROGRESS, f"{name} is not being rebuilt.", generation)
        _end(build, "cancelled")
    return _again(build)


def ask_comparison(name: str, *, by: str, generation: int | None = None) -> Build:
    """Have the build that waits for a person compared with the live one anew, by the runners.

    Raises Refused where none waits: one that is built is compared by itself when it is level.
    """
    with transaction.atomic():
        build = _locked(name, IN_PROGRESS, f"{name} is not being rebuilt.", generation)
        if build.state != "ready" or (old := live(name)) is None:
            raise Refused(f"Build {build.generation} of {name} is compared when it is level.")
        progress = comparing.Progress(old.generation, build.generation, 0)
        _update(build, "ask_comparison", comparing=msgspec.json.encode(progress).decode())
    return _again(build)


def compare(name: str) -> Comparison:
    """Compare the side of the build in progress with the live one, row by row; keeps the result.

    Not for a web request: it takes as long as the tables are large.
    Takes no lock: each bucket is looked at when both builds stand at the same place in it.
    Raises Refused when there is nothing to compare.
    """
    build, before = in_progress(name), live(name)
    if build is None or before is None:
        raise Refused(f"{name} is not being rebuilt.")
    found = _compared(before, build)
    assert found is not None  # it was given all the time it takes
    return found


def swap(name: str, *, by: str, generation: int | None = None) -> Build:
    """Put the build in progress in the live one's place, which is kept for `roll_back`.

    Raises Refused while it has not come as far as the live one.
    """
    with transaction.atomic():
        build = _locked(name, IN_PROGRESS, f"{name} is not being rebuilt.", generation)
        if behind := _behind_live(build):
            raise Refused(f"The new build of {name} is still behind in {behind} of 1024 buckets.")
        _swap(build)
    return _again(build)


def roll_back(name: str, *, by: str, generation: int | None = None) -> Build:
    """Put back the build that was live before the last swap; it catches up from where it stood.

    Raises Refused when there is none, when its side was built over, or when it was written by
    another version of the code.
    """
    with transaction.atomic():
        none = f"There is no build of {name} to go back to."
        build = _locked(name, ("retired",), none, generation)
        if why := _not_again(build):
            raise Refused(why)
        _swap(build)
    return _again(build)


def before(name: str) -> Build | None:
    """The build that `roll_back` would put back now, if there is one."""
    build = _last(history(name), ("retired",))
    return build if build and not _not_again(build) else None


def _not_again(build: Build) -> str | None:
    """Why a retired build cannot be read again, if it cannot."""
    name = build.projection
    if build.version != named(name).version:
        return (
            f"The build of {name} before was made by version {build.version} of its code:"
            " go back to that code."
        )
    for other in history(name):
        if other.generation > build.generation and other.side == build.side:
            return f"The side of the build of {name} before was built over."
    return None


def in_progress(name: str) -> Build | None:
    """The build that grows beside the live one, if there is one."""
    return next((build for build in history(name) if build.state in IN_PROGRESS), None)


def live(name: str) -> Build | None:
    """The build that is read; None before the projection ran first."""
    return next((build for build in history(name) if build.state == "live"), None)


def history(name: str) -> list[Build]:
    """Every build of a projection, newest first."""
    return _builds([name])


def listing(names: Sequence[str]) -> list[Build]:
    """The builds of some projections that are live or in progress."""
    return [build for build in _builds(names) if build.state in (*IN_PROGRESS, "live")]


def announce(projectors: Sequence[Projector]) -> set[str]:
    """Make projectors known: the first build of each is live at once, and newer code builds anew.

    The older build stays live, and older workers go on with it, until the new one is level.
    Returns the projections with a build to be finished: being built, or asked to be compared.
    """
    found = stores.select(statement("announced"), {})
    known = {(projection, version) for projection, version, _ in found}
    building = {projection for projection, _, unfinished in found if unfinished}
    for projector in projectors:
        if (projector.name, projector.version) in known:
            continue
        asked = {
            "name": projector.name,
            "version": projector.version,
            "hold": False,
            "by": f"version {projector.version} of the code",
            "reason": None,
        }
        try:
            with transaction.atomic():
                if newest := _newest_version(projector.name):
                    if newest > projector.version:
                        continue  # newer code has taken over
                    for build in _of_older_code(projector):
                        _end(build, "cancelled")
                _begin(asked)
                building.add(projector.name)
        except IntegrityError:
            continue  # another runner was faster
    return building


def finish(projectors: Sequence[Projector], seconds: float | None = None) -> list[Build]:
    """Compare and swap in what has come level, or note that it waits for a person.

    A comparison that takes longer than so many seconds goes on with the next call.
    """
    done = []
    for build in _builds([projector.name for projector in projectors]):
        waits = build.state == "ready" and build.comparing_percent is not None
        if build.state != "building" and not waits:
            continue
        if build.left > build.target // 100 or _behind_live(build):
            continue
        if build.version != named_version(projectors, build.projection):
            continue
        try:
            if (old := live(build.projection)) is not None:
                begun, keep = _begun(build), partial(_keep, build)
                if _compared(old, build, begun=begun, keep=keep, seconds=seconds) is None:
                    continue
            if waits:
                continue
            if build.hold or (old is not None and _parked_anew(build, old)):
                _update(build, "note_ready")
                done.append(_again(build))
            else:
                done.append(swap(build.projection, by=build.requested_by))
        except Refused:
            continue  # cancelled, swapped by another runner, or something new came in between
    return done


def sample(projectors: Sequence[Projector]) -> None:
    """Note how far the builds are, at most every five seconds; the rate is told from it.

    Whoever works on them does so, and the beat where nothing moves, or the last rate would linger.
    """
    names = [projector.name for projector in projectors]
    stores.select(statement("sample_builds"), {"names": names})


def named_version(projectors: Sequence[Projector], name: str) -> int | None:
    """The version of the code of a projection."""
    return next((each.version for each in projectors if each.name == name), None)


def _builds(names: Sequence[str]) -> list[Build]:
    found = stores.select(statement("builds"), {"names": list(names)})
    told = [
        [*row[:12], _comparison(row[12]), *row[13:-1], _percent(row[0], row[4], row[-1])]
        for row in found
    ]
    return [Build(*values) for values in told]


def _compared(old: Build, build: Build, **progress: Any) -> Comparison | None:
    found = comparing.compare(
        named(build.projection),
        (old.generation, old.side),
        (build.generation, build.side),
        **progress,
    )
    if found is None:
        return None
    _update(build, "keep_comparison", comparison=msgspec.json.encode(found).decode())
    return found


def _begun(build: Build) -> comparing.Progress | None:
    """How far the comparison of this build came before it was cut off."""
    asked = {"projection": build.projection, "generation": build.generation}
    ((kept,),) = stores.select(statement("comparing"), asked)
    return _progress(kept)


def _progress(kept: str | None) -> comparing.Progress | None:
    try:
        return msgspec.json.decode(kept, type=comparing.Progress) if kept else None
    except msgspec.ValidationError:  # kept by older code: it begins anew
        return None


def _percent(name: str, state: str, kept: str | None) -> float | None:
    """How far a comparison is, if one is going on."""
    if not kept or state not in IN_PROGRESS:
        return None
    progress = _progress(kept)
    return progress.percent(named(name)) if progress else 0.0


def _keep(build: Build, progress: comparing.Progress) -> None:
    _update(build, "keep_comparing", comparing=msgspec.json.encode(progress).decode())


def _comparison(kept: str | None) -> Comparison | None:
    return msgspec.json.decode(kept, type=Comparison) if kept else None


def _begin(asked: dict[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement("begin_build"), asked)
        ((generation, side),) = cursor.fetchall()
        build: dict[str, Any] = {"name": asked["name"], "generation": generation, "side": side}
        # What an older build of the side left is cleared bucket by bucket; its checkpoints go now,
        # so that a worker which still writes it cannot, and what is left now is all there is.
        cursor.execute(statement("parked_rebuilt"), build)
        cursor.execute(statement("drop_checkpoints"), build)
        text = statement("add_checkpoints").replace("{left}", _left(named(asked["name"]), side))
        cursor.execute(text, build)


def _left(projector: Projector, side: str) -> str:
    """The condition that a bucket has rows in the tables of a side."""
    tables = [sides.on(table, {projector.name: side}) for table in projector.tables]
    return " OR ".join(
        f"EXISTS (SELECT FROM {each} t WHERE t.bucket = b.bucket)" for each in tables
    )


def _locked(name: str, states: Sequence[str], none: str, generation: int | None) -> Build:
    """The last build that came to one of these states, with all of the projection locked."""
    named(name)
    with connection.cursor() as cursor:
        cursor.execute(statement("lock_builds"), {"name": name})
    if (found := _last(history(name), states)) is None:
        raise Refused(none)
    if generation not in (None, found.generation):
        raise Refused(f"This is about build {found.generation} of {name} now, not {generation}.")
    return found


def _last(known: Sequence[Build], states: Sequence[str]) -> Build | None:
    found = [build for build in known if build.state in states]
    # Builds are swapped forth and back, so the newest is not always the one that was read last.
    return max(found, key=lambda build: build.ended_at or build.requested_at, default=None)


def _swap(build: Build) -> None:
    _update(build, "retire_live")
    _update(build, "make_live")


def _end(build: Build, state: str) -> None:
    _update(build, "end_build", state=state)
    with connection.cursor() as cursor:
        key: dict[str, Any] = {"name": build.projection, "generation": 0, "side": build.side}
        cursor.execute(statement("parked_rebuilt"), key)
        cursor.execute(statement("drop_checkpoints"), key)


def _behind_live(build: Build) -> int:
    """In how many buckets it has not come as far as the live build, or as the feed if that ends."""
    asked = {"name": build.projection, "generation": build.generation}
    return int(stores.select(statement("behind_live"), asked)[0][0])


def _parked_anew(build: Build, live: Build) -> int:
    """How many streams it could apply less far than the live one: a person looks at that first.

    Not where the live one is of older code, which nobody runs: it would stand still meanwhile.
    """
    if live.version != build.version:
        return 0
    asked = {"name": build.projection, "generation": build.generation}
    return int(stores.select(statement("parked_anew"), asked)[0][0])


def _newest_version(name: str) -> int | None:
    return max((build.version for build in history(name)), default=None)


def _of_older_code(projector: Projector) -> list[Build]:
    builds = history(projector.name)
    return [b for b in builds if b.state in IN_PROGRESS and b.version < projector.version]


def _update(build: Build, name: str, **values: Any) -> None:
    key: dict[str, Any] = {"name": build.projection, "generation": build.generation}
    with connection.cursor() as cursor:
        cursor.execute(statement(name), {**key, **values})


def _again(build: Build) -> Build:
    return next(b for b in history(build.projection) if b.generation == build.generation)
