"""Instants and durations in words: absolute first, zone always visible."""

from datetime import UTC, datetime, timedelta

DAY = timedelta(days=1)
_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def instant(value: object) -> datetime | None:
    """The instant that an ISO text means; None for anything else, or where UTC has no such year."""
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        return None
    try:
        read = datetime.fromisoformat(value)
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def millis(at: datetime) -> int:
    """Milliseconds since the epoch, as the script counts."""
    return int(at.timestamp() * 1000)


def stamp(at: datetime) -> str:
    """`Tue 3 Nov 2026 14:02:18 UTC`."""
    at = at.astimezone(UTC)
    return f"{at:%a} {at.day} {at:%b %Y %H:%M:%S} UTC"


def day(at: datetime) -> str:
    """`3 Nov`."""
    at = at.astimezone(UTC)
    return f"{at.day} {at:%b}"


def date(at: datetime) -> str:
    """`3 Nov 2026`."""
    return f"{day(at)} {at.astimezone(UTC).year}"


def long_date(at: datetime) -> str:
    """`3 November 2026`."""
    at = at.astimezone(UTC)
    return f"{at.day} {at:%B %Y}"


def minute(at: datetime) -> str:
    """`14:02`."""
    return f"{at.astimezone(UTC):%H:%M}"


def moment(at: datetime, year: int | None = None) -> str:
    """`3 Nov 14:02`, with the year when it is not `year`."""
    shown = day(at) if year in (None, at.astimezone(UTC).year) else date(at)
    return f"{shown} {minute(at)}"


def duration(span: timedelta) -> str:
    """The two largest units: `2 d 4 h`, `42 min`, `18 s`."""
    left = int(abs(span.total_seconds()))
    if left == 0:
        return f"{abs(span.total_seconds()):.1f} s"
    parts: list[str] = []
    for size, unit in _UNITS:
        count, rest = divmod(left, size)
        if count:
            parts.append(f"{count} {unit}")
            left = rest
        elif parts:
            break
        if len(parts) == 2:
            break
    return " ".join(parts)


def rough(span: timedelta) -> str:
    """Short enough for a tag: `2 d 4 h`, `15 h`, `8 min`."""
    words = duration(span).split(" ")
    return " ".join(words if words[1] == "d" else words[:2])


def delta(span: timedelta) -> str:
    """`+14 d`, or with a minus sign."""
    sign = "−" if span < timedelta(0) else "+"
    return f"{sign}{duration(span)}"


def ago(at: datetime, now: datetime) -> str:
    """`19 d ago`, `in 3 h`, `just now`: one unit is enough beside an absolute time."""
    span = now - at
    if abs(span) < timedelta(seconds=5):
        return "just now"
    size = duration(span).split(" ")
    words = " ".join(size[:2])
    return f"{words} ago" if span > timedelta(0) else f"in {words}"
