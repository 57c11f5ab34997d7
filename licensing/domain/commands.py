"""The commands of a member's stream, gathered for those who only ask."""

from collections.abc import Mapping

from licensing.domain.allowance import GrantAllowance, WithdrawAllowance
from licensing.domain.device import DeactivateDevice, RegisterDevice
from licensing.domain.extension import ExtendLicense, WithdrawExtension
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
    "ExtendLicense",
    "GrantAllowance",
    "RecordPlayback",
    "RegisterDevice",
    "ReleaseLicense",
    "RenewLicense",
    "RevokeLicense",
    "WithdrawAllowance",
    "WithdrawExtension",
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
        ExtendLicense,
        GrantAllowance,
        RecordPlayback,
        RegisterDevice,
        ReleaseLicense,
        RenewLicense,
        RevokeLicense,
        WithdrawAllowance,
        WithdrawExtension,
    )
}
"""Each command by the name under which the log keeps it."""
