"""A member's page: what is special to licenses, devices and the rules that decided about them."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import reverse

from licensing import history
from licensing.history import History, Step
from timeline import recent
from timeline.http import part_wanted
from timeline.pasts import Past
from timeline.presenters import clock, compare, diff, panel, pin, state_view
from timeline.presenters.cursor import Cursor
from timeline.presenters.moments import CLOCK, Story
from timeline.views import rule_links, what_if, why
from timeline.views.regions import REGIONS, Page, in_use, limit_at


class MemberPage(Page):
    """The regions of a member's page."""

    subject = "Member"
    section = "members"
    templates = "tabs"
    more_tabs = ("what-if",)
    steps: History

    def __init__(self, whole: Past, asked: QueryDict, **page: Any) -> None:
        super().__init__(**page)
        self.past, self.asked = whole, asked

    @cached_property
    def step(self) -> Step | None:
        """The step under the cursor; None before the first."""
        place = self.cursor.place
        return self.steps.step_at(place) if place else None

    @cached_property
    def seen(self) -> panel.Seen:
        """The states around the step."""
        return panel.see(self.steps, self.cursor)

    @cached_property
    def repeats(self) -> Mapping[int, int]:  # type: ignore[override]  # asked for once
        """How often each refusal's request came again."""
        return history.same_refusals(self.name)

    def bar(self) -> dict[str, Any]:
        """Plan, country and since when, at the head."""
        head = self.past.history.state(self.past.history.head)
        return {
            "pills": [
                word for word in ((head.plan or "").capitalize(), head.country or "") if word
            ],
            "facts": [("Since", clock.date(head.since))] if head.since else [],
        }

    def whole(self) -> dict[str, Any]:
        """As of any page, and whether the person behind it was erased."""
        erased_at = self.past.head.erased_at
        return super().whole() | {"erased": clock.date(erased_at) if erased_at else ""}

    def own(self) -> tuple[str, ...]:
        """What the step is about: its license, then its device and title."""
        data = self.step.recorded.data if self.step else {}
        license_id = data.get("license_id")
        known = next(iter(self.told.about(f"license:{license_id}", self.now)), None)
        if known is not None:
            return known.about
        device_id = data.get("device_id")
        return (f"device:{device_id}",) if isinstance(device_id, str) else ()

    def answer(self, request: HttpRequest) -> HttpResponse:
        """As of any page; a whole one is remembered as opened."""
        if part_wanted(request, REGIONS) is None:
            recent.note(request, self.name)
        return super().answer(request)

    def fingerprint(self) -> str:
        """The state that is shown, and the rules that decided the step."""
        return pin.fingerprint(self.seen.shown, self.step.rules if self.step else None)

    def use(self, story: Story) -> list[dict[str, Any]]:
        """Downloads and devices in use."""
        at = self.cursor.at
        downloads, devices = in_use(story, at)
        return [
            {"id": "use-downloads", "count": downloads, "limit": "max_downloads",
             "max": limit_at(story, "max_downloads", at), "words": "downloads in use"},
            {"id": "use-devices", "count": devices, "limit": "max_devices",
             "max": limit_at(story, "max_devices", at), "words": "devices in use"},
        ]  # fmt: skip

    def exports(self) -> list[tuple[str, str, str]]:
        """The rows that the filter leaves, and every event."""
        rows = f"{reverse('export-rows', args=[self.name])}{self.query.rows}"
        events = reverse("export-events", args=[self.name])
        return [
            ("Rows as CSV", f"{len(self.shown)} rows", rows),
            ("Events as JSON lines", f"all {self.steps.head}", events),
        ]

    def about_step(self) -> dict[str, Any]:
        """Head, changes, and what the open tab shows."""
        cursor, seen, step = self.cursor, self.seen, self.step
        most = diff.ALL if self.query.everything else diff.MOST
        changed = panel.changed(seen, cursor, step, most)
        expired = self._ended_now([x.id for group in changed.by_clock for x in group.entities])
        carried = cursor.carried and cursor.at < self.now
        told = Cursor(cursor.version, cursor.place, cursor.at, carried)
        readable = self.steps.readable_until
        context: dict[str, Any] = {
            "heading": panel.heading(step, told, self.query.order, seen.names, expired),
            "changed": changed,
            "expired": expired,
            "stopped_at": self.steps.version_at(readable) if cursor.place > readable else None,
            "may_try": True,
            "all_href": self.address(all="1"),
            "chain": self.past.head.last_hash.hex()[:16],
        }
        if step is not None and self.query.tab in ("changed", "why"):
            context |= self._why(step)
        match self.query.tab:
            case "state":
                context["state_href"] = (
                    f"{reverse('export-state', args=[self.name])}?v={cursor.version}"
                )
                context["state"] = state_view.state_view(seen.shown, seen.names)
            case "compare":
                context |= self._comparison()
            case "raw" if step is not None:
                context["raw"] = panel.raw(step)
                context["event_id"] = step.recorded.event_id
            case "what-if":
                past = self.past.history
                context |= what_if.context(past, cursor, seen, self.asked, self.now)
        return context

    def _ended_now(self, keys: list[str]) -> list[str]:
        """Those of the licenses that the clock ended at the very instant that is shown."""
        return [
            key
            for key in keys
            for moment in self.told.about(f"license:{key}", self.now)
            if moment.type == CLOCK and moment.at == self.cursor.at
        ]

    def _why(self, step: Step) -> dict[str, Any]:
        found = why.why(step, self.seen)
        if found is None or self.query.tab != "why":
            return {"why": found}
        row = found.row.id if found.row else ""
        return {
            "why": found,
            "row_links": why.links(found),
            "row_history": rule_links.history(found.rule_set, row) if row else "",
            "version_link": rule_links.version(found.rule_set, found.version),
            "turns": why.turns(step, self.seen, found),
        }

    def _comparison(self) -> dict[str, Any]:
        query, cursor = self.query, self.cursor
        most = diff.ALL if query.everything else diff.MOST
        a = query.a if query.a is not None else max(cursor.version - 5, 0)
        other = self.past.told(query.a_order).history
        found = compare.compare(other, a, self.steps, cursor, self.seen, most)
        swapped = {
            "a": str(cursor.version), "a_order": query.order, "order": other.order,
        }  # fmt: skip
        opposite = "known" if query.order == "happened" else "happened"
        return {
            "comparison": found,
            "compare_pairs": self.query.pairs(tab="compare", a="", a_order=""),
            "swap": self.address(found.a, **swapped),
            "both_orders": self.address(a=str(cursor.version), a_order=opposite),
        }
