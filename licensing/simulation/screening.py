"""Tells from the log of decisions alone which members other rules could touch.

A history comes out otherwise only where some decision of it does by itself: up to the first such
one everything is as it was. So who has none need not be lived again. Where the log does not tell,
the member is to be lived again.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from itertools import pairwise
from typing import Any

import msgspec
import psycopg

from licensing import codec, fold, store
from licensing.domain.commands import BY_NAME
from licensing.domain.member import SAME_REFUSAL_WITHIN
from licensing.rules import PublishedRules, Purpose
from licensing.simulation.compared import DECISIONS, Compared, Turned
from licensing.simulation.first_order import FirstOrder, NotRecorded, Said, Verdict

ASKED: Mapping[str, tuple[str, Purpose]] = {
    "LicenseIssued": ("AcquireLicense", "acquire"),
    "AcquisitionRefused": ("AcquireLicense", "acquire"),
    "LicenseRenewed": ("RenewLicense", "renew"),
    "RenewalRefused": ("RenewLicense", "renew"),
    # Support's extensions ask the rules of renewals, and are not counted.
    "LicenseExtended": ("ExtendLicense", "renew"),
    "ExtensionRefused": ("ExtendLicense", "renew"),
}
PURPOSES: Mapping[str, Purpose] = {
    "AcquireLicense": "acquire",
    "RenewLicense": "renew",
    "ExtendLicense": "renew",
}
REFUSALS = ("AcquisitionRefused", "RenewalRefused", "ExtensionRefused")
GRANTS = ("LicenseIssued", "LicenseRenewed")
ALLOWED = "AllowanceGranted"
ERASED = "MemberErased"
PERSONAL = ("device", "context")
MEMBER = fold.stream_of("")


class Screened(msgspec.Struct):
    """A member, as far as the log of decisions tells.

    `same` counts the decisions that come out as they did, by command and outcome or reason;
    `turned` are the others, with their places in the history. `live` says that only the history
    itself tells; then neither counts. `given` events have no command that could be asked again:
    they were imported. `judged` says that the record of some decision was believed.
    """

    bucket: int
    stream_id: str
    version: int
    member_id: str = ""
    given: int = 0
    same: dict[tuple[str, str], int] = msgspec.field(default_factory=dict)
    turned: list[tuple[tuple[int, bool, datetime], Compared]] = msgspec.field(default_factory=list)
    live: bool = False
    allowed: bool = False
    judged: bool = False
    unreadable: bool = False
    refusals: list[tuple[datetime, str | None]] = msgspec.field(default_factory=list)

    def count(self, name: str, said: str) -> None:
        """One more decision that comes out as it did."""
        if name in DECISIONS:
            key = name, said
            self.same[key] = self.same.get(key, 0) + 1


class Screening:
    """One rule set against the whole log, range by range. Not shared between threads.

    In a `closed_loop` the first decision that comes out otherwise says that the member is to be
    lived again; else every one is told, and what was imported without a command too.
    """

    def __init__(
        self,
        rules: PublishedRules,
        published: tuple[PublishedRules, ...],
        *,
        until: datetime,
        closed_loop: bool,
        reading: Callable[[int], None] | None = None,
    ) -> None:
        self._reading = reading
        deciders = {each.hash: each.compiled for each in published}
        self._first = FirstOrder(rules.compiled, rules.hash, deciders)
        self._closed_loop = closed_loop
        paths = self._first.paths
        types = [n for n, (command, _) in ASKED.items() if closed_loop or command in DECISIONS]
        self._wanted = store.Wanted(
            until=until,
            types=[*types, ALLOWED, ERASED],
            refusals=REFUSALS,
            known=[*codec.readable()],
            # A refusal is told always: it may be one that under one version would not be there.
            sparing=[name for name in types if name not in REFUSALS],
            reached=[*_reached(self._first)],
            typed=sorted({each for x in self._first.reached.values() for each in x.typed}),
            paths=paths,
            hidden=any(path.partition(".")[0] in PERSONAL for path in paths),
        )

    def screened(self, conn: psycopg.Connection[Any], of: store.Range) -> list[Screened]:
        """The members of a range of buckets, in the order of bucket and stream id."""
        with store.one_moment(conn):
            found = {
                stream_id: Screened(
                    bucket,
                    stream_id,
                    version,
                    stream_id.removeprefix(MEMBER),
                    live=at is not None and at > self._wanted.until,
                )
                for bucket, stream_id, version, at in store.heads_of(conn, of)
            }
            if found:
                reading = _Pass(self._first, self._wanted, self._closed_loop, found, self._reading)
                reading.through(conn, of)
        return sorted(found.values(), key=lambda member: (member.bucket, member.stream_id))


def _reached(first: FirstOrder) -> Iterator[store.Reached]:
    for (hash, purpose), reach in first.reached.items():
        for type, (_, asked) in ASKED.items():
            if asked == purpose:
                for pattern in reach.patterns or [None]:
                    yield store.Reached(hash, type, pattern)


class _Asked(msgspec.Struct, frozen=True):
    """A decision that rules can reach; `was` is its outcome or reason."""

    member: Screened
    told: store.Decision | store.Unmoved
    name: str
    purpose: Purpose
    at: datetime
    said: Said | None
    was: str


class _Pass:
    """One reading of a range of buckets."""

    def __init__(
        self,
        first: FirstOrder,
        wanted: store.Wanted,
        closed_loop: bool,
        found: dict[str, Screened],
        reading: Callable[[int], None] | None,
    ) -> None:
        self._first, self._wanted, self._reading = first, wanted, reading
        self._closed_loop, self._found = closed_loop, found
        self._singly: Counter[tuple[str, str]] = Counter()
        self._answers: dict[str, tuple[int, frozenset[int]]] | None = None

    def through(self, conn: psycopg.Connection[Any], of: store.Range) -> None:
        """Tell of every member."""
        if self._closed_loop:
            self._tell_given(conn, of)
        granted = store.granted_of(conn, of, self._wanted, GRANTS)
        if self._reading is not None:
            self._reading(sum(count for _, _, count in granted))
        names = list(PURPOSES) if self._closed_loop else list(DECISIONS)
        unmoved = store.without_events(conn, of, names, self._wanted)
        later = self._scan(conn, of)
        issued = self._issued(conn, of, later, unmoved)
        for decision in later:
            said = issued.get((decision.stream_id, decision.license_id))
            self._tell(decision, said, *ASKED[decision.type])
        for command in unmoved:
            told: Said | None = command.said
            if PURPOSES[command.name] == "renew":
                told = issued.get((command.stream_id, command.license_id))
            self._tell_unmoved(command, told)
        self._tell_granted(granted)
        for member in self._found.values():
            # A record does not keep what was allowed without effect.
            judged = member.allowed and member.judged
            member.live = member.live or judged or _repeated_under_others(member.refusals)

    def _scan(self, conn: psycopg.Connection[Any], of: store.Range) -> list[store.Decision]:
        """Tell of what was decided; returns those for which it has to be known what is renewed."""
        whole = [member.stream_id for member in self._found.values() if member.given]
        later: list[store.Decision] = []
        for decision in store.scan_decisions(conn, of, self._wanted, whole):
            told = ASKED.get(decision.type)
            if told is None or not decision.readable:
                self._note(decision)
            elif told[1] == "renew" and decision.reached and self._wanted.paths:
                later.append(decision)
            else:
                if decision.strange and decision.type == "LicenseIssued":
                    # What its renewals ask about is just as strange.
                    self._found[decision.stream_id].live = True
                self._tell(decision, decision.said, *told)
        return later

    def _issued(
        self,
        conn: psycopg.Connection[Any],
        of: store.Range,
        decisions: list[store.Decision],
        commands: list[store.Unmoved],
    ) -> Mapping[tuple[str, str | None], Said | None]:
        """What the requests for the licenses said that are renewed, by stream and license."""
        if not self._wanted.paths:
            return {}
        streams = {each.stream_id for each in decisions}
        streams |= {each.stream_id for each in commands if PURPOSES[each.name] == "renew"}
        return store.said_of(conn, of, self._wanted, list(streams)) if streams else {}

    def _tell_granted(self, granted: list[tuple[str, str, int]]) -> None:
        """What was granted and not told of singly comes out as it did."""
        for stream_id, type, count in granted:
            member = self._found[stream_id]
            rest = count - self._singly[stream_id, type]
            if rest and not member.live and not member.given:
                key = ASKED[type][0], "accepted"
                member.same[key] = member.same.get(key, 0) + rest

    def _tell_given(self, conn: psycopg.Connection[Any], of: store.Range) -> None:
        """Which events commands caused that can be asked again, where some have none."""
        known = list(BY_NAME)
        if store.covered(conn, of, known) == sum(each.version for each in self._found.values()):
            return
        self._answers = store.answers_of(conn, of, known, list(PURPOSES))
        for member in self._found.values():
            caused, _ = self._answers.get(member.stream_id, _NONE)
            member.given = member.version - caused

    def _note(self, decision: store.Decision) -> None:
        member = self._found[decision.stream_id]
        if not decision.readable:
            member.unreadable = True
        elif decision.type == ALLOWED:
            member.allowed = True
        else:
            member.live = True

    def _tell(
        self, decision: store.Decision, said: Said | None, name: str, purpose: Purpose
    ) -> None:
        member = self._found[decision.stream_id]
        if member.live:
            return
        self._singly[member.stream_id, decision.type] += 1
        if decision.type in REFUSALS:
            member.refusals.append((decision.occurred_at, decision.hash))
        if self._answers is not None:
            _, versions = self._answers.get(member.stream_id, _NONE)
            if decision.version not in versions:
                return  # it was given, and passes through as it is
        was = decision.reason or "accepted"
        if not decision.reached:
            member.count(name, was)
        else:
            at = decision.occurred_at
            self._judge(_Asked(member, decision, name, purpose, at, said, was))

    def _tell_unmoved(self, command: store.Unmoved, said: Said | None) -> None:
        member, purpose = self._found[command.stream_id], PURPOSES[command.name]
        if command.outcome != "refused":
            member.count(command.name, command.outcome or "")  # what is done already asks no rule
        elif not member.live:
            at = command.decided_at
            self._judge(_Asked(member, command, command.name, purpose, at, said, "refused"))

    def _judge(self, asked: _Asked) -> None:
        """Tell by the record of a decision; where it does not say enough, by its facts alone."""
        member, told = asked.member, asked.told
        decided = asked.purpose, told.hash, told.record, asked.at, asked.said, member.member_id
        try:
            if asked.name not in DECISIONS:
                raise NotRecorded
            verdict = self._first.verdict(*decided)
        except NotRecorded:
            if self._first.alike(*decided):
                member.count(asked.name, asked.was)
            else:
                member.live = True
            return
        member.judged = True
        granted = told.reason is None and verdict.reason is None
        if told.reason == verdict.reason and (verdict.same_terms or not granted):
            member.count(asked.name, asked.was)
        elif self._closed_loop or (granted and asked.purpose == "renew"):
            member.live = True  # two sets of terms may give a renewal the same end
        elif isinstance(told, store.Unmoved) and verdict.reason is not None:
            member.live = True  # another refusal, and whether it is there already is not recorded
        else:
            member.turned.append((_place(told), _turned(asked, verdict)))


_NONE: tuple[int, frozenset[int]] = (0, frozenset())


def _place(told: store.Decision | store.Unmoved) -> tuple[int, bool, datetime]:
    """Where a decision stands among those of its member: a request without events comes first."""
    if isinstance(told, store.Unmoved):
        return told.version, False, told.decided_at
    return told.version, True, told.occurred_at


def _turned(asked: _Asked, verdict: Verdict) -> Compared:
    told = asked.told
    turned: Turned | None = None
    if (told.reason is None) is not (verdict.reason is None):
        turned = "allowed" if verdict.reason is None else "refused"
    return Compared(
        asked.name,
        told.version if isinstance(told, store.Decision) else None,
        asked.at,
        asked.was,
        verdict.reason or "accepted",
        False,
        turned,
        told.reason is None and verdict.reason is None,
        verdict.row if turned == "refused" else verdict.row_then,
        told.studio or verdict.facts.get("studio"),
        verdict.facts.get("plan"),
        verdict.facts.get("country"),
    )


def _repeated_under_others(refusals: list[tuple[datetime, str | None]]) -> bool:
    """Whether two refusals came so soon under two versions that under one the second were none."""
    ordered = sorted(refusals, key=lambda each: each[0])
    return any(
        later[0] - earlier[0] <= SAME_REFUSAL_WITHIN and later[1] != earlier[1]
        for earlier, later in pairwise(ordered)
    )
