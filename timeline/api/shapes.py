"""The answers of the API as types: what the OpenAPI description says, checked by the tests.

The operations build plain values; these shapes only describe them, so nothing here is on the path
of a request. A field with a default may be left out of an answer.
"""

from datetime import datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

import msgspec
from msgspec import Meta

T = TypeVar("T")

Outcome = Literal["accepted", "refused", "unchanged"]
State = Annotated[dict[str, Any], Meta(description="the folded state: devices, licenses, …")]
Open = dict[str, Any]


class Page(msgspec.Struct, Generic[T]):
    """A page of a list; `next` goes into `after` for the page behind it, null at the end."""

    items: list[T]
    next: str | None


class Event(msgspec.Struct):
    """One event as it is stored."""

    version: Annotated[int, Meta(ge=1, description="place in the member's stream, gapless")]
    type: str
    schema_version: int
    event_id: str
    occurred_at: Annotated[datetime, Meta(description="when it happened, by device or business")]
    recorded_at: Annotated[datetime, Meta(description="when it became known")]
    data: Open
    metadata: Annotated[Open, Meta(description="command, actor, correlation, decision record")]


class FeedEvent(Event):
    """An event of the feed; `position` is its place in its bucket, gapless."""

    bucket: Annotated[int, Meta(ge=0, le=1023)]
    position: Annotated[int, Meta(ge=1)]
    stream_id: str
    appended_at: datetime


class Feed(Page[FeedEvent]):
    """A page of the feed; `cursor` is always given: whoever follows the feed goes on from there."""

    cursor: str


class Step(Event):
    """An event on the timeline, in words."""

    sentence: str
    late_seconds: Annotated[int | None, Meta(description="how late it was reported, or null")]
    unreadable: Annotated[str | None, Meta(description="why this event cannot be read, or null")]


class RulesVersion(msgspec.Struct):
    """Which rules decided."""

    id: str
    version: int
    hash: str


class Limit(msgspec.Struct):
    """One limit of a decision: `margin` is what was left, negative beyond the limit.

    `adds` is what the request adds to the value; absent where that follows from the rules.
    """

    limit: str
    fact: str
    label: str
    value: int
    max: int
    margin: int
    ok: bool
    row: str | None
    allowances: list[Any] = []
    adds: int | None = None


class Decision(msgspec.Struct):
    """The decision record: what was looked at, and which row decided each limit."""

    rules: RulesVersion
    verdict: Literal["allowed", "refused"]
    reason: Annotated[str | None, Meta(description="the reason code of a refusal")]
    row: str | None
    facts: Open
    matched: list[str]
    decisive: dict[str, str | None]
    limits: list[Limit]
    detail: Any = None


class Answer(msgspec.Struct):
    """The answer to a command, the same to the byte when it is asked again with its key."""

    outcome: Outcome
    version: Annotated[int, Meta(ge=0, description="the stream's version after the command")]
    events: list[Event]
    decision: Decision | None
    license_id: str | None = None


class LineSums(msgspec.Struct):
    """How many lines were answered, and how they came out.

    `stopped` is the code that every further line would have met; those were not tried.
    """

    lines: int
    outcomes: Annotated[dict[str, int], Meta(description="accepted, refused, unchanged, problem")]
    stopped: str | None


class LineOutcome(msgspec.Struct):
    """What became of a line: the answer of its call, or a problem, and then nothing was done.

    `position` is what the call has in Playhead-Position. The last line of all has the `sums` alone.
    """

    line: Annotated[int | None, Meta(description="its number in what was sent, from 1")] = None
    member: str | None = None
    command_id: str | None = None
    answer: Answer | None = None
    position: str | None = None
    problem: "Problem | None" = None
    sums: LineSums | None = None


class Member(msgspec.Struct):
    """A member now."""

    member_id: str
    version: int
    as_at: datetime
    state: State


class FoundMember(msgspec.Struct):
    """A member of the directory, and why it matched."""

    member_id: str
    plan: str | None
    country: str | None
    events: int
    refusals: int
    first_event_at: datetime
    last_event_at: datetime
    last_type: str
    last_version: int
    why: str


