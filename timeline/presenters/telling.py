"""Tells a member's history once, in either order: what the clock did stands between the steps."""

import heapq
from collections.abc import Iterable, Iterator, Mapping
from copy import copy
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from licensing.history import History, Order, Step
from timeline.presenters import clock, sentences
from timeline.presenters.moments import (
    CLOCK,
    Band,
    Bar,
    LaneAbout,
    Mark,
    Moment,
    NoteAbout,
    Story,
    Tag,
    actor_kind,
    decision_limits,
    limit_words,
)
from timeline.presenters.sentences import Names

ICONS = {"phone": "phone", "tablet": "tablet", "laptop": "laptop", "tv": "tv"}
_REFUSALS = ("AcquisitionRefused", "RenewalRefused", "ExtensionRefused")
_UNCHANGED = (*_REFUSALS, "LicenseExpired")


def read(history: History, now: datetime | None = None) -> Story:
    """The story of a history until `now`, in the history's order."""
    teller = Teller(history.order)
    teller.tell(history.steps)
    return teller.story(now or datetime.now(UTC))


def tags(step: Step) -> tuple[Tag, ...]:
    """The remarks beside a step's sentence."""
    return tuple(_tags(step, decision_limits(step.recorded.metadata)))


def is_late(step: Step) -> bool:
    """Whether a report came late. A job that writes an expiry down was never expected on time."""
    return step.late is not None and step.recorded.type != "LicenseExpired"


