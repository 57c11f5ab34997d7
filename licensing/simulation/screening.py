"""Tells from the log of decisions alone which members other rules could touch.

A history comes out otherwise only where some decision of it does by itself: up to the first such
one everything is as it was. So who has none need not be lived again. Where the log does not tell,
the member is to be lived again.
"""

from collections.abc import Callable, Mapping
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
ALLOWED = "AllowanceGranted"
ERASED = "MemberErased"
PERSONAL = ("device", "context")
MEMBER = fold.stream_of("")
HEARD = 10_000  # decisions
OFTEN = 0.08  # of all decisions: from there on their records are read with them


class Screened(msgspec.Struct):
    """A member, as far as the log of decisions tells.

    `same` counts the decisions that come out as they did, by command and outcome or reason;
    `turned` are the others. `live` says that only the history itself tells; then neither counts.
    `given` events have no command that could be asked again: they were imported.
    """

    bucket: int
    stream_id: str
    version: int
    member_id: str = ""
    given: int = 0
    same: dict[tuple[str, str], int] = msgspec.field(default_factory=dict)
    turned: list[Compared] = msgspec.field(default_factory=list)
    live: bool = False
    allowed: bool = False
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
            known=[f"{name} {version}" for name, version in codec.readable()],
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
                self._pass(conn, of, found)
        return sorted(found.values(), key=lambda member: (member.bucket, member.stream_id))

    def _pass(
        self, conn: psycopg.Connection[Any], of: store.Range, found: dict[str, Screened]
    ) -> None:
        reading = _Pass(self._first, self._wanted, self._closed_loop, found, self._reading)
        asked = reading.through(conn, of)
        # What one range is like, the next one will be.
        self._wanted = self._wanted._replace(records=asked > OFTEN)


class _Pending(msgspec.Struct, frozen=True):
    """A decision whose facts do not tell, until its record does."""

    member: Screened
    decision: store.Decision
    said: Said | None


_Issued = dict[tuple[str, str | None], Said | None]
"""What the request for a license said, by stream and license."""


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
        self._pending: list[_Pending] = []
        self._told = 0
        self._answers: dict[str, tuple[int, frozenset[int]]] | None = None

    def through(self, conn: psycopg.Connection[Any], of: store.Range) -> float:
        """Tell of every member; returns the share of the decisions whose record was needed."""
        if self._closed_loop:
            self._tell_given(conn, of)
        issued = self._scan(conn, of)
        names = list(PURPOSES) if self._closed_loop else list(DECISIONS)
        for command in store.without_events(conn, of, names, self._wanted):
            said: Said | None = command.said
            if PURPOSES[command.name] == "renew":
                said = issued.get((command.stream_id, command.license_id))
            self._tell_unmoved(command, said)
        self._tell_pending(conn)
        for member in self._found.values():
            member.live = member.live or _repeated_under_others(member.refusals)
        return len(self._pending) / max(1, self._told)

    def _scan(self, conn: psycopg.Connection[Any], of: store.Range) -> _Issued:
        """Tell of every decision that was written down; what the licenses said, if asked."""
        issued: _Issued = {}
        later: list[store.Decision] = []
        asked = bool(self._wanted.paths)
        for number, decision in enumerate(store.scan_decisions(conn, of, self._wanted)):
            if number % HEARD == 0 and self._reading is not None:
                self._reading(number)
            told = ASKED.get(decision.type)
            if told is None or not decision.readable:
                self._note(decision)
            elif asked and told[1] == "renew":
                later.append(decision)  # what its license said may come after it
            else:
                if asked and decision.type == "LicenseIssued":
                    issued[decision.stream_id, decision.license_id] = decision.said
                self._tell(decision, decision.said, *told)
        for decision in later:
            said = issued.get((decision.stream_id, decision.license_id))
            self._tell(decision, said, *ASKED[decision.type])
        return issued

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
        if decision.type in REFUSALS:
            member.refusals.append((decision.occurred_at, decision.hash))
        if self._answers is not None:
            _, versions = self._answers.get(member.stream_id, _NONE)
            if decision.version not in versions:
                return  # it was given, and passes through as it is
        self._told += 1
        alike = self._first.alike(
            purpose, decision.hash, decision.facts, decision.occurred_at, said, member.member_id
        )
        if alike:
            member.count(name, decision.reason or "accepted")
        elif name in DECISIONS:
            self._pending.append(_Pending(member, decision, said))
        else:
            member.live = True

    def _tell_unmoved(self, command: store.Unmoved, said: Said | None) -> None:
        member = self._found[command.stream_id]
        if command.outcome != "refused":
            member.count(command.name, command.outcome or "")  # what is done already asks no rule
            return
        alike = self._first.alike(
            PURPOSES[command.name], command.hash, command.facts, command.decided_at, said,
            member.member_id,
        )  # fmt: skip
        if alike:
            member.count(command.name, "refused")
        else:
            member.live = True

    def _tell_pending(self, conn: psycopg.Connection[Any]) -> None:
        asked = [each for each in self._pending if not each.member.live]
        if self._wanted.records:
            records = [store.Record(x.decision.record, x.decision.studio) for x in asked]
        else:
            records = store.read_records(
                conn, [(each.decision.stream_id, each.decision.version) for each in asked]
            )
        for each, record in zip(asked, records, strict=True):
            if not each.member.live:
                self._judge(each, record)

    def _judge(self, pending: _Pending, record: store.Record) -> None:
        member, decision = pending.member, pending.decision
        name, purpose = ASKED[decision.type]
        was = decision.reason or "accepted"
        try:
            if record.text is None or member.allowed:
                raise NotRecorded  # a record does not keep what was allowed without effect
            verdict = self._first.verdict(
                purpose, decision.hash, record.text, decision.occurred_at, pending.said,
                member.member_id,
            )  # fmt: skip
        except NotRecorded:
            member.live = True
            return
        would_be = verdict.reason or "accepted"
        granted = was == would_be == "accepted"
        if was == would_be and (verdict.same_terms or not granted):
            member.count(name, was)
        elif self._closed_loop or (granted and purpose == "renew"):
            member.live = True  # two sets of terms may give a renewal the same end
        else:
            member.turned.append(_turned(decision, name, was, would_be, verdict, record.studio))


_NONE: tuple[int, frozenset[int]] = (0, frozenset())


def _turned(
    decision: store.Decision,
    name: str,
    was: str,
    would_be: str,
    verdict: Verdict,
    studio: str | None,
) -> Compared:
    turned: Turned | None = None
    if (was == "accepted") is not (would_be == "accepted"):
        turned = "allowed" if would_be == "accepted" else "refused"
    facts = verdict.facts
    return Compared(
        name,
        decision.version,
        decision.occurred_at,
        was,
        would_be,
        False,
        turned,
        was == would_be == "accepted",
        verdict.row if turned == "refused" else verdict.row_then,
        studio or facts.get("studio"),
        facts.get("plan"),
        facts.get("country"),
    )


def _repeated_under_others(refusals: list[tuple[datetime, str | None]]) -> bool:
    """Whether two refusals came so soon under two versions that under one the second were none."""
    ordered = sorted(refusals, key=lambda each: each[0])
    return any(
        later[0] - earlier[0] <= SAME_REFUSAL_WITHIN and later[1] != earlier[1]
        for earlier, later in pairwise(ordered)
    )
