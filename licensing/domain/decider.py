"""What a decider is given besides its state: the terms that the rules offer, with their reasons."""

from typing import Any

import msgspec


class Terms(msgspec.Struct, frozen=True):
    """What the rules say about one command: the merged outputs, and the first reason to refuse.

    `out` maps output names to values (hours for `*_h`, counts for `*_max` and `max_*`).
    `reason` is None when every limit leaves room; `record` is the decision record for metadata.
    """

    out: dict[str, Any]
    reason: str | None
    record: dict[str, Any]
