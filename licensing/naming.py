"""Completes a command before it is decided: the ids that the caller left open, and what is known.

For real and for a dry run alike, so that a preview names what the confirmed command will name.
"""

from datetime import datetime
from uuid import uuid5

from msgspec.structs import replace

from licensing import catalogue, rulebook
from licensing.actors import NAMESPACE
from licensing.domain.commands import (
    AcquireLicense,
    AddNote,
    Command,
    ExtendLicense,
    GrantAllowance,
)
from licensing.domain.values import InvalidCommand


def named(command: Command, stream: str, command_id: str, now: datetime) -> Command:
    """The command with its ids, made of stream and command id: the same at every try.

    An acquisition gets the catalogue's attributes over its own, an allowance the limit's label.
    """

    def made(kind: str) -> str:
        return uuid5(NAMESPACE, f"{stream}/{command_id}/{kind}").hex[:16]

    match command:
        case AcquireLicense():
            return replace(
                command,
                license_id=command.license_id or f"lic-{made('license')}",
                title={**command.title, **catalogue.get(command.title_id)},
            )
        case GrantAllowance():
            limits = rulebook.current(now).ruleset.limits
            if command.limit not in limits:
                known = ", ".join(sorted(limits))
                raise InvalidCommand("limit", f"must be a limit of the rules: {known}")
            return replace(
                command,
                allowance_id=command.allowance_id or f"alw-{made('allowance')}",
                label=limits[command.limit].label,
            )
        case ExtendLicense():
            return replace(command, extension_id=command.extension_id or f"ext-{made('extension')}")
        case AddNote():
            return replace(command, note_id=command.note_id or f"note-{made('note')}")
        case _:
            return command
