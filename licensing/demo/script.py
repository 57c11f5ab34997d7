"""How a story is told: what a named member does, in days before the moment it leads up to."""

from datetime import datetime, timedelta
from functools import partial
from typing import Literal

import msgspec

from licensing.demo import films
from licensing.demo.cast import Gadget
from licensing.demo.life import Life, Speech


class Period(msgspec.Struct, frozen=True):
    """When the demo plays: rules change at `turn`."""

    start: datetime
    turn: datetime
    until: datetime

    def anchor(self, name: Literal["until", "turn", "year"]) -> datetime:
        """The moment that a story leads up to."""
        match name:
            case "until":
                return self.until
            case "turn":
                return self.turn
            case "year":
                # Yearly limits need 60 days of one calendar year.
                if self.until.timetuple().tm_yday > 61:
                    return self.until
                return self.until.replace(year=self.until.year - 1, month=12, day=20)


class Script:
    """Says in days before a moment what a named member does, by the clock at their home."""

    def __init__(self, life: Life, end: datetime) -> None:
        self.life = life
        self.gadgets = life.persona.gadgets
        self.end = end

    def ago(self, days: float, clock: str | None = None) -> datetime:
        """That many days before the end of the story, at that hour of the day at home.

        A western evening is the next day's night in UTC: from two days on it is always past.
        """
        day = self.end - timedelta(days=days)
        if clock is None:
            return day
        hour, minute = clock.split(":")
        local = day.replace(hour=int(hour), minute=int(minute), second=12, microsecond=0)
        return local - timedelta(hours=self.life.persona.utc_offset)

    def download(
        self, title_id: str, device: int, at: datetime, *, lost_answer: bool = False
    ) -> None:
        """Ask for a film on the n-th device."""
        film, gadget = films.by_id()[title_id], self.gadgets[device]
        self.life.plan_act(at, partial(_download, self.life, film, gadget, lost_answer))

    def watch(
        self, title_id: str, device: int, at: datetime, *, reported: datetime | None = None
    ) -> None:
        """Watch a film to its end; offline, both reports come together later."""
        ends = at + timedelta(minutes=films.by_id()[title_id].runtime_min)
        soon = timedelta(milliseconds=400)
        self._play(title_id, device, "start", at, reported or at)
        self._play(title_id, device, "stop", ends, reported + soon if reported else ends)

    def release(
        self, title_id: str, device: int, at: datetime, *, reported: datetime | None = None
    ) -> None:
        """Delete a download; offline, the report comes later."""
        act = partial(_release, self.life, title_id, self.gadgets[device], at if reported else None)
        self.life.plan_act(reported or at, act)

    def renew(self, title_id: str, device: int, at: datetime) -> None:
        """Press Renew."""
        self.life.plan_act(at, partial(_renew, self.life, title_id, self.gadgets[device]))

    def change_plan(self, plan: str, at: datetime) -> None:
        """Move to another plan."""
        self.life.plan_act(at, partial(self.life.change_plan, plan))

    def evenings(self, titles: tuple[str, ...], device: int, first: float, apart: float) -> None:
        """Download, watch and delete one film after the other, every `apart` days."""
        for number, title_id in enumerate(titles):
            days = first - number * apart
            self.download(title_id, device, self.ago(days, "18:20"))
            self.watch(title_id, device, self.ago(days, "18:45"))
            self.release(title_id, device, self.ago(days - 1, "08:10"))

    def _play(
        self,
        title_id: str,
        device: int,
        action: Literal["start", "stop"],
        happened: datetime,
        at: datetime,
    ) -> None:
        act = partial(_play, self.life, title_id, self.gadgets[device], action, happened)
        self.life.plan_act(at, act)


def _download(life: Life, film: films.Film, gadget: Gadget, lost: bool, at: datetime) -> Speech:
    yield from life.download(film, gadget, at, lost_answer=lost)


def _play(
    life: Life,
    title_id: str,
    gadget: Gadget,
    action: Literal["start", "stop"],
    happened: datetime,
    at: datetime,
) -> Speech:
    held = life.latest(title_id, gadget)
    if held is not None:
        yield from life.play(held, action, min(happened, at), at)


def _release(
    life: Life, title_id: str, gadget: Gadget, happened: datetime | None, at: datetime
) -> Speech:
    held = life.latest(title_id, gadget)
    if held is not None:
        yield from life.release(held, happened or at, at)


def _renew(life: Life, title_id: str, gadget: Gadget, at: datetime) -> Speech:
    held = life.latest(title_id, gadget)
    if held is not None:
        yield from life.renew(held, at)
