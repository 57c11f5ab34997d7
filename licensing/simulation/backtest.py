"""What would have become of everybody under other rules: each history lived again, counted.

A closed loop: a download that would not have been granted takes no room from those after it, and
counters are counted anew. What people would have done otherwise is not guessed.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime

import msgspec

from licensing import fold
from licensing.domain.license import AcquisitionRefused, LicenseIssued, RenewalRefused
from licensing.domain.member import Event, Member
from licensing.rules import PublishedRules
from licensing.simulation.branch import Change, Deed, live_again
from licensing.simulation.recorded import recorded

DECISIONS = ("AcquireLicense", "RenewLicense")


class Sample(msgspec.Struct, frozen=True):
    """A decision that would have come out otherwise; `version` is its step on the timeline."""

    member_id: str
    version: int | None
    at: datetime
    command: str
    was: str
    would_be: str


class Backtest(msgspec.Struct):
    """What was counted. `outcomes` counts (command, was, would be); a refusal is its reason.

    `studios`, `plans` and `countries` count the downloads newly refused and newly allowed.
    """

    hash: str
    until: datetime
    members: int = 0
    affected: int = 0
    unreadable: int = 0
    decisions: int = 0
    not_redecided: int = 0
    unknown: int = 0
    outcomes: Counter[tuple[str, str, str]] = msgspec.field(default_factory=Counter)
    studios: Counter[tuple[str, str]] = msgspec.field(default_factory=Counter)
    plans: Counter[tuple[str, str]] = msgspec.field(default_factory=Counter)
    countries: Counter[tuple[str, str]] = msgspec.field(default_factory=Counter)
    samples: list[Sample] = msgspec.field(default_factory=list)


def closed_loop(
    member_ids: Iterable[str], rules: PublishedRules, *, until: datetime, samples: int = 20
) -> Iterator[Backtest]:
    """The count so far, after each member: the last one is that of all. Writes nothing."""
    found = Backtest(rules.hash, until)
    for member_id in member_ids:
        found.members += 1
        try:
            items = recorded(member_id)
        except fold.UnreadableStream:
            found.unreadable += 1
            yield found
            continue
        branch = live_again(Member(member_id), items, Change(rules), until=until)
        found.not_redecided += branch.not_redecided
        found.affected += branch.divergence is not None
        for deed in branch.deeds:
            if deed.name in DECISIONS and deed.kind == "decided":
                _count(found, member_id, deed, samples)
        yield found


def _count(found: Backtest, member_id: str, deed: Deed, samples: int) -> None:
    was, would_be = _said(deed.outcome_then, deed.then), _said(deed.outcome, deed.now)
    found.decisions += 1
    found.unknown += would_be == "unknown"
    found.outcomes[deed.name, was, would_be] += 1
    turned = _turned(deed)
    if turned is None:
        return
    facts = (deed.decision or {}).get("facts", {})
    for counted, value in (
        (found.studios, _studio((*deed.now, *deed.then)) or facts.get("studio")),
        (found.plans, facts.get("plan")),
        (found.countries, facts.get("country")),
    ):
        counted[turned, str(value or "not known")] += 1
    sampled = bool(found.samples) and found.samples[-1].member_id == member_id
    if len(found.samples) < samples and not sampled:  # one of each member tells the most
        found.samples.append(Sample(member_id, deed.version, deed.at, deed.name, was, would_be))


def _turned(deed: Deed) -> str | None:
    refused_then, refused_now = deed.outcome_then == "refused", deed.outcome == "refused"
    # The same request made again within minutes has no event on either side: it is counted once.
    if refused_then is refused_now or not (deed.then or deed.now):
        return None
    return "refused" if refused_now else "allowed"


def _said(outcome: str | None, events: tuple[Event, ...]) -> str:
    for event in events:
        if isinstance(event, AcquisitionRefused | RenewalRefused):
            return event.reason
    return outcome or ""


def _studio(events: tuple[Event, ...]) -> str | None:
    for event in events:
        if isinstance(event, LicenseIssued | AcquisitionRefused):
            studio = event.title.get("studio")
            return studio if isinstance(studio, str) else None
    return None
