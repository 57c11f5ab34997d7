"""Titles of the catalogue, and which of them the rules in force have withdrawn."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import msgspec

from licensing.rules import RuleSet
from timeline.presenters import clock

APART = ("name", "studio")


class Withdrawal(msgspec.Struct, frozen=True):
    """A row that lets nobody download a title any more, or only some not."""

    row_id: str
    source: str
    where: str
    until: str


class Entry(msgspec.Struct, frozen=True):
    """One title as the table shows it."""

    title_id: str
    name: str
    studio: str
    attributes: list[tuple[str, str]]
    withdrawn: list[Withdrawal]


def entries(
    titles: Mapping[str, Mapping[str, Any]], withdrawn: Mapping[str, list[Withdrawal]]
) -> list[Entry]:
    """The titles in their order, each attribute as text."""
    return [
        Entry(
            title_id,
            _text(about.get("name")) or title_id,
            _text(about.get("studio")),
            [(name, _text(value)) for name, value in sorted(about.items()) if name not in APART],
            withdrawn.get(title_id, []),
        )
        for title_id, about in titles.items()
    ]


PATHS = {"title": ("title_id",), "studio": ("studio", "title.studio")}
"""Where a fact is found that names a title, or a studio."""


def refusing(rules: RuleSet, kind: str, name: str, at: datetime) -> list[Withdrawal]:
    """The rows in force that name this title or studio and allow nothing."""
    return _named(rules, PATHS[kind], at).get(name, [])


def withdrawn(rules: RuleSet, at: datetime) -> dict[str, list[Withdrawal]]:
    """By title: the rows in force that name it and allow nothing."""
    return _named(rules, PATHS["title"], at)


def _named(rules: RuleSet, paths: Collection[str], at: datetime) -> dict[str, list[Withdrawal]]:
    titles = {name for name, fact in rules.facts.items() if fact.path in paths}
    found: dict[str, list[Withdrawal]] = {}
    for table in rules.tables:
        for row in table.enabled:
            if row.then.get("allow") is not False or not row.valid_at(at):
                continue
            others = sorted(row.when.keys() - titles)
            told = Withdrawal(
                row.id,
                row.source or "",
                "; ".join(f"{name} {_values(row.when[name], rules)}" for name in others),
                clock.date(row.valid_to) if row.valid_to else "",
            )
            for name in row.when.keys() & titles:
                cell = row.when[name]
                for title in (*(cell.in_ or ()), *rules.lists.get(cell.list or "", ())):
                    found.setdefault(str(title), []).append(told)
    return found


def _values(cell: Any, rules: RuleSet) -> str:
    shown = ", ".join(_text(value) for value in cell.values(rules.lists))
    return f"other than {shown}" if cell.not_in else shown


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode()
