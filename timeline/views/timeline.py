"""The member timeline: one address per step, sent whole or as the one region that changes."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone

from licensing import connection, history, rulebook, store
from licensing.history import History
from timeline import pasts, recent
from timeline.forms import KINDS, Asked, asked
from timeline.http import MEMBER_ID, part_wanted, small_int, staff_page
from timeline.presenters import clock, decision, lanes, moments, panel, rows, strip
from timeline.presenters.moments import Story
from timeline.presenters.panel import Cursor

REGIONS = ("panel", "tracks", "events")


@staff_page
def head(request: HttpRequest, member_id: str) -> HttpResponseBase:
    """The last step, with the clock at now; `?v=` comes from the slider without script."""
    v = request.GET.get("v")
    if v is not None and part_wanted(request, REGIONS) is None:
        query = asked(request.GET)
        a = f"{'&' if query.carry() else '?'}a={query.a}" if query.a is not None else ""
        step = small_int(v)
        place = str(step) if step is not None else "last"
        return redirect(_address(member_id, place) + query.carry() + a)
    return _show(request, member_id, v)


@staff_page
def step(request: HttpRequest, member_id: str, version: str) -> HttpResponseBase:
    """One step of a member's history."""
    return _show(request, member_id, version)


@staff_page(reads="event")
def event(request: HttpRequest, event_id: UUID) -> HttpResponseBase:
    """The permanent link of an event leads to its step."""
    found = store.find_event(connection.opened(), event_id)
    if found is None or not found.stream_id.startswith("member-"):
        raise Http404("No event has this id.")
    return redirect(_address(found.stream_id.removeprefix("member-"), found.version))


def _address(member_id: str, version: int | str) -> str:
    return reverse("step", args=[member_id, version])


def _show(request: HttpRequest, member_id: str, version: str | None) -> HttpResponse:
    if not MEMBER_ID.fullmatch(member_id):
        raise Http404("This can be no member's id.")
    kept = pasts.load(member_id)
    if kept is None:
        context = {"section": "members", "member_id": member_id}
        return render(request, "timeline/unknown.html", context)
    past, query, now = kept.history, asked(request.GET), timezone.now()
    place = _place(past, version)
    cursor = _cursor(past, place.version, query.t, now if version is None else None)
    page = Page(kept, query, cursor, now, place.notice)
    match part_wanted(request, REGIONS):
        case "panel":
            return render(request, "timeline/panel.html", page.panel_part() | {"fragment": True})
        case "events":
            return render(request, "timeline/events.html", page.events_part())
        case "tracks":
            return render(request, "timeline/tracks.html", page.tracks_part())
        case _:
            recent.note(request, member_id)
            return render(request, "timeline/page.html", page.whole())


class Place(msgspec.Struct, frozen=True):
    """The step to show, and what to say if it is not the one that was asked for."""

    version: int
    notice: str = ""


def _place(past: History, version: str | None) -> Place:
    if version is None or version == "last":
        return Place(past.head)
    wanted = small_int(version)
    if wanted is None:
        return Place(past.head, f"“{version[:40]}” is no step. This is the last one.")
    if wanted > past.head:
        return Place(past.head, f"There is no step {wanted} yet. This is the last one.")
    return Place(wanted)


def _cursor(past: History, version: int, t: datetime | None, now: datetime | None) -> Cursor:
    """The clock stands at the step's own instant, unless time is asked to go on to `t` or now."""
    own = past.instant(version)
    if own is None:
        return Cursor(0, past.steps[0].recorded.recorded_at - timedelta(minutes=1), False)
    at = t or now
    until = past.instant(version + 1) if version < past.head else None
    if at is None or at < own or (until is not None and at > until):
        return Cursor(version, own, False)
    return Cursor(version, at, True)


