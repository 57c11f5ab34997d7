"""The queues of the first page: what needs somebody's eye, as numbers, bars and rows."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol
from urllib.parse import urlencode

import msgspec

from timeline.presenters import clock, sentences
from timeline.presenters.directory import grouped

HOURS = 24
HEIGHT = 28  # pixels of the bars' picture
TOLD = 4  # rows of a card
HOUR = timedelta(hours=1)

PERIODS = {"1h": timedelta(hours=1), "24h": timedelta(days=1), "7d": timedelta(days=7)}
PERIOD_WORDS = {
    "1h": "the last hour", "today": "today", "24h": "the last 24 hours", "7d": "the last 7 days",
}  # fmt: skip
BAND_WORDS = {
    "hour": "Under an hour", "day": "Up to a day", "week": "Up to a week", "longer": "Longer",
}  # fmt: skip


class Refused(Protocol):
    """How often a row refused for a reason."""

    @property
    def row_id(self) -> str | None: ...
    @property
    def reason(self) -> str | None: ...
    @property
    def refusals(self) -> int: ...


class Reported(Protocol):
    """How many late reports of a band there are."""

    @property
    def band(self) -> str: ...
    @property
    def reports(self) -> int: ...


class AtLimit(Protocol):
    """How many members are at a limit."""

    @property
    def limit_name(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def members(self) -> int: ...


class Bar(msgspec.Struct, frozen=True):
    """A bar of the picture: `x` and `width` in percent, `y` and `height` in pixels."""

    x: str
    y: str
    height: str
    width: str = "3%"


class Row(msgspec.Struct, frozen=True):
    """One kind of entry: a link to its list, its number, and its share of all."""

    name: str
    code: str
    href: str
    number: str
    share: str


class Card(msgspec.Struct, frozen=True):
    """A queue: its number, a bar for each of the last hours, and its largest kinds."""

    id: str
    title: str
    kind: str
    href: str
    number: str
    bars: list[Bar]
    picture: str
    rows: list[Row]
    none: str


def bars(numbers: Sequence[int]) -> list[Bar]:
    """A bar for each number, the largest as high as the picture; none stays a line."""
    most, step = max([*numbers, 1]), 100 / max(len(numbers), 1)
    heights = [max(1.0, n / most * (HEIGHT - 2)) for n in numbers]
    return [
        Bar(f"{place * step:.2f}%", f"{HEIGHT - height:.2f}", f"{height:.2f}")
        for place, height in enumerate(heights)
    ]


def by_hour(counted: Iterable[tuple[datetime, int]], now: datetime) -> list[int]:
    """The numbers of the last HOURS hours, the one that runs last; several of an hour add up."""
    last = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    found: dict[datetime, int] = {}
    for hour, number in counted:
        found[hour] = found.get(hour, 0) + number
    return [found.get(last - HOUR * back, 0) for back in range(HOURS - 1, -1, -1)]


def refusals(base: str, counted: Sequence[Refused], hours: Sequence[int]) -> Card:
    """Refusals of the last hour, by row and reason."""
    whole = sum(each.refusals for each in counted)
    rows = [
        _row(
            sentences.reason_words(each.reason or "without a reason").capitalize(),
            each.row_id or "", base, each.refusals, whole,
            period="1h", row=each.row_id, reason=each.reason,
        )
        for each in counted[:TOLD]
    ]  # fmt: skip
    none = f"None in the last hour, {grouped(sum(hours))} in the last 24."
    return Card(
        "refusals", "Refusals, last hour", "refused", f"{base}?period=1h", grouped(whole),
        bars(hours), _said("Refusals", hours), rows, none,
    )  # fmt: skip


def late(base: str, counted: Sequence[Reported], hours: Sequence[int]) -> Card:
    """What became known late today, by its delay."""
    found = {each.band: each.reports for each in counted}
    whole = sum(found.values())
    rows = [
        _row(words, "", base, found.get(band, 0), whole, period="today", band=band)
        for band, words in BAND_WORDS.items()
        if whole
    ]
    none = f"None today, {grouped(sum(hours))} in the last 24 hours."
    return Card(
        "late", "Late events today", "played", f"{base}?period=today", grouped(whole),
        bars(hours), _said("Late events", hours), rows, none,
    )  # fmt: skip


def limits(base: str, counted: Sequence[AtLimit], hours: Sequence[int]) -> Card:
    """Members at a limit now, by limit."""
    whole = sum(each.members for each in counted)
    rows = [
        _row(each.label, "", base, each.members, whole, limit=each.limit_name)
        for each in counted[:TOLD]
    ]
    return Card(
        "limits", "Members at a limit", "expired", base, grouped(hours[-1] if hours else 0),
        bars(hours), _said("Members at a limit", hours), rows, "Nobody is at a limit.",
    )  # fmt: skip


def since(period: str, now: datetime) -> datetime:
    """Where a period begins: of PERIODS, or the UTC day."""
    if period == "today":
        return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return now - PERIODS[period]


def address(base: str, query: Mapping[str, str]) -> str:
    """The address of a list with what narrows it."""
    asked = urlencode({name: value for name, value in query.items() if value})
    return f"{base}?{asked}" if asked else base


def reason(code: str | None) -> str:
    """`DEVICE_LIMIT` as `device limit`."""
    return sentences.reason_words(code or "")


def kind_of(event_type: str) -> str:
    """Which color, shape and word an event has."""
    return sentences.kind_of(event_type)


def _row(name: str, code: str, base: str, number: int, whole: int, **query: str | None) -> Row:
    asked = urlencode({key: value for key, value in query.items() if value})
    return Row(
        name, code, f"{base}?{asked}", grouped(number), f"{100 * number / max(whole, 1):.2f}%"
    )


def _said(what: str, numbers: Sequence[int]) -> str:
    """What the picture shows, for whoever does not see it."""
    if not any(numbers):
        return f"{what} by hour, the last {HOURS}: none."
    most = max(numbers)
    back = len(numbers) - 1 - numbers.index(most)
    when = "in this hour" if back == 0 else f"{back} h ago"
    now = grouped(numbers[-1])
    return f"{what} by hour, the last {HOURS}: at most {grouped(most)}, {when}; now {now}."


class Line(msgspec.Struct, frozen=True):
    """One entry of a queue's list: it opens a step of a member."""

    member_id: str
    version: int
    tab: str
    kind: str
    words: str
    note: str
    tag: str
    when: str
    ago: str


def line(
    member_id: str, version: int, at: datetime, now: datetime, *, kind: str, words: str,
    tag: str = "", note: str = "", tab: str = "",
) -> Line:  # fmt: skip
    """An entry that happened at an instant."""
    when, ago = clock.stamp(at), clock.ago(at, now)
    return Line(member_id, version, tab, kind, words, note, tag, when, ago)


class Choice(msgspec.Struct, frozen=True):
    """A link that narrows or widens a list."""

    name: str
    href: str
    current: bool


def choices(
    base: str, names: Mapping[str, str], key: str, query: Mapping[str, str]
) -> list[Choice]:
    """A link for each value of one key, the rest of the query kept and the paging dropped."""
    kept = {name: value for name, value in query.items() if value and name not in (key, "after")}
    return [
        Choice(
            words,
            address(base, kept | {key: value}),
            query.get(key, "") == value,
        )
        for value, words in names.items()
    ]
