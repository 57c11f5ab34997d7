"""Steps of many members in words, for lists: what the log says, with titles from the index."""

from collections.abc import Iterable

from licensing import connection, sealing, store
from licensing.history import stream_of
from projections.read_models import license_index
from timeline.presenters import directory

Place = tuple[str, int]
"""A member and a version of theirs."""


def sentences(places: Iterable[Place]) -> dict[Place, str]:
    """Each step in a sentence, as far as log and index tell it."""
    conn = connection.opened()
    found = {
        place: sealing.opened_event(event)
        for place in places
        if (event := store.read_event(conn, stream_of(place[0]), place[1])) is not None
    }
    asked = [
        (member_id, license_id)
        for (member_id, _), event in found.items()
        if isinstance(license_id := event.data.get("license_id"), str)
    ]
    known = license_index.about([m for m, _ in asked], [n for _, n in asked]) if asked else {}
    said: dict[Place, str] = {}
    for place, event in found.items():
        entry = known.get((place[0], str(event.data.get("license_id"))))
        title = entry.title_name or entry.title_id if entry else None
        words = directory.last_words(event.type, event.data, title)
        if words:
            said[place] = words
    return said
