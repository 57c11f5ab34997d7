"""Why a step was allowed or refused: the recorded decision in words, with limit and margin."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from licensing import decisions
from licensing.domain import member as members
from licensing.domain.member import Member
from licensing.history import Step
from licensing.rules import PublishedRules
from timeline.presenters import clock, moments, sentences
from timeline.presenters.sentences import Names

RowOf = Callable[[str], dict[str, Any] | None]

_ORDINALS = (
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth",
    "eleventh", "twelfth",
)  # fmt: skip
_OUTPUTS = {
    "license_h": "License lasts",
    "playback_h": "Watch within",
    "renew_window_h": "Renew when less is left than",
    "renew_ext_h": "A renewal adds",
    "renew_max": "Renewals",
    "renew_life_h": "Longest life",
    "renew_grace_h": "Renewable after its end for",
    "max_devices": "Max devices",
    "max_downloads": "Max downloads",
    "studio_year_max": "Studio, per year",
    "title_year_max": "Title, per year",
    "allow": "Allowed",
}


class Line(msgspec.Struct, frozen=True):
    """The verdict in a sentence; `bold` is the number that decided."""

    before: str
    bold: str = ""
    after: str = ""

    @property
    def text(self) -> str:
        """The sentence as plain text."""
        return f"{self.before}{self.bold}{self.after}"


class Condition(msgspec.Struct, frozen=True):
    """One condition: its value, its limit and what is left."""

    label: str
    fact: str
    value: str
    limit: str
    meter: str
    margin: str
    ok: bool


class Cell(msgspec.Struct, frozen=True):
    """One cell of a rule row, in words."""

    label: str
    words: str
    kind: str = ""  # "any", "out", or "decided" for the output that refused


class RuleRow(msgspec.Struct, frozen=True):
    """A row of a decision table as it stood."""

    id: str
    label: str
    table: str
    cells: tuple[Cell, ...]
    source: str
    owner: str
    valid: str


class Why(msgspec.Struct, frozen=True):
    """Everything that the tab says."""

    verdict: str
    line: Line
    code: str
    conditions: tuple[Condition, ...]
    row: RuleRow | None
    others: tuple[RuleRow, ...]
    rules: str
    rules_since: str
    paste: str
    rule_set: str
    version: int | None
    reconstructed: bool
    odd: str  # what a reconstruction says that did not happen


def record_of(step: Step, published: PublishedRules | None = None) -> dict[str, Any] | None:
    """The decision record of a step in full, if a rule decided it."""
    kept = step.recorded.metadata.get("decision")
    ruleset = published.ruleset if published else None
    record = decisions.full(kept, ruleset) if isinstance(kept, dict) else {}
    return record if record.get("verdict") else None


def rules_hash(record: Mapping[str, Any]) -> str:
    """The hash of the rule set that decided."""
    rules = record.get("rules")
    return str(rules.get("hash", "")) if isinstance(rules, Mapping) else ""


def why(
    step: Step,
    before: Member,
    names: Names,
    published: PublishedRules | None,
    row_of: RowOf,
    reconstructed: Mapping[str, Any] | None = None,
) -> Why | None:
    """The recorded decision of a step in words, or one that was `reconstructed` for it.

    None when no rule decided it.
    """
    record = reconstructed or record_of(step, published)
    if record is None:
        return None
    line = verdict(record, step.recorded.data, before, names, published)
    found = told(record, line, _paste(step, names, line, record), published, row_of)
    if reconstructed is None:
        return found
    return msgspec.structs.replace(found, reconstructed=True, odd=_odd(step, record))


def verdict(
    record: Mapping[str, Any],
    data: Mapping[str, Any],
    before: Member,
    names: Names,
    published: PublishedRules | None,
) -> Line:
    """What a full record decided about a request with these data, in a sentence."""
    return _line(record, data, before, names, published, moments.limits_of(record), _failed(record))


def told(
    record: Mapping[str, Any],
    line: Line,
    paste: str,
    published: PublishedRules | None,
    row_of: RowOf,
) -> Why:
    """A full record in words, of a step or of a trial: conditions, rows, the rules' version."""
    limits, failed = moments.limits_of(record), _failed(record)
    decided = str((failed or {}).get("row") or record.get("row") or "")
    row = row_of(decided) if decided else None
    matched = [str(x) for x in record.get("matched") or () if str(x) != decided]
    others = [found for x in matched if (found := row_of(x)) is not None]
    hash_ = rules_hash(record).removeprefix("sha256:")
    rules = record.get("rules") or {}
    facts = record.get("facts") or {}
    return Why(
        verdict=str(record["verdict"]),
        line=line,
        code=str(record.get("reason") or ""),
        conditions=(
            *_limit_conditions(limits, published),
            *_fact_conditions(row, facts, published),
        ),
        row=_row(row, published, str((failed or {}).get("limit", ""))) if row else None,
        others=tuple(_row(x, published, "") for x in others),
        rules=f"{rules.get('id', 'rules')} v{rules.get('version', '?')}, {hash_[:7]}",
        rules_since=clock.date(published.valid_from) if published else "",
        paste=paste,
        rule_set=str(rules.get("id", "")),
        version=published.version if published else None,
        reconstructed=False,
        odd="",
    )


