"""An unchanging mapping that grows for years: a tree of small pages that versions share.

Setting a key copies one small page and the few above it. Two versions of a mapping differ only in
the pages that changed, so their difference is found without a look at the rest; and a keyframe can
leave the pages in the store until somebody asks for a key in them. The shape follows from the keys
alone, whatever the order in which they came.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Generic, TypeVar, overload
from zlib import crc32

V = TypeVar("V")
T = TypeVar("T")

BITS = 4  # of the key's hash for each level
FAN = 1 << BITS
DEEPEST = 32 // BITS  # there is no more of the hash to tell keys apart
NOTHING = bytes(16)  # the name of the empty page, which nobody needs to store


class Page(Generic[V]):
    """Some entries of a mapping, or the pages below; None until it is fetched.

    `ref` is the name under which the content is stored, if it is. The content never changes.
    """

    __slots__ = ("content", "ref")

    def __init__(
        self,
        content: "dict[str, V] | tuple[Page[V], ...] | None",
        ref: bytes | None = None,
    ) -> None:
        self.content, self.ref = content, ref

    def same(self, other: "Page[V]") -> bool:
        """Whether two pages are known to be equal without a look inside."""
        return self is other or (self.ref is not None and self.ref == other.ref)


EMPTY: Page[Any] = Page({}, NOTHING)

Path = tuple[int, ...]
"""Where a page is: its number on each level below the root."""

Place = tuple[str, Path]
"""A page among all that a keyframe stores: the name of its mapping, and its path there."""

Content = dict[str, Any] | tuple[Page[Any], ...]

Wanted = tuple[bytes, list[int]]
"""The `ref` of a page, and what is left of the hashes that lead below it: those pages are next."""

Fetch = Callable[[Mapping[Place, Wanted]], Mapping[Place, Content]]
"""Gives the contents of stored pages, and never fails to."""


class Pages(Mapping[str, V]):
    """A mapping that is never changed: `put` returns another one. Iterates in no useful order.

    A page holds at most `full` entries: fewer for large values, so that a change writes little.
    """

    __slots__ = ("_count", "_fetch", "_name", "full", "root")

    def __init__(
        self,
        root: Page[V] = EMPTY,
        count: int = 0,
        name: str = "",
        fetch: Fetch | None = None,
        full: int = 8,
    ) -> None:
        self.root = root
        self._count = count
        self._name = name
        self._fetch = fetch
        self.full = full

    @classmethod
    def of(cls, entries: Mapping[str, V]) -> "Pages[V]":
        """The mapping with these entries."""
        made = cls()
        for key, value in entries.items():
            made = made.put(key, value)
        return made

    def put(self, key: str, value: V) -> "Pages[V]":
        """The mapping with `key` set; this one stays as it was."""
        content = self.root.content
        if type(content) is dict and (len(content) < self.full or key in content):
            entries = {**content, key: value}  # one page is all there is: no way leads to it
            return Pages(Page(entries), len(entries), self._name, self._fetch, self.full)
        number = _hash(key)
        count = self._count + (key not in self._leaf(number))
        root = _with(self.root, number, 0, key, value, self.full)
        return Pages(root, count, self._name, self._fetch, self.full)

    def differing(self, other: "Pages[V]") -> Iterator[str]:
        """The keys whose values differ, or that one of the two lacks."""
        pairs: list[tuple[Path, Page[V], Page[V]]] = [((), self.root, other.root)]
        while pairs := [pair for pair in pairs if not pair[1].same(pair[2])]:
            _fetch_pages(
                [(self, path, one, []) for path, one, _ in pairs]
                + [(other, path, two, []) for path, _, two in pairs]
            )
            below = []
            for path, one, two in pairs:
                if isinstance(one.content, tuple) and isinstance(two.content, tuple):
                    children = zip(one.content, two.content, strict=True)
                    below += [((*path, n), a, b) for n, (a, b) in enumerate(children)]
                else:
                    mine, theirs = self._entries(path, one), other._entries(path, two)
                    yield from (k for k in mine if k not in theirs or mine[k] != theirs[k])
                    yield from (k for k in theirs if k not in mine)
            pairs = below

    def at(self, path: Path) -> Page[V]:
        """The page at a path that exists."""
        page = self.root
        walked: Path = ()
        for number in path:
            _fetch_pages([(self, walked, page, [])])
            assert isinstance(page.content, tuple)
            page, walked = page.content[number], (*walked, number)
        return page

    @property
    def whole(self) -> bool:
        """Whether nothing of it can be anywhere else, to be fetched when it is asked for."""
        return self._fetch is None

    def __getitem__(self, key: str) -> V:
        return self._around(key)[key]

    # What Mapping has of these two asks for the item, and catches what that raises.

    @overload
    def get(self, key: str, /) -> V | None: ...

    @overload
    def get(self, key: str, /, default: V | T) -> V | T: ...

    def get(self, key: str, /, default: Any = None) -> Any:
        """The value of a key, or the default."""
        return self._around(key).get(key, default)

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and key in self._around(key)

    def __iter__(self) -> Iterator[str]:
        yield from self._entries((), self.root)

    def __len__(self) -> int:
        return self._count

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Pages):
            return Mapping.__eq__(self, other)
        return len(self) == len(other) and next(self.differing(other), None) is None

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Pages({dict(self)!r})"

    def _around(self, key: str) -> dict[str, V]:
        """The entries of the page where a key is, or would be."""
        content = self.root.content
        return content if type(content) is dict else self._leaf(_hash(key))

    def _leaf(self, number: int) -> dict[str, V]:
        """The entries of the page to which a hash leads."""
        page, rest = self.root, number
        while True:
            content = page.content
            if content is None:
                _fetch_paths([(self, [number])])
                content = page.content
            if isinstance(content, dict):
                return content
            assert content is not None
            page, rest = content[rest & (FAN - 1)], rest >> BITS

    def _entries(self, path: Path, page: Page[V]) -> dict[str, V]:
        """All entries at and below a page."""
        level, found = [(path, page)], {}
        while level:
            _fetch_pages([(self, path, page, []) for path, page in level])
            below = []
            for at, each in level:
                if isinstance(each.content, dict):
                    found.update(each.content)
                else:
                    assert each.content is not None
                    below += [((*at, n), child) for n, child in enumerate(each.content)]
            level = below
        return found


def fetch(wanted: Iterable[tuple[Pages[Any], Iterable[str]]]) -> None:
    """Get the pages of these keys in one go, before they are asked for one by one."""
    _fetch_paths(
        [(mapping, [_hash(key) for key in keys]) for mapping, keys in wanted if not mapping.whole]
    )


def _hash(key: str) -> int:
    # Stable across processes, because stored pages are found again by it.
    return crc32(key.encode("utf-8", "surrogatepass"))


def _with(page: Page[V], number: int, depth: int, key: str, value: V, full: int) -> Page[V]:
    """The page with a key set at or below it; what is on its way has been fetched."""
    content = page.content
    assert content is not None
    if isinstance(content, dict):
        return _page({**content, key: value}, depth, full)
    place = number >> BITS * depth & FAN - 1
    changed = _with(content[place], number, depth + 1, key, value, full)
    return Page((*content[:place], changed, *content[place + 1 :]))


def _page(entries: dict[str, V], depth: int, full: int) -> Page[V]:
    """A page of these entries, or one with pages below it where they are too many."""
    if len(entries) <= full or depth == DEEPEST:
        return Page(entries)
    children: dict[int, dict[str, V]] = {}
    for key, value in entries.items():
        children.setdefault(_hash(key) >> BITS * depth & FAN - 1, {})[key] = value
    return Page(
        tuple(
            _page(children[place], depth + 1, full) if place in children else EMPTY
            for place in range(FAN)
        )
    )


_Way = tuple[Pages[Any], Path, Page[Any], list[int]]
"""A page in a mapping, and what is left of the hashes that lead to it and on."""


def _fetch_paths(wanted: list[tuple[Pages[Any], list[int]]]) -> None:
    """Fetch all pages on the ways to these hashes."""
    level: list[_Way] = [
        (mapping, (), mapping.root, numbers)
        for mapping, numbers in wanted
        if numbers and mapping._fetch is not None
    ]
    while level:
        _fetch_pages(level)
        below: list[_Way] = []
        for mapping, path, page, numbers in level:
            if isinstance(page.content, tuple):
                ways: dict[int, list[int]] = {}
                for number in numbers:
                    ways.setdefault(number & FAN - 1, []).append(number >> BITS)
                below += [
                    (mapping, (*path, way), page.content[way], rest) for way, rest in ways.items()
                ]
        level = below


def _fetch_pages(wanted: Iterable[_Way]) -> None:
    missing: dict[Fetch, dict[Place, tuple[Page[Any], list[int]]]] = {}
    for mapping, path, page, numbers in wanted:
        if page.content is None:
            assert mapping._fetch is not None
            missing.setdefault(mapping._fetch, {})[mapping._name, path] = page, numbers
    for source, pages in missing.items():
        asked = {
            place: (page.ref, numbers)
            for place, (page, numbers) in pages.items()
            if page.ref is not None
        }
        for place, content in source(asked).items():
            # A page's content never changes, so it does not matter who of two fetches it.
            pages[place][0].content = content
