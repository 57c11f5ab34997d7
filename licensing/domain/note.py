"""A remark that staff pin to a member's history; it decides nothing."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from licensing.domain.values import InvalidCommand

# -- Events. These names and shapes are storage. --


class NoteAdded(msgspec.Struct, frozen=True):
    """Somebody wrote something down, about one step of the history if `version` names it."""

    note_id: str
    text: str
    version: int | None = None


Event = NoteAdded

# -- State --


class Note(msgspec.Struct, frozen=True):
    """A remark, and when it was made."""

    note_id: str
    text: str
    version: int | None
    at: datetime


def evolve(event: Event, at: datetime) -> Note:
    """The note of an event."""
    return Note(event.note_id, event.text, event.version, at)


# -- Commands and decisions --


class AddNote(msgspec.Struct, frozen=True):
    """Staff write something down, perhaps about an earlier step."""

    text: str
    version: int | None = None
    note_id: str | None = None


def add(notes: Sequence[Note], command: AddNote, head: int) -> list[Event]:
    """Raises InvalidCommand for an empty text, or a step that there is not.

    A note id that is known changes nothing: what was written down stays as it is.
    """
    if any(note.note_id == command.note_id for note in notes):
        return []
    if not command.text.strip():
        raise InvalidCommand("text", "must not be empty")
    if command.version is not None and not 1 <= command.version <= head:
        raise InvalidCommand("version", f"must be a step from 1 to {head}")
    assert command.note_id is not None  # the service names it before it asks
    return [NoteAdded(command.note_id, command.text, command.version)]
