"""The regions of a timeline page, whoever's it is: each is made when it is sent."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar, Protocol

import msgspec
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from timeline.forms import Asked, destination
from timeline.http import part_wanted, small_int
from timeline.presenters import (
    axis,
    clock,
    filters,
    follow,
    index,
    lanes,
    moments,
    panel,
    pin,
    rows,
    strip,
)
from timeline.presenters.cursor import Cursor
from timeline.presenters.filters import Filter
from timeline.presenters.follow import Stop, Way
from timeline.presenters.moments import EMPTY, Bar, Moment, Story

REGIONS = ("panel", "tracks", "events")


class Steps(Protocol):
    """What a page needs of a history to place its cursor."""

    @property
    def head(self) -> int: ...
    def instant(self, place: int) -> datetime | None: ...
    def version_at(self, place: int) -> int: ...
    def place_of(self, version: int) -> int: ...


class Told(Protocol):
    """A history with the story that it tells, and searches in it."""

    def story(self, now: datetime) -> Story: ...
    def matching(self, wanted: Filter, now: datetime) -> Sequence[Moment]: ...
    def about(self, about: str, now: datetime) -> Sequence[Moment]: ...
    def refusals(self, now: datetime) -> Sequence[Moment]: ...


class Place(msgspec.Struct, frozen=True):
    """The step to show, and what to say if it is not the one that was asked for."""

    version: int
    notice: str = ""


def wanted_step(past: Steps, version: str | None) -> Place:
    """The step that an address asks for; what is no step leads to the last one, and says so."""
    if version is None or version == "last":
        return Place(past.version_at(past.head))
    wanted = small_int(version)
    if wanted is None:
        notice = f"“{version[:40]}” is no step. This is the last one."
    elif wanted > past.head:
        notice = f"There is no step {wanted} yet. This is the last one."
    else:
        return Place(wanted)
    return Place(past.version_at(past.head), notice)


def chosen(past: Steps, query: Mapping[str, str]) -> tuple[str, datetime | None]:
    """The step that a form asks for: by its number, an instant, or a place of the slider."""
    place = small_int(query.get("place"))
    if place is not None:
        return str(past.version_at(min(place, past.head))), None
    typed = query.get("v", "")
    wanted = destination(typed)
    if isinstance(wanted, datetime):
        place = last_until(past, wanted)
        own = past.instant(place)
        return str(past.version_at(place)), wanted if own is not None and wanted > own else None
    return str(wanted) if wanted is not None else typed or "last", None


def last_until(past: Steps, at: datetime) -> int:
    """The place of the last step that was there at an instant; 0 before the first."""
    low, high = 0, past.head
    while low < high:
        middle = (low + high + 1) // 2
        instant = past.instant(middle)
        if instant is not None and instant <= at:
            low = middle
        else:
            high = middle - 1
    return low


def cursor_at(past: Steps, version: int, t: datetime | None, now: datetime | None) -> Cursor:
    """The clock stands at the step's own instant, unless time is asked to go on to `t` or now."""
    place = past.place_of(version)
    own = past.instant(place)
    if own is None:
        first = past.instant(1)
        return Cursor(0, 0, (first or EMPTY.as_of) - timedelta(minutes=1))
    at = t or (now if place == past.head else None)
    until = past.instant(place + 1)
    if at is None or at <= own or (until is not None and at > until):
        return Cursor(version, place, own)
    return Cursor(version, place, at, True)


