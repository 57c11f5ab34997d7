"""What an ordinary member does all year: evenings, flights, and hearing no."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial

from licensing.demo import films
from licensing.demo.cast import Gadget
from licensing.demo.films import Film
from licensing.demo.life import Held, Life, Reply, Speech

# How likely somebody sits down at each hour of the day, at home.
WEEKDAY_HOURS = (0, 0, 0, 0, 0, 0, 1, 2, 1, 0, 0, 0, 1, 1, 1, 1, 2, 4, 7, 10, 12, 9, 4, 1)
WEEKEND_HOURS = (1, 0, 0, 0, 0, 0, 0, 1, 2, 4, 5, 5, 4, 5, 6, 6, 6, 7, 8, 10, 12, 10, 6, 3)
WEEKEND_PULL = 0.45
FRIDAY, SATURDAY, SUNDAY = 4, 5, 6

NEVER_WATCHED = 0.24
LOST_ANSWER = 0.02
PRESSES_RENEW = 0.05
WATCHES_AGAIN = 0.12


class Habits:
    """Fills one life's agenda from its persona's habits, a sitting at a time."""

    def __init__(self, life: Life) -> None:
        self.life = life
        self.persona = life.persona
        self.chance = life.chance

    def begin(self, *, sittings: bool = True) -> None:
        """The membership, the devices, perhaps another plan later, and the first sitting."""
        life, persona = self.life, self.persona
        life.plan_act(persona.joined, life.join)
        for gadget in persona.gadgets:
            life.plan_act(gadget.since, partial(life.register, gadget))
        if persona.next_plan is not None and persona.next_plan_at is not None:
            life.plan_act(persona.next_plan_at, partial(life.change_plan, persona.next_plan))
        if sittings:
            self.plan_sittings()

    def plan_sittings(self) -> None:
        """From the first day on, one sitting plans the next."""
        self._plan_sitting(self.persona.joined + timedelta(minutes=30))

    # -- Sitting down --

    def _plan_sitting(self, after: datetime) -> None:
        gap = timedelta(days=7 * self.chance.expovariate(self.persona.sessions_a_week))
        at = self._free_hour(after + gap)
        if at.weekday() < FRIDAY and self.chance.random() < WEEKEND_PULL:
            at = self._free_hour(
                at + timedelta(days=self.chance.choice((4, 5, 5, 6, 6)) - at.weekday())
            )
        self.life.plan_act(max(at, after), self._sit_down)

    def _free_hour(self, day: datetime) -> datetime:
        """A likely moment of that day, on the member's own clock."""
        local = day + timedelta(hours=self.persona.utc_offset)
        hours = WEEKEND_HOURS if local.weekday() >= SATURDAY else WEEKDAY_HOURS
        hour = self.chance.choices(range(24), hours)[0]
        seconds = self.chance.uniform(0, 3600)
        local = local.replace(hour=hour, minute=0, second=0, microsecond=0)
        moment = local + timedelta(seconds=seconds, hours=-self.persona.utc_offset)
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)

    def _sit_down(self, at: datetime) -> Speech:
        yield from ()
        owned = [gadget for gadget in self.persona.gadgets if gadget.since < at]
        if owned:
            gadget = self.chance.choices(owned, range(len(owned) + 1, 1, -1))[0]
            for number in range(self.chance.choice((1, 1, 1, 2, 2, 3))):
                moment = at + timedelta(seconds=number * self.chance.uniform(40, 400))
                act = partial(self._ask, self._choose(), gadget, 0)
                self.life.plan_act(moment, act)
        self._plan_sitting(at + timedelta(hours=5))

    def _choose(self) -> Film:
        persona = self.persona
        if persona.comfort_film is not None and self.chance.random() < 0.3:
            return films.by_id()[persona.comfort_film]
        if persona.studios and self.chance.random() < 0.55:
            return self.chance.choice(films.by_studio()[self.chance.choice(persona.studios)])
        return self.chance.choice(films.films())

    # -- Asking, and hearing no --

    def _ask(self, film: Film, gadget: Gadget, tries: int, at: datetime) -> Speech:
        lost = self.chance.random() < LOST_ANSWER
        reply = yield from self.life.download(film, gadget, at, lost_answer=lost)
        if reply.outcome == "refused":
            self._hear_no(reason_of(reply), film, gadget, tries, at)
        elif reply.outcome == "accepted":
            self._plan_evening(self.life.held[-1], at)

    def _hear_no(
        self, reason: str | None, film: Film, gadget: Gadget, tries: int, at: datetime
    ) -> None:
        again = partial(self._ask, film, gadget, tries + 1)
        soon = timedelta(seconds=self.chance.uniform(15, 120))
        if tries < 2 and self.chance.random() < self.persona.insists:
            self.life.plan_act(at + soon, again)
        elif reason in ("DEVICE_LIMIT", "DOWNLOAD_LIMIT"):
            if tries < 3 and self.chance.random() < self.persona.tidy:
                self._make_room(reason, gadget, at)
                self.life.plan_act(at + 4 * soon, again)
        elif tries < 3 and self.chance.random() < 0.5:
            self.life.plan_act(at + soon, partial(self._ask, self._choose(), gadget, tries + 1))

    def _make_room(self, reason: str, wanted: Gadget, at: datetime) -> None:
        for number, held in enumerate(self._in_the_way(reason, wanted, at)):
            moment = at + timedelta(seconds=5 + 4 * number)
            self.life.plan_act(moment, partial(self.life.release, held, moment))

    def _in_the_way(self, reason: str, wanted: Gadget, at: datetime) -> Iterator[Held]:
        current = sorted(self.life.current(at), key=lambda held: (not held.watched, held.issued_at))
        if reason == "DOWNLOAD_LIMIT":
            yield from current[:2]
            return
        others = [held for held in current if held.gadget != wanted]
        yield from (held for held in others if held.gadget == others[0].gadget)

    # -- Watching --

    def _plan_evening(self, held: Held, at: datetime) -> None:
        chance = self.chance
        if chance.random() < PRESSES_RENEW:
            moment = at + chance.random() ** 0.2 * (held.expires_at - at)
            self.life.plan_act(moment, partial(self._press_renew, held))
        if chance.random() < NEVER_WATCHED:
            return
        day = at + timedelta(days=chance.lognormvariate(0.4, 0.8))
        self._plan_watching(held, max(self._free_hour(day), at + timedelta(minutes=9)))

    def _press_renew(self, held: Held, at: datetime) -> Speech:
        if not held.over:
            yield from self.life.renew(held, at)

    def _plan_watching(self, held: Held, starts: datetime) -> None:
        minutes = held.film.runtime_min * self.chance.choice((1, 1, 1, 1, 0.4, 0.15))
        stops = starts + timedelta(minutes=minutes)
        reported = None
        if self.chance.random() < self.persona.offline:
            away = timedelta(hours=self.chance.lognormvariate(3.2, 0.7))
            reported = min(stops + away, stops + timedelta(days=6))
        self.life.plan_act(reported or starts, partial(self._start, held, starts, stops))

    def _start(self, held: Held, starts: datetime, stops: datetime, at: datetime) -> Speech:
        """Report the start; a device that was away reports the stop in the same breath."""
        offline = at > starts + timedelta(minutes=5)
        still_there = not held.over or offline
        if starts >= held.ends_at or not still_there:
            return
        happened = starts if offline else at
        yield from self.life.play(held, "start", happened, at)
        act = partial(self._stop, held, stops if offline else None)
        self.life.plan_act(at + timedelta(seconds=0.3) if offline else stops, act)

    def _stop(self, held: Held, stopped: datetime | None, at: datetime) -> Speech:
        yield from self.life.play(held, "stop", stopped or at, at)
        chance = self.chance
        if chance.random() < WATCHES_AGAIN:
            again = self._free_hour(at + timedelta(days=1))
            self._plan_watching(held, max(again, at + timedelta(minutes=20)))
        elif chance.random() < self.persona.tidy:
            # What was done offline is reported in one breath, before any job comes round.
            moment = at + timedelta(seconds=0.3 if stopped else chance.uniform(2, 900))
            happened = stopped + timedelta(minutes=1) if stopped else moment
            self.life.plan_act(moment, partial(self.life.release, held, happened))


def reason_of(reply: Reply) -> str | None:
    """Why a request was refused."""
    return reply.decision.get("reason") if reply.decision else None
