"""Keyframes of members: folded states kept beside the log, so that no fold starts at the beginning.

Written after the commits that they sum up, by whoever folds past one. What grows with a history
is kept in pages that are fetched when they are asked for, all of it encrypted under the stream's
key; a page that is gone or damaged is folded from the events again, so that all keyframes can be
deleted at any time.
"""

import hashlib
import logging
import zlib
from base64 import b64decode, b64encode
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from licensing import connection, fold, sealing, store
from licensing import domain as domain_package
from licensing.domain.allowance import Allowance
from licensing.domain.device import Device
from licensing.domain.download import Download
from licensing.domain.license import License
from licensing.domain.member import Member, Refusal
from licensing.domain.membership import Membership
from licensing.domain.note import Note
from licensing.domain.pages import BITS, EMPTY, NOTHING, Content, Page, Pages, Place, Wanted
from licensing.domain.usage import Usage, Use

EVERY = 50  # events

V = TypeVar("V")
_log = logging.getLogger(__name__)
_encode = msgspec.json.Encoder(order="deterministic").encode


def _fold_version() -> str:
    """The hash of the code that folds: another code never meets this one's keyframes."""
    folder = Path(domain_package.__file__).parent
    beside = [folder.parent / name for name in ("codec.py", "fold.py", "keyframes.py")]
    sources = [*sorted(folder.glob("*.py")), *beside]
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in sources)).hexdigest()[:16]


FOLD_VERSION = _fold_version()


class _Table(msgspec.Struct, Generic[V], frozen=True, array_like=True):
    """A mapping in pages: how many entries, and the content of its first page."""

    count: int
    root: dict[str, V] | bytes


class _Core(msgspec.Struct, frozen=True):
    """What of a member a keyframe holds itself; `hash` is that of the last event folded."""

    member_id: str
    version: int
    hash: bytes
    membership: Membership
    since: datetime | None
    devices: dict[str, Device]
    active: tuple[str, ...]
    refusals: dict[str, Refusal]
    allowances: dict[str, Allowance]
    notes: tuple[Note, ...]
    first_use: datetime | None
    last_use: datetime | None
    licenses: _Table[License]
    downloads: _Table[Download]
    uses: _Table[tuple[Use, ...]]


class _Kind(NamedTuple):
    """One of the mappings in pages: how to find it in a member, and how to read its pages."""

    of: Any
    decode: Any


_KINDS = {
    "licenses": _Kind(
        lambda m: m.licenses, msgspec.json.Decoder(dict[str, License] | bytes).decode
    ),
    "downloads": _Kind(
        lambda m: m.downloads, msgspec.json.Decoder(dict[str, Download] | bytes).decode
    ),
    "uses": _Kind(
        lambda m: m.usage.lists, msgspec.json.Decoder(dict[str, tuple[Use, ...]] | bytes).decode
    ),
}
_NOBODY = Member("")
_SEALED = "$sealed"
_LEAF = b"\1"  # what a page of entries begins with; all else of it is encrypted
_decode_sealed = msgspec.json.Decoder(dict[str, str]).decode
_decode_core = msgspec.json.Decoder(_Core).decode


def nearest(member_id: str, until: int | None = None) -> Member | None:
    """The member at the latest keyframe, or the latest at or before version `until`, or None."""
    found = _read(member_id, until)
    return found and found[0]


def _read(member_id: str, until: int | None) -> tuple[Member, "_Shelf"] | None:
    found = store.nearest_keyframe(
        connection.opened(), fold.stream_of(member_id), FOLD_VERSION, until
    )
    if found is None:
        return None
    try:
        core = _decode_core(_opened(fold.stream_of(member_id), found.state))
    except (msgspec.MsgspecError, ValueError):
        core = None
    named = core and (core.member_id, core.version, core.hash)
    if core is None or named != (member_id, found.version, found.hash):
        _log.error("keyframe_refused", extra={"member": member_id, "version": found.version})
        drop(member_id)
        return None
    shelf = _Shelf(core)
    member = Member(
        member_id=core.member_id,
        version=core.version,
        membership=core.membership,
        since=core.since,
        devices=core.devices,
        licenses=shelf.pages("licenses", core.licenses),
        active=core.active,
        downloads=shelf.pages("downloads", core.downloads),
        usage=Usage(core.first_use, core.last_use, shelf.pages("uses", core.uses)),
        refusals=core.refusals,
        allowances=core.allowances,
        notes=core.notes,
    )
    return member, shelf


def _opened(stream: str, stored: bytes) -> bytes:
    """The state as JSON; raises ValueError. No keyframe is kept in plain words."""
    state = sealing.open_state(stream, b64decode(_decode_sealed(stored)[_SEALED]))
    if state is None:
        raise ValueError("sealed under another key")
    return state


