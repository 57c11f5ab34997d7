"""A member's state as plain JSON values: the form that is shown, compared and answered."""

from typing import Any

import msgspec

from licensing.domain.member import Member

# Bookkeeping of the command service, not a fact about the member's licenses.
_LEFT_OUT = ("refusals",)


def as_json(member: Member) -> dict[str, Any]:
    """The state as JSON values; instants are ISO texts, entities are keyed by their ids."""
    whole: dict[str, Any] = msgspec.to_builtins(member)
    for name in _LEFT_OUT:
        whole.pop(name, None)
    return whole
