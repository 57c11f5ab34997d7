"""A member's licenses: asked for, renewed, released, played, listed."""

from collections.abc import Mapping
from typing import Any

import msgspec
from django.http import HttpRequest
from django.utils import timezone
from ninja import Router

from licensing import history, service
from licensing.domain import member as members
from licensing.domain.commands import (
    RecordPlayback,
    ReleaseLicense,
    RenewLicense,
    RevokeLicense,
)
from licensing.domain.license import License
from timeline.api import commanding, conditional, inputs, keys, pages, shapes
from timeline.api.openapi import told

router = Router(tags=["licenses"])


@router.post(
    "", auth=keys.WRITE, openapi_extra=told(shapes.Answer, "license_id_taken", command=True)
)
def acquire(
    request: HttpRequest, member_id: inputs.MemberId, body: inputs.Acquisition
) -> dict[str, Any]:
    """Ask for a download: accepted, refused or unchanged, with the decision behind it."""
    command = commanding.acquisition(body)
    return commanding.run(request, member_id, command, occurred_at=body.occurred_at)


@router.post(
    "/{license_id}/renewals",
    auth=keys.WRITE,
    openapi_extra=told(shapes.Answer, "unknown_license", command=True),
)
def renew(
    request: HttpRequest,
    member_id: inputs.MemberId,
    license_id: inputs.LicenseInPath,
    body: inputs.Renewal | None = None,
) -> dict[str, Any]:
    """Ask for a later end of a license."""
    occurred_at = body.occurred_at if body else None
    return commanding.run(request, member_id, RenewLicense(license_id), occurred_at=occurred_at)


@router.post(
    "/{license_id}/release",
    auth=keys.WRITE,
    openapi_extra=told(shapes.Answer, "unknown_license", command=True),
)
def release(
    request: HttpRequest,
    member_id: inputs.MemberId,
    license_id: inputs.LicenseInPath,
    body: inputs.Release | None = None,
) -> dict[str, Any]:
    """Report that the download was deleted, however late."""
    occurred_at = body.occurred_at if body else None
    command = ReleaseLicense(license_id)
    return commanding.run(request, member_id, command, occurred_at=occurred_at)


@router.post(
    "/{license_id}/revocation",
    auth=keys.SUPPORT,
    openapi_extra=told(shapes.Answer, "unknown_license", command=True),
)
def revoke(
    request: HttpRequest,
    member_id: inputs.MemberId,
    license_id: inputs.LicenseInPath,
    body: inputs.Revocation,
) -> dict[str, Any]:
    """Take an active license back, for a reason."""
    return commanding.run(request, member_id, RevokeLicense(license_id, body.reason))


@router.post(
    "/{license_id}/playbacks",
    auth=keys.WRITE,
    openapi_extra=told(shapes.Answer, "unknown_license", command=True),
)
def record_playback(
    request: HttpRequest,
    member_id: inputs.MemberId,
    license_id: inputs.LicenseInPath,
    body: inputs.Playback,
) -> dict[str, Any]:
    """Report that a playback started or stopped, however late."""
    command = RecordPlayback(license_id, body.action)
    return commanding.run(request, member_id, command, occurred_at=body.occurred_at)


@router.get(
    "",
    auth=keys.READ,
    openapi_extra=told(shapes.Page[shapes.License], "stream_unreadable"),
)
def list_licenses(
    request: HttpRequest,
    member_id: inputs.MemberId,
    after: pages.After = None,
    limit: pages.Limit = 100,
) -> dict[str, Any]:
    """The member's licenses by id, as they are now; one past its end is expired by the clock."""
    known = _licenses(request, member_id)
    place = pages.place_of(after, tuple[str])
    wanted = sorted(key for key in known if place is None or key > place[0])
    return pages.page(
        [known[key] for key in wanted[: limit + 1]],
        limit,
        lambda license: [license.license_id],
        msgspec.to_builtins,
    )


@router.get(
    "/{license_id}",
    auth=keys.READ,
    openapi_extra=told(shapes.License, "unknown_license", "stream_unreadable"),
)
def get_license(
    request: HttpRequest, member_id: inputs.MemberId, license_id: inputs.LicenseInPath
) -> Any:
    """One license as it is now."""
    license = _licenses(request, member_id).get(license_id)
    if license is None:
        raise service.UnknownLicense(f"member {member_id} has no license {license_id}")
    return msgspec.to_builtins(license)


def _licenses(request: HttpRequest, member_id: str) -> Mapping[str, License]:
    now = timezone.now()
    tag = conditional.by_clock(request, history.stream_of(member_id), now)
    member, _, _ = history.state_as_at(member_id)
    tag.until(members.next_end(member, now))
    return members.as_of(member, now).licenses
