"""What would have become of everybody under other rules, counted.

First order takes each decision by itself, on what was recorded. A closed loop lives histories
again: a download that is not granted takes no room from those after it, and counters are counted
anew. What people would have done otherwise is not guessed. Either way the log of decisions alone
tells of most members (`screening`).
"""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from operator import itemgetter
from typing import Any

import msgspec

from licensing import connection, fold, rulebook, store
from licensing.domain import member as members
from licensing.rules import PublishedRules
from licensing.simulation.branch import Change, live_again
from licensing.simulation.compared import DECISIONS, Compared, compared
from licensing.simulation.one_by_one import one_by_one
from licensing.simulation.recorded import items_of
from licensing.simulation.screening import MEMBER, Screened, Screening

SAMPLES = 20
# Events of a range of buckets that is read in one go. Histories lie side by side in the table, so
# that each further range reads nearly all of its pages again; but in between nobody hears anything.
MANY, FEW = 5_000_000, 100_000
END = (store.BUCKETS, "")  # the place behind all streams
TOGETHER = 50  # members whose histories are read in one go
MOST = 500  # members that are counted between two parts


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
    would have another history, or another decision; `rerun` of them all were read to find out.
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
    members: str = "",
    after: tuple[int, str] = (0, ""),
    found: Backtest | None = None,
    samples: int = SAMPLES,
    prune: bool = True,
    at_once: int = MANY,
    reading: Callable[[int], None] | None = None,
) -> Iterator[Part]:
    """Count what would have become of everybody, or of one member, bit by bit; writes nothing.

    `first_order` decides each decision by itself. `members` is how the ids begin. `after` and
    `found` go on with an earlier count. The last part is that of all. Without `prune` everybody is
    lived again. So many events are read `at_once`; `reading` hears how many decisions of them are.
    """
    counting = _Counting(rules, until, first_order, found or Backtest(rules.hash, until), samples)
    if member_id is not None:
        stream = fold.stream_of(member_id)
        bucket = store.bucket_of(stream)
        counting.count([Screened(bucket, stream, 0, member_id, live=True)])
        yield Part(counting.found, (bucket, stream))
        return
    published = rulebook.versions(rules.id)
    screening = Screening(
        rules, published, until=until, closed_loop=not first_order, reading=reading
    )
    conn, prefix = connection.opened(), fold.stream_of(members)
    events = store.count_events(conn, prefix)
    size = max(1, min(store.BUCKETS, store.BUCKETS * at_once // max(1, events)))
    for of in _ranges(prefix, after[0], size):
        page = [each for each in screening.screened(conn, of) if _place(each) > after]
        for chunk in _chunks(page, prune):
            counting.count(chunk)
            yield Part(counting.found, _place(chunk[-1]))
    if after < END:
        yield Part(counting.found, END)


def _ranges(prefix: str, first: int, size: int) -> Iterator[store.Range]:
    """All buckets from `first` on, so many at a time."""
    for start in range(first, store.BUCKETS, size):
        yield store.Range(prefix, start, min(start + size, store.BUCKETS))


def _place(member: Screened) -> tuple[int, str]:
    return member.bucket, member.stream_id


def _unscreened(member: Screened) -> Screened:
    return Screened(member.bucket, member.stream_id, member.version, member.member_id, live=True)


def _chunks(members: list[Screened], prune: bool) -> Iterator[list[Screened]]:
    """The members a few at a time: as many as are lived again together, with those in between."""
    chunk: list[Screened] = []
    lived = 0
    for each in members:
        if not prune:
            each = _unscreened(each)
        chunk.append(each)
        lived += each.live
        if lived == TOGETHER or len(chunk) == MOST:
            yield chunk
            chunk, lived = [], 0
    if chunk:
        yield chunk


class _Counting:
    """Counts members, those that the log of decisions does not tell by living them again."""

    def __init__(
        self,
        rules: PublishedRules,
        until: datetime,
        first_order: bool,
        found: Backtest,
        samples: int,
    ) -> None:
        self.found = found
        self._rules, self._until, self._first_order = rules, until, first_order
        self._samples = samples

    def count(self, chunk: list[Screened]) -> None:
        """Add some members to what is found."""
        lived = [each.stream_id for each in chunk if each.live and not each.unreadable]
        found = store.read_pasts(connection.opened(), lived) if lived else []
        pasts = dict(zip(lived, found, strict=True))
        for member in chunk:
            self.found.members += 1
            if member.unreadable:
                self.found.unreadable += 1
            elif member.live:
                self._live(member.stream_id, *pasts[member.stream_id])
            else:
                self._told(member)

    def _told(self, member: Screened) -> None:
        self.found.not_redecided += member.given
        for (name, said), count in member.same.items():
            self.found.decisions += count
            self.found.outcomes[name, said, said] += count
        turned = sorted(member.turned, key=itemgetter(0))
        self._add(member.stream_id, [each for _, each in turned])

    def _live(
        self, stream: str, told: list[store.PastFact], asked: list[store.PastCommand]
    ) -> None:
        member = members.in_memory(stream.removeprefix(MEMBER))
        try:
            items = items_of(stream, told, asked, self._until)
        except fold.UnreadableStream:
            self.found.unreadable += 1
            return
        self.found.rerun += 1
        if self._first_order:
            self._add(stream, [compared(x) for x in one_by_one(member, items, self._rules)])
            return
        branch = live_again(member, items, Change(self._rules), until=self._until)
        self.found.not_redecided += branch.not_redecided
        decided = [
            compared(deed)
            for deed in branch.deeds
            if deed.name in DECISIONS and deed.kind == "decided"
        ]
        self._add(stream, decided, affected=branch.divergence is not None)

    def _add(self, stream: str, decisions: list[Compared], *, affected: bool | None = None) -> None:
        found, sampled = self.found, False
        if affected is None:
            affected = any(not each.same for each in decisions)
        found.affected += affected
        for each in decisions:
            found.decisions += 1
            found.unknown += each.would_be == "unknown"
            found.outcomes[each.name, each.was, each.would_be] += 1
            found.other_terms += each.other_terms
            if each.turned is None:
                continue
            for counted, value in (
                (found.rows, each.row),
                (found.studios, each.studio),
                (found.plans, each.plan),
                (found.countries, each.country),
            ):
                counted[each.turned, str(value or "not known")] += 1
            if not sampled and len(found.samples) < self._samples:
                sampled = True  # one of each member tells the most
                member_id = stream.removeprefix(MEMBER)
                found.samples.append(
                    Sample(member_id, each.version, each.at, each.name, each.was, each.would_be)
                )
