"""One decision beside what other rules make of it, whichever way it was found out."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal

import msgspec

from licensing.domain.license import AcquisitionRefused, LicenseIssued, RenewalRefused
from licensing.domain.member import Event
from licensing.simulation.branch import Deed

DECISIONS = ("AcquireLicense", "RenewLicense")

Turned = Literal["refused", "allowed"]


class Compared(msgspec.Struct, frozen=True):
    """A download or renewal that was asked for; `was` and `would_be` are outcomes or reasons.

    `turned` says what it newly is, `row` the row that refuses or refused it. `same` is whether all
    that would be recorded is as it was; `other_terms` that it is granted, but on others.
    """

    name: str
    version: int | None
    at: datetime
    was: str
    would_be: str
    same: bool
    turned: Turned | None = None
    other_terms: bool = False
    row: str | None = None
    studio: str | None = None
    plan: str | None = None
    country: str | None = None


def compared(deed: Deed) -> Compared:
    """What a branch did with a decision."""
    turned = _turned(deed)
    granted = deed.outcome == deed.outcome_then == "accepted"
    facts = (deed.decision or {}).get("facts", {})
    row = (deed.decision or {}).get("row") if turned == "refused" else deed.row_then
    return Compared(
        deed.name,
        None if deed.version is None else deed.version + len(deed.then) - 1,
        deed.at,
        said(deed.outcome_then, deed.then),
        said(deed.outcome, deed.now),
        deed.same,
        turned,
        granted and not deed.same,
        row,
        _studio((*deed.now, *deed.then)) or facts.get("studio"),
        facts.get("plan"),
        facts.get("country"),
    )


def said(outcome: str | None, events: Iterable[Event]) -> str:
    """The reason of a refusal that was written down, or the outcome."""
    for event in events:
        if isinstance(event, AcquisitionRefused | RenewalRefused):
            return event.reason
    return outcome or ""


def _turned(deed: Deed) -> Turned | None:
    refused_then, refused_now = deed.outcome_then == "refused", deed.outcome == "refused"
    # The same request made again within minutes has no event on either side: it is counted once.
    if refused_then is refused_now or not (deed.then or deed.now):
        return None
    return "refused" if refused_now else "allowed"


def _studio(events: Iterable[Any]) -> str | None:
    for event in events:
        if isinstance(event, LicenseIssued | AcquisitionRefused):
            studio = event.title.get("studio")
            return studio if isinstance(studio, str) else None
    return None
