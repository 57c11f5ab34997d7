"""Lives a member's history again, from a version on, with other rules, less or more.

Each recorded command is decided anew at its own instant, in the order of decision, by the code that
decides for real. Events without a command (imported ones) pass through as they are.

Until something comes out otherwise the branch is what happened, and the calendar asks what it asked
then. From there on it asks anew: a renewal that falls due in the branch and never did in reality is
asked for when it is due, and one that was asked for then, but is not due in the branch, is not. An
end by the clock needs nobody to ask for it.
"""

from datetime import datetime
from typing import Any, Literal

import msgspec

from licensing import deciding, obligations, rulebook
from licensing.deciding import RulesAt
from licensing.domain import license as licenses
from licensing.domain import member as members
from licensing.domain.commands import Command, RenewLicense
from licensing.domain.extension import ExtensionWithdrawn, LicenseExtended
from licensing.domain.license import (
    LicenseExpired,
    LicenseIssued,
    LicenseReleased,
    LicenseRenewed,
    LicenseRevoked,
    PlaybackStarted,
    RenewalRefused,
)
from licensing.domain.member import Member
from licensing.domain.values import DomainError, Moment
from licensing.rules import PublishedRules
from licensing.simulation.recorded import Happened, Item

# What changes when a license falls due.
CALENDAR = (
    LicenseIssued,
    LicenseRenewed,
    LicenseExtended,
    ExtensionWithdrawn,
    LicenseReleased,
    LicenseRevoked,
    LicenseExpired,
)

Kind = Literal["decided", "given", "derived", "added", "left out"]


class Change(msgspec.Struct, frozen=True):
    """What is to be otherwise: the rules throughout, a step left out, a command put in."""

    rules: PublishedRules | None = None
    drop: int | None = None
    add: Command | None = None
    add_at: datetime | None = None


class Deed(msgspec.Struct, frozen=True):
    """One thing that was done in the branch, beside what was done for real.

    `version` is that of the recorded step, if there is one, and `row_then` the rules' row that
    decided it. The outcome is `unknown` for a command about something that the branch lacks.
    """

    kind: Kind
    name: str
    at: datetime
    version: int | None
    outcome_then: str | None
    outcome: str | None
    then: tuple[members.Event, ...]
    now: tuple[members.Event, ...]
    decision: dict[str, Any] | None = None
    row_then: str | None = None

    @property
    def same(self) -> bool:
        """Whether it came out as it did for real."""
        return self.outcome == self.outcome_then and self.then == self.now


class Branch(msgspec.Struct, frozen=True):
    """What came of it. `member` is the branch's end at `until`; `not_redecided` counts givens."""

    deeds: tuple[Deed, ...]
    member: Member
    until: datetime
    not_redecided: int

    @property
    def divergence(self) -> Deed | None:
        """The first thing that came out otherwise."""
        return next((deed for deed in self.deeds if not deed.same), None)


def live_again(member: Member, items: list[Item], change: Change, *, until: datetime) -> Branch:
    """The branch of `change` from `member` on, whose version says which items lie behind it.

    `items` are all of the member's, as `recorded` gives them. Writes nothing.
    """
    return _Life(member, items, change, until).lived()


