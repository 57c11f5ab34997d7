"""What would have become of one member: with other rules, without a step, with one more command."""

from datetime import datetime
from typing import Any

import msgspec

from licensing import history, rulebook, rules
from licensing.domain import commands
from licensing.domain import member as members
from licensing.domain.commands import AcquireLicense, Command
from licensing.domain.member import Member
from licensing.rules import PublishedRules
from licensing.simulation.branch import Branch, Change, live_again
from licensing.simulation.recorded import recorded


class NoSuchTrial(Exception):
    """What was asked cannot be tried; `path` names the part of the question."""

    def __init__(self, path: str, detail: str) -> None:
        super().__init__(detail)
        self.path, self.detail = path, detail


class Trial(msgspec.Struct, frozen=True):
    """A branch beside what happened; both members are as of the branch's `until`."""

    branch: Branch
    real: Member
    tried: Member


def what_if(
    member_id: str,
    *,
    from_version: int,
    now: datetime,
    rules_in_force: PublishedRules | None = None,
    drop: int | None = None,
    add: Command | None = None,
    add_at: datetime | None = None,
) -> Trial:
    """Live the member's history after `from_version` again; writes nothing.

    Without `add_at` the command is added where the branch begins, or now at its head. Raises
    NoSuchTrial, history.NotYet past the head, and history.UnreadableStream.
    """
    items = recorded(member_id)
    head = history.head(member_id)
    if from_version > head:
        raise history.NotYet(f"{member_id} has {head} versions; there is no {from_version}.")
    if drop is not None and not from_version < drop <= head:
        raise NoSuchTrial("drop", f"must be a step from {from_version + 1} to {head}")
    if rules_in_force is None and drop is None and add is None:
        raise NoSuchTrial("rules", "change the rules, leave a step out, or add a command")
    if add is not None and add_at is None:
        add_at = now if from_version == head else _instant_of(member_id, from_version)
    if isinstance(add, AcquireLicense) and add.license_id is None:
        add = msgspec.structs.replace(add, license_id="what-if")
    start = history.at_version(member_id, from_version)
    change = Change(rules_in_force, drop, add, add_at)
    branch = live_again(start, items, change, until=now)
    real = members.as_of(history.at_version(member_id, head), now)
    return Trial(branch, real, members.as_of(branch.member, now))


def rules_of(hash: str | None, document: dict[str, Any] | None, at: datetime) -> PublishedRules:
    """The rules to try: a published version by its hash, or a document. Raises NoSuchTrial."""
    if hash is not None:
        found = rulebook.by_hash(hash)
        if found is None:
            raise NoSuchTrial("rules.hash", "no version with this hash was ever published")
        return found
    if document is None:
        raise NoSuchTrial("rules", "needs the hash of a published version, or a document")
    try:
        compiled = rules.Compiled(rules.parse(document))
    except rules.BrokenRuleSet as error:
        raise NoSuchTrial("rules.document", str(error)) from None
    return PublishedRules(compiled.ruleset.id, 0, rules.hash_of(document), at, at, compiled)


def command_of(name: str, data: dict[str, Any]) -> Command:
    """The command to add, from its name and its fields. Raises NoSuchTrial."""
    kind = commands.BY_NAME.get(name)
    if kind is None:
        raise NoSuchTrial("add.command", f"must be one of {', '.join(sorted(commands.BY_NAME))}")
    unknown = data.keys() - {field.name for field in msgspec.structs.fields(kind)}
    if unknown:
        raise NoSuchTrial("add.data", f"{name} has no {', '.join(sorted(unknown))}")
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        raise NoSuchTrial("add.data", str(error)) from None


def _instant_of(member_id: str, version: int) -> datetime | None:
    _, _, instant = history.state_as_at(member_id, version=version)
    return instant