class Page(ABC):
    """The values of the regions. What is special to members or rules is in the classes below."""

    subject: ClassVar[str]
    section: ClassVar[str]
    templates: ClassVar[str]  # the folder of the tabs
    tabs: ClassVar[Sequence[tuple[str, str]]] = panel.TABS
    more_tabs: ClassVar[Sequence[str]] = ()  # opened by a button
    orders: ClassVar[bool] = True  # whether anything may be reported late
    repeats: Mapping[int, int] = {}

    def __init__(
        self,
        name: str,
        base: str,
        past: Steps,
        told: Told,
        query: Asked,
        cursor: Cursor,
        now: datetime,
        notice: str = "",
    ) -> None:
        self.name, self.base, self.steps, self.told = name, base, past, told
        self.query, self.cursor, self.now, self.notice = query, cursor, now, notice

    def answer(self, request: HttpRequest) -> HttpResponse:
        """The whole page, or the one region that htmx asks for."""
        match part_wanted(request, REGIONS):
            case "panel":
                context = self.panel_part() | {"fragment": True}
                return render(request, "timeline/panel.html", context)
            case "events":
                return render(request, "timeline/events.html", self.events_part())
            case "tracks":
                return render(request, "timeline/tracks.html", self.tracks_part())
            case _:
                return render(request, "timeline/page.html", self.whole())

    @abstractmethod
    def about_step(self) -> dict[str, Any]:
        """The panel's own values."""

    @abstractmethod
    def bar(self) -> dict[str, Any]:
        """What stands beside the name."""

    @abstractmethod
    def fingerprint(self) -> str:
        """What the step folds to, in twelve hex digits."""

    def exports(self) -> list[tuple[str, str, str]]:
        """What can be taken along: its words, how much it is, its address."""
        return []

    def use(self, story: Story) -> list[dict[str, Any]]:
        """What is in use at the instant, each with its limit."""
        return []

    @property
    def story(self) -> Story:
        """One pass over the whole history, for the regions that need it."""
        return self.told.story(self.now)

    @property
    def shown(self) -> Sequence[Moment]:
        """The rows that the filter leaves."""
        return self.told.matching(self.query.filter, self.now)

    def whole(self) -> dict[str, Any]:
        """The full page."""
        query, cursor = self.query, self.cursor
        shown = self.panel_part()
        known = index.index(self.story, cursor, versions=query.order != "known")
        kind = shown["heading"].kind
        return (
            shown
            | self.events_part()
            | self.tracks_part()
            | {
                "section": self.section,
                "bar": self.bar(),
                "index": known,
                "menus": filters.menus(self.story, query.filter),
                "unfiltered": query.unfiltered,
                "status": _status(cursor.version, shown),
                "notice": self.notice or self._between(shown.get("expired", ())),
                "value_text": index.value_text(cursor, self.steps.head, kind),
                "pin": self._pin(),
            }
        )

    def _pin(self) -> pin.Pin | None:
        """What a pinned link says, held against what is folded today."""
        query = self.query
        if query.pinned is None or not query.seen:
            return None
        return pin.opened(query.seen, self.fingerprint(), query.pinned, self.steps.head)

    def pinned(self) -> str:
        """The address of this step with what it folds to now."""
        carried = self.query.carry(
            live="",
            pinned=str(self.steps.head),
            seen=self.fingerprint(),
            t=self.cursor.at.isoformat() if self.cursor.carried else "",
        )
        return f"{self.base}{self.cursor.version}/{carried}"

    def _between(self, expired: Sequence[str]) -> str:
        """Says it when the clock stands where nothing was recorded."""
        cursor = self.cursor
        if self.query.t is None or not cursor.carried or expired:
            return ""
        own = self.steps.instant(cursor.place)
        since = clock.moment(own, cursor.at.year) if own else ""
        return (
            f"No event at {clock.moment(cursor.at)}. "
            f"Showing step {cursor.version} of {since}, carried on to then."
        )

    def common(self) -> dict[str, Any]:
        """What every region needs for its links."""
        query, cursor, head = self.query, self.cursor, self.steps.head
        previous = self.steps.version_at(max(cursor.place - 1, 0))
        following = self.steps.version_at(min(cursor.place + 1, head))
        return {
            "base": self.base,
            "name": self.name,
            "query": query,
            "carry": query.carry(),
            "version": cursor.version,
            "place": cursor.place,
            "head": head,
            "last": self.steps.version_at(head),
            "previous": previous,
            "next": following,
            "stamp": clock.stamp(cursor.at),
            "iso": cursor.at.isoformat(),
            "ago": clock.ago(cursor.at, self.now),
            "subject": self.subject,
            "orders": self.orders,
            "read_at": clock.stamp(self.now),
            "here": self.address(),
            "as_known": self.address(order="known"),
            "as_happened": self.address(order="happened"),
            "order_words": panel.ORDER_WORDS[query.order],
        }

    def address(self, version: int | None = None, **changed: str) -> str:
        """This page at a step, with something of the query changed."""
        step = self.cursor.version if version is None else version
        return f"{self.base}{step}/{self.query.carry(**changed)}"

    def panel_part(self) -> dict[str, Any]:
        """Everything about one step."""
        cursor = self.cursor
        carried_to_now = cursor.carried and cursor.at >= self.now
        return (
            self.common()
            | self.about_step()
            | {
                "tab": self.tab,
                "tab_links": [(key, words, self.address(tab=key)) for key, words in self.tabs],
                "tab_template": f"timeline/{self.templates}/{self.tab}.html",
                "try_href": self.address(tab="what-if"),
                "pin_href": self._pin_href(),
                "newer": self.steps.head - cursor.place,
                "at_now": carried_to_now,
                "carried": cursor.carried and not carried_to_now,
                "viewing": clock.long_date(cursor.at),
                "ways": self.ways(),
                "notes": [
                    {
                        "note": note,
                        "when": clock.moment(note.at),
                        "href": self.address(note.version),
                    }
                    for note in self.story.notes.get(cursor.version, ())
                ],
            }
        )

    def _pin_href(self) -> str:
        t = self.cursor.at.isoformat() if self.cursor.carried else ""
        return f"{self.base}{self.cursor.version}/pin/{self.query.carry(t=t)}"

    @property
    def tab(self) -> str:
        """The open tab; one that this page has not falls back to the first."""
        known = [key for key, _ in self.tabs]
        return self.query.tab if self.query.tab in (*known, *self.more_tabs) else known[0]

    def ways(self) -> dict[str, Any]:
        """The ways on from here: along the refusals, the filter, and what is followed."""
        cursor, now = self.cursor, self.now
        own = self.own()
        followed = follow.follow(
            self.story.labels,
            lambda about: self.told.about(about, now),
            cursor,
            self.query.of,
            own,
        )
        found: dict[str, Any] = {
            "refusal": self._way(follow.along(self.told.refusals(now), cursor)),
        }
        if self.query.filter:
            found["match"] = self._way(follow.along(self.shown, cursor))
        if followed is not None:
            found["follow"] = self._way(followed.way) | {
                "label": followed.label,
                "kind": followed.kind,
                "chosen": followed.chosen,
                "release": self.address(of=""),
                "others": [
                    (kind, label, self.address(of=about)) for about, kind, label in followed.others
                ],
            }
        return found

    def own(self) -> tuple[str, ...]:
        """What the step under the cursor is about."""
        return ()

    def _way(self, way: Way) -> dict[str, Any]:
        return {
            "previous": self._stop(way.previous),
            "next": self._stop(way.next),
            "place": way.place,
            "count": way.count,
        }

    def _stop(self, stop: Stop | None) -> dict[str, Any] | None:
        if stop is None:
            return None
        t = {} if stop.t is None else {"t": stop.t.isoformat()}
        href = self.address(stop.version, **t)
        return {"href": href, "version": stop.version, "t": t.get("t", "")}

    def events_part(self) -> dict[str, Any]:
        """The list around the step."""
        query, cursor, story = self.query, self.cursor, self.story
        middle = cursor.place if query.around is None else query.around
        listing = rows.around(story, self.shown, cursor, middle, self.repeats)
        return self.common() | {
            "list": listing,
            "legend": self.orders,
            "chips": [
                (chip.words, f"{self.base}{cursor.version}/{query.filtered(chip.rest)}")
                for chip in filters.chips(story, query.filter)
            ],
            "exports": self.exports(),
            "clear": f"{self.base}{cursor.version}/{query.filtered(filters.NOTHING)}",
            "earlier": self._around(listing.earlier),
            "later": self._around(listing.later),
        }

    def _around(self, place: int | None) -> str:
        return "" if place is None else self.address(around=str(place))

    def tracks_part(self) -> dict[str, Any]:
        """Overview, strip and lanes around the step."""
        query, story, at = self.query, self.story, self.cursor.at
        everything = axis.whole(story, self.now)
        size = axis.zoom(story, everything, query.span)
        view = axis.window(everything, size, at)
        gaps = axis.idle(view, [at, self.now, *(moment.at for moment in story.moments)])
        folded = [] if query.gaps else gaps
        shown = [bar for bar in story.bars.values() if view.shows(bar.start, bar.end)]
        ends = (
            min(max(end, view.start), view.end) for bar in shown for end in (bar.start, bar.end)
        )
        inside = (moment.at for moment in story.moments)
        view = axis.folded(view, folded, [at, self.now, *inside, *ends])
        context = self.common() | {
            "view_pairs": [
                (name, value)
                for name in ("span", "lanes", "gaps", "view")
                if (value := getattr(query, name))
            ],
            "zoom": size,
            "closer": self.address(span=size.closer) if size.closer else "",
            "wider": self.address(span=size.wider) if size.wider else "",
            "fit": self.address(span=""),
            "view": view,
            "everything": everything,
            "all_words": f"{everything.start:%b %Y} – {_end_words(everything.end, self.now)}",
            "use": self.use(story),
            "gaps": len(gaps),
            "nothing": self.orders and not (story.bars or story.marks),
            "other_gaps": self.address(gaps="" if query.gaps else "all"),
            "other_lanes": self.address(lanes="" if query.lanes else "all"),
            "other_view": self.address(view="" if query.view else "table"),
        }
        if query.view == "table":
            periods, more = lanes.table(story, view, at)
            return context | {"periods": periods, "periods_more": more}
        return context | {
            "head_x": axis.percent(view.clipped(at)),
            "now_x": axis.percent(view.at(self.now)) if view.shows(self.now, self.now) else "",
            "over_x": axis.percent(everything.clipped(at)),
            "window_x": axis.percent(everything.at(view.start)),
            "window_width": axis.percent(everything.at(view.end) - everything.at(view.start)),
            "overview": strip.density(
                story.moments, everything, buckets=strip.OVERVIEW_BUCKETS, height=20
            ),
            "strip": strip.density(
                story.moments, view, buckets=strip.STRIP_BUCKETS, height=41, headroom=13
            ),
            "ticks": axis.ticks(view, self.now),
            "breaks": axis.breaks(view, folded),
            "lanes": lanes.draw(story, view, at, everyone=bool(query.lanes)),
        }


def in_use(story: Story, at: datetime) -> tuple[int, int]:
    """How many bars are valid at an instant, and on how many lanes."""
    live: Sequence[Bar] = [bar for bar in story.bars.values() if bar.start <= at < bar.end]
    return len(live), len({bar.lane for bar in live})


def limit_at(story: Story, name: str, at: datetime) -> int | None:
    """The limit that decisions had last been made with by then."""
    return moments.limit_at(story, name, at)


def _status(version: int, shown: Mapping[str, Any]) -> str:
    """What stands in the status line, as the script says it after a move."""
    count = shown["changed"].count
    return f"Step {version}. {shown['heading'].phrase.text}. {count} change{'s' * (count != 1)}."


def _end_words(end: datetime, now: datetime) -> str:
    return "now" if end >= now else f"{end:%b %Y}"
