"""From a form to its effect: preview, then exactly that, once; and what moved if it cannot be.

Everything that decided what was shown is in the signed token. When any of it has moved, nothing is
sent and the answer is a fresh preview.
"""

import uuid
from collections.abc import Mapping
from datetime import datetime

import msgspec
from django.contrib.auth.models import User

from licensing import connection, history, rulebook, service, simulation, store
from licensing.actors import NAMESPACE, Actor
from licensing.domain.commands import Command, ExtendLicense
from licensing.simulation import Preview
from timeline.actions import approvals, fields, kinds, ledger, policy, tokens
from timeline.actions.fields import Given
from timeline.actions.kinds import Action, Scene
from timeline.actions.models import ApprovalRequest, StaffAction


class Asked(msgspec.Struct, frozen=True):
    """A form that was filled in: what somebody wants, for whom and why."""

    member: str
    action: Action
    scene: Scene
    given: Given
    reason: str
    case: str
    command: Command | None

    @property
    def faults(self) -> dict[str, str]:
        """Why it cannot be previewed, by field."""
        return self.given.faults


class Shown(msgspec.Struct, frozen=True):
    """A preview with its key and its token; `beyond` is what a second person has to agree to."""

    asked: Asked
    preview: Preview
    key: str
    token: str
    beyond: str


class Moved(Exception):
    """Something moved since the preview: `why` names each thing, `since` is the version seen."""

    def __init__(self, why: tuple[str, ...], since: int) -> None:
        super().__init__("; ".join(why))
        self.why, self.since = why, since


class Done(msgspec.Struct, frozen=True):
    """What came of it: the step to look at."""

    key: str
    outcome: str
    version: int
    events: tuple[store.RecordedEvent, ...] = ()


def scene_of(member_id: str, now: datetime) -> Scene:
    """The member at the head; raises UnreadableStream, NoRules and StreamErased."""
    member = history.current(member_id, keep=False)
    if member.erased_at is not None:
        raise store.StreamErased(history.stream_of(member_id))
    return kinds.scene(member, rulebook.current(now), now)


def asked(scene: Scene, action: Action, sent: Mapping[str, str]) -> Asked:
    """Read a form; its command is None while a field is wrong."""
    given = fields.read(action.fields(scene), sent)
    if not given.faults:
        given = Given(given.values, action.check(given))
    reason, wrong = fields.reason_of(sent.get("reason", ""))
    case, odd = fields.case_of(sent.get("case", ""))
    faults = given.faults | ({"reason": wrong} if wrong else {}) | ({"case": odd} if odd else {})
    given = Given(given.values, faults)
    command = None if faults else action.command(scene, given, reason)
    return Asked(scene.member.member_id, action, scene, given, reason, case, command)


def show(asked: Asked, user: User, key: str | None = None) -> Shown:
    """Preview what a form without faults asks for; a new key unless there is one."""
    assert asked.command is not None
    key = key or uuid.uuid4().hex
    return _shown(asked, asked.command, user, key)


def approval_shown(asked: Asked, user: User, request: ApprovalRequest) -> Shown:
    """Preview what a request would do once it is approved."""
    assert asked.command is not None
    return _shown(asked, _lifted(asked.command, request.key), user, request.key)


def _shown(asked: Asked, command: Command, user: User, key: str) -> Shown:
    preview = simulation.preview(
        asked.member, command, command_id=ledger.command_id(key), now=asked.scene.now
    )
    seen = tokens.seen(
        preview, key=key, user=user.pk, member=asked.member, action=asked.action.name,
        asked=command,
    )  # fmt: skip
    return Shown(asked, preview, key, tokens.sign(seen), policy.beyond(preview))


def _lifted(command: Command, approval: str) -> Command:
    """The command with the approval that lets it go beyond the rules."""
    if isinstance(command, ExtendLicense):
        return msgspec.structs.replace(command, approval=approval)
    return command


# -- Confirm --


def confirm(asked: Asked, user: User, key: str, token: str) -> Done:
    """Do what was previewed. Raises Moved, ledger.CapReached, ledger.KeyTaken."""
    return _carry_out(asked, asked.command, user, key, token, {})


def approve(asked: Asked, user: User, request: ApprovalRequest, token: str, answer: str) -> Done:
    """Agree to a request and carry it out. Raises Moved, approvals.NotOpen, CapReached."""
    command = _lifted(asked.command, request.key) if asked.command else None
    done = _known(asked.member, request.key)
    if done is None:
        _check(asked, command, user, request.key, token)
        ledger.expect_room(user.pk, asked.scene.now)
    approvals.decide(request.key, approvals.APPROVED, user, answer, asked.scene.now)
    about = {"approval": request.key, "approved_by": user.get_username()}
    done = _carry_out(asked, command, user, request.key, token, about)
    approvals.carried_out(request.key, done.version)
    return done