class StateAsAt(msgspec.Struct):
    """The state as at a version or an instant."""

    member_id: str
    version: int
    as_at: datetime | None
    state: State


class Change(msgspec.Struct):
    """One value that differs, by its JSON pointer."""

    path: str
    before: Any
    after: Any


class Difference(msgspec.Struct, rename={"from_": "from"}):
    """What differs between two versions."""

    member_id: str
    from_: int
    to: int
    changes: list[Change]


class Moment(Step):
    """One event whole: stored, read, decided, with the state before and after."""

    stored: Event
    read: Any
    decision: Decision | None
    before: State
    after: State
    changes: list[Change]


class License(msgspec.Struct):
    """A license as it is now."""

    license_id: str
    title_id: str
    device_id: str
    status: Literal["active", "expired", "released", "revoked"]
    issued_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    renewals: int
    extensions: Open
    plays: int
    playing: bool
    first_played_at: datetime | None
    last_started_at: datetime | None
    last_stopped_at: datetime | None
    playback_expires_at: datetime | None
    revoked_for: str | None
    terms: Open
    title: Open
    device: Open
    context: Open


class Preview(msgspec.Struct):
    """An event that would be appended."""

    type: str
    data: Open


class Turn(msgspec.Struct):
    """A change that would turn the verdict, tried, and in words."""

    kind: str
    parts: list[Open]
    words: str
    at: datetime | None = None


class Explanation(msgspec.Struct):
    """What an acquisition would get, or would have got."""

    outcome: Outcome
    version: int
    as_at: datetime
    decision: Decision | None
    events: list[Preview]
    turns: list[Turn]


class Was(msgspec.Struct):
    """What a command led to."""

    outcome: str | None
    events: list[Preview]


class WouldBe(Was):
    """What it would have led to."""

    decision: Decision | None


class Deed(msgspec.Struct):
    """One command or event of the trial that comes out otherwise."""

    kind: str
    command: str
    at: datetime
    version: int | None
    was: Was
    would_be: WouldBe


class Trial(msgspec.Struct):
    """A what-if: the first divergence, all that differs, and the final difference."""

    simulation: Annotated[bool, Meta(description="always true: nothing was written")]
    from_version: int
    as_at: datetime
    divergence: Deed | None
    deeds: list[Deed]
    unchanged: int
    not_redecided: int
    difference: list[Change]


class MadeDecision(msgspec.Struct):
    """A decision of the log, by the row that had the last word; `version` is the member's step."""

    member_id: str
    version: int
    decided_at: datetime
    command: str
    outcome: Literal["accepted", "refused"]
    reason: str | None
    rule: str
    rules: Annotated[str | None, Meta(description="the hash of the version that decided")]
    license_id: str
    title_id: str | None
    studio: str | None
    country: str | None
    plan: str | None


class Title(msgspec.Struct):
    """A title of the catalogue."""

    title_id: str
    attributes: Open


class PublishedVersion(msgspec.Struct):
    """A published version of a rule set, in force from `valid_from` on."""

    version: int
    hash: str
    title: str
    valid_from: datetime
    published_at: datetime


class Edit(msgspec.Struct):
    """A value of a document that was and is; a side that is left out was not there."""

    path: list[str]
    before: Any = None
    after: Any = None


class WholeVersion(PublishedVersion):
    """A published version with its document."""

    document: Open
    changes: list[Edit]


class Finding(msgspec.Struct):
    """Something wrong or needless in a rule set, with a request that shows it."""

    kind: str
    severity: Literal["blocking", "warning"]
    table: str
    rows: list[str]
    message: str
    witness: Open = {}
    at: datetime | None = None
    proposal: Open | None = None


class Findings(msgspec.Struct):
    """All there is to say about a document."""

    items: list[Finding]


class Draft(msgspec.Struct):
    """A draft without its document; `revision` counts its edits."""

    draft_id: str
    title: str
    base: str | None
    authors: list[str]
    status: Literal["open", "submitted", "approved", "rejected", "published", "suspended"]
    revision: int
    approved_by: str | None
    reason: str | None
    hash: str


class WholeDraft(Draft):
    """A draft with its document, what it changes and what is wrong with it."""

    document: Open
    changes: list[Edit]
    findings: list[Finding]
    base_superseded: bool


