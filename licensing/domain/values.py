"""The small values that every decider shares: unchanging mappings, moments, named errors."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

import msgspec

K = TypeVar("K")
V = TypeVar("V")

Attributes = dict[str, Any]
"""An open map of request attributes, as received (bounded by the input guard)."""


def put(mapping: Mapping[K, V], key: K, value: V) -> dict[K, V]:
    """Return a copy of `mapping` with `key` set; the given mapping stays as it was."""
    return {**mapping, key: value}


class Moment(msgspec.Struct, frozen=True):
    """The two instants of a command: `now`, when it is decided, and `at`, when it happened."""

    now: datetime
    at: datetime


class DomainError(Exception):
    """A command that cannot be decided at all; nothing is written. `code` is stable."""

    code = "DOMAIN_ERROR"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class UnknownLicense(DomainError):
    """The member has no license with this id."""

    code = "UNKNOWN_LICENSE"


class UnknownDevice(DomainError):
    """The member has no device with this id."""

    code = "UNKNOWN_DEVICE"


class LicenseIdTaken(DomainError):
    """The license id already names another download of this member."""

    code = "LICENSE_ID_TAKEN"


class InvalidCommand(DomainError):
    """A field of the command has a value that can never be right. `path` names it."""

    code = "INVALID_COMMAND"

    def __init__(self, path: str, detail: str) -> None:
        super().__init__(detail)
        self.path = path
