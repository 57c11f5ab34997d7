"""Keeps what became of each obligation: a page of outcomes in one statement, errors one by one."""

import random
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import msgspec
from django.db import connection

from projections.jobs.claiming import Obligation
from projections.sql import statement

FIRST_DELAY = timedelta(seconds=5)
LONGEST_DELAY = timedelta(hours=1)
GIVE_UP_AFTER = 20


class Ended(msgspec.Struct, frozen=True):
    """An obligation with its outcome; `error` is the reason of a refusal, or the last error."""

    bucket: int
    member_id: str
    license_id: str
    kind: str
    due_at: datetime
    attempts: int
    outcome: str
    error: str | None


class Book:
    """Gathers what a sweep did. Should the worker die before `close`, the commands are asked
    again under their ids and give the same answers."""

    def __init__(self) -> None:
        self._ended: list[Ended] = []

    def end(self, obligation: Obligation, outcome: str, error: str | None = None) -> None:
        """It is met: accepted, refused by the rules, unchanged, superseded or given up."""
        told = msgspec.structs.asdict(obligation)
        self._ended.append(Ended(**told, outcome=outcome, error=error))

    def put_off(self, obligation: Obligation, now: datetime, error: str) -> None:
        """It failed: later, or after too many times never again."""
        if obligation.attempts >= GIVE_UP_AFTER:
            self.end(obligation, "gave up", error)
            return
        told = msgspec.structs.asdict(obligation)
        later = {"next": now + backoff(obligation.attempts), "error": error}
        with connection.cursor() as cursor:
            cursor.execute(statement("jobs_retry_later"), told | later)

    def close(self, now: datetime) -> None:
        """Write what was gathered."""
        ended, self._ended = self._ended, []
        if ended:
            told = msgspec.json.encode(sorted(ended, key=_key)).decode()
            with connection.cursor() as cursor:
                cursor.execute(statement("jobs_finish"), {"rows": told, "now": now})


def release(obligations: Iterable[Obligation], now: datetime) -> None:
    """Give back what was claimed and not tried."""
    left = msgspec.json.encode(list(obligations)).decode()
    with connection.cursor() as cursor:
        cursor.execute(statement("jobs_release"), {"rows": left, "now": now})


def backoff(attempts: int, jitter: Callable[[], float] = random.random) -> timedelta:
    """Twice as long after each attempt, up to an hour; jitter keeps a crowd from coming back."""
    longest = min(FIRST_DELAY * (1 << min(attempts - 1, 20)), LONGEST_DELAY)
    return longest * (0.5 + jitter() / 2)


def _key(ended: Ended) -> tuple[int, str, str, str, datetime]:
    # In key order, so that two workers never wait for each other crosswise.
    return ended.bucket, ended.member_id, ended.license_id, ended.kind, ended.due_at
