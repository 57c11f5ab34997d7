"""Which events of the store this build cannot read: asked at start, and by the doctor."""

import msgspec

from licensing import codec, connection, rulebook, store


class Unreadable(msgspec.Struct, frozen=True):
    """A sort of event without a reader: how many there are, and one stream that holds some."""

    type: str
    schema_version: int
    count: int
    stream_id: str

    def __str__(self) -> str:
        events = "event" if self.count == 1 else "events"
        return (
            f"{self.type} version {self.schema_version}: {self.count:,} {events}, "
            f"for one in {self.stream_id}"
        )


def readable(type_name: str, schema_version: int) -> bool:
    """Whether this build has a reader for events of this type and version."""
    return rulebook.reads(type_name, schema_version) or codec.reads(type_name, schema_version)


def unreadable() -> list[Unreadable]:
    """The sorts of events in the store that this build has no reader for. Reads every event."""
    return [
        Unreadable(kind.type, kind.schema_version, kind.count, kind.stream_id)
        for kind in store.event_kinds(connection.opened())
        if not readable(kind.type, kind.schema_version)
    ]
