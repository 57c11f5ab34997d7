"""Reads a history once, in recorded order, into what is shown: rows, bars, marks and limits."""

import heapq
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from licensing import decisions
from licensing.history import History, Step
from timeline.presenters import clock, sentences
from timeline.presenters.sentences import Names, Phrase


class Tag(msgspec.Struct, frozen=True):
    """A short remark beside a sentence; `kind` picks its color."""

    text: str
    kind: str = ""


class Moment(msgspec.Struct, frozen=True):
    """A row of the list. Rows without a version were made by the clock, after step `after`."""

    version: int | None
    after: int
    at: datetime
    kind: str
    license_id: str | None = None
    step: Step | None = None


class Bar(msgspec.Struct):
    """The validity of one license: granted until `granted_until`, renewed from there to `end`."""

    license_id: str
    device_id: str
    version: int
    start: datetime
    granted_until: datetime
    end: datetime
    ending: str = ""  # "", "clock" or "released"


class Mark(msgspec.Struct, frozen=True):
    """A playback or a refusal on a device's lane. `known_at` is when a late one was reported."""

    kind: str
    device_id: str
    license_id: str
    version: int
    at: datetime
    known_at: datetime | None = None
    reason: str = ""


class Band(msgspec.Struct, frozen=True):
    """From `start` on, decisions were made with this limit."""

    start: datetime
    limit: str
    max: int
    plan: str


class Story(msgspec.Struct):
    """Everything that one pass over a history yields."""

    moments: list[Moment] = msgspec.field(default_factory=list)
    bars: dict[str, Bar] = msgspec.field(default_factory=dict)
    marks: list[Mark] = msgspec.field(default_factory=list)
    bands: list[Band] = msgspec.field(default_factory=list)
    devices: list[str] = msgspec.field(default_factory=list)
    names: Names = msgspec.field(default_factory=Names)
    as_of: datetime = datetime.min.replace(tzinfo=UTC)
    next_end: datetime | None = None  # when the clock will end the next license


def moments(history: History, now: datetime | None = None) -> list[Moment]:
    """The rows of a history: its steps, and between them what the clock did until `now`."""
    return read(history, now).moments


def read(history: History, now: datetime | None = None) -> Story:
    """One pass over the steps; expiries by the clock are placed between them."""
    reader = _Reader()
    for step in history.steps:
        reader.step(step)
    now = now or datetime.now(UTC)
    reader.clock_until(now, inclusive=True)
    reader.story.as_of, reader.story.next_end = now, min(reader.ends.values(), default=None)
    return reader.story


def phrase(moment: Moment, names: Names) -> Phrase:
    """A row in words."""
    if moment.step is None:
        return sentences.expired(moment.license_id or "", names)
    recorded = moment.step.recorded
    return sentences.phrase(recorded.type, recorded.data, names)


def tags(moment: Moment, repeats: Mapping[int, int] | None = None) -> list[Tag]:
    """The remarks beside a row's sentence."""
    if moment.step is None:
        return [Tag("by clock", "clock")]
    return list(_step_tags(moment.step, (repeats or {}).get(moment.step.version, 0)))


def _step_tags(step: Step, repeated: int) -> Iterator[Tag]:
    limit = refused_limit(step.recorded.metadata)
    if limit and sentences.kind_of(step.recorded.type) == "refused":
        yield Tag(limit_words(limit), "refused")
    elif sentences.kind_of(step.recorded.type) == "refused":
        yield Tag(sentences.reason_words(str(step.recorded.data.get("reason", ""))), "refused")
    if repeated:
        yield Tag(f"asked {repeated + 1} times")
    if is_late(step) and step.late is not None:
        yield Tag(f"reported {clock.rough(step.late)} later", "late")
    if step.event is None:
        yield Tag("not readable", "refused")
    yield from _support_tags(step.recorded.metadata)
    actor = actor_kind(step.recorded.metadata)
    if actor in ("job", "import", "staff"):
        yield Tag({"import": "imported"}.get(actor, actor))
    if step.recorded.type == "LicenseExpired":
        yield Tag("no change")


def _support_tags(metadata: Mapping[str, Any]) -> Iterator[Tag]:
    """What support's part in a step was: a second person's approval, goodwill that counted."""
    if isinstance(metadata.get("approved_by"), str):
        yield Tag("second person", "late")
    decision = metadata.get("decision")
    if isinstance(decision, Mapping) and decision.get("allowances"):
        yield Tag("allowance counted")
    case = metadata.get("case")
    if isinstance(case, str) and case:
        yield Tag(case)


def actor_kind(metadata: Mapping[str, Any]) -> str:
    """Who asked: device, staff, job, api or import; empty when nobody is named."""
    actor = metadata.get("actor")
    kind = actor.get("kind") if isinstance(actor, Mapping) else None
    return kind if isinstance(kind, str) else ""


def refused_limit(metadata: Mapping[str, Any]) -> dict[str, Any] | None:
    """The first limit without room in a recorded decision."""
    for limit in decision_limits(metadata):
        if limit.get("ok") is False:
            return limit
    return None