class DraftAnswer(msgspec.Struct):
    """What became of a command on a draft."""

    outcome: str
    draft: Draft


class RolledBack(msgspec.Struct):
    """What became of a roll back."""

    outcome: str
    in_force: str | None


class BacktestRun(msgspec.Struct):
    """A backtest: how far it is, and what other rules would have decided, so far or in the end."""

    backtest: str
    hash: Annotated[str, Meta(description="of the rules that are tried")]
    in_force: Annotated[str, Meta(description="of those in force when it was started")]
    level: Literal["closed loop", "first order"]
    member_id: Annotated[str | None, Meta(description="null: everybody")]
    until: datetime
    state: Literal["waiting", "running", "done", "failed", "stopped"]
    progress: Annotated[float, Meta(ge=0, le=1)]
    eta_seconds: float | None
    started_by: str
    created_at: datetime
    finished_at: datetime | None
    error: str
    newly_refused: int
    newly_allowed: int
    counted: Annotated[Open, Meta(description="counts; lists are of [*key, count], largest first")]
    samples: Annotated[list[Open], Meta(description="decisions that come out otherwise")]


class Lag(msgspec.Struct):
    """Events not yet applied (exact), and the age of the oldest of them."""

    events: int
    seconds: float | None


class Comparison(msgspec.Struct):
    """The new side against the live one, row by row."""

    buckets: int
    rows: int
    only_live: int
    only_new: int
    live_samples: list[dict[str, Any]]
    new_samples: list[dict[str, Any]]


class Rebuild(msgspec.Struct):
    """A build of a read model: how it came about, and how far it is."""

    projection: str
    generation: int
    side: str
    version: int
    state: str
    hold: Annotated[bool, Meta(description="waits for a person before it is swapped in")]
    requested_by: str
    reason: str | None
    requested_at: datetime
    ready_at: datetime | None
    live_at: datetime | None
    ended_at: datetime | None
    comparison: Comparison | None
    position: int
    target: int
    percent: float
    comparing_percent: Annotated[
        float | None, Meta(description="how far it is compared with the live one, while it is")
    ]
    events_left: int
    rate: float
    parked: Annotated[int, Meta(description="streams that could not be applied to it")]
    eta_seconds: float | None


class Parked(msgspec.Struct):
    """A stream that a read model could not apply: from which version on, and why."""

    bucket: int
    projection: str
    generation: int
    stream_id: str
    version: int
    waiting: Annotated[int, Meta(description="events of the stream that wait")]
    error: str
    attempts: int
    parked_at: datetime
    next_attempt_at: Annotated[datetime | None, Meta(description="null: waits for a person")]
    resolved_at: datetime | None
    resolution: str | None
    resolved_by: str | None
    reason: str | None


class Tried(msgspec.Struct):
    """Whether a parked stream is level again."""

    level: bool


class TriedAll(msgspec.Struct):
    """How many streams are level again, and how many of those tried are parked still."""

    level: int
    parked: int


class Projection(msgspec.Struct):
    """How far a read model has come."""

    name: str
    category: str
    version: int
    side: str | None
    state: str
    position: int
    head: int
    lag: Lag
    rate: Annotated[float, Meta(description="events a second, over the last minute at most")]
    parked: int
    last_hour: Annotated[
        list[int | None],
        Meta(
            description="events behind at worst in each of 24 parts of the last hour, the oldest"
            " first; null where nobody looked"
        ),
    ]
    rebuild: Rebuild | None


class Job(msgspec.Struct):
    """One kind of job: what is due, what comes next, how the past ones ended, and its pause."""

    kind: str
    due: int
    tried: int
    next_due_at: datetime | None
    next_hours: Annotated[
        list[int], Meta(description="how many fall due in each of the next 24 hours")
    ]
    oldest_due_at: datetime | None
    overdue_seconds: float
    outcomes: dict[str, int]
    paused: bool
    paused_at: datetime | None
    paused_by: str | None
    pause_reason: str | None
    per_second: Annotated[float | None, Meta(description="the rate it is held to, or null")]
    last_finished_at: datetime | None
    done_last_minute: int
    in_hand: Annotated[int, Meta(description="claimed by a worker just now")]
    failing: int
    given_up: Annotated[int, Meta(description="wait for a person now")]


