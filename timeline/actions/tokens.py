"""The signed token between preview and confirmation: exactly what was shown, and for how long."""

import hashlib
from datetime import datetime

import msgspec
from django.core import signing

from licensing import rules
from licensing.domain.commands import Command
from licensing.simulation import Preview

SALT = "playhead.preview"
VALID_S = 5 * 60


class Seen(msgspec.Struct, frozen=True):
    """What somebody saw before confirming it. `alike` hashes what the command would do."""

    key: str
    user: int
    member: str
    action: str
    version: int
    command: str
    rules: str
    clock: datetime
    alike: str


def seen(
    preview: Preview, *, key: str, user: int, member: str, action: str, asked: Command
) -> Seen:
    """What a preview showed; `asked` is the command as the form made it, before it was named."""
    return Seen(
        key=key,
        user=user,
        member=member,
        action=action,
        version=preview.version,
        command=hash_of(asked),
        rules=preview.in_force.hash,
        clock=preview.now,
        alike=preview.alike,
    )


def hash_of(command: Command) -> str:
    """A hash of the command and its name."""
    told = {"command": type(command).__name__, "data": msgspec.to_builtins(command)}
    return hashlib.sha256(rules.canonical(told)).hexdigest()


def sign(seen: Seen) -> str:
    """The token of what was seen, good for five minutes."""
    return signing.dumps(msgspec.to_builtins(seen), salt=SALT, compress=True)


def read(token: str) -> tuple[Seen | None, bool]:
    """What a token says, or None for one that was not signed here; and whether it is still good."""
    try:
        told = signing.loads(token, salt=SALT)
        found = msgspec.convert(told, Seen)
    except (signing.BadSignature, msgspec.ValidationError):
        return None, False
    try:
        signing.loads(token, salt=SALT, max_age=VALID_S)
    except signing.SignatureExpired:
        return found, False
    return found, True
