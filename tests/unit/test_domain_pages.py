"""Pages behave like a dict that is never changed, whether their pages are at hand or stored."""

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from licensing.domain import pages
from licensing.domain.pages import EMPTY, Page, Pages

KEYS = st.text(max_size=4)
PUTS = st.lists(st.tuples(KEYS, st.integers()), max_size=120)


class Shelf:
    """Keeps pages outside of their mapping, as a keyframe does; counts how often it is asked."""

    def __init__(self) -> None:
        self.kept: dict[bytes, pages.Content] = {}
        self.asked = 0

    def put_away(self, mapping: Pages[int], name: str = "n") -> Pages[int]:
        root = Page[int](self._content(mapping.root))
        return Pages(root, len(mapping), name, self.fetch, mapping.full)

    def _content(self, page: Page[int]) -> pages.Content:
        if isinstance(page.content, dict):
            return page.content
        assert page.content is not None
        return tuple(map(self._stored, page.content))

    def _stored(self, page: Page[int]) -> Page[int]:
        if page is EMPTY:
            return page
        content = self._content(page)
        said = sorted(content.items()) if isinstance(content, dict) else [x.ref for x in content]
        ref = repr(said).encode("utf-8", "surrogatepass")
        self.kept[ref] = content
        return Page(None, ref)

    def fetch(self, wanted: Mapping[pages.Place, pages.Wanted]) -> dict[pages.Place, pages.Content]:
        self.asked += 1
        return {place: self.kept[ref] for place, (ref, _) in wanted.items()}


def fetched(mapping: Pages[int]) -> int:
    """How many pages with entries are at hand."""

    def count(page: Page[int]) -> int:
        if isinstance(page.content, tuple):
            return sum(map(count, page.content))
        return bool(page.content)

    return count(mapping.root)


@given(PUTS, st.sampled_from([1, 2, 8]))
def test_they_hold_what_was_put(puts: list[tuple[str, int]], full: int) -> None:
    mapping: Pages[int] = Pages(full=full)
    plain: dict[str, int] = {}
    for key, value in puts:
        earlier, before = mapping, dict(plain)
        mapping = mapping.put(key, value)
        plain[key] = value
        assert dict(earlier) == before  # the earlier version stays as it was
    assert dict(mapping) == plain
    assert len(mapping) == len(plain)
    assert all(mapping[key] == value and key in mapping for key, value in plain.items())
    assert mapping == Pages.of(plain) or full != 8
    assert mapping == plain


@given(PUTS, PUTS, st.booleans())
def test_the_difference_is_what_differs(
    first: list[tuple[str, int]], then: list[tuple[str, int]], stored: bool
) -> None:
    before = Pages.of(dict(first))
    after = Shelf().put_away(before) if stored else before
    for key, value in then:
        after = after.put(key, value)
    one, two = dict(before), dict(first) | dict(then)
    assert dict(after) == two
    assert set(after.differing(before)) == {key for key in two if one.get(key) != two[key]}
    assert set(before.differing(after)) == set(after.differing(before))
    assert (before == after) is (one == two)


def test_what_did_not_change_is_not_fetched_to_be_compared() -> None:
    shelf = Shelf()
    stored = shelf.put_away(Pages.of({str(n): n for n in range(500)}))
    changed = stored.put("7", -7)
    asked = shelf.asked
    assert 1 <= asked <= 2  # one for each level
    assert list(changed.differing(stored)) == ["7"]
    assert (shelf.asked, fetched(stored)) == (asked, 1)


def test_several_mappings_of_a_shelf_are_fetched_in_one_go() -> None:
    shelf = Shelf()
    plain = Pages.of({str(n): n for n in range(200)})
    one, two = shelf.put_away(plain, "one"), shelf.put_away(plain, "two")
    pages.fetch([(one, ["1", "2", "no such key"]), (two, ["3"])])
    asked = shelf.asked
    assert 1 <= asked <= 2  # one for each level, for both together
    assert (one["1"], one["2"], two["3"], one.get("no such key")) == (1, 2, 3, None)
    assert shelf.asked == asked
