"""The films of the demo: real titles, studios and years, running times as commonly listed."""

from functools import cache
from pathlib import Path

import msgspec

_FILE = Path(__file__).with_name("catalogue.json")


class Film(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of the catalogue."""

    title_id: str
    name: str
    studio: str
    year: int
    runtime_min: int

    def attributes(self) -> dict[str, str | int]:
        """What the catalogue keeps under the title's id."""
        return {
            "name": self.name,
            "studio": self.studio,
            "year": self.year,
            "runtime_min": self.runtime_min,
        }


@cache
def films() -> tuple[Film, ...]:
    """Every film, in the order of the file."""
    return msgspec.json.decode(_FILE.read_bytes(), type=tuple[Film, ...])


@cache
def by_id() -> dict[str, Film]:
    """Every film by its title id."""
    return {film.title_id: film for film in films()}


@cache
def by_studio() -> dict[str, tuple[Film, ...]]:
    """The films of each studio."""
    studios = sorted({film.studio for film in films()})
    return {name: tuple(film for film in films() if film.studio == name) for name in studios}


@cache
def large_studios() -> tuple[str, ...]:
    """Studios with enough films to be somebody's favorite."""
    return tuple(name for name, owned in by_studio().items() if len(owned) >= 4)