class Teller:
    """Keeps the open ends of licenses while the steps go by; can be copied, to go on from."""

    def __init__(self, order: Order = "known") -> None:
        self.order: Order = order
        self.place = self.anchor = 0
        self.moments: list[Moment] = []
        self.bars: dict[str, Bar] = {}
        self.marks: list[Mark] = []
        self.bands: list[Band] = []
        self.lanes: dict[str, LaneAbout] = {}
        self.labels: dict[str, str] = {}
        self.notes: dict[int, list[NoteAbout]] = {}
        self.names = Names()
        self.titles: dict[str, str] = {}  # title ids by license
        self.ends: dict[str, datetime] = {}
        self.graces: dict[str, timedelta] = {}
        self.due: list[tuple[datetime, str]] = []
        self.limits: dict[str, int] = {}

    def copied(self) -> "Teller":
        """A teller that goes on on its own."""
        other = copy(self)
        for name, kept in vars(self).items():
            if isinstance(kept, list | dict | Names):
                setattr(other, name, copy(kept))
        return other

    def tell(self, steps: Iterable[Step]) -> None:
        """Take in the next steps."""
        for step in steps:
            self._step(step)

    def story(self, now: datetime) -> Story:
        """What was told, and what the clock did from the last step until `now`."""
        over = sorted((end, key) for key, end in self.ends.items() if end <= now)
        bars = self.bars | {
            key: replace(self.bars[key], end=end, ending="clock")
            for end, key in over
            if key in self.bars
        }
        return Story(
            moments=[*self.moments, *(self._expired(end, key) for end, key in over)],
            bars=bars,
            marks=self.marks,
            bands=self.bands,
            lanes=self.lanes,
            labels=self.labels,
            notes=self.notes,
            as_of=now,
            next_end=min((end for end in self.ends.values() if end > now), default=None),
        )

    def _step(self, step: Step) -> None:
        recorded = step.recorded
        at = recorded.recorded_at if self.order == "known" else recorded.occurred_at
        data, metadata = recorded.data, recorded.metadata
        limits = decision_limits(metadata)
        self._clock_until(at)
        self.names.learn(recorded.type, data)
        self.place, self.anchor = self.place + 1, step.version
        self.moments.append(
            Moment(
                version=step.version,
                place=self.place,
                anchor=step.version,
                at=at,
                kind=sentences.kind_of(recorded.type),
                type=recorded.type,
                phrase=sentences.phrase(recorded.type, data, self.names),
                tags=tuple(_tags(step, limits)),
                outcomes=_outcomes(step, actor_kind(metadata)),
                actor=actor_kind(metadata),
                about=self._about(data),
            )
        )
        self._bands(metadata, limits, at)
        license_id = data.get("license_id")
        if isinstance(license_id, str):
            self._license(step, license_id, data, at)
        match recorded.type:
            case "DeviceDeactivated":
                self._lane(data.get("device_id"), retired_at=at)
            case "DeviceRegistered":
                self._lane(data.get("device_id"), retired_at=None)
            case "NoteAdded":
                self._note(step, data)

    def _about(self, data: Mapping[str, Any]) -> tuple[str, ...]:
        """What a step is about, each with what to call it."""
        license_id, title_id, device_id = (
            data.get(f"{x}_id") for x in ("license", "title", "device")
        )
        if isinstance(license_id, str):
            if isinstance(title_id, str):
                self.titles[license_id] = title_id
            title_id = self.titles.get(license_id)
            device_id = self.names.device_of.get(license_id)
        if isinstance(device_id, str) and device_id not in self.lanes:
            self._lane(device_id)
        found = []
        if isinstance(license_id, str):
            self.labels[f"license:{license_id}"] = self.names.title(license_id)
            found.append(f"license:{license_id}")
        if isinstance(device_id, str):
            self.labels[f"device:{device_id}"] = self.names.device(device_id)
            found.append(f"device:{device_id}")
        if isinstance(title_id, str):
            name = self.names.title(license_id) if license_id else title_id
            self.labels.setdefault(f"title:{title_id}", name)
            found.append(f"title:{title_id}")
        return tuple(found)

    def _lane(self, device_id: object, retired_at: datetime | None = None) -> None:
        if isinstance(device_id, str):
            icon = ICONS.get(self.names.types.get(device_id, ""), "device")
            self.lanes[device_id] = LaneAbout(self.names.device(device_id), icon, retired_at)

    def _note(self, step: Step, data: Mapping[str, Any]) -> None:
        about, actor = data.get("version"), step.recorded.metadata.get("actor")
        by = str(actor.get("id", "")) if isinstance(actor, Mapping) else ""
        note = NoteAbout(step.version, str(data.get("text")), step.recorded_at, by)
        if isinstance(about, int):
            self.notes[about] = [*self.notes.get(about, ()), note]

    # -- The clock --

    def _clock_until(self, at: datetime) -> None:
        """Rows for the licenses whose end has passed before `at`."""
        while self.due and self.due[0][0] < at:
            end, key = heapq.heappop(self.due)
            if self.ends.get(key) != end:
                continue  # renewed, released or played since
            del self.ends[key]
            self.moments.append(self._expired(end, key))
            if key in self.bars:
                self._bar(key, end=end, ending="clock")

    def _expired(self, end: datetime, key: str) -> Moment:
        about = [f"license:{key}"]
        if key in self.names.device_of:
            about.append(f"device:{self.names.device_of[key]}")
        if key in self.titles:
            about.append(f"title:{self.titles[key]}")
        return Moment(
            version=None,
            place=self.place,
            anchor=self.anchor,
            at=end,
            kind="expired",
            type=CLOCK,
            phrase=sentences.expired(key, self.names),
            tags=(_BY_CLOCK,),
            outcomes=("changed", "clock"),
            actor="clock",
            about=tuple(about),
        )

    # -- Licenses --

    def _license(self, step: Step, key: str, data: Mapping[str, Any], at: datetime) -> None:
        bar, end = self.bars.get(key), clock.instant(data.get("expires_at"))
        match step.recorded.type:
            case "LicenseIssued" if end is not None:
                title, studio = self.names.title(key), self.names.studios.get(key, "")
                lane = str(data.get("device_id"))
                grace = (data.get("terms") or {}).get("renew_grace_h", 0)
                if grace:
                    self.graces[key] = timedelta(hours=grace)
                    end += self.graces[key]
                self.bars[key] = Bar(key, lane, step.version, title, studio, at, end, end)
                self._ends(key, end, at)
            case "LicenseRenewed" | "LicenseExtended" | "ExtensionWithdrawn" if end and bar:
                end += self.graces.get(key, timedelta())
                if bar.ending != "released":
                    self._bar(key, end=max(bar.start, end), ending="")
                    self._ends(key, end, at)
            case "LicenseReleased" | "LicenseRevoked" | "LicenseExpired":
                self.ends.pop(key, None)
                if bar is not None:
                    self._close(bar, step, data, at)
            case "PlaybackStarted":
                self._mark(step, key, "played", at)
                if end is not None and bar is not None and end < bar.end and not bar.ending:
                    self._bar(key, end=max(end, bar.start))
                    self._ends(key, end, at)
            case "AcquisitionRefused" | "RenewalRefused" | "ExtensionRefused":
                self._mark(step, key, "refused", at, str(data.get("reason") or ""))

    def _close(self, bar: Bar, step: Step, data: Mapping[str, Any], at: datetime) -> None:
        if step.recorded.type == "LicenseExpired":
            ended = clock.instant(data.get("expired_at"))
            self._bar(bar.key, end=ended or bar.end, ending="clock")
        elif bar.ending != "clock":
            # As known then it ends when that became known; a tie leads to when it happened.
            self._bar(bar.key, end=max(bar.start, at), ending="released")
            if is_late(step):
                self._mark(step, bar.key, "ended", at)

    def _ends(self, key: str, end: datetime, at: datetime) -> None:
        if end <= at:  # already over when it became known: the step itself shows it
            self.ends.pop(key, None)
            self._bar(key, end=max(at, self.bars[key].start), ending="clock")
            return
        self.ends[key] = end
        heapq.heappush(self.due, (end, key))

    def _bar(self, key: str, **changed: Any) -> None:
        self.bars[key] = replace(self.bars[key], **changed)

    def _mark(self, step: Step, key: str, kind: str, at: datetime, reason: str = "") -> None:
        recorded, lane = step.recorded, self.names.device_of.get(key)
        if lane is None:
            return
        known_at = recorded.recorded_at if is_late(step) else None
        title = self.names.title(key)
        self.marks.append(
            Mark(kind, lane, title, step.version, recorded.occurred_at, at, known_at, reason)
        )

    def _bands(
        self, metadata: Mapping[str, Any], limits: list[dict[str, Any]], at: datetime
    ) -> None:
        for limit in limits:
            name, most = str(limit.get("limit")), limit["max"]
            if not isinstance(most, int) or self.limits.get(name) == most:
                continue
            self.limits[name] = most
            facts = metadata["decision"].get("facts")
            plan = facts.get("plan") if isinstance(facts, Mapping) else None
            self.bands.append(Band(at, name, most, plan if isinstance(plan, str) else ""))