def _failed(record: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The limit that refused, unless something before the rules did."""
    if str(record.get("reason") or "") in _BEFORE_RULES:
        return None
    return next((x for x in moments.limits_of(record) if x.get("ok") is False), None)


def _odd(step: Step, record: Mapping[str, Any]) -> str:
    """A reconstruction may come out otherwise than what is recorded, and has to say so."""
    refused = sentences.kind_of(step.recorded.type) == "refused"
    if refused is (record["verdict"] == "refused"):
        return ""
    return "It was refused all the same." if refused else "It was granted all the same."


# -- The verdict --

# What refuses whatever the rules say.
_BEFORE_RULES = {
    "LICENSE_ENDED": "The license had ended, and what has ended cannot go on.",
    "MEMBERSHIP_CANCELLED": "The membership was cancelled.",
}


def _line(
    record: Mapping[str, Any],
    data: Mapping[str, Any],
    before: Member,
    names: Names,
    published: PublishedRules | None,
    limits: Sequence[Mapping[str, Any]],
    failed: Mapping[str, Any] | None,
) -> Line:
    if record["verdict"] != "refused":
        return _allowed(limits)
    code = str(record.get("reason") or "")
    if failed is not None and failed.get("limit") == "max_devices":
        return _devices_line(data, before, names, failed)
    if failed is not None:
        return _limit_line(failed)
    words = published.ruleset.reasons.get(code) if published else None
    words = _BEFORE_RULES.get(code) or words
    return Line(words or f"Refused: {sentences.reason_words(code)}.")


def _allowed(limits: Sequence[Mapping[str, Any]]) -> Line:
    over = next((limit for limit in limits if limit.get("ok") is False), None)
    if over is not None:
        after = f" {over.get('label', '')}, beyond what the rules allow."
        return Line("Allowed by a second person: ", f"{over['value']} of {over['max']}", after)
    room = [limit for limit in limits if not str(limit.get("limit", "")).endswith("_h")]
    if not room:
        return Line("Allowed by the rules in force.")
    near = min(room, key=lambda limit: limit["max"] - limit["value"])
    label = near.get("label", near.get("limit", ""))
    left = near["max"] - near["value"] - 1
    after = f" {label} before this step, {left} left after it." if left >= 0 else f" {label}."
    return Line("Allowed. The tightest limit: ", f"{near['value']} of {near['max']}", after)


def _devices_line(
    data: Mapping[str, Any], before: Member, names: Names, failed: Mapping[str, Any]
) -> Line:
    held = {license.device_id for license in members.live(before)}
    called = sorted((names.device(device_id) for device_id in held), key=str.casefold)
    listed = f", {_and(called)}" if called else ""
    asked = names.device(data.get("device_id"))
    place = failed["value"]
    nth = _ORDINALS[place] if isinstance(place, int) and 0 <= place < 12 else f"number {place}"
    after = f" devices{listed}. {asked} would be the {nth}."
    return Line("Downloads are already on ", f"{place} of {failed['max']}", after)


def _limit_line(failed: Mapping[str, Any]) -> Line:
    value, most, label = failed["value"], failed["max"], failed.get("label", "")
    if isinstance(value, int) and isinstance(most, int) and value > most:
        return Line("There are ", f"{value} {label}", f"; the rules allow this at {most} or fewer.")
    return Line("", f"{value} of {most}", f" {label}: none left.")


def _and(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


_ASKED = {"RenewalRefused": "renewal", "ExtensionRefused": "extension"}


def _paste(step: Step, names: Names, line: Line, record: Mapping[str, Any]) -> str:
    recorded = step.recorded
    license_id = recorded.data.get("license_id")
    title, device = names.title(license_id), names.device_holding(license_id)
    when = f"On {clock.long_date(recorded.recorded_at)} at {clock.minute(recorded.recorded_at)} UTC"
    what = _ASKED.get(recorded.type, "download")
    where = f" {'to' if what == 'download' else 'on'} {device}" if device else ""
    if record["verdict"] != "refused":
        return f"{when} {title} was allowed{' on ' + device if device else ''}. {line.text}"
    told = line.text.replace("are already", "were already")  # read later than it was decided
    return f"{when} your {what} of {title}{where} was declined. {told}"


# -- Conditions --


def _limit_conditions(
    limits: Sequence[Mapping[str, Any]], published: PublishedRules | None
) -> list[Condition]:
    return [_condition(limit, published) for limit in limits]


def _condition(limit: Mapping[str, Any], published: PublishedRules | None) -> Condition:
    value, most, ok = limit["value"], limit["max"], limit.get("ok") is not False
    unit = " h" if str(limit.get("limit", "")).endswith("_h") else ""
    numbers = isinstance(value, int) and isinstance(most, int)
    share = min(100, 100 * value / most) if numbers and most > 0 else 0 if ok else 100
    margin = limit.get("margin", most - value if numbers else 0)
    return Condition(
        label=_fact_label(str(limit.get("fact", "")), published) or str(limit.get("label", "")),
        fact=str(limit.get("fact", "")),
        value=f"{value}{unit}",
        limit=f"{most}{unit}",
        meter=f"{share:.4g}%",
        margin=_margin(margin, ok, unit) + _goodwill(limit),
        ok=ok,
    )


def _goodwill(limit: Mapping[str, Any]) -> str:
    count = len(limit.get("allowances") or ())
    return f", {count} allowance{'s' if count > 1 else ''} counted" if count else ""


def _margin(margin: Any, ok: bool, unit: str) -> str:
    if not isinstance(margin, int):
        return "met" if ok else "not met"
    if margin < 0:
        return f"{-margin}{unit} over"
    return f"{margin}{unit} left" if ok else "none left"


def _fact_conditions(
    row: dict[str, Any] | None, facts: Mapping[str, Any], published: PublishedRules | None
) -> list[Condition]:
    if row is None:
        return []
    return [
        Condition(
            _fact_label(name, published) or name,
            name,
            str(facts.get(name, "not given")),
            _cell_words(cell),
            "",
            "met",
            True,
        )
        for name, cell in row.get("when", {}).items()
    ]


def _fact_label(name: str, published: PublishedRules | None) -> str:
    if published is None:
        return ""
    known = published.ruleset.facts.get(name) or published.ruleset.counters.get(name)
    return getattr(known, "label", "") or ""


# -- Rows --


def _row(row: Mapping[str, Any], published: PublishedRules | None, failed: str) -> RuleRow:
    when, then = row.get("when", {}), row.get("then", {})
    cells = [
        Cell(
            _fact_label(name, published) or name,
            _cell_words(when.get(name)),
            "" if name in when else "any",
        )
        for name in row.get("inputs", ())
    ]
    outputs = [failed] if failed in then else list(then)[:3]
    cells += [
        Cell(
            _OUTPUTS.get(name, name.replace("_", " ")),
            _value_words(name, then[name]),
            "decided" if name == failed else "out",
        )
        for name in outputs
    ]
    return RuleRow(
        id=str(row.get("id", "")),
        label=str(row.get("label") or row.get("id", "")),
        table=str(row.get("table_title", "")),
        cells=tuple(cells),
        source=str(row.get("source") or ""),
        owner=str(row.get("owner") or ""),
        valid=_valid(row),
    )


def _valid(row: Mapping[str, Any]) -> str:
    start, end = clock.instant(row.get("from")), clock.instant(row.get("to"))
    if start and end:
        return f"{clock.date(start)} – {clock.date(end)}"
    return f"from {clock.date(start)}" if start else f"until {clock.date(end)}" if end else ""


def _cell_words(cell: Any) -> str:
    if not isinstance(cell, Mapping):
        return "any"
    parts = []
    for name, value in cell.items():
        if value is None:
            continue
        match name:
            case "in":
                parts.append(", ".join(str(x) for x in value))
            case "not_in":
                parts.append("not " + ", ".join(str(x) for x in value))
            case "list":
                parts.append(f"in {value}")
            case "ge" | "gt" | "le" | "lt":
                parts.append({"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}[name] + f" {value}")
            case "is_null":
                parts.append("not known" if value else "known")
    return " and ".join(parts) or "any"


def _value_words(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name.endswith("_h") and isinstance(value, int):
        return f"{value // 24} d" if value % 24 == 0 else f"{value} h"
    return str(value)