def keep(member: Member, last_hash: bytes) -> None:
    """Write the member as a keyframe; `last_hash` is the hash of the last event folded.

    Nothing is written of who was erased: a state before that is still read, but not kept.
    """
    stream = fold.stream_of(member.member_id)
    if member.erased_at is not None or sealing.closed(stream):
        return
    pages: dict[bytes, bytes] = {}
    written: list[tuple[Page[Any], bytes]] = []

    def content_of(page: Page[Any]) -> dict[str, Any] | bytes:
        # What is not stored has been fetched: it is the fold that made it.
        if isinstance(page.content, dict):
            return page.content
        assert page.content is not None
        return b"".join(map(digest_of, page.content))

    def digest_of(page: Page[Any]) -> bytes:
        if page.ref is not None:
            return page.ref
        made = content_of(page)
        content = (
            store.INDEX + made
            if isinstance(made, bytes)
            else _LEAF + sealing.seal_state(stream, zlib.compress(_encode(made), 1))
        )
        digest = store.digest_of(content)
        pages[digest] = content
        written.append((page, digest))
        return digest

    def table(mapping: Pages[Any]) -> _Table[Any]:
        return _Table(len(mapping), content_of(mapping.root))

    core = _Core(
        member_id=member.member_id,
        version=member.version,
        hash=last_hash,
        membership=member.membership,
        since=member.since,
        devices=member.devices,
        active=member.active,
        refusals=member.refusals,
        allowances=member.allowances,
        notes=member.notes,
        first_use=member.usage.first,
        last_use=member.usage.last,
        licenses=table(member.licenses),
        downloads=table(member.downloads),
        uses=table(member.usage.lists),
    )
    store.keep_keyframe(
        connection.opened(),
        stream,
        FOLD_VERSION,
        member.version,
        _encode({_SEALED: b64encode(sealing.seal_state(stream, _encode(core))).decode()}),
        pages,
    )
    for page, digest in written:
        page.ref = digest


def drop(member_id: str) -> int:
    """Delete a member's keyframes; how many there were. Nothing is lost by it."""
    return store.drop_keyframes(connection.opened(), fold.stream_of(member_id))


def sample(count: int) -> list[tuple[str, int]]:
    """Some stored keyframes by chance: (stream id, version)."""
    return store.sample_keyframes(connection.opened(), FOLD_VERSION, count)


def holds(stream_id: str, version: int) -> bool:
    """Whether the stored keyframe is what the first event to this one fold to."""
    member_id = stream_id.removeprefix(fold.stream_of(""))
    found = _read(member_id, version)
    if found is None or found[0].version != version:
        return False
    member, shelf = found
    # The comparison looks at every page; one that was not stored was folded from the events.
    return member == fold.from_the_start(member_id, version) and shelf.whole


class _Shelf:
    """Fetches the pages of one keyframe; `whole` until one was not stored."""

    def __init__(self, core: _Core) -> None:
        self.member_id, self.version = core.member_id, core.version
        self.whole = True
        self._ahead: dict[bytes, bytes] = {}

    def pages(self, name: str, table: _Table[Any]) -> Pages[Any]:
        """One of the keyframe's mappings, with all but its first page still in the store."""
        full = _KINDS[name].of(_NOBODY).full
        return Pages(Page(_content(table.root)), table.count, name, self.fetch, full)

    def fetch(self, wanted: Mapping[Place, Wanted]) -> dict[Place, Content]:
        """The contents of these pages; what is not stored whole is folded from the events."""
        ways: set[tuple[bytes, int | None]] = set()
        for ref, numbers in wanted.values():
            if ref not in self._ahead:
                ways.update((ref, number) for number in numbers)
                ways.add((ref, None))
        if ways:
            stream = fold.stream_of(self.member_id)
            self._ahead |= store.read_pages(connection.opened(), stream, ways, BITS)
        # What was found on the way below stays here until it is asked for.
        found = {ref: self._ahead.pop(ref, None) for ref in {ref for ref, _ in wanted.values()}}
        stream = fold.stream_of(self.member_id)
        read = {place: _decoded(stream, place[0], found[ref]) for place, (ref, _) in wanted.items()}
        told = {place: content for place, content in read.items() if content is not None}
        if len(told) == len(wanted):
            return told
        self.whole = False
        _log.warning("page_refolded", extra={"member": self.member_id, "version": self.version})
        again = fold.from_the_start(self.member_id, self.version)
        return {place: _refolded(again, place) for place in wanted}


def _decoded(stream: str, name: str, stored: bytes | None) -> Content | None:
    """The content of a page; None for one that is gone or cannot be opened."""
    if stored is None:
        return None
    if stored.startswith(store.INDEX):
        return _content(stored[len(store.INDEX) :])
    opened = sealing.open_state(stream, stored[len(_LEAF) :])
    if opened is None:
        return None
    entries: dict[str, Any] = _KINDS[name].decode(zlib.decompress(opened))
    return entries


def _content(stored: dict[str, Any] | bytes) -> Content:
    if isinstance(stored, dict):
        return stored
    size = store.DIGEST_BYTES
    refs = (stored[at : at + size] for at in range(0, len(stored), size))
    return tuple(EMPTY if ref == NOTHING else Page(None, ref) for ref in refs)


def _refolded(member: Member, place: Place) -> Content:
    name, path = place
    content: Content | None = _KINDS[name].of(member).at(path).content
    assert content is not None  # nothing of a fold from the start is left in the store
    return content
