"""Who takes up which obligation: claims with a lease, and a number that fences off the slow.

An append stands alone, in autocommit, so it is a lease and not a lock that guards an attempt. A
worker that was stopped and goes on later finds its attempt's number outdated and records nothing;
its command has the same id as everybody's, so that it did nothing either.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from django.db import connection

from projections import rows

KINDS = ("renew", "expire")
PAGE = 100
LEASE = timedelta(seconds=25)
"""Longer than a task may run (20 s), shorter than the minute within which lost work is redone."""
MOST_LOST = 5
"""So many workers may vanish over one obligation; then it is given up, with that as the error."""

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_FRESH = {"renew": "jobs_claim_renewals", "expire": "jobs_claim_expiries"}


class Obligation(msgspec.Struct, frozen=True):
    """One due renewal or expiry, claimed for an attempt; `attempts` is this one's number."""

    bucket: int
    member_id: str
    license_id: str
    kind: str
    due_at: datetime
    attempts: int


class Claims:
    """The claims of one sweep. Each kind's obligations are taken oldest first."""

    def __init__(self, worker: str) -> None:
        self._worker = worker
        # What was claimed in this sweep need not be passed over again, page by page.
        self._after = dict.fromkeys(KINDS, LONG_AGO)

    def fresh(self, kind: str, now: datetime, limit: int) -> list[Obligation]:
        """Due and never tried."""
        asked = self._asked(now, limit) | {"after": self._after[kind]}
        found = self._select(_FRESH[kind], asked)
        self._after[kind] = max((each.due_at for each in found), default=self._after[kind])
        return found

    def again(self, kinds: Sequence[str], now: datetime, limit: int) -> list[Obligation]:
        """Tried before, with an error."""
        again = {"kinds": list(kinds), "suspect": False}
        return self._select("jobs_claim_again", self._asked(now, limit) | again)

    def suspect(self, kinds: Sequence[str], now: datetime) -> list[Obligation]:
        """One whose worker was lost: alone, so that what kills workers harms nothing else."""
        again = {"kinds": list(kinds), "suspect": True}
        return self._select("jobs_claim_again", self._asked(now, 1) | again)

    def overtaken(self, now: datetime, limit: int) -> list[Obligation]:
        """Left open, and no longer due by the calendar: only their outcome is to be found."""
        return self._select("jobs_overtaken", self._asked(now, limit))

    def deadly(self, now: datetime, limit: int) -> list[Obligation]:
        """Those that were lost too often."""
        return self._select("jobs_deadly", self._asked(now, limit) | {"most": MOST_LOST - 1})

    def _asked(self, now: datetime, limit: int) -> dict[str, Any]:
        return {"now": now, "limit": limit, "lease": now + LEASE, "worker": self._worker}

    def _select(self, name: str, asked: dict[str, Any]) -> list[Obligation]:
        with connection.cursor() as cursor:
            return rows.select(cursor, name, Obligation, asked)
