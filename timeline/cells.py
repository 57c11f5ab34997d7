"""What the form of a cell was filled in with, as the words that a cell is read from."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from django.http import QueryDict

from licensing.rules import sheets, wording
from licensing.rules.ruleset import RuleSet
from licensing.rules.sheets import Column
from licensing.rules.wording import Unreadable

LONGEST = wording.LONGEST


class Written(msgspec.Struct, frozen=True):
    """The values of the columns that a form was about, and what could not be read of it."""

    values: dict[str, Any]
    texts: dict[str, str]
    faults: dict[str, str]


def written(ruleset: RuleSet, columns: Sequence[Column], form: QueryDict) -> Written:
    """Read the columns that the form names; values are in document form."""
    values: dict[str, Any] = {}
    texts: dict[str, str] = {}
    faults: dict[str, str] = {}
    asked = set(form.getlist("column"))
    for column in columns:
        if column.key not in asked:
            continue
        texts[column.key] = text = _text(column, form)
        try:
            if problem := _incomplete(column, form, text):
                raise Unreadable(problem)
            values[column.key] = sheets.read(ruleset, column, text)
        except Unreadable as wrong:
            faults[column.key] = str(wrong)
    return Written(values, texts, faults)


def _text(column: Column, form: QueryDict) -> str:
    def field(name: str) -> str:
        return form.get(f"{name}:{column.key}", "")[: LONGEST + 1].replace("\x00", "").strip()

    way = field("way")
    if column.side != "when" or way in ("", "text"):
        return field("text")
    values = _values(column, form.getlist(f"value:{column.key}"), field("more"))
    match way:
        case "any" if not values:
            return wording.ANY
        case "any" | "in":
            return values
        case "not":
            return f"not {values}"
        case "list":
            return f"in {wording.quoted(field('list'))}"
        case "between":
            return _between(field("low"), field("high"))
        case "given" | "not given":
            return way
    return field("text")


def _values(column: Column, chosen: Sequence[str], more: str) -> str:
    quote = wording.quoted if column.kind == "string" else str
    told = [quote(value[:200].replace("\x00", "")) for value in dict.fromkeys(chosen) if value]
    return ", ".join([*told, *([more] if more else [])])


def _between(low: str, high: str) -> str:
    if low and high:
        return f"{low} to {high}"
    return f"≥ {low}" if low else f"≤ {high}" if high else ""


def _incomplete(column: Column, form: Mapping[str, str], text: str) -> str:
    """What is missing where a way was chosen and nothing with it."""
    way = form.get(f"way:{column.key}", "")
    if way in ("in", "not") and text.strip() in ("", "not"):
        return "Choose at least one value, or “anything”."
    if way == "between" and not text:
        return "Give the smallest number, the largest, or both."
    if way == "list" and text == 'in ""':
        return "Choose a list."
    return ""
