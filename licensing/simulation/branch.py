"""Lives a member's history again, from a version on, with other rules, less or more.

Each recorded command is decided anew at its own instant, in the order of decision, by the code that
decides for real. Events without a command (imported ones) pass through as they are. What the
calendar asked for is asked anew when the branch's own licenses fall due.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Literal

import msgspec

from licensing import deciding, obligations, rulebook
from licensing.deciding import RulesAt
from licensing.domain import license as licenses
from licensing.domain import member as members
from licensing.domain.commands import Command, RenewLicense
from licensing.domain.member import Member
from licensing.domain.values import DomainError, Moment
from licensing.rules import PublishedRules
from licensing.simulation.recorded import Item

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
    """The state of the branch while the recorded items go by."""

    def __init__(self, member: Member, items: list[Item], change: Change, until: datetime) -> None:
        self.member, self.change, self.until = member, change, until
        self.items = [item for item in items if item.after >= member.version]
        self.deeds: list[Deed] = []
        self.given_up: set[str] = set()
        self.added = change.add is None
        self.rules_at: RulesAt = rulebook.current if change.rules is None else _always(change.rules)
        self.jobs: dict[str, list[datetime]] = {}
        for item in self.items:
            if item.job and isinstance(item.command, RenewLicense):
                self.jobs.setdefault(item.command.license_id, []).append(item.moment.now)

    def lived(self) -> Branch:
        """Every item, and what falls due until the end."""
        for item in self.items:
            self._reach(item.moment.now)
            self._live(item)
        self._reach(self.until)
        givens = sum(deed.kind == "given" for deed in self.deeds)
        return Branch(tuple(self.deeds), self.member, self.until, givens)

    def _live(self, item: Item) -> None:
        if self.change.drop in [happened.version for happened in item.events]:
            self._note("left out", item.name, item.moment, item, None)
        elif item.command is None:
            for happened in item.events:
                self._apply(happened.event, happened.occurred_at, happened.recorded_at, None)
            came = (item.outcome, _then(item), None)
            self._note("given", item.name, item.moment, item, came)
        elif not item.job or self._due(item):
            self._decide("decided", item.command, item.moment, item)
        elif item.events:
            # The calendar of the branch does not ask for it, or will at another time.
            self._note("left out", item.name, item.moment, item, None)

    def _due(self, item: Item) -> bool:
        license = self.member.licenses.get(getattr(item.command, "license_id", ""))
        if license is None or license.status != "active":
            return False
        if isinstance(item.command, RenewLicense):
            due = _renewal_due(license)
            return due is not None and due <= item.moment.now
        return licenses.ends_at(license) <= item.moment.now

    def _reach(self, instant: datetime) -> None:
        """Do what falls due until an instant and was not done for real, and what was added."""
        while (due := self._next_due(instant)) is not None:
            at, license_id = due
            before = len(self.deeds)
            self._decide("derived", RenewLicense(license_id), Moment(at, at), None)
            if self.deeds[before].outcome != "accepted":
                self.given_up.add(license_id)
        if not self.added and self.change.add is not None:
            at = self.change.add_at or self.until
            if at <= instant:
                self.added = True
                self._decide("added", self.change.add, Moment(at, at), None)

    def _next_due(self, instant: datetime) -> tuple[datetime, str] | None:
        return min(self._derived_until(instant), default=None)

    def _derived_until(self, instant: datetime) -> Iterator[tuple[datetime, str]]:
        for license in members.live(self.member):
            due = _renewal_due(license)
            if due is None or due > instant or license.license_id in self.given_up:
                continue
            if licenses.as_of(license, due).status != "active":
                continue
            if not any(at >= due for at in self.jobs.get(license.license_id, ())):
                yield due, license.license_id

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
        self.deeds.append(
            Deed(
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
        )


def _then(item: Item) -> tuple[members.Event, ...]:
    return tuple(happened.event for happened in item.events)


def _renewal_due(license: licenses.License) -> datetime | None:
    return obligations.renewal_due_at(
        expires_at=license.expires_at, terms=license.terms, renewals=license.renewals
    )


def _always(rules: PublishedRules) -> RulesAt:
    return lambda at: rules
