"""The commands of a member's stream, gathered for those who only ask."""

from collections.abc import Mapping

from licensing.domain.allowance import GrantAllowance
from licensing.domain.device import DeactivateDevice, RegisterDevice
from licensing.domain.license import (
    AcquireLicense,
    ExpireLicense,
    RecordPlayback,
    ReleaseLicense,
    RenewLicense,
    RevokeLicense,
)
from licensing.domain.member import Command
from licensing.domain.membership import CancelMembership, ChangePlan
from licensing.domain.note import AddNote

__all__ = [
    "AcquireLicense",
    "AddNote",
    "CancelMembership",
    "ChangePlan",
    "Command",
    "DeactivateDevice",
    "ExpireLicense",
    "GrantAllowance",
    "RecordPlayback",
    "RegisterDevice",
    "ReleaseLicense",
    "RenewLicense",
    "RevokeLicense",
]

BY_NAME: Mapping[str, type[Command]] = {
    kind.__name__: kind
    for kind in (
        AcquireLicense,
        AddNote,
        CancelMembership,
        ChangePlan,
        DeactivateDevice,
        ExpireLicense,
        GrantAllowance,
        RecordPlayback,
        RegisterDevice,
        ReleaseLicense,
        RenewLicense,
        RevokeLicense,
    )
}
"""Each command by the name under which the log keeps it."""
