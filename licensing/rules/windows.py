"""The span of time that a counter looks at: rolling, or a calendar's, in the member's time zone."""

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Literal

import msgspec

Calendar = Literal["day", "week", "month", "year"]
MICROSECOND = timedelta(microseconds=1)
LONGEST_H = 100 * 366 * 24


class Window(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Exactly one of the three: the last hours, the last days (24 hours each), or a calendar's."""

    hours: int | None = None
    days: int | None = None
    calendar: Calendar | None = None


Span = tuple[datetime | None, datetime | None]
"""From an instant (inclusive) to another (exclusive), both in UTC; None is an open end."""


def is_sound(window: Window | int | str | None) -> bool:
    """Whether it says one thing, and that is a span of time of at most a hundred years."""
    if isinstance(window, int):
        window = Window(hours=window)
    if not isinstance(window, Window):
        return True
    if [window.hours, window.days, window.calendar].count(None) != 2:
        return False
    hours = window.hours if window.days is None else window.days * 24
    return hours is None or 1 <= hours <= LONGEST_H


def span(window: Window | int | str | None, at: datetime, zone: tzinfo = UTC) -> Span:
    """All that is in the window of a decision at `at`.

    A number is hours; `calendar_year` the year. What happened exactly `hours` ago is out.
    """
    if window is None:
        return None, None
    if window == "calendar_year":
        window = Window(calendar="year")
    if isinstance(window, int):
        window = Window(hours=window)
    assert isinstance(window, Window)
    if window.calendar is not None:
        return _calendar(window.calendar, at, zone)
    length = timedelta(hours=window.hours or 0, days=window.days or 0)
    return (at - length + MICROSECOND).astimezone(UTC), None


def _calendar(calendar: Calendar, at: datetime, zone: tzinfo) -> Span:
    today = at.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    match calendar:
        case "day":
            start = today
            end = today + timedelta(days=1)  # the wall's next midnight, 23 or 25 hours on some days
        case "week":
            start = today - timedelta(days=today.weekday())
            end = start + timedelta(days=7)
        case "month":
            start = today.replace(day=1)
            end = (start + timedelta(days=32)).replace(day=1)
        case "year":
            start = today.replace(month=1, day=1)
            end = start.replace(year=start.year + 1)
    return start.astimezone(UTC), end.astimezone(UTC)


def within(span: Span, instant: datetime) -> bool:
    """Whether an instant lies in the span."""
    start, end = span
    return (start is None or start <= instant) and (end is None or instant < end)
