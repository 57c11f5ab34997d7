"""The place of a reader in the merged feed: a position in each bucket, in one opaque token.

A single number could not say it. Buckets are written side by side, so events that lie before a
global number may become visible after it was read; within one bucket that cannot happen.
"""

import base64
import binascii
import zlib
from collections.abc import Iterable
from typing import Annotated

import msgspec

from licensing.store import BUCKETS, RecordedEvent
from timeline.api.problems import invalid

Position = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
LONGEST = 12_600
"""Characters of a token at most: 1,024 positions of nine bytes each, in base64."""

_PLAIN = BUCKETS * 9 + 8
_decoder = msgspec.msgpack.Decoder(list[Position])


class Vector:
    """How far a reader has come in each bucket."""

    def __init__(self, positions: list[int] | None = None) -> None:
        self.positions = positions or [0] * BUCKETS

    @classmethod
    def read(cls, token: str | None) -> "Vector":
        """The vector in a token; the beginning of everything without one. Raises the 422."""
        if not token:
            return cls()
        try:
            if not token.startswith("v"):
                raise ValueError(token)
            padded = token[1:] + "=" * (-len(token[1:]) % 4)
            data = base64.b64decode(padded, altchars=b"-_", validate=True)
            inflating = zlib.decompressobj()
            positions = _decoder.decode(inflating.decompress(data, _PLAIN))
            # Cut off, its checksum is missing, and nothing would tell a damaged token.
            whole = inflating.eof and not inflating.unused_data
            if len(positions) != BUCKETS or not whole:
                raise ValueError(token)
        except (ValueError, binascii.Error, zlib.error, msgspec.MsgspecError):
            raise invalid("query.after", "not a token that this feed has given out") from None
        return cls(positions)

    @property
    def token(self) -> str:
        """The vector, safe in a URL."""
        packed = zlib.compress(msgspec.msgpack.encode(self.positions), 9)
        return "v" + base64.urlsafe_b64encode(packed).decode().rstrip("=")

    def behind(self, heads: dict[int, int]) -> list[tuple[int, int]]:
        """(bucket, how many events are waiting there), fullest first."""
        waiting = [
            (bucket, head - self.positions[bucket])
            for bucket, head in heads.items()
            if head > self.positions[bucket]
        ]
        return sorted(waiting, key=lambda each: (-each[1], each[0]))

    def ahead(self, heads: dict[int, int]) -> int | None:
        """A bucket that ends before the reader's place in it: the log is not the one it read."""
        wrong = (n for n, position in enumerate(self.positions) if position > heads.get(n, 0))
        return next(wrong, None)

    def after(self, events: Iterable[RecordedEvent]) -> "Vector":
        """The vector once these have been read; each bucket's in order."""
        positions = list(self.positions)
        for event in events:
            positions[event.bucket] = event.position
        return Vector(positions)