class Page:
    """The values of the regions, each made when its region is sent."""

    def __init__(
        self, kept: pasts.Past, query: Asked, cursor: Cursor, now: datetime, notice: str
    ) -> None:
        self.kept, self.past = kept, kept.history
        self.query, self.cursor, self.now, self.notice = query, cursor, now, notice
        self.base = reverse("timeline", args=[self.past.member_id])

    @property
    def story(self) -> Story:
        """One pass over the whole history, for the regions that need it."""
        return self.kept.story(self.now)

    def whole(self) -> dict[str, Any]:
        """The full page."""
        head = self.past.state(self.past.head)
        member = {
            "plan": (head.plan or "").capitalize(),
            "country": head.country or "",
            "since": clock.date(head.since) if head.since else "",
        }
        index = rows.index(self.past, self.story)
        parts = self.panel_part() | self.events_part() | self.tracks_part()
        return parts | {
            "section": "members",
            "member": member,
            "index": index,
            "kinds": KINDS,
            "notice": self.notice,
            "value_text": rows.value_text(self.past, self.cursor),
        }

    def _common(self) -> dict[str, Any]:
        version, last = self.cursor.version, self.past.head
        return {
            "member_id": self.past.member_id,
            "base": self.base,
            "query": self.query,
            "carry": self.query.carry(),
            "version": version,
            "head": last,
            "previous": max(version - 1, 0),
            "next": min(version + 1, last),
            "stamp": clock.stamp(self.cursor.at),
            "iso": self.cursor.at.isoformat(),
            "ago": clock.ago(self.cursor.at, self.now),
        }

    def panel_part(self) -> dict[str, Any]:
        """Everything about one step."""
        past, cursor = self.past, self.cursor
        step = past.steps[cursor.version - 1] if cursor.version else None
        seen = panel.see(past, cursor)
        changed = panel.changed(seen, cursor, step)
        expired = [entity.id for group in changed.by_clock for entity in group.entities]
        carried = cursor.carried and cursor.at < self.now
        head = panel.heading(step, Cursor(cursor.version, cursor.at, carried), seen.names, expired)
        context = self._common() | {
            "tab": self.query.tab,
            "tabs": panel.TABS,
            "heading": head,
            "changed": changed,
            "newer": past.head - cursor.version,
            "at_now": cursor.carried and not carried,
            "viewing": clock.long_date(cursor.at),
            "stopped_at": past.readable_until if cursor.version > past.readable_until else None,
        }
        if step is not None and self.query.tab in ("changed", "why"):
            context["why"] = self._why(step, seen)
        match self.query.tab:
            case "state":
                context["state"] = panel.state_view(seen.shown, seen.names)
            case "compare":
                a = self.query.a if self.query.a is not None else max(cursor.version - 5, 0)
                context["comparison"] = panel.compare(past, cursor, a, seen)
            case "raw" if step is not None:
                context["raw"] = panel.raw(step)
                context["event_id"] = step.recorded.event_id
        return context

    def _why(self, step: history.Step, seen: panel.Seen) -> decision.Why | None:
        record = decision.record_of(step)
        if record is None:
            return None
        hash_ = decision.rules_hash(record)
        return decision.why(
            step,
            seen.waiting,
            seen.names,
            rulebook.by_hash(hash_),
            lambda row_id: rulebook.row(hash_, row_id),
        )

    def events_part(self) -> dict[str, Any]:
        """The list around the step."""
        query, cursor = self.query, self.cursor
        repeats = history.same_refusals(self.past.member_id)
        middle = cursor.version if query.around is None else query.around
        return self._common() | {
            "list": rows.around(self.story, cursor, middle, query.q, query.kind, repeats)
        }

    def tracks_part(self) -> dict[str, Any]:
        """Overview, strip and lanes around the step."""
        story, at = self.story, self.cursor.at
        everything = strip.whole(story, self.now)
        size = strip.zoom(story, everything, self.query.span)
        view = strip.window(everything, size, at)
        drawn = lanes.draw(story, view, at)
        return self._common() | {
            "zoom": size,
            "closer": self.query.carry(span=size.closer or ""),
            "wider": self.query.carry(span=size.wider or ""),
            "view": view,
            "view_ms": (clock.millis(view.start), clock.millis(view.end)),
            "all_ms": (clock.millis(everything.start), clock.millis(everything.end)),
            "head_x": strip.percent(view.clipped(at)),
            "now_x": strip.percent(view.at(self.now)) if view.shows(self.now, self.now) else "",
            "over_x": strip.percent(everything.clipped(at)),
            "window_x": strip.percent(everything.at(view.start)),
            "window_width": strip.percent(everything.at(view.end) - everything.at(view.start)),
            "all_words": f"{everything.start:%b %Y} – {_end_words(everything.end, self.now)}",
            "overview": strip.density(
                story.moments, everything, at, buckets=strip.OVERVIEW_BUCKETS, height=15
            ),
            "strip": strip.density(
                story.moments, view, at, buckets=strip.STRIP_BUCKETS, height=41, headroom=13
            ),
            "ticks": strip.ticks(view, self.now),
            "lanes": drawn,
            "use": _use(story, at),
        }


def _end_words(end: datetime, now: datetime) -> str:
    return "now" if end >= now else f"{end:%b %Y}"


def _use(story: Story, at: datetime) -> dict[str, Any]:
    live: Sequence[moments.Bar] = [bar for bar in story.bars.values() if bar.start <= at < bar.end]
    return {
        "downloads": len(live),
        "devices": len({bar.device_id for bar in live}),
        "max_downloads": moments.limit_at(story, "max_downloads", at),
        "max_devices": moments.limit_at(story, "max_devices", at),
    }
