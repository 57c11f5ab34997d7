"""The rows of the home page's table."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol

import msgspec

from timeline.presenters import clock, sentences


class Listed(Protocol):
    """What the member directory says of a member."""

    @property
    def member_id(self) -> str: ...
    @property
    def plan(self) -> str | None: ...
    @property
    def country(self) -> str | None: ...
    @property
    def events(self) -> int: ...
    @property
    def refusals(self) -> int: ...
    @property
    def last_event_at(self) -> datetime: ...
    @property
    def last_type(self) -> str: ...
    @property
    def last_version(self) -> int: ...
    @property
    def why(self) -> str: ...


class Counted(Protocol):
    """What the member directory says of itself."""

    @property
    def members(self) -> int: ...
    @property
    def events(self) -> int: ...
    @property
    def refusals(self) -> int: ...


class Row(msgspec.Struct, frozen=True):
    """One member of the table."""

    member_id: str
    plan: str
    country: str
    kind: str
    last: str
    when: str
    ago: str
    events: int
    refusals: int
    why: str


def rows(
    found: Iterable[Listed],
    now: datetime,
    said: Mapping[tuple[str, int], str],
    seen: Mapping[str, datetime] | None = None,
) -> list[Row]:
    """Members with what happened last; `said` has the steps that could be told in a sentence.

    With `seen` the time is when they were opened.
    """
    return [
        _row(
            member,
            now,
            said.get((member.member_id, member.last_version)),
            (seen or {}).get(member.member_id, member.last_event_at),
        )
        for member in found
    ]


def totals(counted: Counted) -> str:
    """`200 members, 12 471 events, 183 refusals.`"""
    words = ("member", counted.members), ("event", counted.events), ("refusal", counted.refusals)
    return ", ".join(f"{grouped(n)} {word}{'' if n == 1 else 's'}" for word, n in words) + "."


def grouped(number: int) -> str:
    """Thousands apart, by a space that does not break."""
    return f"{number:,}".replace(",", "\u202f")


def last_words(event_type: str, data: Mapping[str, Any], title: str | None) -> str | None:
    """The last event in a sentence; None when its title is not known."""
    names = sentences.Names()
    names.learn(event_type, data)
    license_id = data.get("license_id")
    if license_id is not None:
        if title is None and str(license_id) not in names.titles:
            return None
        names.titles.setdefault(str(license_id), title or "")
    if data.get("device_id") not in names.devices:
        names.device_of.clear()  # an id in the middle of a sentence helps nobody
    return sentences.phrase(event_type, data, names).text


def _row(member: Listed, now: datetime, sentence: str | None, at: datetime) -> Row:
    kind = sentences.kind_of(member.last_type)
    words = sentences.KIND_WORDS[kind]
    if kind == "account":
        words = {"PlanChanged": "plan changed", "DeviceRegistered": "device registered"}.get(
            member.last_type, member.last_type
        )
    return Row(
        member.member_id,
        (member.plan or "").capitalize(),
        member.country or "",
        kind,
        sentence or words[:1].upper() + words[1:],
        clock.stamp(at),
        clock.ago(at, now),
        member.events,
        member.refusals,
        member.why,
    )
