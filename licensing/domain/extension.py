"""Support gives a license more time, beside its renewals, and may take that back again."""

from datetime import datetime, timedelta

import msgspec
from msgspec.structs import replace

from licensing.domain.decider import Terms
from licensing.domain.license import License, as_of, good_until
from licensing.domain.values import InvalidCommand, Moment, put

# -- Events. These names and shapes are storage. --


class LicenseExtended(msgspec.Struct, frozen=True):
    """Support moved the license's end by `hours`.

    `approval` names the request that a second person approved, where the rules allowed less.
    """

    license_id: str
    extension_id: str
    hours: int
    previous_expires_at: datetime
    expires_at: datetime
    reason: str
    approval: str | None = None


class ExtensionRefused(msgspec.Struct, frozen=True):
    """More time was asked for than the rules allow; the license keeps its end."""

    license_id: str
    hours: int
    reason: str


class ExtensionWithdrawn(msgspec.Struct, frozen=True):
    """An extension was taken back: the end moved back by its hours."""

    license_id: str
    extension_id: str
    previous_expires_at: datetime
    expires_at: datetime
    reason: str


Event = LicenseExtended | ExtensionRefused | ExtensionWithdrawn

# -- State: the license's. --


def evolve(license: License, event: Event) -> License:
    """The license after `event`; its extensions are kept for as long as they count."""
    match event:
        case LicenseExtended():
            kept = put(license.extensions, event.extension_id, event.hours)
            return replace(license, expires_at=event.expires_at, extensions=kept)
        case ExtensionWithdrawn():
            kept = {k: v for k, v in license.extensions.items() if k != event.extension_id}
            return replace(license, expires_at=event.expires_at, extensions=kept)
        case ExtensionRefused():
            return license


# -- Commands and decisions --

MOST_H = 24 * 366


class ExtendLicense(msgspec.Struct, frozen=True):
    """Support gives a license `hours` more. The same extension id again changes nothing.

    The service names the extension, if the caller did not. With `approval`, the id of a request
    that a second person approved, the longest life of the rules does not bind.
    """

    license_id: str
    hours: int
    reason: str
    extension_id: str | None = None
    approval: str | None = None


class WithdrawExtension(msgspec.Struct, frozen=True):
    """Support takes an extension back."""

    license_id: str
    extension_id: str
    reason: str


def extend(license: License, command: ExtendLicense, terms: Terms, moment: Moment) -> list[Event]:
    """Move the end, or say why not. Raises InvalidCommand for hours that there cannot be."""
    assert command.extension_id is not None  # the service names it before it asks
    if command.extension_id in license.extensions:
        return []
    if not 1 <= command.hours <= MOST_H:
        raise InvalidCommand("hours", f"must be from 1 to {MOST_H:,}")
    if not command.reason.strip():
        raise InvalidCommand("reason", "must say why")
    if terms.reason is not None:
        return [ExtensionRefused(license.license_id, command.hours, terms.reason)]
    return [
        LicenseExtended(
            license_id=license.license_id,
            extension_id=command.extension_id,
            hours=command.hours,
            previous_expires_at=license.expires_at,
            expires_at=good_until(license, moment.now) + timedelta(hours=command.hours),
            reason=command.reason,
            approval=command.approval,
        )
    ]


def withdraw(license: License, command: WithdrawExtension, moment: Moment) -> list[Event]:
    """Nothing to do for an extension that does not count, or a license that is over.

    Raises InvalidCommand when the end without it has passed: to end a license is to revoke it.
    """
    hours = license.extensions.get(command.extension_id)
    if hours is None or as_of(license, moment.now).status != "active":
        return []
    if not command.reason.strip():
        raise InvalidCommand("reason", "must say why")
    expires_at = license.expires_at - timedelta(hours=hours)
    if expires_at <= moment.now:
        raise InvalidCommand(
            "extension_id", "cannot be taken back: without it the license had ended already"
        )
    return [
        ExtensionWithdrawn(
            license_id=license.license_id,
            extension_id=command.extension_id,
            previous_expires_at=license.expires_at,
            expires_at=expires_at,
            reason=command.reason,
        )
    ]
