"""A title or a studio taken back from everybody: a dry run, and then exactly that and no more.

What the dry run counted is in the signed token, with the instant up to which licenses count. Those
issued later are never touched, so more can be found at the confirmation only when the license index
was behind; then nothing is begun, and the answer is a fresh dry run. Fewer is no matter.
"""

import uuid
from collections.abc import Callable, Mapping
from datetime import datetime

import msgspec
from django.conf import settings
from django.core import signing

from licensing.trail import Who
from projections import withdrawals
from projections.withdrawals import Count, Run, Target

SALT = "playhead.withdrawal"
VALID_S = 5 * 60

Record = Callable[..., None]
"""Writes a row of the audit trail about this request, as `audit.record` does without it."""

MOVES: Mapping[str, tuple[tuple[str, ...], Callable[[uuid.UUID], Run | None]]] = {
    "stop": (("waiting", "running"), withdrawals.stop),
    "resume": (("stopped", "failed"), withdrawals.resume),
    "again": (("done",), withdrawals.again),
}
"""What can be done with a withdrawal: in which states, and how."""


class Caller(msgspec.Struct, frozen=True):
    """Who asks: `id` tells people and keys apart, for the second person."""

    id: str
    who: Who


class Seen(msgspec.Struct, frozen=True):
    """What somebody saw before starting a withdrawal; `key` becomes its id."""

    key: uuid.UUID
    caller: str
    kind: str
    name: str
    until: datetime
    reason: str
    case: str
    licenses: int
    members: int


class DryRun(msgspec.Struct, frozen=True):
    """What would be taken back. `second` says that another person has to agree."""

    target: Target
    until: datetime
    reason: str
    case: str
    count: Count
    second: bool
    token: str


class Moved(Exception):
    """It is not what was shown any more: `why` names each thing, `fresh` is a new dry run."""

    def __init__(self, why: tuple[str, ...], fresh: DryRun) -> None:
        super().__init__("; ".join(why))
        self.why, self.fresh = why, fresh


class NoToken(Exception):
    """The token was not given out here, or to somebody else."""


class NotSo(Exception):
    """In the state that the withdrawal is in, this cannot be done with it."""


def alone() -> int:
    """How many licenses one person may take back without another one."""
    return int(settings.WITHDRAW_ALONE)


def dry_run(caller: Caller, target: Target, reason: str, case: str, now: datetime) -> DryRun:
    """Count what would be taken back; nothing is written."""
    count = withdrawals.count(target, until=now, now=now)
    seen = Seen(
        uuid.uuid4(), caller.id, target.kind, target.name, now, reason, case, count.licenses,
        count.members,
    )  # fmt: skip
    token = signing.dumps(msgspec.to_builtins(seen), salt=SALT, compress=True)
    return DryRun(target, now, reason, case, count, count.licenses > alone(), token)


def seen(caller: Caller, token: str) -> Seen:
    """What a token says, good or not. Raises NoToken."""
    try:
        found = msgspec.convert(signing.loads(token, salt=SALT), Seen)
    except (signing.BadSignature, msgspec.ValidationError):
        raise NoToken from None
    if found.caller != caller.id:
        raise NoToken
    return found


def begin(caller: Caller, token: str, now: datetime, record: Record) -> Run:
    """Begin what a dry run showed, once; or let it wait for a second person. Noted first.

    Raises NoToken, and Moved when it would be more than was shown.
    """
    shown = seen(caller, token)
    known = withdrawals.find(shown.key)
    if known is not None:
        return known
    record(
        "act", f"{shown.kind}:{shown.name}", purpose="withdraw, begin", reason=shown.reason,
        case=shown.case, withdrawal=str(shown.key), licenses=shown.licenses,
        members=shown.members,
    )  # fmt: skip
    target = Target("title" if shown.kind == "title" else "studio", shown.name)
    count = withdrawals.count(target, until=shown.until, now=now)
    why = []
    if not _fresh(token):
        why.append("the dry run is older than five minutes")
    if count.licenses > shown.licenses:
        more = count.licenses - shown.licenses
        why.append(f"{more:,} more {'license was' if more == 1 else 'licenses were'} found")
    if why:
        fresh = dry_run(caller, target, shown.reason, shown.case, now)
        raise Moved(tuple(why), fresh)
    return withdrawals.begin(
        shown.key,
        target,
        until=shown.until,
        reason=shown.reason,
        case=shown.case,
        shown=shown.licenses,
        members=shown.members,
        who=caller.who,
        who_id=caller.id,
        second=shown.licenses > alone(),
    )


def _fresh(token: str) -> bool:
    try:
        signing.loads(token, salt=SALT, max_age=VALID_S)
    except signing.SignatureExpired:
        return False
    return True


def decide(caller: Caller, run: Run, *, agree: bool, answer: str, record: Record) -> Run:
    """Let a second person answer, as it stands then. Noted first.

    Raises NotSo where somebody else was first, and withdrawals.OwnRequest.
    """
    did = "agree" if agree else "reject"
    record(
        "act", f"{run.kind}:{run.name}", purpose=f"withdraw, {did}", reason=answer,
        withdrawal=str(run.id),
    )  # fmt: skip
    after = withdrawals.decide(
        run.id, agree=agree, who=caller.who, who_id=caller.id, answer=answer,
        hours=int(settings.APPROVAL_HOURS),
    )  # fmt: skip
    if after is None or after.second_id != caller.id or (after.state == "rejected") is agree:
        raise NotSo
    return after


def move(run: Run, do: str, record: Record) -> Run:
    """Do one of MOVES with it; as it stands then. Noted first. Raises NotSo."""
    states, deed = MOVES[do]
    if run.state not in states:
        raise NotSo
    record("act", f"{run.kind}:{run.name}", purpose=f"withdraw, {do}", withdrawal=str(run.id))
    return deed(run.id) or run


def expired(run: Run, now: datetime) -> bool:
    """Whether nobody answered in time."""
    hours = (now - run.asked_at).total_seconds() / 3600
    return run.state == "asked" and hours >= int(settings.APPROVAL_HOURS)
