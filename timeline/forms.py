"""What a person may ask for in the address of a page; anything else falls back, nothing fails."""

from datetime import date, datetime
from urllib.parse import urlencode

import msgspec
from django.http import QueryDict

from licensing.history import Order
from timeline.http import small_int
from timeline.presenters import clock
from timeline.presenters.filters import MULTI, NOTHING, Filter
from timeline.presenters.panel import TABS

ORDERS: dict[str, Order] = {"known": "known", "happened": "happened"}
_TABS = (*(key for key, _ in TABS), "what-if")
_LONGEST = 120
_MOST_VALUES = 40

Pairs = list[tuple[str, str]]


class Asked(msgspec.Struct, frozen=True):
    """The query of the timeline page, cleaned.

    `a` in order `a_order` is what is compared with; `of` is the license, device or title whose
    steps are followed; `pinned` and `seen` are what a pinned link says of the history;
    `everything` asks for all changes of the step, however many.
    """

    tab: str = "changed"
    span: str = ""
    order: Order = "known"
    filter: Filter = NOTHING
    a: int | None = None
    a_order: Order = "known"
    around: int | None = None
    t: datetime | None = None
    of: str = ""
    lanes: str = ""
    gaps: str = ""
    view: str = ""
    live: bool = False
    everything: bool = False
    pinned: int | None = None
    seen: str = ""

    def pairs(self, **changed: str) -> Pairs:
        """What is kept on the way to another step, as it stands in an address."""
        kept = {
            "tab": "" if self.tab == "changed" else self.tab,
            "order": "" if self.order == "known" else self.order,
            "span": self.span,
            "lanes": self.lanes,
            "gaps": self.gaps,
            "view": self.view,
            "of": self.of,
            "a": "" if self.a is None else str(self.a),
            "a_order": "" if self.a_order == "known" else self.a_order,
            "live": "1" if self.live else "",
        } | changed
        if kept["tab"] == "changed":
            kept["tab"] = ""
        if kept["order"] == "known":
            kept["order"] = ""
        found = [(name, value) for name, value in kept.items() if value]
        return found + self.filter.pairs()

    def carry(self, **changed: str) -> str:
        """The same as a query string, with its question mark."""
        return _query(self.pairs(**changed))

    def filtered(self, other: Filter) -> str:
        """The query string with another filter."""
        return _query(msgspec.structs.replace(self, filter=other).pairs())

    @property
    def rows(self) -> str:
        """The query string that says which rows are shown, and in which order."""
        order = [] if self.order == "known" else [("order", self.order)]
        return _query([*order, *self.filter.pairs()])

    @property
    def carried(self) -> Pairs:
        """What hidden fields keep while a form asks for another step; the tab stands elsewhere."""
        return self.pairs(tab="")

    @property
    def unfiltered(self) -> Pairs:
        """What the filter's own form keeps."""
        return msgspec.structs.replace(self, filter=NOTHING).pairs()


def _query(pairs: Pairs) -> str:
    return f"?{urlencode(pairs)}" if pairs else ""


def asked(query: QueryDict) -> Asked:
    """Read a query string that anybody may have typed."""
    tab = query.get("tab", "")
    return Asked(
        tab=tab if tab in _TABS else "changed",
        span=_word(query.get("span", ""), 8),
        order=ORDERS.get(query.get("order", ""), "known"),
        filter=_filter(query),
        a=small_int(query.get("a")),
        a_order=ORDERS.get(query.get("a_order", ""), "known"),
        around=small_int(query.get("around")),
        t=clock.instant(query.get("t", "").replace(" ", "+")),
        of=_text(query.get("of", "")),
        lanes="all" if query.get("lanes") == "all" else "",
        gaps="all" if query.get("gaps") == "all" else "",
        view="table" if query.get("view") == "table" else "",
        live=query.get("live") == "1",
        everything=query.get("all") == "1",
        pinned=small_int(query.get("pinned")),
        seen=_word(query.get("seen", ""), 16),
    )


def _filter(query: QueryDict) -> Filter:
    many = {name: _values(query.getlist(name)) for name in MULTI}
    return Filter(
        q=_text(query.get("q", "")),
        since=_day(query.get("from", "")),
        until=_day(query.get("to", "")),
        **many,
    )


def _values(texts: list[str]) -> tuple[str, ...]:
    cleaned = dict.fromkeys(_text(text) for text in texts[:_MOST_VALUES])
    return tuple(text for text in cleaned if text)


def _text(text: str) -> str:
    return "".join(c for c in text if c.isprintable()).strip()[:_LONGEST]


def _word(text: str, most: int) -> str:
    return "".join(c for c in text if c.isalnum())[:most]


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        return None


def destination(text: str) -> int | datetime | None:
    """What was typed into the step box: a step, or a date with or without a time (UTC)."""
    step = small_int(text)
    return step if step is not None else clock.instant(text.strip().replace(" ", "T", 1))
