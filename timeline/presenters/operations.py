"""The operations page in words and shapes: read models, jobs, processes, and their small charts."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from projections.deliveries import Delivery
from projections.heartbeat import BEAT, PROCESS, QUEUE, Heartbeat
from projections.jobs import Attempt
from projections.parking import Parked
from projections.samples import Sample, by_part
from timeline.presenters import clock
from timeline.presenters.directory import grouped

SPARK_HEIGHT, SPARK_STEP = 20, 4
DUE_HEIGHT = 28
LAGGING_S = 5.0
"""From when on an event that waits is worth a word; the runners look every second."""

KIND_WORDS = {"renew": "Renewals", "expire": "Expiries"}
KIND_ONE = {"renew": "Renewal", "expire": "Expiry"}
PROCESS_WORDS = {QUEUE: "broker, beat and worker together", PROCESS: "worker", BEAT: "beat"}
STREAM_MEMBER = "member-"


class Mark(msgspec.Struct, frozen=True):
    """One column of a chart: lengths as they stand in the SVG, and what a pointer is told."""

    x: str
    y: str
    height: str
    words: str = ""


class Model(msgspec.Struct, frozen=True):
    """A read model in a row. `state` is level, lagging, rebuilding, parked or ahead."""

    name: str
    label: str
    state: str
    said: str
    position: str
    behind: str
    late: str
    marks: list[Mark]
    told: str
    rate: str
    version: str
    side: str
    parked: int
    rebuild: Mapping[str, Any] | None


class ParkedStream(msgspec.Struct, frozen=True):
    """A stream that waits, with the words for the next attempt. `key` is the row's own name."""

    key: str
    projection: str
    label: str
    stream_id: str
    member_id: str
    version: int
    generation: int
    waiting: str
    error: str
    tried: str
    parked: str


class Job(msgspec.Struct, frozen=True):
    """One kind of job in a row."""

    kind: str
    label: str
    due: str
    failing: str
    done: str
    oldest: str
    ended: str
    last: str
    paused: bool
    why: str
    given_up: str
    rate: int | None
    held: str


class Failing(msgspec.Struct, frozen=True):
    """An obligation that fails or was given up; `at` names its due instant exactly."""

    kind: str
    label: str
    member_id: str
    license_id: str
    at: str
    due: str
    error: str
    tried: str
    given_up: bool


class Worker(msgspec.Struct, frozen=True):
    """A process in a row."""

    name: str
    kind: str
    alive: bool
    seen: str
    took: str
    up: str


def label(name: str) -> str:
    """`license_index` in words."""
    return name.replace("_", " ").capitalize()


def models(
    items: Sequence[Mapping[str, Any]],
    samples: Mapping[str, Sequence[Sample]],
    now: datetime,
) -> list[Model]:
    """A row for each read model, from `projections.lag.lag()` and the samples of the last hour."""
    return [_model(item, samples.get(item["name"], ()), now) for item in items]


def _model(item: Mapping[str, Any], samples: Sequence[Sample], now: datetime) -> Model:
    lag, rebuild = item["lag"], item["rebuild"]
    state = _state(item["state"], lag["seconds"])
    marks, most = spark(samples, now)
    version = f"v{item['version']}"
    return Model(
        name=item["name"],
        label=label(item["name"]),
        state=state,
        said={"parked": "streams parked", "ahead": "ahead of the log"}.get(state, state),
        position=grouped(item["position"]),
        behind=grouped(lag["events"]),
        late=span(lag["seconds"]),
        marks=marks,
        told=f"At most {grouped(most)} events behind in the last hour"
        if samples
        else "No samples in the last hour",
        rate=f"{grouped(round(item['rate']))}/s" if round(item["rate"]) else "–",
        version=version if rebuild is None else f"{version} → v{rebuild['version']}",
        side=item["side"] or "",
        parked=item["parked"],
        rebuild=rebuild,
    )


def _state(state: str, seconds: float) -> str:
    if state == "behind":
        return "lagging" if seconds >= LAGGING_S else "level"
    return state


def spark(samples: Sequence[Sample], now: datetime) -> tuple[list[Mark], int]:
    """The last hour in columns, each as high as the worst sample in it, and the highest of them.

    Columns without a sample are left out: nobody looked then.
    """
    worst = by_part(samples, now)
    most = max((events for events in worst if events is not None), default=0)
    marks = []
    for column, events in enumerate(worst):
        if events is None:
            continue
        height = max(1.5, (SPARK_HEIGHT - 1) * events / most) if most else 1.5
        y = SPARK_HEIGHT - height
        marks.append(Mark(str(column * SPARK_STEP), f"{y:.2f}", f"{height:.2f}"))
    return marks, most


def due_chart(upcoming: Mapping[str, Sequence[int]], now: datetime) -> list[Mark]:
    """What falls due in each of the next hours, all kinds together; widths are parts of 100."""
    hours = [sum(counts) for counts in zip(*upcoming.values(), strict=True)]
    most = max(hours, default=0)
    marks = []
    for hour, count in enumerate(hours):
        height = max(1.5, (DUE_HEIGHT - 2) * count / most) if most else 1.5
        begins = clock.minute(now + timedelta(hours=hour))
        words = f"{begins}: {grouped(count)}"
        x = f"{100 * hour / len(hours):.2f}%"
        marks.append(Mark(x, f"{DUE_HEIGHT - height:.2f}", f"{height:.2f}", words))
    return marks


