"""The read models: how far behind the events they are, their rebuilds, and what is parked."""

from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from django.http import HttpRequest
from django.utils import timezone
from ninja import Path, Router
from pydantic import Field

from projections import builds, lag, parking, samples
from projections.builds import Build
from projections.parking import Parked
from projections.projector import Projector
from projections.registry import named
from timeline import audit
from timeline.api import commanding, inputs, keys, pages, shapes
from timeline.api.openapi import told
from timeline.api.problems import Problem
from timeline.paging import Instant, Text

router = Router(tags=["operations"])

Name = Annotated[str, Path(), Field(pattern="^[a-z_]{1,64}$", description="of a read model")]
Stream = Annotated[
    str, Path(), Field(pattern="^[A-Za-z0-9._-]{1,80}$", description="such as member-m1")
]
Generation = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
NamedBuild = Annotated[int, Field(ge=1, le=2**31 - 1)]
STANDING = ("unknown_projection", "build_refused")


class Wanted(inputs.Body):
    """A rebuild; with `hold` it waits to be swapped in."""

    reason: inputs.Why | None = None
    hold: bool = False


class Which(inputs.Body):
    """Which build is meant; sent twice with it, nothing more is done."""

    generation: NamedBuild | None = None


class Former(inputs.Body):
    """The build to put back: of those in state retired the one that ended last.

    It must be named, because the same request sent twice would put back one and then the other.
    """

    generation: NamedBuild


class Skipped(inputs.Body):
    """Which event is left out, and why: sent twice, it leaves out no other."""

    version: inputs.Version
    reason: inputs.Why


@router.get("", auth=keys.OPERATIONS, openapi_extra=told(shapes.Page[shapes.Projection]))
def list_projections(request: HttpRequest) -> dict[str, Any]:
    """Every projection with its state and its lag, in events (exact) and in seconds."""
    seen, now = samples.last_hour(), timezone.now()
    items = [
        item | {"last_hour": samples.by_part(seen.get(item["name"], ()), now)} for item in lag.lag()
    ]
    if any(_shows_rows(item["rebuild"]) for item in items):
        audit.read(request, "", "GET /projections")  # rows of members
    return {"items": items, "next": None}


@router.get(
    "/{name}/builds",
    auth=keys.OPERATIONS_ON_MEMBERS,
    openapi_extra=told(shapes.Page[shapes.Rebuild], "unknown_projection"),
)
def list_builds(
    request: HttpRequest, name: Name, limit: pages.Limit = 100, after: pages.After = None
) -> dict[str, Any]:
    """Every build of a read model, the newest first; the one in state live is read."""
    _projector(name)
    place = pages.place_of(after, tuple[Generation])
    found = [each for each in builds.history(name) if not place or each.generation < place[0]]
    return pages.page(found, limit, lambda each: [each.generation], Build.as_dict)


@router.post("/{name}/rebuild", auth=keys.OPERATE, openapi_extra=told(shapes.Rebuild, *STANDING))
def rebuild(request: HttpRequest, name: Name, body: Wanted) -> dict[str, Any]:
    """Build it anew beside the live one; when level, the two are compared, and it is swapped in."""
    _projector(name)
    keys.noted(request, "operate", reason=body.reason or "")
    by = _by(request)
    return _done(lambda: builds.request(name, by=by, reason=body.reason, hold=body.hold))


@router.post(
    "/{name}/rebuild/comparison",
    auth=keys.OPERATE,
    openapi_extra=told(shapes.Rebuild, *STANDING),
)
def compare(request: HttpRequest, name: Name, body: Which) -> dict[str, Any]:
    """Have the build that waits compared with the live one anew, row by row, by a worker.

    `comparing_percent` says how far that is; then `comparison` is what it came to.
    """
    _projector(name)
    return _settled(request, name, body, builds.ask_comparison)


@router.post(
    "/{name}/rebuild/swap", auth=keys.OPERATE, openapi_extra=told(shapes.Rebuild, *STANDING)
)
def swap(request: HttpRequest, name: Name, body: Which) -> dict[str, Any]:
    """Put the new build in the live one's place."""
    _projector(name)
    return _settled(request, name, body, builds.swap)


@router.post(
    "/{name}/rebuild/cancellation", auth=keys.OPERATE, openapi_extra=told(shapes.Rebuild, *STANDING)
)
def cancel(request: HttpRequest, name: Name, body: Which) -> dict[str, Any]:
    """Give the new build up."""
    _projector(name)
    return _settled(request, name, body, builds.cancel)


