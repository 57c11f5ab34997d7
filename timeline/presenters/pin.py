"""A pinned link says what a step folded to, so that a later reader sees if it still does."""

import hashlib
from typing import Any

import msgspec

from licensing.domain.member import Member
from timeline.presenters.state import as_json


class Pin(msgspec.Struct, frozen=True):
    """What the link says of the history, beside what it is now."""

    differs: bool
    words: str


def fingerprint(member: Member, rules: str | None) -> str:
    """Twelve hex digits of a state and of the rules that decided its last step."""
    return digest({"state": as_json(member), "rules": rules})


def digest(shown: dict[str, Any]) -> str:
    """Twelve hex digits of what a step shows."""
    return hashlib.sha256(msgspec.json.encode(shown, order="deterministic")).hexdigest()[:12]


def opened(seen: str, now: str, pinned: int, head: int) -> Pin:
    """What to say above a step that was opened by a pinned link."""
    newer = head - pinned
    since = f" {newer} newer step{'s' if newer != 1 else ''} came since." if newer > 0 else ""
    if seen != now:
        return Pin(
            True,
            "Folding this step today gives another state than when this link was made, with "
            f"{pinned} steps known. The events are the same; the code or an earlier fold was not."
            f"{since}",
        )
    return Pin(False, f"Pinned evidence: this step folds to what it did then.{since}")
