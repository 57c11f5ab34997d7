"""What a text in the search field leads to: straight to one member, or to a list of some."""

from collections.abc import Iterator
from uuid import UUID

import msgspec

from licensing import connection, store
from licensing.history import stream_of
from projections.read_models import license_index, member_directory
from projections.read_models.member_directory import Found
from timeline import profiles
from timeline.http import MEMBER_ID

LONGEST = 254
KINDS = ("member", "device", "license", "event")
_ALIASES = {"licence": "license"}


class Question(msgspec.Struct, frozen=True):
    """The text without the prefix that narrows it; `kind` is one of KINDS, "email", or empty."""

    kind: str
    text: str


class Target(msgspec.Struct, frozen=True):
    """A member, at a step or at the head."""

    member_id: str
    version: int | None = None


def question(typed: str) -> Question:
    """`device:abc` asks for a device; what holds an @ can only be an e-mail address."""
    text = "".join(c for c in typed if c.isprintable()).strip()[:LONGEST]
    prefix, colon, rest = text.partition(":")
    kind = _ALIASES.get(prefix.lower(), prefix.lower())
    if colon and kind in KINDS:
        return Question(kind, rest.strip())
    return Question("email" if "@" in text else "", text)


def straight(asked: Question) -> Target | None:
    """Where an exact id leads, if it is one thing's only."""
    targets = list(_targets(asked)) if asked.text else []
    one = {target.member_id for target in targets}
    return targets[0] if len(one) == 1 else None


def several(asked: Question, limit: int) -> list[Found]:
    """The members that match, with the reason why, in the order of their ids."""
    if not asked.text or asked.kind in ("event", "email"):
        return []
    return member_directory.search(asked.text, limit, by=asked.kind or None)


def _targets(asked: Question) -> Iterator[Target]:
    conn, text = connection.opened(), asked.text
    if asked.kind == "email" and (mine := profiles.find_by_email(text)):
        yield Target(mine)
    if asked.kind in ("", "event") and (event_id := _uuid(text)):
        event = store.find_event(conn, event_id)
        if event is not None and event.stream_id.startswith("member-"):
            yield Target(event.stream_id.removeprefix("member-"), event.version)
    # For a member the log itself is asked: the directory follows it by moments.
    possible = asked.kind in ("", "member") and MEMBER_ID.fullmatch(text)
    if possible and store.stream_head(conn, stream_of(text)) is not None:
        yield Target(text)
    if asked.kind in ("", "license"):
        for entry in license_index.find(text):
            yield Target(entry.member_id, entry.last_version)
    if asked.kind in ("", "device"):
        for device in license_index.devices(text):
            yield Target(device.member_id)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text) if len(text) in (32, 36) else None
    except ValueError:
        return None
