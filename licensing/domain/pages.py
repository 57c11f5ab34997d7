"""An unchanging mapping that grows for years: kept in pages, so that versions share what is equal.

Setting a key copies one small page and the list of pages. Two versions of a mapping differ only
in the pages that changed, so their difference is found without a look at the rest; and a keyframe
can leave the pages in the store until somebody asks for a key in them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar
from zlib import crc32

V = TypeVar("V")


class Page(Mapping[str, V]):
    """Some entries of a mapping. `ref` is the name under which they are stored, if they are."""

    __slots__ = ("entries", "ref")

    def __init__(self, entries: dict[str, V] | None, ref: bytes | None = None) -> None:
        self.entries, self.ref = entries, ref

    def __getitem__(self, key: str) -> V:
        assert self.entries is not None  # whoever holds the page fetches it first
        return self.entries[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries or ())

    def __len__(self) -> int:
        return len(self.entries or ())

    def same(self, other: "Page[V]") -> bool:
        """Whether two pages are known to be equal without a look inside."""
        return self is other or (self.ref is not None and self.ref == other.ref)


Place = tuple[str, int]
"""A page among all that a keyframe stores: the name of its mapping, and its number there."""

Fetch = Callable[[Mapping[Place, bytes]], Mapping[Place, dict[str, Any]]]
"""Gives the entries of stored pages, asked for by place and `ref`; never fails to."""


class Pages(Mapping[str, V]):
    """A mapping that is never changed: `put` returns another one. Iterates in no useful order.

    Past `full` entries a page, on average, the mapping gets twice as many pages: fewer for large
    values, so that a change writes little.
    """

    __slots__ = ("_count", "_fetch", "_name", "full", "pages")

    def __init__(
        self,
        pages: Sequence[Page[V]] | None = None,
        count: int = 0,
        name: str = "",
        fetch: Fetch | None = None,
        full: int = 16,
    ) -> None:
        # Always a power of two, so that a page splits in two when the mapping grows.
        self.pages = pages or [Page[V]({})]
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
        number = self._number(key)
        before = self._page(number).entries
        assert before is not None
        count = self._count + (key not in before)
        pages = list(self.pages)
        pages[number] = Page({**before, key: value})
        changed = Pages(pages, count, self._name, self._fetch, self.full)
        return changed._split() if count > self.full * len(pages) else changed

    def differing(self, other: "Pages[V]") -> Iterator[str]:
        """The keys whose values differ, or that one of the two lacks."""
        if len(self.pages) != len(other.pages):
            yield from (key for key in self if key not in other or self[key] != other[key])
            yield from (key for key in other if key not in self)
            return
        pairs = zip(self.pages, other.pages, strict=True)
        numbers = [number for number, (one, two) in enumerate(pairs) if not one.same(two)]
        _load([(self, numbers), (other, numbers)])
        for number in numbers:
            one, two = self.pages[number], other.pages[number]
            yield from (key for key in one if key not in two or one[key] != two[key])
            yield from (key for key in two if key not in one)

    def __getitem__(self, key: str) -> V:
        return self._page(self._number(key))[key]

    def __iter__(self) -> Iterator[str]:
        _load([(self, range(len(self.pages)))])
        for page in self.pages:
            yield from page

    def __len__(self) -> int:
        return self._count

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Pages):
            return Mapping.__eq__(self, other)
        return len(self) == len(other) and next(self.differing(other), None) is None

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Pages({dict(self)!r})"

    def _number(self, key: str) -> int:
        # Stable across processes, because stored pages are found again by it.
        return crc32(key.encode("utf-8", "surrogatepass")) & (len(self.pages) - 1)

    def _page(self, number: int) -> Page[V]:
        page = self.pages[number]
        if page.entries is None:
            _load([(self, [number])])
        return page

    def _split(self) -> "Pages[V]":
        _load([(self, range(len(self.pages)))])
        empty = [Page[V]({}) for _ in range(2 * len(self.pages))]
        grown = Pages(empty, self._count, full=self.full)
        for page in self.pages:
            for key in page:
                entries = grown.pages[grown._number(key)].entries
                assert entries is not None
                entries[key] = page[key]
        return grown


def fetch(wanted: Iterable[tuple[Pages[Any], Iterable[str]]]) -> None:
    """Get the pages of these keys in one go, before they are asked for one by one."""
    _load([(mapping, [mapping._number(key) for key in keys]) for mapping, keys in wanted])


def _load(wanted: Iterable[tuple[Pages[Any], Iterable[int]]]) -> None:
    missing: dict[Fetch, dict[Place, Page[Any]]] = {}
    for mapping, numbers in wanted:
        for number in numbers:
            page = mapping.pages[number]
            if page.entries is None:
                assert mapping._fetch is not None
                missing.setdefault(mapping._fetch, {})[mapping._name, number] = page
    for source, pages in missing.items():
        refs = {place: page.ref for place, page in pages.items() if page.ref is not None}
        for place, entries in source(refs).items():
            # A page's content never changes, so it does not matter who of two fetches it.
            pages[place].entries = entries
