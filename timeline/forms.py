"""What a person may ask for in the address of a page; anything else falls back, nothing fails."""

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlencode

import msgspec

from timeline.http import small_int
from timeline.presenters import clock
from timeline.presenters.panel import TABS

KINDS = (
    ("granted", "Granted"),
    ("renewed", "Renewed"),
    ("played", "Played"),
    ("expired", "Expired"),
    ("ended", "Released"),
    ("refused", "Refused"),
    ("late", "Reported late"),
    ("account", "Plan and devices"),
)
_TABS = tuple(key for key, _ in TABS)
_LONGEST = 120


class Asked(msgspec.Struct, frozen=True):
    """The query of the timeline page, cleaned."""

    tab: str = "changed"
    span: str = ""
    q: str = ""
    kind: str = ""
    a: int | None = None
    around: int | None = None
    t: datetime | None = None

    def carry(self, **changed: str) -> str:
        """The query string that keeps tab, zoom and filter on the way to another step."""
        kept = {"tab": self.tab, "span": self.span, "q": self.q, "kind": self.kind} | changed
        if kept["tab"] == "changed":
            kept["tab"] = ""
        found = urlencode({name: value for name, value in kept.items() if value})
        return f"?{found}" if found else ""

    @property
    def carried(self) -> dict[str, str]:
        """The same as names and values, for hidden fields."""
        kept = {"span": self.span, "q": self.q, "kind": self.kind}
        return {name: value for name, value in kept.items() if value}


def asked(query: Mapping[str, str]) -> Asked:
    """Read a query string that anybody may have typed."""
    tab, kind = query.get("tab", ""), query.get("kind", "")
    text = "".join(c for c in query.get("q", "") if c.isprintable()).strip()
    return Asked(
        tab=tab if tab in _TABS else "changed",
        span="".join(c for c in query.get("span", "") if c.isalnum())[:8],
        q=text[:_LONGEST],
        kind=kind if kind in dict(KINDS) else "",
        a=small_int(query.get("a")),
        around=small_int(query.get("around")),
        t=clock.instant(query.get("t", "").replace(" ", "+")),
    )
