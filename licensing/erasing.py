"""Erases the person behind a member: the last event, then the key; the history keeps its shape.

Whoever comes later finds the stream closed. Done twice, it is the same: what was cut off halfway is
finished by doing it again.
"""

import hashlib
from datetime import datetime

import msgspec

from licensing import codec, connection, history, obligations, sealing, store
from licensing.actors import Actor, event_id
from licensing.domain.membership import MemberErased

COMMAND = "EraseMember"
COMMAND_ID = f"{obligations.RESERVED}erase"
"""One for each stream, and nobody else's: a second request repeats the first."""


class UnknownMember(Exception):
    """There is no history of this member."""

    def __init__(self, member_id: str) -> None:
        super().__init__(f"{member_id}: no such member")


class Erasure(msgspec.Struct, frozen=True):
    """What was done to a history; `key` and `keyframes` tell what this call found to destroy.

    `request_id` is that of the first request, and `version` that of the last event, MemberErased.
    """

    member_id: str
    request_id: str
    erased_at: datetime
    version: int
    key: bool
    keyframes: int


def erase(member_id: str, request_id: str, *, actor: Actor, now: datetime) -> Erasure:
    """Close a member's history for ever and destroy its key; raises UnknownMember.

    `request_id` is the number under which it was asked for, and nothing personal. Other processes
    that have the key in memory forget it within `sealing.REMEMBERED_S`.
    """
    stream = history.stream_of(member_id)
    head = store.stream_head(connection.opened(), stream)
    if head is None or head.version == 0:
        raise UnknownMember(member_id)
    if head.erased_at is None:
        _say(stream, request_id, actor, now)
    gone = store.erase(connection.opened(), stream)
    sealing.forget(stream)
    history.forget(member_id)
    said = store.read_event(connection.opened(), stream, gone.version)
    first = said.data.get("request_id", "") if said is not None else ""
    return Erasure(member_id, first, gone.erased_at, gone.version, gone.key, gone.keyframes)


def _say(stream: str, request_id: str, actor: Actor, now: datetime) -> None:
    """Append MemberErased behind whatever is there, readable or not, once."""
    type_name, schema_version, data = codec.encode(MemberErased(request_id))
    metadata = {
        "command_id": COMMAND_ID,
        "command": COMMAND,
        "actor": msgspec.to_builtins(actor),
        "correlation_id": request_id,
        "causation_id": COMMAND_ID,
    }
    event = store.NewEvent(
        event_id(stream, COMMAND_ID, 0), type_name, schema_version, data, metadata, now
    )
    record = store.CommandRecord(
        command_id=COMMAND_ID,
        name=COMMAND,
        data=data,
        data_hash=hashlib.sha256(COMMAND.encode()).digest(),  # the same whoever asks again
        outcome={"outcome": "accepted", "license_id": None},
    )
    store.append(connection.opened(), stream, [event], record)
