"""Who asks, and the namespace of the ids that are made of what was asked."""

from uuid import NAMESPACE_URL, uuid5

import msgspec

NAMESPACE = uuid5(NAMESPACE_URL, "playhead")


class Actor(msgspec.Struct, frozen=True):
    """Who asks: a device, staff, a job, an API client or an import; `id` is a pseudonym."""

    kind: str
    id: str
