"""The commands of a member's stream, gathered for those who only ask."""

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