class Control(msgspec.Struct):
    """How a kind of job is held."""

    kind: str
    paused_at: datetime | None
    paused_by: str | None
    reason: str | None
    per_second: Annotated[int | None, Meta(description="the rate it is held to, or null")]


class Process(msgspec.Struct):
    """A worker, a beat, or the sign that came through the broker (`kind` queue)."""

    name: str
    kind: str
    alive: Annotated[bool, Meta(description="heard of in the last half minute")]
    beat_at: datetime
    age_seconds: float
    pid: int | None
    started_at: datetime | None
    took_at: Annotated[datetime | None, Meta(description="when it last took a message")]
    took_age_seconds: float | None


class EventType(msgspec.Struct):
    """Events of one type in one schema version; sizes are of the data as JSON, in bytes."""

    category: str
    type: str
    schema_version: int
    count: int
    bytes: int
    mean_bytes: int
    largest: int
    first_at: datetime
    last_at: datetime


class Streams(msgspec.Struct):
    """How many events the streams of a category hold: half at most `p50`, and so on."""

    category: str
    measured_at: datetime
    age_seconds: float
    streams: int
    events: int
    mean: float
    p50: int
    p95: int
    longest: int
    bands: list[int]


class Catalogue(msgspec.Struct):
    """Which events there are, how many and how large, and how long histories grow."""

    items: list[EventType]
    streams: list[Streams]
    behind: Annotated[int, Meta(description="events that are not counted yet")]
    next: str | None


class Jobs(msgspec.Struct):
    """The jobs, and the latest attempts."""

    items: list[Job]
    attempts: list[Open]
    next: str | None


class TitleCount(msgspec.Struct):
    """How many licenses of a title."""

    title_id: str
    name: str | None
    licenses: int


class SampledLicense(msgspec.Struct):
    """A license that would be taken back."""

    member_id: str
    license_id: str
    title_id: str
    title_name: str | None
    studio: str | None
    device_id: str
    device_type: str | None
    issued_at: datetime
    expires_at: datetime


class DryRun(msgspec.Struct):
    """What a withdrawal would take back; the token begins it, as long as it is not more."""

    kind: Literal["title", "studio"]
    name: str
    until: Annotated[datetime, Meta(description="licenses issued later are not touched")]
    licenses: int
    members: int
    titles: Annotated[list[TitleCount], Meta(description="those with the most licenses")]
    sample: Annotated[list[SampledLicense], Meta(max_length=5)]
    parked: Annotated[int, Meta(description="members whose latest events are not in these counts")]
    second_person: Annotated[bool, Meta(description="whether another key has to agree")]
    token: str


class Withdrawal(msgspec.Struct):
    """Every license of a title or a studio taken back, as far as it is."""

    id: str
    kind: Literal["title", "studio"]
    name: str
    until: datetime
    reason: str
    case: str | None
    state: Literal[
        "asked", "expired", "rejected", "waiting", "running", "done", "stopped", "failed"
    ]
    stopping: bool
    shown: Annotated[int, Meta(description="licenses that the dry run counted")]
    found: Annotated[int, Meta(description="licenses that were put down so far")]
    withdrawn: int
    gone: Annotated[int, Meta(description="had ended already")]
    refused: int
    progress: Annotated[float, Meta(ge=0, le=1)]
    eta_seconds: float | None
    asked_by: str
    asked_at: datetime
    second_person: str | None
    answer: str | None
    started_at: datetime | None
    finished_at: datetime | None
    error: str | None


class WithdrawnLicense(msgspec.Struct):
    """What came of one license; `version` is the step of the member's history that says so."""

    member_id: str
    license_id: str
    outcome: Literal["withdrawn", "gone", "refused"]
    detail: str | None
    version: int | None
    ended_at: datetime | None


class Fault(msgspec.Struct):
    """One place in the request, and what is wrong there."""

    path: str
    message: str


class Problem(msgspec.Struct):
    """Every other answer (RFC 9457). `code` is stable; `detail` is for people."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    errors: list[Fault]
    request_id: str