class _Life:
    """The state of the branch while the recorded items go by.

    `dues` are the renewals that the calendar of the branch will ask for and that of reality never
    did, by license.
    """

    def __init__(self, member: Member, items: list[Item], change: Change, until: datetime) -> None:
        self.member, self.change, self.until = member, change, until
        self.items = [item for item in items if item.after >= member.version]
        self.real = _Calendar(items)
        self.deeds: list[Deed] = []
        self.dues: dict[str, datetime] = {}
        self.otherwise = False
        self.added = change.add is None
        self.rules_at: RulesAt = rulebook.current if change.rules is None else _always(change.rules)

    def lived(self) -> Branch:
        """Every item, and what falls due until the end."""
        for item in self.items:
            if self.dues or not self.added:
                self._reach(item.moment.now)
            self._live(item)
        self._reach(self.until)
        givens = sum(deed.kind == "given" for deed in self.deeds)
        return Branch(tuple(self.deeds), self.member, self.until, givens)

    def _live(self, item: Item) -> None:
        drop = self.change.drop
        if drop is not None and drop in [happened.version for happened in item.events]:
            self._note("left out", item.name, item.moment, item, None)
        elif item.command is None:
            for happened in item.events:
                at, recorded_at = happened.occurred_at, happened.recorded_at
                self._apply(happened.event, at, recorded_at, self._hash_of(happened))
            came = (item.outcome, _then(item), None)
            self._note("given", item.name, item.moment, item, came)
        elif not (item.job and self.otherwise) or self._due(item):
            self._decide("decided", item.command, item.moment, item)
        elif item.events:
            # The calendar of the branch does not ask for it, or will at another time.
            self._note("left out", item.name, item.moment, item, None)

    def _hash_of(self, happened: Happened) -> str | None:
        # Where other rules hold throughout, an imported decision stands as if made by them.
        if self.change.rules is None or happened.rules is None:
            return happened.rules
        return self.change.rules.hash

    def _due(self, item: Item) -> bool:
        license = self.member.licenses.get(getattr(item.command, "license_id", ""))
        if license is None or license.status != "active":
            return False
        if isinstance(item.command, RenewLicense):
            due = _renewal_due(license)
            return due is not None and due <= item.moment.now
        return licenses.ends_at(license) <= item.moment.now

    def _reach(self, instant: datetime) -> None:
        """Do what falls due until an instant and never did for real, and what was added."""
        while self.dues:
            at, license_id = min((at, license_id) for license_id, at in self.dues.items())
            if at > instant:
                break
            del self.dues[license_id]
            license = self.member.licenses[license_id]
            if licenses.as_of(license, at).status == "active":
                self._decide("derived", RenewLicense(license_id), Moment(at, at), None)
        if not self.added and self.change.add is not None:
            at = self.change.add_at or self.until
            if at <= instant:
                self.added = True
                self._decide("added", self.change.add, Moment(at, at), None)

    def _schedule(self, event: members.Event) -> None:
        """Put the license that an event is about in the branch's calendar, or take it out."""
        if isinstance(event, RenewalRefused) and event.reason != "RENEWAL_TOO_EARLY":
            self.dues.pop(event.license_id, None)  # what comes next is its end
        if not isinstance(event, CALENDAR):
            return
        license = self.member.licenses.get(event.license_id)
        self.dues.pop(event.license_id, None)
        if license is not None and license.status == "active":
            due = _renewal_due(license)
            if due is not None and not self.real.asks(license.license_id, due):
                self.dues[license.license_id] = due

    def _decide(self, kind: Kind, command: Command, moment: Moment, item: Item | None) -> None:
        name = type(command).__name__
        try:
            members.expect_command(self.member, command, moment.now)
            decided = deciding.decide(command, self.member, moment, self.rules_at)
        except DomainError:
            self._note(kind, name, moment, item, ("unknown", (), None))
            return
        record = decided.decision
        hash = record["rules"]["hash"] if record else None
        for event in decided.events:
            self._apply(event, deciding.occurred_at(event, moment), moment.now, hash)
        self._note(kind, name, moment, item, (decided.outcome, decided.events, record))

    def _apply(
        self, event: members.Event, at: datetime, recorded_at: datetime, rules: str | None
    ) -> None:
        members.expect(self.member, [(event, at)])
        self.member = members.evolve(self.member, event, at, decided_at=recorded_at, rules=rules)
        self._schedule(event)

    def _note(
        self,
        kind: Kind,
        name: str,
        moment: Moment,
        item: Item | None,
        came: tuple[str, tuple[members.Event, ...], dict[str, Any] | None] | None,
    ) -> None:
        outcome, now, decision = came or (None, (), None)
        told = _then(item) if item is not None else ()
        deed = Deed(
            kind,
            name,
            moment.at,
            item.events[0].version if item is not None and item.events else None,
            item.outcome if item is not None else None,
            outcome,
            told,
            now,
            decision,
            item.row if item is not None else None,
        )
        self.otherwise = self.otherwise or not deed.same
        self.deeds.append(deed)


class _Calendar:
    """When renewals fell due for real, whether anybody asked for them or not."""

    def __init__(self, items: list[Item]) -> None:
        self._known: dict[str, tuple[dict[str, int], int]] = {}  # terms, and renewals so far
        self._dues: set[tuple[str, datetime]] = set()
        self._ended: dict[str, datetime] = {}
        for item in items:
            for happened in item.events:
                self._see(happened)

    def asks(self, license_id: str, due: datetime) -> bool:
        """Whether a renewal of a license fell due at an instant, and the license still stood."""
        ended = self._ended.get(license_id)
        return (license_id, due) in self._dues and (ended is None or due < ended)

    def _see(self, happened: Happened) -> None:
        match happened.event:
            case LicenseIssued(license_id=name, terms=terms, expires_at=end):
                self._known[name] = terms, 0
                self._fall_due(name, end)
            case LicenseRenewed(license_id=name, expires_at=end, renewals=renewals):
                self._known[name] = self._known.get(name, ({}, 0))[0], renewals
                self._fall_due(name, end)
            case LicenseExtended(license_id=name, expires_at=end):
                self._fall_due(name, end)
            case ExtensionWithdrawn(license_id=name, expires_at=end):
                self._fall_due(name, end)
            case PlaybackStarted(license_id=name, expires_at=datetime() as end):
                # Nobody asked less before they knew of it.
                self._end(name, max(end, happened.recorded_at))
            case LicenseReleased(license_id=name) | LicenseRevoked(license_id=name):
                self._end(name, happened.recorded_at)

    def _fall_due(self, license_id: str, expires_at: datetime) -> None:
        terms, renewals = self._known.get(license_id, ({}, 0))
        due = obligations.renewal_due_at(expires_at=expires_at, terms=terms, renewals=renewals)
        if due is not None:
            self._dues.add((license_id, due))

    def _end(self, license_id: str, at: datetime) -> None:
        self._ended[license_id] = min(at, self._ended.get(license_id, at))


def _then(item: Item) -> tuple[members.Event, ...]:
    return tuple(happened.event for happened in item.events)


def _renewal_due(license: licenses.License) -> datetime | None:
    return obligations.renewal_due_at(
        expires_at=license.expires_at, terms=license.terms, renewals=license.renewals
    )


def _always(rules: PublishedRules) -> RulesAt:
    return lambda at: rules
