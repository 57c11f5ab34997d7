"""What would have become of everybody under other rules: each history lived again, counted.

A closed loop: a download that would not have been granted takes no room from those after it, and
counters are counted anew. What people would have done otherwise is not guessed.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec

from licensing import connection, fold, store
from licensing.domain.license import AcquisitionRefused, LicenseIssued, RenewalRefused
from licensing.domain.member import Event, Member
from licensing.rules import PublishedRules
from licensing.simulation.branch import Change, Deed, live_again
from licensing.simulation.recorded import recorded

DECISIONS = ("AcquireLicense", "RenewLicense")
SAMPLES = 20
PAGE = 500


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

    `rows`, `studios`, `plans` and `countries` count ("refused" or "allowed", value) of the
    downloads and renewals newly refused and newly allowed, `rows` by the row that refuses or
    refused. `other_terms` counts those granted both times, but on other terms. `affected` members
    would have another history; `rerun` of them all were lived again to find out.
    """

    hash: str
    until: datetime
    members: int = 0
    affected: int = 0
    rerun: int = 0
    unreadable: int = 0
    decisions: int = 0
    other_terms: int = 0
    not_redecided: int = 0
    unknown: int = 0
    outcomes: Counter[tuple[str, str, str]] = msgspec.field(default_factory=Counter)
    rows: Counter[tuple[str, str]] = msgspec.field(default_factory=Counter)
    studios: Counter[tuple[str, str]] = msgspec.field(default_factory=Counter)
    plans: Counter[tuple[str, str]] = msgspec.field(default_factory=Counter)
    countries: Counter[tuple[str, str]] = msgspec.field(default_factory=Counter)
    samples: list[Sample] = msgspec.field(default_factory=list)

    @property
    def newly_refused(self) -> int:
        """How many that were granted would be refused."""
        return sum(count for (turned, _), count in self.plans.items() if turned == "refused")

    @property
    def newly_allowed(self) -> int:
        """How many that were refused would be granted."""
        return sum(count for (turned, _), count in self.plans.items() if turned == "allowed")


COUNTED = ("outcomes", "rows", "studios", "plans", "countries")


def as_values(found: Backtest) -> dict[str, Any]:
    """The result as plain JSON values; counts are lists of [*key, count], the largest first."""
    told = msgspec.structs.asdict(found)
    for name in COUNTED:
        told[name] = [[*key, count] for key, count in told[name].most_common()]
    values: dict[str, Any] = msgspec.to_builtins(told)
    return values


def from_values(values: dict[str, Any]) -> Backtest:
    """What `as_values` made values of."""
    counted = {name: Counter({tuple(key): n for *key, n in values[name]}) for name in COUNTED}
    plain = {name: value for name, value in values.items() if name not in COUNTED}
    return msgspec.structs.replace(msgspec.convert(plain, Backtest), **counted)


class Part(msgspec.Struct, frozen=True):
    """What is counted so far, and the place after which to go on: a bucket and a stream."""

    found: Backtest
    place: tuple[int, str]


def backtested(
    rules: PublishedRules,
    *,
    until: datetime,
    first_order: bool = False,
    member_id: str | None = None,
    after: tuple[int, str] = (0, ""),
    found: Backtest | None = None,
    samples: int = SAMPLES,
) -> Iterator[Part]:
    """Count what would have become of everybody, or of one member, bit by bit; writes nothing.

    `after` and `found` go on with an earlier count. The last part is that of all.
    """
    found = found or Backtest(rules.hash, until)
    prefix, conn = fold.stream_of(""), connection.opened()
    while True:
        if member_id is not None:
            stream = fold.stream_of(member_id)
            page = [(store.bucket_of(stream), stream, 0)]
        else:
            page = store.read_heads(conn, prefix, after, PAGE)
        for bucket, stream_id, _ in page:
            _live(found, stream_id.removeprefix(prefix), rules, until, samples)
            after = bucket, stream_id
            yield Part(found, after)
        if member_id is not None or len(page) < PAGE:
            return


def _live(
    found: Backtest, member_id: str, rules: PublishedRules, until: datetime, samples: int
) -> None:
    found.members += 1
    try:
        items = recorded(member_id)
    except fold.UnreadableStream:
        found.unreadable += 1
        return
    branch = live_again(Member(member_id), items, Change(rules), until=until)
    found.rerun += 1
    found.not_redecided += branch.not_redecided
    found.affected += branch.divergence is not None
    for deed in branch.deeds:
        if deed.name in DECISIONS and deed.kind == "decided":
            _count(found, member_id, deed, samples)


def _count(found: Backtest, member_id: str, deed: Deed, samples: int) -> None:
    was, would_be = _said(deed.outcome_then, deed.then), _said(deed.outcome, deed.now)
    found.decisions += 1
    found.unknown += would_be == "unknown"
    found.outcomes[deed.name, was, would_be] += 1
    turned = _turned(deed)
    if turned is None:
        found.other_terms += deed.outcome == deed.outcome_then == "accepted" and not deed.same
        return
    facts = (deed.decision or {}).get("facts", {})
    row = (deed.decision or {}).get("row") if turned == "refused" else deed.row_then
    for counted, value in (
        (found.rows, row),
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
