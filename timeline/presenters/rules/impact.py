"""A backtest in figures: who is newly refused or allowed, by what, and one of each to look at."""

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from licensing.backtests import Run
from licensing.simulation import Sample
from timeline.presenters import clock

MOST = 8
AXIS = 25.0  # percent of a bar's width that is left of the axis
WORDS = {"AcquireLicense": "download", "RenewLicense": "renewal"}


class Line(msgspec.Struct, frozen=True):
    """One studio, country, plan or row: counts, and its two bars in percent."""

    name: str
    refused: int
    allowed: int
    ref_x: str
    ref_width: str
    ok_width: str
    note: str = ""


class Table(msgspec.Struct, frozen=True):
    """Lines of one kind, the largest first; `more` are not shown."""

    title: str
    lines: tuple[Line, ...]
    more: int


class Matrix(msgspec.Struct, frozen=True):
    """Outcomes as they were against what they would be."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[tuple[int, bool], ...]], ...]


class Example(msgspec.Struct, frozen=True):
    """One decision that would have come out otherwise."""

    member_id: str
    version: int | None
    kind: str
    words: str
    when: str


class Seen(msgspec.Struct, frozen=True):
    """All that the page says of a run."""

    state: str
    progress: int
    members: str
    eta: str
    decisions: int
    refused: int
    allowed: int
    other_terms: int
    affected: int
    share_now: str
    share_then: str
    tables: tuple[Table, ...]
    matrix: Matrix
    examples: tuple[Example, ...]
    notes: tuple[str, ...]
    until: str


def seen(
    run: Run, now: datetime, same: Collection[str] = frozenset(), base: int | None = None
) -> Seen:
    """What a run says so far, or in the end.

    `same` are the rows that the draft has word for word from version `base`: what they turn, they
    turn because other rules decided then, and not because of the draft.
    """
    found = run.result
    total = f" of {run.members_total:,}" if run.members_total else ""
    eta = run.eta_s
    then, would = _refused_shares(found.outcomes)
    return Seen(
        run.state,
        int(100 * run.progress),
        f"{found.members:,}{total} members",
        clock.duration(timedelta(seconds=round(eta) or 1)) if eta is not None else "",
        found.decisions,
        found.newly_refused,
        found.newly_allowed,
        found.other_terms,
        found.affected,
        would,
        then,
        tuple(
            _table(title, counted, same if title == "By rule" else (), base)
            for title, counted in (
                ("By studio", found.studios),
                ("By rule", found.rows),
                ("By country", found.countries),
                ("By plan", found.plans),
            )
        ),
        _matrix(found.outcomes),
        tuple(_example(each) for each in found.samples),
        tuple(_notes(run, same, base)),
        clock.moment(run.until, 0),
    )


def _refused_shares(outcomes: Counter[tuple[str, str, str]]) -> tuple[str, str]:
    total = sum(outcomes.values())
    then = sum(n for (_, was, _), n in outcomes.items() if _is_refusal(was))
    would = sum(n for (_, _, be), n in outcomes.items() if _is_refusal(be))
    return _share(then, total), _share(would, total)


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "0 %"


def _is_refusal(outcome: str) -> bool:
    return outcome == "refused" or outcome.isupper()


def _table(
    title: str, counted: Counter[tuple[str, str]], same: Collection[str], base: int | None
) -> Table:
    sums: Counter[str] = Counter()
    for (_, name), count in counted.items():
        sums[name] += count
    both = [
        (name, counted["refused", name], counted["allowed", name])
        for name, _ in sums.most_common(MOST)
    ]
    most_refused = max((refused for _, refused, _ in both), default=0) or 1
    most_allowed = max((allowed for _, _, allowed in both), default=0) or 1
    # One scale for both sides, so that their lengths can be compared.
    scale = min(AXIS / most_refused, (100 - AXIS) / most_allowed)
    lines = tuple(
        Line(
            name, refused, allowed, _percent(AXIS - refused * scale), _percent(refused * scale),
            _percent(allowed * scale), f"as in v{base}" if base and name in same else "",
        )
        for name, refused, allowed in both
    )  # fmt: skip
    return Table(title, lines, max(0, len(sums) - MOST))


def _percent(number: float) -> str:
    return f"{number:.2f}%"


def _matrix(outcomes: Counter[tuple[str, str, str]]) -> Matrix:
    cells: Counter[tuple[str, str]] = Counter()
    for (_, was, be), count in outcomes.items():
        cells[was, be] += count
    columns = _ordered({be for _, be in cells})
    rows = _ordered({was for was, _ in cells})
    return Matrix(
        tuple(columns),
        tuple((was, tuple((cells[was, be], was != be) for be in columns)) for was in rows),
    )


def _ordered(names: set[str]) -> list[str]:
    """What was granted first, then refusals by name."""
    return sorted(names, key=lambda name: (_is_refusal(name), name))


def _example(sample: Sample) -> Example:
    refused = _is_refusal(sample.would_be)
    what = WORDS.get(sample.command, "request")
    words = f"{what}: {outcome_words(sample.was)}, would be {outcome_words(sample.would_be)}"
    return Example(
        sample.member_id, sample.version, "refused" if refused else "granted",
        words[:1].upper() + words[1:], clock.moment(sample.at, 0),
    )  # fmt: skip


def outcome_words(outcome: str) -> str:
    """An outcome as people say it."""
    return f"refused with {outcome}" if outcome.isupper() else outcome or "nothing"


def _notes(run: Run, same: Collection[str], base: int | None) -> Sequence[str]:
    found: Any = run.result
    told = []
    older = sum(count for (_, row), count in found.rows.items() if row in same)
    if older and base:
        told.append(
            f"{older:,} of those newly refused or allowed are so by rows that v{base} has too, word"
            " for word: older rules decided then, or less was counted"
        )
    if found.not_redecided:
        told.append(_were(found.not_redecided, "imported event", "taken as they are"))
    if found.unknown:
        told.append(_were(found.unknown, "command", "about something the other history lacks"))
    if found.unreadable:
        members = "member" if found.unreadable == 1 else "members"
        told.append(f"{found.unreadable:,} {members} cannot be read by this build")
    return told


def _were(count: int, what: str, how: str) -> str:
    if count == 1:
        return f"1 {what} was {how.replace('they are', 'it is')}"
    return f"{count:,} {what}s were {how}"
