"""Keyframes of members: folded states kept beside the log, so that no fold starts at the beginning.

Written after the commits that they sum up, by whoever folds past one. What grows with a history
is kept in pages that are fetched when they are asked for; a page that is gone or damaged is folded
from the events again, so that all keyframes can be deleted at any time.
"""

import hashlib
import logging
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec

from licensing import connection, fold, store
from licensing import domain as domain_package
from licensing.domain.device import Device
from licensing.domain.download import Download
from licensing.domain.license import License
from licensing.domain.member import Member, Refusal
from licensing.domain.pages import Page, Pages, Place
from licensing.domain.usage import Usage, Use

EVERY = 50  # events

V = TypeVar("V")
_log = logging.getLogger(__name__)
_encode = msgspec.json.Encoder(order="deterministic").encode


def _fold_version() -> str:
    """The hash of the code that folds: another code never meets this one's keyframes."""
    folder = Path(domain_package.__file__).parent
    sources = [*sorted(folder.glob("*.py")), folder.parent / "codec.py", folder.parent / "fold.py"]
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in sources)).hexdigest()[:16]


FOLD_VERSION = _fold_version()


class _Table(msgspec.Struct, frozen=True, array_like=True):
    """A mapping in pages: how many entries, and the digests of the pages one after the other."""

    count: int
    digests: bytes


class _Core(msgspec.Struct, frozen=True):
    """What of a member a keyframe holds itself; `hash` is that of the last event folded."""

    member_id: str
    version: int
    hash: bytes
    plan: str | None
    country: str | None
    since: datetime | None
    devices: dict[str, Device]
    active: tuple[str, ...]
    refusals: dict[str, Refusal]
    first_use: datetime | None
    last_use: datetime | None
    licenses: _Table
    downloads: _Table
    uses: _Table


class _Kind(NamedTuple):
    """One of the mappings in pages: how to find it in a member, and how to read its pages."""

    of: Any
    decode: Any


_KINDS = {
    "licenses": _Kind(lambda m: m.licenses, msgspec.json.Decoder(dict[str, License]).decode),
    "downloads": _Kind(lambda m: m.downloads, msgspec.json.Decoder(dict[str, Download]).decode),
    "uses": _Kind(lambda m: m.usage.lists, msgspec.json.Decoder(dict[str, tuple[Use, ...]]).decode),
}
_decode_core = msgspec.json.Decoder(_Core).decode


def nearest(member_id: str, until: int | None = None) -> Member | None:
    """The member at the latest keyframe, or the latest at or before version `until`, or None."""
    found = store.nearest_keyframe(
        connection.opened(), fold.stream_of(member_id), FOLD_VERSION, until
    )
    if found is None:
        return None
    try:
        core = _decode_core(found.state)
    except msgspec.MsgspecError:
        core = None
    named = core and (core.member_id, core.version, core.hash)
    if core is None or named != (member_id, found.version, found.hash):
        _log.error("keyframe_refused", extra={"member": member_id, "version": found.version})
        drop(member_id)
        return None
    shelf = _Shelf(core)
    return Member(
        member_id=core.member_id,
        version=core.version,
        plan=core.plan,
        country=core.country,
        since=core.since,
        devices=core.devices,
        licenses=shelf.pages("licenses", core.licenses),
        active=core.active,
        downloads=shelf.pages("downloads", core.downloads),
        usage=Usage(core.first_use, core.last_use, shelf.pages("uses", core.uses)),
        refusals=core.refusals,
    )


def keep(member: Member, last_hash: bytes) -> None:
    """Write the member as a keyframe; `last_hash` is the hash of the last event folded."""
    pages: dict[bytes, bytes] = {}
    written: list[tuple[Page[Any], bytes]] = []

    def table(mapping: Pages[Any]) -> _Table:
        digests = []
        for page in mapping.pages:
            if page.ref is None:
                content = _encode(page.entries)
                digest = store.digest_of(content)
                pages[digest] = content
                if page.entries:
                    # Empty mappings share one page among all members; it is stored for each.
                    written.append((page, digest))
                digests.append(digest)
            else:
                digests.append(page.ref)
        return _Table(len(mapping), b"".join(digests))

    core = _Core(
        member_id=member.member_id,
        version=member.version,
        hash=last_hash,
        plan=member.plan,
        country=member.country,
        since=member.since,
        devices=member.devices,
        active=member.active,
        refusals=member.refusals,
        first_use=member.usage.first,
        last_use=member.usage.last,
        licenses=table(member.licenses),
        downloads=table(member.downloads),
        uses=table(member.usage.lists),
    )
    store.keep_keyframe(
        connection.opened(),
        fold.stream_of(member.member_id),
        FOLD_VERSION,
        member.version,
        _encode(core),
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
    kept = nearest(member_id, version)
    if kept is None or kept.version != version:
        return False
    return _whole(kept) and kept == fold.from_the_start(member_id, version)


def _whole(member: Member) -> bool:
    """Whether every page of a keyframe is stored, so that none is folded from events instead."""
    refs = {
        page.ref
        for kind in _KINDS.values()
        for page in kind.of(member).pages
        if page.ref is not None
    }
    stream = fold.stream_of(member.member_id)
    return refs <= set(store.read_pages(connection.opened(), stream, refs))


class _Shelf:
    """Fetches the pages of one keyframe."""

    def __init__(self, core: _Core) -> None:
        self.member_id, self.version = core.member_id, core.version

    def pages(self, name: str, table: _Table) -> Pages[Any]:
        """One of the keyframe's mappings, with all its pages still in the store."""
        size, digests = store.DIGEST_BYTES, table.digests
        refs = [digests[at : at + size] for at in range(0, len(digests), size)]
        full = _KINDS[name].of(Member(self.member_id)).full
        return Pages([Page(None, ref) for ref in refs], table.count, name, self.fetch, full)

    def fetch(self, wanted: Mapping[Place, bytes]) -> dict[Place, dict[str, Any]]:
        """The entries of these pages; what is not stored whole is folded from the events."""
        stream = fold.stream_of(self.member_id)
        found = store.read_pages(connection.opened(), stream, set(wanted.values()))
        if len(found) < len(set(wanted.values())):
            _log.warning("page_refolded", extra={"member": self.member_id, "version": self.version})
            again = fold.from_the_start(self.member_id, self.version)
            return {(name, n): dict(_KINDS[name].of(again).pages[n]) for name, n in wanted}
        return {place: _KINDS[place[0]].decode(found[ref]) for place, ref in wanted.items()}