def parked(rows: Sequence[Parked], now: datetime) -> list[ParkedStream]:
    """Each parked stream with what is in the way."""
    return [
        ParkedStream(
            key=f"{row.projection}-{row.stream_id}-{row.generation}",
            projection=row.projection,
            label=label(row.projection),
            stream_id=row.stream_id,
            member_id=row.stream_id.removeprefix(STREAM_MEMBER)
            if row.stream_id.startswith(STREAM_MEMBER)
            else "",
            version=row.version,
            generation=row.generation,
            waiting=f"{grouped(row.waiting)} waiting",
            error=row.error[:200],
            tried=f"{row.attempts} attempt{'' if row.attempts == 1 else 's'}, "
            + (_next(row.next_attempt_at, now) if row.next_attempt_at else "waits for a person"),
            parked=clock.ago(row.parked_at, now),
        )
        for row in rows
    ]


def job_rows(items: Sequence[Mapping[str, Any]], now: datetime) -> list[Job]:
    """Each kind of job, from `projections.jobs.status()`."""
    return [_job(item, now) for item in items]


def _job(item: Mapping[str, Any], now: datetime) -> Job:
    last, coming = item["last_finished_at"], item["next_due_at"]
    words = []
    if last:
        words.append(f"last {clock.ago(last, now)}")
    if coming:
        words.append(f"next due {clock.moment(coming, now.year)} UTC")
    why = ""
    if item["paused"]:
        why = f"Paused {clock.ago(item['paused_at'], now)} by {item['paused_by']}"
        why += f": {item['pause_reason']}" if item["pause_reason"] else ""
    return Job(
        kind=item["kind"],
        label=KIND_WORDS.get(item["kind"], item["kind"]),
        due=grouped(item["due"]),
        failing=grouped(item["failing"]),
        done=grouped(item["done_last_minute"]),
        oldest=span(item["overdue_seconds"]) if item["due"] else "–",
        ended=_ended(item["outcomes"]),
        last=", ".join(words) or "nothing yet",
        paused=item["paused"],
        why=why,
        given_up=grouped(item["given_up"]) if item["given_up"] else "",
        rate=item["per_second"],
        held=f"At most {grouped(item['per_second'])} a second." if item["per_second"] else "",
    )


def _ended(outcomes: Mapping[str, int]) -> str:
    """How the past ones ended; a refusal by the rules is an end like any other."""
    done = outcomes.get("accepted", 0) + outcomes.get("unchanged", 0)
    return f"{grouped(done)} done, {grouped(outcomes.get('refused', 0))} refused"


def failing(found: Sequence[Attempt], now: datetime) -> list[Failing]:
    """What failed and is tried again, and what was given up, the given up first."""
    rows = [
        Failing(
            kind=each.kind,
            label=KIND_ONE.get(each.kind, each.kind),
            member_id=each.member_id,
            license_id=each.license_id,
            at=each.due_at.isoformat(),
            due=f"due {clock.moment(each.due_at, now.year)} UTC",
            error=(each.last_error or "")[:200],
            tried=_tried(each, now),
            given_up=each.outcome is not None,
        )
        for each in found
    ]
    return sorted(rows, key=lambda row: not row.given_up)


def _tried(each: Attempt, now: datetime) -> str:
    words = f"{each.attempts} attempt{'' if each.attempts == 1 else 's'}"
    if each.lost:
        words += f", {each.lost} lost {'its' if each.lost == 1 else 'their'} worker"
    if each.finished_at:
        return f"{words}, given up {clock.ago(each.finished_at, now)}"
    return f"{words}, {_next(each.next_attempt_at, now)}"


def _next(at: datetime, now: datetime) -> str:
    """When the next attempt is; one that is due waits for whoever looks next."""
    return f"next {clock.ago(at, now)}" if at > now else "next any moment"


def workers(beats: Sequence[Heartbeat], now: datetime) -> list[Worker]:
    """Each process that was heard of in the last hour, those that are silent first."""
    found = [
        Worker(
            name=each.name,
            kind=PROCESS_WORDS.get(each.kind, each.kind),
            alive=each.alive,
            seen=f"{span(each.age_seconds)} ago",
            took=f"{span(each.took_age_seconds)} ago" if each.took_age_seconds is not None else "–",
            up=clock.ago(each.started_at, now) if each.started_at else "–",
        )
        for each in beats
    ]
    return sorted(found, key=lambda worker: worker.alive)


def messages(found: Sequence[Delivery]) -> list[Delivery]:
    """The messages that ended workers, for a warning."""
    return [each for each in found if each.gave_up_at is not None]


def span(seconds: float) -> str:
    """`0 s`, `0.4 s`, `12 s`, `4 min`: short enough for a column."""
    if 0 < seconds < 10:
        return f"{seconds:.1f} s"
    largest = clock.duration(timedelta(seconds=round(seconds))).split(" ")[:2]
    return " ".join(largest) if seconds > 0 else "0 s"
