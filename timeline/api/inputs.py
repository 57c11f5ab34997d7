"""What a request may say: closed shapes, strict types, instants with an offset."""

import re
import unicodedata
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from ninja import Path
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})"
)
_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
_REFUSED_CATEGORIES = ("Cc", "Cs", "Zl", "Zp")


def _instant(value: Any) -> datetime:
    # A plus sign in a query string arrives as a space; no instant has one of its own.
    text = value.replace(" ", "+") if isinstance(value, str) else ""
    if not _INSTANT.fullmatch(text):
        raise ValueError("must be an instant with an offset, such as 2026-01-31T10:00:00Z")
    try:
        instant = datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("there is no such instant") from None
    if not _FIRST <= instant < _LAST:
        raise ValueError("must lie between the years 1970 and 9998")
    return instant


def _plain(text: str) -> str:
    if any(unicodedata.category(character) in _REFUSED_CATEGORIES for character in text):
        raise ValueError("must not hold control characters")
    return text


def _text(text: str) -> str:
    """Words of several lines, with something in them."""
    if not text.strip():
        raise ValueError("must say something")
    return "\n".join(_plain(line) for line in text.splitlines())


def _identifier(text: str) -> str:
    if _plain(text) != text.strip():
        raise ValueError("must not begin or end with a space")
    return text


def _printable(text: str) -> str:
    if not text.strip() or not text.isascii() or not text.isprintable():
        raise ValueError("must be printable ASCII characters")
    return text


Instant = Annotated[
    datetime,
    BeforeValidator(_instant, json_schema_input_type=str),
    Field(examples=["2026-01-31T10:00:00Z"]),
]
Identifier = Annotated[str, Field(min_length=1, max_length=128), AfterValidator(_identifier)]
Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_plain)]
Reason = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_plain)]
Why = Annotated[str, Field(min_length=1, max_length=500, pattern=r"\S"), AfterValidator(_plain)]
"""A reason in words, which are more than spaces."""

Words = Annotated[str, Field(max_length=500), AfterValidator(_plain)]
Query = Annotated[str, Field(max_length=200), AfterValidator(_plain)]
Version = Annotated[int, Field(ge=0, le=2**31 - 1)]
Attributes = dict[str, Any]
"""An open map; the guard has bounded it."""

Member = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
MemberId = Annotated[Member, Path()]
LicenseId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$")]
LicenseInPath = Annotated[LicenseId, Path()]
DeviceInPath = Annotated[Identifier, Path()]


class Body(BaseModel):
    """Unknown fields and values of another type are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class Empty(Body):
    """An object without anything in it: the address says it all."""


class Search(Body):
    """Which members? By an id, the beginning of a member's, or a whole e-mail; empty: all."""

    q: Annotated[str, Field(max_length=254), AfterValidator(_plain)]


class Acquisition(Body):
    """A device asks to download a title; it is decided at the server's time."""

    title_id: Identifier
    device_id: Identifier
    license_id: LicenseId | None = None
    title: Attributes = Field(default_factory=dict, description="e.g. studio, name, rating")
    device: Attributes = Field(default_factory=dict, description="e.g. type")
    context: Attributes = Field(default_factory=dict)
    occurred_at: Instant | None = None


class Question(Acquisition):
    """Why can, or could, this not be downloaded? `at` asks about a past instant."""

    at: Instant | None = None


class Renewal(Body):
    """A renewal needs its address only; it is decided at the server's time."""

    occurred_at: Instant | None = None


class Release(Body):
    """A device reports that a download was deleted, perhaps days ago."""

    occurred_at: Instant | None = None


class Playback(Body):
    """A device reports a playback, perhaps days later."""

    action: Literal["start", "stop"]
    occurred_at: Instant | None = None


class DeviceRegistration(Body):
    """A device becomes known."""

    device_id: Identifier
    type: Identifier
    name: Name | None = None


class PlanChange(Body):
    """The member moves to another plan, or to another country."""

    plan: Identifier
    country: Identifier | None = None


class Revocation(Body):
    """Staff take an active license back."""

    reason: Reason


class Deactivation(Body):
    """The member gives a device up: its downloads are released."""

    reason: Reason | None = None


class Cancellation(Body):
    """The membership ends now: its licenses are revoked."""

    reason: Reason = "MEMBERSHIP_CANCELLED"


class AllowanceGrant(Body):
    """Goodwill: for a while a member may exceed one limit of the rules."""

    limit: Identifier = Field(description="a limit of the rules in force, e.g. max_devices")
    amount: int = Field(ge=1, le=10_000, description="how many more; hours for limits in hours")
    expires_at: Instant
    reason: Reason
    studio: Identifier | None = None
    title_id: Identifier | None = None
    allowance_id: LicenseId | None = None


class NewNote(Body):
    """A remark, perhaps about one step of the history."""

    text: Annotated[str, Field(min_length=1, max_length=2000), AfterValidator(_text)]
    version: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None


class CommandLine(Body):
    """One command of many: the body of its call, and in `data` beside it the ids of its address."""

    member: Member
    command: Literal[
        "AcquireLicense",
        "RenewLicense",
        "ReleaseLicense",
        "RevokeLicense",
        "RecordPlayback",
        "RegisterDevice",
        "DeactivateDevice",
        "ChangePlan",
        "CancelMembership",
        "GrantAllowance",
        "AddNote",
    ]
    command_id: Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_printable)] = (
        Field(description="the Idempotency-Key: sent again, the line gets the same answer")
    )
    expected_version: Version | None = Field(None, description="as If-Match")
    data: Attributes = Field(default_factory=dict)


class OtherRules(Body):
    """The rules to try: a published version, or a whole document."""

    hash: Annotated[str, Field(max_length=80)] | None = None
    document: Attributes | None = None


class OneMore(Body):
    """A command to add; its data are the fields of the command, e.g. title_id and device_id."""

    command: Identifier
    data: Attributes
    at: Instant | None = None


class WhatIf(Body):
    """What is to be otherwise after a version: the rules, a step less, a command more."""

    from_version: Version = 0
    rules: OtherRules | None = None
    drop: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None
    add: OneMore | None = None


RuleSetId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$"), Path()]
VersionInPath = Annotated[int, Field(ge=0, le=2**31 - 1), Path()]
DraftInPath = Annotated[LicenseId, Path()]
Hash = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]


class RulesDocument(Body):
    """A rule set."""

    document: Attributes


class NewDraft(Body):
    """A draft of the version in force, or of a document."""

    title: Name
    draft_id: LicenseId | None = None
    document: Attributes | None = None


class DraftEdit(Body):
    """The whole document that the draft becomes, and the revision that it was made of."""

    document: Attributes
    revision: Version | None = Field(None, description="may be left out where If-Match names it")


class Approval(Body):
    """The hash of what was read and is approved."""

    hash: Hash


class Rejection(Body):
    """Why not."""

    reason: Reason


class Publication(Body):
    """From when on; without it, now."""

    valid_from: Instant | None = None


class Rollback(Body):
    """Which version, why, and from when on."""

    hash: Hash
    reason: Reason
    valid_from: Instant | None = None
