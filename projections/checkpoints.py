"""How far each projection has come in each bucket, and who may move it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.backends.utils import CursorWrapper

from projections.projector import Projector
from projections.sql import statement


class Fenced(Exception):
    """Another worker moved this checkpoint: what this one did must not be kept."""


@dataclass(frozen=True)
class Claim:
    """One checkpoint, locked until the end of the transaction."""

    bucket: int
    projection: str
    position: int
    generation: int
    wanted: int

    @property
    def outdated(self) -> bool:
        """Whether a rebuild was asked for since this bucket was built."""
        return self.generation < self.wanted


def announce(cursor: CursorWrapper, projectors: Sequence[Projector]) -> list[Projector]:
    """Make the projectors known, and return those that no newer code has taken over."""
    known = _versions(cursor, projectors)
    for projector in projectors:
        if known.get(projector.name, 0) < projector.version:
            new: dict[str, Any] = {"name": projector.name, "version": projector.version}
            cursor.execute(statement("announce"), new)
            known[projector.name] = projector.version
    return [projector for projector in projectors if known[projector.name] == projector.version]


def dirty(cursor: CursorWrapper, names: Sequence[str]) -> list[int]:
    """The buckets in which there is something to do, each with all its checkpoints in place."""
    cursor.execute(statement("dirty_buckets"), {"names": list(names)})
    found = [bucket for (bucket,) in cursor.fetchall()]
    if found:
        cursor.execute(statement("add_checkpoints"), {"buckets": found, "names": list(names)})
    return found


def claim(cursor: CursorWrapper, bucket: int, projectors: Sequence[Projector]) -> list[Claim]:
    """Lock the bucket's checkpoints that are free; the others are in somebody's hands."""
    asked: dict[str, Any] = {
        "bucket": bucket,
        "names": [projector.name for projector in projectors],
        "versions": [projector.version for projector in projectors],
    }
    cursor.execute(statement("claim"), asked)
    found = cursor.fetchall()
    return [Claim(bucket, *row) for row in found]


def advance(cursor: CursorWrapper, claim: Claim, to: int) -> None:
    """Move the checkpoint by compare-and-set; raises Fenced when it is not where it was."""
    moved: dict[str, Any] = {
        "bucket": claim.bucket,
        "projection": claim.projection,
        "position": claim.position,
        "generation": claim.generation,
        "wanted": claim.wanted,
        "to": to,
    }
    cursor.execute(statement("advance"), moved)
    if cursor.rowcount != 1:
        raise Fenced(f"{claim.projection} in bucket {claim.bucket}")


def _versions(cursor: CursorWrapper, projectors: Sequence[Projector]) -> dict[str, int]:
    cursor.execute(statement("versions"), {"names": [projector.name for projector in projectors]})
    return dict(cursor.fetchall())
