"""Which limits a member has used up: folded from events and decision records, without SQL.

A limit is used up when the next request would be refused by it. What it allows is told by the
decision records; what is in use is counted again from the licenses, so that a release or the clock
is noticed without a decision. A change of plan and an allowance change what is allowed: the limit
is watched again from the next decision on.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from licensing import obligations, rulebook
from licensing.rules import RuleSet, windows
from projections.feed import Event, subject_of

ENDS = frozenset({"LicenseReleased", "LicenseRevoked", "LicenseExpired"})
DECIDED = frozenset({"LicenseIssued", "AcquisitionRefused"})
MOVES = frozenset({"LicenseRenewed", "LicenseExtended", "ExtensionWithdrawn", "PlaybackStarted"})
CHANGES = frozenset({"PlanChanged", "AllowanceGranted", "AllowanceWithdrawn"})
TYPES = ENDS | DECIDED | MOVES | CHANGES
KNOWN = frozenset({"device_id", "title_id", "studio"})
"""The attributes of a license that are kept; a limit that counts by others is not watched."""


class Reached(msgspec.Struct, frozen=True):
    """A limit used up, `used` of `most`, since the step `version`; `scope` is a studio or title."""

    bucket: int
    member_id: str
    limit_name: str
    scope: str
    version: int
    label: str
    used: int
    most: int
    since: datetime
    until: datetime | None


class Held(msgspec.Struct, frozen=True, omit_defaults=True):
    """A license and when it ends; `play_by` is the end of its playback window.

    A grace of `grace_h` hours comes after `until`.
    """

    device_id: str
    title_id: str
    studio: str | None
    until: datetime
    play_by: datetime | None = None
    grace_h: int = 0

    @property
    def ends(self) -> datetime:
        """When the clock ends it."""
        return obligations.expiry_due_at(
            expires_at=self.until,
            playback_expires_at=self.play_by,
            terms={"renew_grace_h": self.grace_h},
        )


class Watched(msgspec.Struct, frozen=True, omit_defaults=True):
    """A limit over live licenses: what the rules count for it, and how much they allow."""

    label: str
    most: int
    distinct: str | None = None
    same: tuple[str, ...] = ()


class State(msgspec.Struct, omit_defaults=True):
    """What is known of a member; `open` has what is used up and not known to have ended."""

    held: dict[str, Held] = {}
    live: dict[str, Watched] = {}
    open: dict[str, Reached] = {}


def fold(state: State, event: Event) -> list[Reached]:
    """Take one event into `state`; what began, moved or ended by it."""
    now, before = event.recorded_at, dict(state.open)
    _hold(state, event)
    state.held = {name: held for name, held in state.held.items() if held.ends > now}
    state.open = {key: row for key, row in state.open.items() if not row.until or row.until > now}
    if event.type in CHANGES:
        _forget(state, event.data.get("limit"))
    elif event.type in DECIDED:
        _decided(state, event)
    _count(state, event)
    # What ended by the clock says so already; what the event ended does not yet.
    changed = [row for key, row in state.open.items() if before.get(key) != row]
    ended = [row for key, row in before.items() if key not in state.open]
    return [*changed, *(_ended(row, now) for row in ended if not row.until or row.until > now)]


def _hold(state: State, event: Event) -> None:
    data = event.data
    license_id = data.get("license_id")
    if event.type == "LicenseIssued":
        studio = _text((data.get("title") or {}).get("studio"))
        until = _instant(data["expires_at"])
        grace_h = (data.get("terms") or {}).get("renew_grace_h", 0)
        state.held[data["license_id"]] = Held(
            data["device_id"], data["title_id"], studio, until, grace_h=grace_h
        )
    elif event.type in ENDS:
        state.held.pop(data["license_id"], None)
    elif event.type in MOVES and license_id in state.held and data.get("expires_at"):
        at = _instant(data["expires_at"])
        moved = {"play_by": at} if event.type == "PlaybackStarted" else {"until": at}
        state.held[license_id] = msgspec.structs.replace(state.held[license_id], **moved)


def _decided(state: State, event: Event) -> None:
    """Learn from a decision record what is allowed, and what a window holds."""
    record = event.metadata.get("decision")
    for name, value, most, ruleset in _limits(record):
        limit = ruleset.limits[name]
        counter = ruleset.counters[limit.fact]
        asked = {"device_id": event.data.get("device_id"), "title_id": event.data.get("title_id")}
        asked["studio"] = _text((event.data.get("title") or {}).get("studio"))
        if counter.live:
            state.live[name] = Watched(counter.label, most, counter.distinct, counter.same)
            continue
        scope = _scope(asked, counter.same)
        used = value + (event.type == "LicenseIssued" and counter.of == "downloads")
        end = _end(counter.window, event.recorded_at, _zone(ruleset, record or {}))
        _reach(state, event, name, scope, counter.label, used, most, end)


def _limits(record: Any) -> Iterator[tuple[str, int, int, RuleSet]]:
    """The limits of a record that count downloads by what is known here."""
    rules = record.get("rules") if isinstance(record, Mapping) else None
    named = _text(rules.get("hash")) if isinstance(rules, Mapping) else None
    published = rulebook.by_hash(named) if named else None
    if published is None:
        return
    ruleset = published.ruleset
    for limit in rulebook.told(record)["limits"]:
        declared = ruleset.limits.get(limit["limit"])
        counter = ruleset.counters.get(declared.fact) if declared else None
        if counter is None or declared is None or declared.kind != "room" or counter.where:
            continue
        if {*counter.same, counter.distinct} - {None} <= KNOWN:
            yield limit["limit"], limit["value"], limit["max"], ruleset


def _end(window: Any, at: datetime, zone: tzinfo) -> datetime | None:
    """When all that was counted at `at` has left the window, at the latest."""
    start, end = windows.span(window, at, zone)
    return at + (at - start) if end is None and start is not None else end


def _zone(ruleset: RuleSet, record: Mapping[str, Any]) -> tzinfo:
    zones = ruleset.zones
    facts = record.get("facts") or {}
    named = zones.zones.get(str(facts.get(zones.fact))) if zones else None
    return ZoneInfo(named) if named else UTC


def _count(state: State, event: Event) -> None:
    """Count the live limits again."""
    for name, watched in state.live.items():
        groups: dict[str, list[Held]] = {}
        for held in state.held.values():
            about = {key: getattr(held, key) for key in KNOWN}
            groups.setdefault(_scope(about, watched.same), []).append(held)
        ours = [key for key, row in state.open.items() if row.limit_name == name]
        for scope in {*groups, *(state.open[key].scope for key in ours)}:
            ends = _ends(groups.get(scope, []), watched.distinct)
            free = len(ends) - watched.most
            end = ends[free] if 0 <= free < len(ends) else None
            _reach(state, event, name, scope, watched.label, len(ends), watched.most, end)


def _ends(held: Sequence[Held], distinct: str | None) -> list[datetime]:
    """When each counted thing is over by the clock, in order."""
    if distinct is None:
        return sorted(each.ends for each in held)
    last: dict[str, datetime] = {}
    for each in held:
        name = str(getattr(each, distinct))
        last[name] = max(each.ends, last.get(name, each.ends))
    return sorted(last.values())


def _reach(
    state: State, event: Event, name: str, scope: str, label: str,
    used: int, most: int, end: datetime | None,
) -> None:  # fmt: skip
    key = f"{name}|{scope}"
    if used < most:
        state.open.pop(key, None)
        return
    known = state.open.get(key)
    version, since = (known.version, known.since) if known else (event.version, event.recorded_at)
    member_id = subject_of(event.stream_id)
    state.open[key] = Reached(
        event.bucket, member_id, name, scope, version, label, used, most, since, end
    )


def _forget(state: State, limit: Any) -> None:
    """What is allowed has changed; the next decision tells how."""
    state.live = {name: w for name, w in state.live.items() if limit not in (None, name)}
    state.open = {k: row for k, row in state.open.items() if limit not in (None, row.limit_name)}


def _ended(row: Reached, at: datetime) -> Reached:
    return msgspec.structs.replace(row, until=at)


def _scope(attributes: Mapping[str, Any], same: Sequence[str]) -> str:
    return " · ".join(str(attributes.get(name) or "") for name in same)


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
