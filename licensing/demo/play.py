"""Lives the demo through the command service: the catalogue, the rules, then every member."""

import json
import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from datetime import datetime, timedelta
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import django
import msgspec
from django.db import connection

from licensing import catalogue, rulebook, rulemaking, service, store
from licensing import connection as connections
from licensing.demo import cast, films, stories
from licensing.demo.behavior import Habits
from licensing.demo.life import Life
from licensing.demo.script import Period
from licensing.demo.stories import STORIES

FOLDER = Path(__file__).parent
CHUNK = 4
FEWEST_MONTHS = 6
ACTOR = service.Actor("staff", "demo")
MARK = "demo/"
DONE = "demo-done"


class Plan(msgspec.Struct, frozen=True):
    """What is played: the same plan gives the same history, event for event."""

    members: int
    months: int
    seed: int
    until: datetime

    @property
    def period(self) -> Period:
        """From the first rules to the last deed; the rules change halfway."""
        until = self.until
        start = until - timedelta(days=self.months * 365.25 / 12)
        half = start + (until - start) / 2
        return Period(start, half.replace(hour=0, minute=0, second=0, microsecond=0), until)


def standing() -> tuple[Literal["empty", "unfinished", "finished", "other"], Plan | None]:
    """What the store holds: nothing, a demo that was interrupted or finished, or something else."""
    conn = connections.opened()
    if not any(store.bucket_heads(conn).values()):
        return "empty", None
    ids = [row.command_id for row in store.read_commands(conn, _rules_stream())]
    if not ids or not ids[0].startswith(MARK):
        return "other", None
    plan = msgspec.json.decode(ids[0].removeprefix(MARK), type=Plan)
    return ("finished" if DONE in ids else "unfinished"), plan


def play(plan: Plan, *, workers: int, progress: Callable[[int, int], None]) -> int:
    """Live the plan, or what an interruption left of it; returns the number of new events.

    `progress` hears, for every few members, how many of them and how many events.
    """
    prepare(plan)
    total = 0
    for members, events in _lived(plan, workers):
        total += events
        progress(members, events)
    _publish(2, plan, DONE)
    return total


def prepare(plan: Plan) -> None:
    """List the films, and publish the rules of the first and of the second half."""
    listed = catalogue.listing()
    for film in films.films():
        if listed.get(film.title_id) != film.attributes():
            catalogue.put(film.title_id, film.attributes())
    _publish(1, plan, MARK + msgspec.json.encode(plan).decode())
    _publish(2, plan, "demo-second-rules")


def _publish(number: Literal[1, 2], plan: Plan, command_id: str) -> None:
    known = store.find_command(connections.opened(), _rules_stream(), command_id)
    if known is not None:
        return
    period = plan.period
    valid_from = period.start if number == 1 else period.turn
    # The second rules are announced three days before they come into force.
    now = valid_from if number == 1 else valid_from - timedelta(days=3)
    rulemaking.publish(
        rulebook.RULE_SET,
        _document(number),
        valid_from=valid_from,
        command_id=command_id,
        actor=ACTOR,
        now=now,
        recorded_at=now,
    )


def _document(number: int) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / f"rules_{number}.json").read_text())
    return found


def _rules_stream() -> str:
    return rulebook.stream_of(rulebook.RULE_SET)


# -- Members --


def _lived(plan: Plan, workers: int) -> Iterator[tuple[int, int]]:
    """Live all members, a few at a time, in this process or in others."""
    chunks = (range(n, min(n + CHUNK, plan.members)) for n in range(0, plan.members, CHUNK))
    if workers == 1:
        yield from (live_some(plan, chunk) for chunk in chunks)
        return
    # Each process opens a connection of its own; none may be inherited.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=django.setup) as pool:
        waiting: set[Future[tuple[int, int]]] = set()
        while True:
            more = islice(chunks, 2 * workers - len(waiting))
            waiting |= {pool.submit(live_some, plan, chunk) for chunk in more}
            if not waiting:
                return
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            yield from (future.result() for future in done)


def _hurry() -> None:
    # A crash of the machine may cost the last moments of the demo; it is then played on.
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit TO off")


def live_some(plan: Plan, numbers: range) -> tuple[int, int]:
    """Live the members with these numbers; the named ones come first."""
    _hurry()
    return len(numbers), sum(perform(life_of(plan, number)) for number in numbers)


def life_of(plan: Plan, number: int) -> Life:
    """The life of the n-th member of the plan."""
    period = _period(plan)
    if number < len(STORIES):
        return stories.begin(STORIES[number], plan.seed, period)
    persona = cast.ordinary(plan.seed, number - len(STORIES), period.start, period.until)
    life = Life(persona, plan.seed, period.start, period.until)
    Habits(life).begin()
    return life


@cache
def _period(plan: Plan) -> Period:
    return plan.period


def perform(life: Life) -> int:
    """Put each deed to the command service and tell the life what came of it."""
    events = 0
    speech = life.live()
    deed = next(speech, None)
    while deed is not None:
        answer = service.handle(
            deed.member_id,
            deed.command,
            command_id=deed.command_id,
            actor=service.Actor(deed.actor_kind, deed.actor_id),
            now=deed.at,
            at=deed.occurred_at,
            recorded_at=deed.at,
        )
        events = max(events, answer.version)
        try:
            deed = speech.send(answer)
        except StopIteration:
            deed = None
    return events
