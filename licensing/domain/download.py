"""How often a title was downloaded and played by one member: what the yearly limits count."""

from bisect import bisect_right
from datetime import datetime

import msgspec
from msgspec.structs import replace


class Download(msgspec.Struct, frozen=True):
    """The downloads and playbacks of one title; the lists hold when each happened."""

    title_id: str
    studio: str | None = None
    name: str | None = None
    issued: tuple[datetime, ...] = ()
    played: tuple[datetime, ...] = ()


def issued(download: Download, at: datetime) -> Download:
    """One more download; reports may arrive late, so the instants are kept in order."""
    return replace(download, issued=_in_place(download.issued, at))


def played(download: Download, at: datetime) -> Download:
    """One more playback."""
    return replace(download, played=_in_place(download.played, at))


def _in_place(instants: tuple[datetime, ...], at: datetime) -> tuple[datetime, ...]:
    place = bisect_right(instants, at)
    return (*instants[:place], at, *instants[place:])
