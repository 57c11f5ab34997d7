"""Writes histories as JSON lines, in the form that an import takes back just so.

The lines stand bucket by bucket and stream by stream, each stream in recorded order: an order that
every store with the same histories shares, so two exports can be compared byte by byte. Personal
text travels in plain words, because the keys do not travel: the store that takes it seals it anew.
An erased history travels as it stands, with what nobody can open any more.
"""

from collections.abc import Iterator
from typing import Any

from licensing import connection, fold, rulebook, sealing, store
from licensing.store.integrity import canonical

PAGE = 500


def streams(member_id: str | None = None) -> Iterator[tuple[str, int]]:
    """The streams to export with how many events each has; one member's, or all."""
    conn = connection.opened()
    if member_id is not None:
        head = store.stream_head(conn, fold.stream_of(member_id))
        if head is not None:
            yield fold.stream_of(member_id), head.version
        return
    rules: list[tuple[str, int]] = []
    members: list[tuple[str, int]] = []
    for bucket in range(store.BUCKETS):
        for stream_id, version in store.streams_of_bucket(conn, bucket):
            kept = rules if stream_id.startswith(rulebook.stream_of("")) else members
            kept.append((stream_id, version))
    # The rules first: an import may hold commands that they decide.
    yield from rules
    yield from members


def lines(stream_id: str, *, commands: bool = False) -> Iterator[bytes]:
    """The stream's events, each a line; then, if asked for, its commands with their answers."""
    subject, after = _subject(stream_id), 0
    while True:
        # Asked for with each page: whoever sends the lines may have given it back meanwhile.
        page = store.read_stream(connection.opened(), stream_id, after=after, limit=PAGE)
        for event in page:
            yield _line(
                subject
                | {
                    "type": event.type,
                    "schema_version": event.schema_version,
                    "event_id": event.event_id,
                    "occurred_at": event.occurred_at,
                    "recorded_at": event.recorded_at,
                    "data": sealing.portable(stream_id, event.type, event.data),
                    "metadata": event.metadata,
                }
            )
        if len(page) < PAGE:
            break
        after = page[-1].version
    for command in store.read_commands(connection.opened(), stream_id) if commands else ():
        yield _line(
            subject
            | {
                "answered": command.name,
                "command_id": command.command_id,
                "data": sealing.portable(stream_id, command.name, command.data),
                "data_hash": command.data_hash.hex(),
                "outcome": command.outcome,
                "first_version": command.first_version,
                "last_version": command.last_version,
                "decided_at": command.decided_at,
            }
        )


def _subject(stream_id: str) -> dict[str, Any]:
    prefix = rulebook.stream_of("")
    if stream_id.startswith(prefix):
        return {"rules": stream_id.removeprefix(prefix)}
    return {"member": stream_id.removeprefix(fold.stream_of(""))}


def _line(value: dict[str, Any]) -> bytes:
    return canonical(value) + b"\n"
