"""What would have become of a member otherwise, beside what did: in words, and as dashed lanes."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from licensing.domain import license as licenses
from licensing.domain import member as members
from licensing.domain.license import License
from licensing.domain.member import Member
from licensing.simulation import Deed, Trial
from timeline.presenters import clock, diff, sentences
from timeline.presenters.axis import Window, percent
from timeline.presenters.sentences import Names

MOST_DEEDS = 40
MOST_PAIRS = 16
_COMMANDS = {
    "AcquireLicense": "Download",
    "RenewLicense": "Renewal",
    "ReleaseLicense": "Release",
    "ExpireLicense": "Expiry",
    "RevokeLicense": "Revocation",
    "RecordPlayback": "Playback",
    "RegisterDevice": "Device",
    "DeactivateDevice": "Deactivation",
    "ChangePlan": "Plan",
}
_KINDS = {
    "derived": "asked for by the calendar of the simulation",
    "added": "the request that was added",
    "left out": "left out",
}


class Side(msgspec.Struct, frozen=True):
    """What came of one thing on one side."""

    kind: str
    words: str


class Turned(msgspec.Struct, frozen=True):
    """One thing that came out otherwise."""

    version: int | None
    when: str
    what: str
    was: Side
    would_be: Side


class Pair(msgspec.Struct, frozen=True):
    """A license as it was and as it would be, in a picture of their own; "" where there is none."""

    title: str
    device: str
    was_x: str
    was_width: str
    was_words: str
    would_x: str
    would_width: str
    would_words: str


class Told(msgspec.Struct, frozen=True):
    """A trial in words."""

    first: Turned | None
    turned: tuple[Turned, ...]
    more: int
    same: int
    given: int
    unknown: int
    groups: tuple[diff.Group, ...]
    pairs: tuple[Pair, ...]
    pairs_more: int
    starts: str
    ends: str


def told(trial: Trial, start: datetime) -> Told:
    """The trial from `start` until its end."""
    branch, names = trial.branch, Names.of(trial.real)
    names.include(Names.of(trial.tried))
    for event in _events(branch.deeds):
        names.learn(type(event).__name__, msgspec.to_builtins(event))
    turned = [deed for deed in branch.deeds if not deed.same]
    words = tuple(_turned(deed, names) for deed in turned[:MOST_DEEDS])
    pairs, more = _pairs(trial, names, start)
    return Told(
        first=words[0] if words else None,
        turned=words,
        more=max(0, len(turned) - MOST_DEEDS),
        same=len(branch.deeds) - len(turned),
        given=branch.not_redecided,
        unknown=sum(deed.outcome == "unknown" for deed in branch.deeds),
        groups=tuple(diff.groups(trial.real, trial.tried, names)),
        pairs=pairs,
        pairs_more=more,
        starts=clock.date(start),
        ends=clock.date(branch.until),
    )


def _events(deeds: Iterable[Deed]) -> Iterable[members.Event]:
    for deed in deeds:
        yield from deed.then
        yield from deed.now


def _turned(deed: Deed, names: Names) -> Turned:
    what = _COMMANDS.get(deed.name, deed.name)
    if deed.kind in _KINDS:
        what = f"{what}, {_KINDS[deed.kind]}"
    return Turned(
        deed.version,
        clock.moment(deed.at),
        what,
        _side(deed.outcome_then, deed.then, names),
        _side(deed.outcome, deed.now, names),
    )


def _side(outcome: str | None, events: Sequence[members.Event], names: Names) -> Side:
    if events:
        last = events[-1]
        name = type(last).__name__
        phrase = sentences.phrase(name, msgspec.to_builtins(last), names)
        return Side(sentences.kind_of(name), phrase.text + _reason(last))
    match outcome:
        case None:
            return Side("", "nothing: nobody asked")
        case "unknown":
            return Side("", "cannot be told: it is about something that is not there")
        case "refused":
            return Side("refused", "refused, as just before")
        case _:
            return Side("", "nothing changed")


def _reason(event: members.Event) -> str:
    reason = getattr(event, "reason", None)
    is_code = isinstance(reason, str) and reason.isupper()
    return f": {sentences.reason_words(reason)}" if is_code and isinstance(reason, str) else ""


# -- Lanes --


def _pairs(trial: Trial, names: Names, start: datetime) -> tuple[tuple[Pair, ...], int]:
    """The licenses that differ, each with both validities on one time scale."""
    real, tried = trial.real.licenses, trial.tried.licenses
    keys = [key for key in tried.differing(real) if _spans(trial, key)]
    keys += [key for key in real.differing(tried) if key not in keys and _spans(trial, key)]
    spans = {key: _spans(trial, key) for key in keys}
    keys.sort(key=lambda key: (min(span[0] for span in spans[key] if span), key))
    shown = keys[:MOST_PAIRS]
    instants = [at for key in shown for span in spans[key] if span for at in span]
    view = Window(
        min([start, *instants]), max([trial.branch.until, *instants]) + timedelta(minutes=1)
    )
    return tuple(_pair(key, trial, names, view) for key in shown), max(0, len(keys) - len(shown))


Span = tuple[datetime, datetime] | None


def _spans(trial: Trial, key: str) -> tuple[Span, ...]:
    found = (_span(trial.real, key), _span(trial.tried, key))
    return found if found[0] != found[1] else ()


def _span(member: Member, key: str) -> Span:
    license = member.licenses.get(key)
    return None if license is None else (license.issued_at, _end(license))


def _end(license: License) -> datetime:
    return max(license.issued_at, license.ended_at or licenses.ends_at(license))


def _pair(key: str, trial: Trial, names: Names, view: Window) -> Pair:
    was, would = _span(trial.real, key), _span(trial.tried, key)
    return Pair(
        names.title(key),
        names.device_holding(key) or "",
        *_drawn(was, view, "as it was"),
        *_drawn(would, view, "as it would be"),
    )


def _drawn(span: Span, view: Window, word: str) -> tuple[str, str, str]:
    if span is None:
        return "", "", f"not there {word}"
    left, right = view.clipped(span[0]), view.clipped(span[1])
    words = f"{word}: {clock.moment(span[0])} to {clock.moment(span[1])}"
    return percent(left), percent(max(right - left, 0.3)), words


# -- What can be tried --


class Options(msgspec.Struct, frozen=True):
    """What the form offers: rules by hash, and requests as `release:<license>` and the like."""

    rules: tuple[tuple[str, str], ...]
    releases: tuple[tuple[str, str], ...]
    renewals: tuple[tuple[str, str], ...]
    titles: tuple[tuple[str, str], ...]
    devices: tuple[tuple[str, str], ...]


def options(
    member: Member,
    names: Names,
    published: Iterable[Any],
    titles: dict[str, str],
    draft: tuple[str, str] | None = None,
) -> Options:
    """What makes sense at a step; `draft` names the one whose rules are tried, and its title."""
    live = [
        (x.license_id, f"{names.title(x.license_id)} on {names.device(x.device_id)}")
        for x in members.live(member)
        if x.status == "active"
    ]
    known = titles | {x.title_id: x.name or x.title_id for x in member.downloads.values()}
    return Options(
        rules=(
            *((x.hash, f"version {x.version}, from {clock.date(x.valid_from)}") for x in published),
            *([(draft[0], f"the draft “{draft[1]}”")] if draft is not None else []),
        ),
        releases=tuple((f"release:{key}", f"Release {words}") for key, words in live),
        renewals=tuple((f"renew:{key}", f"Renew {words}") for key, words in live),
        titles=tuple(sorted(known.items(), key=lambda pair: pair[1].casefold())),
        devices=tuple((x.device_id, names.device(x.device_id)) for x in member.devices.values()),
    )
