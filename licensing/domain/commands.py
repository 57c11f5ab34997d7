"""The commands of a member's stream, gathered for those who only ask."""

from licensing.domain.device import RegisterDevice
from licensing.domain.license import (
    AcquireLicense,
    ExpireLicense,
    RecordPlayback,
    ReleaseLicense,
    RenewLicense,
)
from licensing.domain.member import ChangePlan, Command

__all__ = [
    "AcquireLicense",
    "ChangePlan",
    "Command",
    "ExpireLicense",
    "RecordPlayback",
    "RegisterDevice",
    "ReleaseLicense",
    "RenewLicense",
]
