"""How far each build has come in each bucket, and who may move it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from licensing import connection
from licensing.connection import Together
from projections.projector import Projector
from projections.sql import statement


class Fenced(Exception):
    """Another worker moved this checkpoint: what this one did must not be kept."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One build's place in one bucket, as it was found, and how far the bucket goes.

    `turn` is a different number after everything that was ever done there: only who knows the
    last one may write.
    """

    bucket: int
    projection: str
    generation: int
    side: str
    position: int
    turn: int
    head: int

    @property
    def fresh(self) -> bool:
        """Whether the build has not begun here, and rows of an older build of its side are left."""
        return self.turn == 0

    @property
    def run(self) -> tuple[str, int]:
        """The build: projection and generation."""
        return self.projection, self.generation


def behind(projectors: Sequence[Projector], slices: Sequence[int]) -> list[Checkpoint]:
    """Where the builds of these projectors have something to do in some slices; takes no lock."""
    asked = {
        "names": [projector.name for projector in projectors],
        "versions": [projector.version for projector in projectors],
        "slices": list(slices),
    }
    return [Checkpoint(*row) for row in connection.select(statement("behind"), asked)]


def length() -> int:
    """How long the feed is: the same number as before means that nothing was appended."""
    ((found,),) = connection.select(statement("feed_length"), {})
    return int(found)


def waiting(projectors: Sequence[Projector]) -> dict[int, int]:
    """Slices in which there is something to do, each with how much; looks at no event."""
    asked = {
        "names": [projector.name for projector in projectors],
        "versions": [projector.version for projector in projectors],
    }
    return dict(connection.select(statement("waiting_slices"), asked))


def advance(transaction: Together, moves: Sequence[tuple[Checkpoint, int]]) -> None:
    """Move checkpoints, all from where they were found, or raise Fenced.

    `moves` are in the order of buckets, each of which has a statement of its own.

    Waits for nobody: a checkpoint in other hands counts as moved.
    """
    by_bucket = {
        bucket: list(here) for bucket, here in groupby(moves, key=lambda move: move[0].bucket)
    }
    asked = [_asked(bucket, here) for bucket, here in by_bucket.items()]
    if transaction.count(statement("advance"), asked) != len(moves):
        names = ", ".join(sorted({checkpoint.projection for checkpoint, _ in moves}))
        raise Fenced(f"{names} in buckets {sorted(by_bucket)}")


def _asked(bucket: int, moves: Sequence[tuple[Checkpoint, int]]) -> dict[str, object]:
    found = [checkpoint for checkpoint, _ in moves]
    return {
        "bucket": bucket,
        "names": [checkpoint.projection for checkpoint in found],
        "generations": [checkpoint.generation for checkpoint in found],
        "turns": [checkpoint.turn for checkpoint in found],
        "to": [to for _, to in moves],
    }


def of(projector: Projector, bucket: int, generation: int | None) -> Checkpoint | None:
    """Where a build of this code stands in a bucket: the live one, or the one that is named."""
    asked = {
        "bucket": bucket,
        "projection": projector.name,
        "generation": generation,
        "version": projector.version,
    }
    found = connection.select(statement("checkpoint_of"), asked)
    return Checkpoint(*found[0]) if found else None
