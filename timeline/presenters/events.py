"""The event catalogue in words: counts, sizes and how long streams are."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from projections import census
from timeline.presenters import clock
from timeline.presenters.directory import grouped

UNITS = ("KB", "MB", "GB", "TB")


class Kind(msgspec.Struct, frozen=True):
    """An event type in one schema version."""

    category: str
    type: str
    schema_version: int
    count: str
    share: str
    mean: str
    largest: str
    first: str
    last: str


class Streams(msgspec.Struct, frozen=True):
    """A category's streams: `half` of them hold at most so many events."""

    category: str
    streams: str
    mean: str
    half: str
    most: str
    longest: str
    measured: str


def kinds(found: Sequence[census.Kind], now: datetime) -> list[Kind]:
    """Every type, in each category the most frequent first."""
    total = sum(kind.count for kind in found)
    ordered = sorted(found, key=lambda kind: (kind.category, -kind.count, kind.type))
    return [
        Kind(
            category=kind.category,
            type=kind.type,
            schema_version=kind.schema_version,
            count=grouped(kind.count),
            share=f"{100 * kind.count / total:.1f} %" if total else "–",
            mean=size(kind.mean_bytes),
            largest=size(kind.largest),
            first=clock.date(kind.first_at),
            last=clock.ago(kind.last_at, now),
        )
        for kind in ordered
    ]


def total(found: Sequence[census.Kind]) -> dict[str, str]:
    """All of them together."""
    count = sum(kind.count for kind in found)
    held = sum(kind.bytes for kind in found)
    return {
        "count": grouped(count),
        "types": str(len({kind.type for kind in found})),
        "bytes": size(held),
        "mean": size(round(held / count)) if count else "–",
    }


def streams(found: Sequence[census.Streams], now: datetime) -> list[Streams]:
    """Each category as it was last measured."""
    return [
        Streams(
            category=each.category,
            streams=grouped(each.streams),
            mean=f"{each.mean:.1f}",
            half=grouped(each.p50),
            most=grouped(each.p95),
            longest=grouped(each.longest),
            measured=clock.ago(each.measured_at, now),
        )
        for each in found
    ]


def size(count: int) -> str:
    """`312 B`, `4.2 MB`."""
    if count < 1000:
        return f"{count} B"
    power = min((len(str(count)) - 1) // 3, len(UNITS))
    return f"{count / 1000**power:.1f} {UNITS[power - 1]}"
