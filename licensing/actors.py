"""Who asks, and the namespace of the ids that are made of what was asked."""

from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec

NAMESPACE = uuid5(NAMESPACE_URL, "playhead")


class Actor(msgspec.Struct, frozen=True):
    """Who asks: a device, staff, a job, an API client or an import; `id` is a pseudonym."""

    kind: str
    id: str


def event_id(stream_id: str, command_id: str, ordinal: int) -> UUID:
    """The id of the n-th event of a command: the same at every try."""
    return uuid5(NAMESPACE, f"{stream_id}/{command_id}/{ordinal}")