# -- Remarks --

_BY_CLOCK = Tag("by clock", "clock")
_ACTORS = {
    kind: Tag(word) for kind, word in (("job", "job"), ("import", "imported"), ("staff", "staff"))
}
_NO_CHANGE, _NOT_READABLE = Tag("no change"), Tag("not readable", "refused")


def _tags(step: Step, limits: list[dict[str, Any]]) -> Iterator[Tag]:
    recorded = step.recorded
    short = next((limit for limit in limits if limit.get("ok") is False), None)
    if short and recorded.type in _REFUSALS:
        yield Tag(limit_words(short), "refused")
    elif recorded.type in _REFUSALS:
        yield Tag(sentences.reason_words(str(recorded.data.get("reason", ""))), "refused")
    if is_late(step) and step.late is not None:
        yield Tag(f"reported {clock.rough(step.late)} later", "late")
    if step.event is None:
        yield _NOT_READABLE
    yield from _support_tags(recorded.metadata)
    actor = _ACTORS.get(actor_kind(recorded.metadata))
    if actor is not None:
        yield actor
    if recorded.type == "LicenseExpired":
        yield _NO_CHANGE


def _support_tags(metadata: Mapping[str, Any]) -> Iterator[Tag]:
    """What support's part in a step was: a second person's approval, goodwill that counted."""
    if isinstance(metadata.get("withdrawal"), str):
        yield Tag("withdrawal")
    if isinstance(metadata.get("approved_by"), str):
        yield Tag("second person", "late")
    decision = metadata.get("decision")
    if isinstance(decision, Mapping) and decision.get("allowances"):
        yield Tag("allowance counted")
    case = metadata.get("case")
    if isinstance(case, str) and case:
        yield Tag(case)


def _outcomes(step: Step, actor: str) -> tuple[str, ...]:
    words = ["unchanged" if step.recorded.type in _UNCHANGED else "changed"]
    if step.recorded.type in _REFUSALS:
        words.append("refused")
    if is_late(step):
        words.append("late")
    if actor == "staff":
        words.append("staff")
    return tuple(words)
