"""given(events).when(command).then(events): how the deciders' tests read."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from licensing.domain import member as members
from licensing.domain.decider import Terms
from licensing.domain.member import Member
from licensing.domain.values import DomainError, Moment

GRANT = {
    "license_h": 336,
    "playback_h": 48,
    "renew_window_h": 24,
    "renew_ext_h": 168,
    "renew_max": 2,
    "renew_life_h": 1080,
}
ALLOWED = Terms(out=GRANT, reason=None, record={"rules": {"hash": "sha256:1"}})


def refused(reason: str) -> Terms:
    """Terms that leave no room, for `reason`."""
    return Terms(out=GRANT, reason=reason, record={"rules": {"hash": "sha256:1"}})


class Given:
    """A member with a past: pairs of (instant, event)."""

    def __init__(self, *past: tuple[datetime, members.Event]) -> None:
        self.member = Member("ada")
        for at, event in past:
            self.member = members.evolve(self.member, event, at, decided_at=at)

    def when(
        self,
        command: members.Command,
        now: datetime,
        *,
        terms: Terms | None = ALLOWED,
        at: datetime | None = None,
    ) -> "When":
        """Ask `command` at `now`; a report says that it happened `at`."""
        return When(self.member, command, terms, Moment(now=now, at=at or now))


class When:
    """A command asked of a member."""

    def __init__(
        self, member: Member, command: members.Command, terms: Terms | None, moment: Moment
    ) -> None:
        self.asked: tuple[Any, ...] = (command, member, terms, moment)

    def then(self, *expected: members.Event) -> Member:
        """Exactly these events; asked again after them, nothing more happens unless refused."""
        command, member, terms, moment = self.asked
        events = members.decide(command, member, terms, moment)
        assert events == list(expected)
        for event in events:
            member = members.evolve(member, event, moment.at, decided_at=moment.now)
        return member

    def then_once(self, *expected: members.Event) -> None:
        """These events, and none when the command comes a second time."""
        command, _, terms, moment = self.asked
        after = self.then(*expected)
        assert members.decide(command, after, terms, moment) == []

    def then_raises(self, error: type[DomainError]) -> None:
        """The command cannot be decided."""
        command, member, terms, moment = self.asked
        with pytest.raises(error):
            members.decide(command, member, terms, moment)


def hours(n: float) -> timedelta:
    """n hours."""
    return timedelta(hours=n)


def types(events: Sequence[Any]) -> list[str]:
    """The event types, in order."""
    return [type(event).__name__ for event in events]
