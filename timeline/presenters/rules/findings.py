"""What verification found, with the request that shows it and what would put it right."""

import hashlib
from collections.abc import Sequence

import msgspec

from licensing.rules import wording
from licensing.rules.ruleset import RuleSet
from licensing.rules.tables import Row
from licensing.rules.verification import Finding
from timeline.presenters import clock
from timeline.presenters.rules import grid

TITLES = {
    "broken": "Cannot decide",
    "gap": "Gap",
    "overlap": "Overlap",
    "unreachable": "Unreachable",
    "redundant": "Redundant",
    "dates": "Contradictory dates",
    "example": "Failing example",
}
CHECKED = (
    ("broken", "All facts, values and names known"),
    ("gap", "No gaps"),
    ("overlap", "No overlaps"),
    ("unreachable", "No unreachable rows"),
    ("redundant", "No redundant rows"),
    ("dates", "No contradictory dates"),
)
MOST = 40


class View(msgspec.Struct, frozen=True):
    """One finding. `remedy` is the word on its button, `proposed` what that does."""

    key: str
    kind: str
    title: str
    severity: str
    table: str
    rows: tuple[str, ...]
    message: str
    witness: tuple[tuple[str, str], ...]
    proposed: str
    remedy: str


class Panel(msgspec.Struct, frozen=True):
    """All findings, and what was looked at without one."""

    blocking: int
    warnings: int
    views: tuple[View, ...]
    more: int
    passed: tuple[str, ...]

    @property
    def count(self) -> int:
        """How many there are."""
        return self.blocking + self.warnings


def key_of(finding: Finding) -> str:
    """What names a finding as long as the draft stays as it is."""
    return hashlib.sha256(msgspec.json.encode(finding)).hexdigest()[:16]


def panel(ruleset: RuleSet | None, found: Sequence[Finding]) -> Panel:
    """The findings of a document, the blocking ones first."""
    ordered = sorted(found, key=lambda each: each.severity != "blocking")
    blocking = sum(each.severity == "blocking" for each in found)
    kinds = {each.kind for each in found}
    passed = [words for kind, words in CHECKED if kind not in kinds and "broken" not in kinds]
    cases = len(ruleset.cases) if ruleset is not None else 0
    if cases and "broken" not in kinds:
        failed = sum(each.kind == "example" for each in found)
        if not failed:
            passed.append(f"{cases} of {cases} examples pass")
    views = tuple(view(ruleset, each) for each in ordered[:MOST])
    return Panel(blocking, len(found) - blocking, views, max(0, len(found) - MOST), tuple(passed))


def view(ruleset: RuleSet | None, finding: Finding) -> View:
    """One finding in words."""
    proposed, remedy = _remedy(ruleset, finding)
    return View(
        key_of(finding),
        finding.kind,
        TITLES[finding.kind],
        finding.severity,
        finding.table,
        finding.rows,
        finding.message,
        _witness(ruleset, finding),
        proposed,
        remedy,
    )


def _witness(ruleset: RuleSet | None, finding: Finding) -> tuple[tuple[str, str], ...]:
    labels = {name: fact.label for name, fact in ruleset.facts.items()} if ruleset else {}
    told = [
        (labels.get(name, name), "not given" if value is None else str(value))
        for name, value in finding.witness.items()
    ]
    if finding.at is not None:
        told.append(("At", clock.moment(finding.at, 0)))
    return tuple(told)


def _remedy(ruleset: RuleSet | None, finding: Finding) -> tuple[str, str]:
    if ruleset is None:
        return "", ""
    if finding.kind == "gap" and finding.proposal is not None:
        table = next((each for each in ruleset.tables if each.id == finding.table), None)
        if table is None:
            return "", ""
        row = msgspec.convert(finding.proposal, Row)
        return f"A row {row.id}. {grid.row_words(ruleset, table, row)}", "Insert this row"
    if finding.kind in ("redundant", "unreachable", "dates") and finding.rows:
        return f"Disable {finding.rows[0]}; it stays in its place", "Apply"
    if finding.kind == "overlap" and finding.proposal is not None:
        return _narrowed(ruleset, finding), "Apply"
    if finding.kind == "overlap":
        return f"Disable {finding.rows[1]}, and {finding.rows[0]} decides alone", "Apply"
    return "", ""


def _narrowed(ruleset: RuleSet, finding: Finding) -> str:
    """`Country of DL-08 becomes not JP, KR`."""
    row = msgspec.convert(finding.proposal, Row)
    was = ruleset.rows()[row.id][1].when
    told = [
        f"{ruleset.facts[name].label} of {row.id} becomes {wording.said(cell)}"
        for name, cell in row.when.items()
        if was.get(name) != cell
    ]
    return ", ".join(told)