def ask_second(asked: Asked, user: User, key: str, token: str) -> ApprovalRequest:
    """Ask a second person for what goes beyond policy.

    Raises Moved, approvals.NotOpen and store.StreamErased.
    """
    asking = uuid.uuid5(NAMESPACE, f"{key}/second").hex  # the form's own key names its refusal
    kept = approvals.find(asking)
    if kept is None:
        _check(asked, asked.command, user, key, token)
    shown = show(asked, user, key)
    if kept is None and not shown.beyond:
        raise Moved(("it is within what one person may decide",), shown.preview.version)
    return approvals.ask(
        ApprovalRequest(
            key=asking,
            member_id=asked.member,
            action=asked.action.name,
            sent=asked.given.values,
            beyond=shown.beyond[:200],
            words=approvals.sealed(asked.member, asked.reason),
            case=asked.case,
            seen_version=shown.preview.version,
            asked_by=user.pk,
            asked_by_name=user.get_username(),
            asked_at=asked.scene.now,
        )
    )


def _carry_out(
    asked: Asked,
    command: Command | None,
    user: User,
    key: str,
    token: str,
    about: dict[str, str],
) -> Done:
    row = StaffAction(
        key=key,
        member_id=asked.member,
        action=asked.action.name,
        user_id=user.pk,
        username=user.get_username(),
        case=asked.case,
        day=asked.scene.now.date(),
        counted=asked.action.counted,
        state="open",
        at=asked.scene.now,
    )
    repeated = _repeated(row)
    if repeated is not None:
        return repeated
    try:
        preview = _check(asked, command, user, key, token)
        if not about and policy.beyond(preview) and not _refused(preview):
            raise Moved(("it goes beyond what one person may decide",), preview.version)
    except Moved:
        again = _repeated(row)  # a double click: what moved is what the first one did
        if again is None:
            raise
        return again
    assert command is not None
    ledger.take(row)
    return _sent(row, command, preview, about)


def _refused(preview: Preview) -> bool:
    return preview.decided is not None and preview.decided.outcome == "refused"


def _sent(row: StaffAction, command: Command, preview: Preview, about: dict[str, str]) -> Done:
    if row.case:
        about = about | {"case": row.case}
    try:
        answer = service.handle(
            row.member_id,
            command,
            command_id=ledger.command_id(row.key),
            actor=Actor("staff", row.username),
            now=preview.now,
            expected=preview.version,
            rules=preview.in_force.hash,
            about=about,
        )
    except (store.WrongExpectedVersion, service.RulesMoved, service.CommandError):
        again = _repeated(row)
        if again is not None:
            return again
        ledger.give_up(row.key)
        raise Moved(("somebody else was first",), preview.version) from None
    except store.StoreError:
        ledger.give_up(row.key)
        raise
    version = answer.same_as or answer.version
    ledger.finish(row.key, answer.outcome, version)
    return Done(row.key, answer.outcome, version, answer.events)


def _repeated(row: StaffAction) -> Done | None:
    """What came of this form when it was confirmed before; also if its end was never noted."""
    kept = ledger.find(row.key)
    if kept is None:
        return None
    if (kept.member_id, kept.action, kept.user_id) != (row.member_id, row.action, row.user_id):
        raise ledger.KeyTaken
    done = _known(row.member_id, row.key)
    if done is not None:
        ledger.finish(row.key, done.outcome, done.version)
    return done


def _known(member_id: str, key: str) -> Done | None:
    stream = history.stream_of(member_id)
    found = store.find_command(connection.opened(), stream, ledger.command_id(key))
    if found is None:
        return None
    version = found.outcome.get("same_as") or found.last_version
    return Done(key, str(found.outcome.get("outcome")), int(version))


def _check(asked: Asked, command: Command | None, user: User, key: str, token: str) -> Preview:
    """A fresh preview that does what the token's did. Raises Moved with each thing that moved."""
    seen, good = tokens.read(token)
    if seen is None or command is None or not ledger.KEY.fullmatch(key):
        raise Moved(("the form was not the one that was previewed",), 0)
    preview = simulation.preview(
        asked.member, command, command_id=ledger.command_id(key), now=asked.scene.now
    )
    here = (key, user.pk, asked.member, asked.action.name, tokens.hash_of(command))
    why = []
    if (seen.key, seen.user, seen.member, seen.action, seen.command) != here:
        why.append("the form was changed after the preview")
    if seen.version != preview.version:
        why.append("the history went on")
    if seen.rules != preview.in_force.hash:
        why.append("other rules are in force")
    if not good:
        why.append("the preview is older than five minutes")
    if seen.alike != preview.alike and not why:
        why.append("time has passed, and it would now do something else")
    if why:
        raise Moved(tuple(why), seen.version)
    if preview.decided is None or preview.decided.outcome == "unchanged":
        raise Moved(("there is nothing left to do",), preview.version)
    return preview
