"""The fields of an action's form: what there is to choose, and what somebody sent for it."""

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Literal

import msgspec

CASE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/#-]{0,39}")
LONGEST_REASON = 500
LONGEST_VALUE = 200
_LINES = ("Cc", "Cs", "Zl", "Zp")


class Choice(msgspec.Struct, frozen=True):
    """One thing to pick; `about` tells it from others of its name."""

    value: str
    label: str
    about: str = ""


class Field(msgspec.Struct, frozen=True):
    """One field. `empty` is said in its place when there is nothing to choose."""

    name: str
    label: str
    kind: Literal["choice", "number", "text", "words", "date"]
    hint: str = ""
    choices: tuple[Choice, ...] = ()
    initial: str = ""
    required: bool = True
    low: int = 1
    high: int = 0
    empty: str = ""


class Given(msgspec.Struct, frozen=True):
    """What was sent, cleaned, and for each field that cannot be so, why."""

    values: dict[str, str]
    faults: dict[str, str]

    def number(self, name: str) -> int:
        """A number that was found to be one."""
        return int(self.values[name])

    def text(self, name: str) -> str | None:
        """What was written, or None for nothing."""
        return self.values.get(name) or None

    def until(self, name: str) -> datetime:
        """The end of a day in UTC."""
        day = date.fromisoformat(self.values[name])
        return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)


def read(fields: tuple[Field, ...], sent: Mapping[str, str]) -> Given:
    """Each field's value, stripped of what no text holds."""
    values: dict[str, str] = {}
    faults: dict[str, str] = {}
    for field in fields:
        text = plain(sent.get(field.name, ""), lines=field.kind == "words").strip()
        values[field.name] = text
        fault = _fault(field, text)
        if fault:
            faults[field.name] = fault
    return Given(values, faults)


def plain(text: str, *, lines: bool = False) -> str:
    """The text without control characters and lone surrogates, which no history may hold."""
    kept = text.replace("\r\n", "\n") if lines else text
    return "".join(
        c for c in kept if (lines and c == "\n") or unicodedata.category(c) not in _LINES
    )


def _fault(field: Field, text: str) -> str:
    if not text:
        missing = "Choose one." if field.kind == "choice" else "Write something here."
        return missing if field.required else ""
    longest = 2_000 if field.kind == "words" else LONGEST_VALUE
    if len(text) > longest:
        return f"At most {longest:,} characters."
    match field.kind:
        case "number":
            whole = text.isascii() and text.isdigit() and len(text) < 10
            if not whole or not field.low <= int(text) <= field.high:
                return f"A whole number from {field.low} to {field.high:,}."
        case "date":
            return "" if _day(text) else "A day such as 2026-12-31."
        case "choice" if not any(choice.value == text for choice in field.choices):
            return "This is not to be had any more; choose another."
    return ""


def _day(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if 1970 <= found.year < 9000 else None


def case_of(text: str) -> tuple[str, str]:
    """The case that was named, and what is wrong with it."""
    named = plain(text).strip()
    if named and not CASE.fullmatch(named):
        return named[:LONGEST_VALUE], "Letters, digits and . _ / # - only, at most 40."
    return named, ""


def reason_of(text: str) -> tuple[str, str]:
    """The reason that was written, and what is wrong with it."""
    reason = plain(text).strip()
    if not reason:
        return "", "Say why; it is kept with the action."
    if len(reason) > LONGEST_REASON:
        return reason, f"At most {LONGEST_REASON} characters."
    return reason, ""