def decision_limits(metadata: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The limits of a recorded decision that have a value and a maximum."""
    decision = metadata.get("decision")
    return limits_of(decisions.full(decision)) if isinstance(decision, Mapping) else []


def limits_of(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The limits of a full record that have a value and a maximum."""
    limits = record.get("limits")
    if not isinstance(limits, list):
        return []
    return [x for x in limits if isinstance(x, dict) and "value" in x and "max" in x]


_SHORT = {
    "max_downloads": "downloads",
    "studio_year_max": "from this studio",
    "title_year_max": "of this title",
}


def limit_words(limit: Mapping[str, Any]) -> str:
    """`2 of 2 devices`; a value beyond its limit as `30 hours left, at most 24`."""
    value, most = limit["value"], limit["max"]
    label = _SHORT.get(str(limit.get("limit")), str(limit.get("label", "")))
    if isinstance(value, int) and isinstance(most, int) and value > most:
        return f"{value} {label}, at most {most}"
    return f"{value} of {most} {label}".rstrip()


def is_late(step: Step) -> bool:
    """Whether a report came late. A job that writes an expiry down was never expected on time."""
    return step.late is not None and step.recorded.type != "LicenseExpired"


class _Reader:
    """Keeps the open ends of licenses while the steps go by."""

    def __init__(self) -> None:
        self.story = Story()
        self.ends: dict[str, datetime] = {}
        self.due: list[tuple[datetime, str]] = []
        self.last = 0
        self.limits: dict[str, int] = {}

    def step(self, step: Step) -> None:
        recorded = step.recorded
        at, data = recorded.recorded_at, recorded.data
        self.clock_until(at)
        self.story.names.learn(recorded.type, data)
        license_id = data.get("license_id")
        license_id = license_id if isinstance(license_id, str) else None
        kind = sentences.kind_of(recorded.type)
        self.story.moments.append(Moment(step.version, step.version, at, kind, license_id, step))
        self.last = step.version
        self._device(data.get("device_id"))
        self._bands(recorded.metadata, at)
        if license_id is not None:
            self._license(step, license_id)

    def clock_until(self, at: datetime, *, inclusive: bool = False) -> None:
        """Rows for the licenses whose end has passed by `at`."""
        while self.due and (self.due[0][0] < at or (inclusive and self.due[0][0] == at)):
            end, license_id = heapq.heappop(self.due)
            if self.ends.get(license_id) != end:
                continue  # renewed, released or replayed since
            del self.ends[license_id]
            self.story.moments.append(Moment(None, self.last, end, "expired", license_id))
            bar = self.story.bars.get(license_id)
            if bar is not None:
                bar.end, bar.ending = end, "clock"

    def _license(self, step: Step, license_id: str) -> None:
        recorded = step.recorded
        data, at = recorded.data, recorded.recorded_at
        bar = self.story.bars.get(license_id)
        match recorded.type:
            case "LicenseIssued":
                end = clock.instant(data.get("expires_at"))
                if end is not None:
                    start = recorded.occurred_at
                    device_id = str(data.get("device_id"))
                    self.story.bars[license_id] = Bar(
                        license_id, device_id, step.version, start, end, end
                    )
                    self._end(license_id, end, at)
            case "LicenseRenewed" | "LicenseExtended" | "ExtensionWithdrawn":
                end = clock.instant(data.get("expires_at"))
                if end is not None and bar is not None:
                    bar.end = max(bar.start, end)
                    self._end(license_id, end, at)
            case "LicenseReleased" | "LicenseRevoked" | "LicenseExpired":
                self.ends.pop(license_id, None)
                if bar is not None:
                    self._close(bar, recorded.type, step)
            case "PlaybackStarted":
                self._mark(step, license_id, "played")
                end = clock.instant(data.get("expires_at"))
                if end is not None and bar is not None and end < bar.end and not bar.ending:
                    bar.end = end
                    self._end(license_id, end, at)
            case "AcquisitionRefused" | "RenewalRefused" | "ExtensionRefused":
                self._mark(step, license_id, "refused")

    def _close(self, bar: Bar, event_type: str, step: Step) -> None:
        if event_type == "LicenseExpired":
            ended = clock.instant(step.recorded.data.get("expired_at"))
            bar.end, bar.ending = ended or bar.end, "clock"
        elif bar.ending != "clock":
            bar.end, bar.ending = max(bar.start, step.recorded.occurred_at), "released"

    def _end(self, license_id: str, end: datetime, at: datetime) -> None:
        if end <= at:  # already over when it became known: the step itself shows it
            self.ends.pop(license_id, None)
            self.story.bars[license_id].ending = "clock"
            return
        self.ends[license_id] = end
        heapq.heappush(self.due, (end, license_id))

    def _mark(self, step: Step, license_id: str, kind: str) -> None:
        recorded = step.recorded
        device_id = self.story.names.device_of.get(license_id)
        if device_id is None:
            return
        late = recorded.recorded_at if is_late(step) else None
        reason = str(recorded.data.get("reason") or "")
        self.story.marks.append(
            Mark(kind, device_id, license_id, step.version, recorded.occurred_at, late, reason)
        )

    def _device(self, device_id: object) -> None:
        if isinstance(device_id, str) and device_id not in self.story.devices:
            self.story.devices.append(device_id)

    def _bands(self, metadata: Mapping[str, Any], at: datetime) -> None:
        for limit in decision_limits(metadata):
            name, most = str(limit.get("limit")), limit["max"]
            if not isinstance(most, int) or self.limits.get(name) == most:
                continue
            self.limits[name] = most
            facts = metadata["decision"].get("facts")
            plan = facts.get("plan") if isinstance(facts, Mapping) else None
            self.story.bands.append(Band(at, name, most, plan if isinstance(plan, str) else ""))


def limit_at(story: Story, name: str, at: datetime) -> int | None:
    """The limit that decisions had last been made with by `at`."""
    found = None
    for band in story.bands:
        if band.limit == name and band.start <= at:
            found = band.max
    return found
