"""A share of the members, the same ones each time: a number for each, by a salt.

A fact whose path is `rollout.<salt>` is the member's number under that salt, from 0 to 9,999, so
that `{"lt": 500}` is five in a hundred of the members. Another salt shuffles them anew.
"""

from collections.abc import Iterator, Mapping
from hashlib import sha256

ROOT = "rollout"
SHARES = 10_000


def is_rollout(path: str) -> bool:
    """Whether a fact's path is that of a rollout."""
    return path.partition(".")[0] == ROOT


def share(member_id: str, salt: str) -> int:
    """The member's number under a salt, for ever."""
    return int.from_bytes(sha256(f"{salt}/{member_id}".encode()).digest()[:8], "big") % SHARES


class Rollout(Mapping[str, int]):
    """The member's number under whatever salt is asked for; none is made before."""

    __slots__ = ("_member_id",)

    def __init__(self, member_id: str) -> None:
        self._member_id = member_id

    def __getitem__(self, salt: str) -> int:
        return share(self._member_id, salt)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0
