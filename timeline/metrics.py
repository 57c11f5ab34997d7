"""What Prometheus is told: computed at each scrape from the tables, so that every process says it.

Nothing is counted in memory: a restart resets nothing, and any web process may be asked.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from django.utils import timezone
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from projections import census, deliveries, heartbeat, jobs, lag
from projections.ticks import ticks

STATES = ("level", "behind", "rebuilding", "parked", "ahead")
MOST_MESSAGES = 1_000


class Tables(Collector):
    """Reads the books of read models, jobs, processes and events."""

    def collect(self) -> Iterator[Metric]:
        """Every metric with its samples as they are now."""
        yield from _projections(lag.lag())
        yield from _jobs(timezone.now())
        yield from _processes()
        yield from _events()

    def describe(self) -> Iterator[Metric]:
        """Nothing: registering must not read the tables."""
        return iter(())


REGISTRY = CollectorRegistry()
REGISTRY.register(Tables())


def _projections(items: list[dict[str, Any]]) -> Iterator[Metric]:
    told: dict[str, tuple[str, Callable[[dict[str, Any]], float | None]]] = {
        "lag_events": ("Events that wait", lambda item: item["lag"]["events"]),
        "lag_seconds": ("Age of the oldest event that waits", lambda item: item["lag"]["seconds"]),
        "position": ("Events that the live build has passed", lambda item: item["position"]),
        "head": ("Events that there are for it", lambda item: item["head"]),
        "parked_streams": ("Streams it could not apply", lambda item: item["parked"]),
        "rebuild_percent": (
            "How far the build beside the live one is; absent without one",
            lambda item: item["rebuild"]["percent"] if item["rebuild"] else None,
        ),
    }
    for name, (words, value) in told.items():
        family = GaugeMetricFamily(f"playhead_projection_{name}", words, labels=["projection"])
        for item in items:
            if (number := value(item)) is not None:
                family.add_metric([item["name"]], number)
        yield family
    state = GaugeMetricFamily(
        "playhead_projection_state", "1 for the state that it is in", labels=["projection", "state"]
    )
    for item in items:
        for each in STATES:
            state.add_metric([item["name"], each], float(item["state"] == each))
    yield state


def _jobs(now: datetime) -> Iterator[Metric]:
    items = jobs.status(now, limit=1)["items"]
    told = {
        "due": ("Obligations that are due", "due"),
        "in_hand": ("Obligations that a worker has claimed", "in_hand"),
        "failing": ("Obligations that had an error and are tried again", "failing"),
        "given_up": ("Obligations that were given up and wait for a person", "given_up"),
        "overdue_seconds": ("For how long the oldest is due", "overdue_seconds"),
        "paused": ("1 while people let it rest", "paused"),
    }
    for name, (words, key) in told.items():
        family = GaugeMetricFamily(f"playhead_jobs_{name}", words, labels=["kind"])
        for item in items:
            family.add_metric([item["kind"]], float(item[key]))
        yield family
    finished = CounterMetricFamily(
        "playhead_jobs_finished", "Obligations that ended, by outcome", labels=["kind", "outcome"]
    )
    for item in items:
        for outcome, count in item["outcomes"].items():
            finished.add_metric([item["kind"], outcome], count)
    yield finished


def _processes() -> Iterator[Metric]:
    beats = heartbeat.heartbeats()
    alive = GaugeMetricFamily(
        "playhead_processes_alive", "Heard of in the last half minute", labels=["kind"]
    )
    age = GaugeMetricFamily(
        "playhead_heartbeat_age_seconds", "Since the latest heartbeat", labels=["kind"]
    )
    for kind in (heartbeat.QUEUE, heartbeat.PROCESS, heartbeat.BEAT):
        ages = [each.age_seconds for each in beats if each.kind == kind]
        alive.add_metric([kind], sum(each.alive for each in beats if each.kind == kind))
        if ages:
            age.add_metric([kind], min(ages))
    yield alive
    yield age
    ticked = CounterMetricFamily("playhead_beat_ticks", "Ticks that were done", labels=["job"])
    for tick in ticks():
        ticked.add_metric([tick.job], tick.ticks)
    yield ticked
    lost = deliveries.suspicious(MOST_MESSAGES)
    yield GaugeMetricFamily(
        "playhead_messages_given_up",
        "Messages of the last week that ended their workers too often",
        value=sum(each.gave_up_at is not None for each in lost),
    )


def _events() -> Iterator[Metric]:
    named = ["category", "type", "schema_version"]
    counted = CounterMetricFamily("playhead_events", "Events that were counted", labels=named)
    held = CounterMetricFamily("playhead_event_bytes", "Bytes of their data as JSON", labels=named)
    for kind in census.kinds():
        labels = [kind.category, kind.type, str(kind.schema_version)]
        counted.add_metric(labels, kind.count)
        held.add_metric(labels, kind.bytes)
    yield counted
    yield held
    yield GaugeMetricFamily(
        "playhead_events_uncounted", "Events that are not counted yet", value=census.behind()
    )
    streams = GaugeMetricFamily("playhead_streams", "Streams with events", labels=["category"])
    longest = GaugeMetricFamily("playhead_stream_longest", "Most events", labels=["category"])
    for each in census.streams():
        streams.add_metric([each.category], each.streams)
        longest.add_metric([each.category], each.longest)
    yield streams
    yield longest