@router.post("/{name}/rollback", auth=keys.OPERATE, openapi_extra=told(shapes.Rebuild, *STANDING))
def roll_back(request: HttpRequest, name: Name, body: Former) -> dict[str, Any]:
    """Put back the build that was live before; it catches up from where it stood.

    409 where it is not that build that would be put back, as after the same request before.
    """
    _projector(name)
    return _settled(request, name, body, builds.roll_back)


@router.get(
    "/{name}/parked",
    auth=keys.OPERATIONS_ON_MEMBERS,
    openapi_extra=told(shapes.Page[shapes.Parked], "unknown_projection"),
)
def list_parked(
    request: HttpRequest, name: Name, limit: pages.Limit = 100, after: pages.After = None
) -> dict[str, Any]:
    """The streams that this read model could not apply, the latest first."""
    _projector(name)
    place = pages.place_of(after, tuple[Instant, Text, Text, Generation])
    found = parking.listing(name, limit + 1, place)
    return pages.page(
        found,
        limit,
        lambda row: [row.parked_at, row.projection, row.stream_id, row.generation],
        Parked.as_dict,
    )


@router.post(
    "/{name}/parked/retry",
    auth=keys.OPERATE,
    openapi_extra=told(shapes.TriedAll, "unknown_projection"),
)
def retry_all_parked(request: HttpRequest, name: Name, body: inputs.Empty) -> dict[str, Any]:
    """Try what is parked again, up to 500 streams at once; call again for the rest."""
    projector = _projector(name)
    keys.noted(request, "operate")
    level, still = parking.retry_all(projector, by=_by(request), limit=500)
    return {"level": level, "parked": still}


@router.post(
    "/{name}/parked/{stream}/retry",
    auth=keys.OPERATE,
    openapi_extra=told(shapes.Tried, "unknown_projection", "not_parked"),
)
def retry_parked(
    request: HttpRequest, name: Name, stream: Stream, body: inputs.Empty
) -> dict[str, Any]:
    """Try a parked stream again, from its stored events; `level` says whether it worked."""
    projector, parked = _parked(name, stream)
    keys.noted(request, "operate", stream=stream, version=parked.version)
    by, generation = _by(request), parked.generation
    return _tried(
        lambda: parking.retry(projector, parked.bucket, stream, by=by, generation=generation)
    )


@router.post(
    "/{name}/parked/{stream}/skip",
    auth=keys.OPERATE,
    openapi_extra=told(shapes.Tried, "unknown_projection", "not_parked"),
)
def skip_parked(request: HttpRequest, name: Name, stream: Stream, body: Skipped) -> dict[str, Any]:
    """Leave out the event that is in the way, and go on behind it; who and why are kept.

    404 where it is not that event, as after the same request before.
    """
    projector, parked = _parked(name, stream, body.version)
    keys.noted(request, "operate", reason=body.reason, stream=stream, version=body.version)
    return _tried(
        lambda: parking.skip(
            projector, parked.bucket, stream, body.version, by=_by(request), reason=body.reason,
            generation=parked.generation,
        )
    )  # fmt: skip


def _shows_rows(build: dict[str, Any] | None) -> bool:
    compared = build and build["comparison"]
    return bool(compared and (compared["live_samples"] or compared["new_samples"]))


def _projector(name: str) -> Projector:
    try:
        return named(name)
    except LookupError as error:
        raise Problem(404, "unknown_projection", str(error)) from None


def _parked(name: str, stream: str, version: int | None = None) -> tuple[Projector, Parked]:
    projector = _projector(name)
    for row in parking.standing(name, stream, version):
        return projector, row
    at = "" if version is None else f" at event {version}"
    raise Problem(404, "not_parked", f"{stream} is not parked in {name}{at}.")


def _tried(attempt: Callable[[], bool]) -> dict[str, Any]:
    try:
        return {"level": attempt()}
    except parking.NotParked as gone:
        raise Problem(404, "not_parked", str(gone)) from None


def _settled(
    request: HttpRequest, name: str, body: Which | Former, what: Callable[..., Build]
) -> dict[str, Any]:
    about: dict[str, Any] = {} if body.generation is None else {"generation": body.generation}
    keys.noted(request, "operate", **about)
    return _done(lambda: what(name, by=_by(request), generation=body.generation))


def _done(what: Any) -> dict[str, Any]:
    try:
        build: Build = what()
    except builds.Refused as refused:
        raise Problem(409, "build_refused", str(refused)) from None
    return build.as_dict()


def _by(request: HttpRequest) -> str:
    return f"key {commanding.key_id(request)}"
