"""Places in keyset-paged lists as opaque tokens, for pages and the API alike."""

import base64
import binascii
from datetime import datetime
from typing import Annotated, Any, TypeVar

import msgspec

T = TypeVar("T")

Text = Annotated[str, msgspec.Meta(max_length=200, pattern=r"^[^\x00]*$")]
Number = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
Instant = Annotated[datetime, msgspec.Meta(tz=True)]
"""What a place may hold: anybody can write a token, and the database is not to refuse it."""


def token(place: Any) -> str:
    """A place in a list, safe in a URL; its first letter keeps it from being taken for a number."""
    return "t" + base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def read(text: str, kind: type[T]) -> T:
    """The place in a token, checked to be of `kind`; raises ValueError for anything else."""
    try:
        if not text.startswith("t"):
            raise ValueError(text)
        data = base64.urlsafe_b64decode(text[1:] + "=" * (-len(text[1:]) % 4))
        return msgspec.json.decode(data, type=kind)
    except (ValueError, binascii.Error, msgspec.MsgspecError):
        raise ValueError("not a token that this list has given out") from None


def place(text: str | None, kind: type[T]) -> T | None:
    """The same for an address that anybody may have typed: what cannot be read is the beginning."""
    try:
        return read(text, kind) if text else None
    except ValueError:
        return None
