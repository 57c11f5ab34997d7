"""The filter of a history: it hides rows and never skips an event in the fold."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date

import msgspec

from timeline.presenters.moments import CLOCK, Moment, Story

TYPES = {
    "LicenseIssued": "Downloaded",
    "AcquisitionRefused": "Download refused",
    "LicenseRenewed": "Renewed",
    "RenewalRefused": "Renewal refused",
    "LicenseExtended": "Extended",
    "ExtensionRefused": "Extension refused",
    "ExtensionWithdrawn": "Extension taken back",
    "PlaybackStarted": "Played",
    "PlaybackStopped": "Playback stopped",
    CLOCK: "Expired by the clock",
    "LicenseExpired": "Expiry recorded",
    "LicenseReleased": "Released",
    "LicenseRevoked": "Revoked",
    "DeviceRegistered": "Device registered",
    "DeviceDeactivated": "Device deactivated",
    "PlanChanged": "Plan changed",
    "MembershipCancelled": "Membership cancelled",
    "AllowanceGranted": "Allowance granted",
    "AllowanceWithdrawn": "Allowance taken back",
    "NoteAdded": "Note",
    "RulesDraftStarted": "Draft started",
    "RulesDraftEdited": "Draft edited",
    "RulesDraftSubmitted": "Submitted",
    "RulesDraftApproved": "Approved",
    "RulesDraftRejected": "Rejected",
    "RulesPublished": "Published",
    "RulesDraftPublished": "Draft published",
    "RulesRolledBack": "Rolled back",
    "RulesSuspended": "Suspended",
}
OUTCOMES = {
    "changed": "Changed state",
    "unchanged": "No change",
    "refused": "Refused",
    "late": "Reported late",
    "clock": "By clock",
    "staff": "By staff",
}
ACTORS = {
    "device": "Device",
    "staff": "Staff",
    "job": "Job",
    "api": "API",
    "import": "Import",
    "clock": "Clock",
}
MOST_CHOICES = 20


class Filter(msgspec.Struct, frozen=True):
    """What is to be shown: every field that says something must agree; days are inclusive."""

    q: str = ""
    type: tuple[str, ...] = ()
    device: tuple[str, ...] = ()
    title: tuple[str, ...] = ()
    outcome: tuple[str, ...] = ()
    actor: tuple[str, ...] = ()
    since: date | None = None
    until: date | None = None

    def __bool__(self) -> bool:
        return self != NOTHING

    def pairs(self) -> list[tuple[str, str]]:
        """The filter as it stands in an address."""
        found = [("q", self.q)] if self.q else []
        for name in MULTI:
            found += [(name, value) for value in getattr(self, name)]
        days = (("from", self.since), ("to", self.until))
        return found + [(name, day.isoformat()) for name, day in days if day]


NOTHING = Filter()
MULTI = ("type", "device", "title", "outcome", "actor")


def matching(moments: Sequence[Moment], wanted: Filter) -> list[Moment]:
    """The rows that the filter leaves."""
    return [moment for moment in moments if matches(moment, wanted)] if wanted else list(moments)


def matches(moment: Moment, wanted: Filter) -> bool:
    """Whether a row is to be shown."""
    if wanted.type and moment.type not in wanted.type:
        return False
    if wanted.actor and moment.actor not in wanted.actor:
        return False
    if wanted.outcome and not any(word in wanted.outcome for word in moment.outcomes):
        return False
    if not _about(moment, "device", wanted.device) or not _about(moment, "title", wanted.title):
        return False
    # Days are compared, not instants: there is none after the last day that can be typed.
    if wanted.since and _day(moment) < wanted.since:
        return False
    if wanted.until and _day(moment) > wanted.until:
        return False
    return not wanted.q or wanted.q.casefold() in _said(moment)


def _about(moment: Moment, kind: str, ids: tuple[str, ...]) -> bool:
    return not ids or any(f"{kind}:{each}" in moment.about for each in ids)


def _day(moment: Moment) -> date:
    return moment.at.astimezone(UTC).date()


def _said(moment: Moment) -> str:
    tags = " ".join(tag.text for tag in moment.tags)
    return f"{moment.phrase.text} {tags} {' '.join(moment.about)} {moment.type}".casefold()


# -- What can be chosen --


class Choice(msgspec.Struct, frozen=True):
    """One value of a menu, and how many rows have it."""

    value: str
    label: str
    count: int
    on: bool


class Menu(msgspec.Struct, frozen=True):
    """One field of the filter; `more` values are not offered."""

    name: str
    label: str
    choices: tuple[Choice, ...]
    more: int
    on: int


def menus(story: Story, wanted: Filter) -> list[Menu]:
    """The fields with the values that this history has, the most frequent first."""
    types, actors, outcomes, abouts = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    for moment in story.moments:
        types[moment.type] += 1
        actors[moment.actor] += 1
        outcomes.update(moment.outcomes)
        abouts.update(moment.about)
    devices, titles = _ids(abouts, "device"), _ids(abouts, "title")
    labels = story.labels
    return [
        _menu("type", "Type", types, TYPES, wanted.type),
        _menu("device", "Device", devices, _labels(labels, "device"), wanted.device),
        _menu("title", "Title", titles, _labels(labels, "title"), wanted.title),
        _menu("outcome", "Outcome", outcomes, OUTCOMES, wanted.outcome),
        _menu("actor", "Actor", actors, ACTORS, wanted.actor),
    ]


def _ids(abouts: Mapping[str, int], kind: str) -> dict[str, int]:
    return {
        about[len(kind) + 1 :]: n for about, n in abouts.items() if about.startswith(kind + ":")
    }


def _labels(labels: Mapping[str, str], kind: str) -> dict[str, str]:
    return {
        key[len(kind) + 1 :]: label for key, label in labels.items() if key.startswith(kind + ":")
    }


def _menu(
    name: str,
    label: str,
    counts: Mapping[str, int],
    labels: Mapping[str, str],
    on: tuple[str, ...],
) -> Menu:
    known = [value for value in counts if value]
    known.sort(key=lambda value: (value not in on, -counts[value], labels.get(value, value)))
    unknown = [value for value in on if value not in counts]  # a saved address may be older
    offered = [*known[:MOST_CHOICES], *unknown]
    choices = [
        Choice(value, labels.get(value, value), counts.get(value, 0), value in on)
        for value in offered
    ]
    return Menu(name, label, tuple(choices), max(0, len(known) - MOST_CHOICES), len(on))


# -- What is chosen --


class Chip(msgspec.Struct, frozen=True):
    """One thing that the filter asks for, with the filter that is left without it."""

    words: str
    rest: Filter


def chips(story: Story, wanted: Filter) -> list[Chip]:
    """Each thing that the filter asks for."""
    return [Chip(words, rest) for words, rest in _chips(story, wanted)]


def _chips(story: Story, wanted: Filter) -> Iterable[tuple[str, Filter]]:
    without = msgspec.structs.replace
    if wanted.q:
        yield f"“{wanted.q}”", without(wanted, q="")
    words = {
        "type": TYPES, "outcome": OUTCOMES, "actor": ACTORS,
        "device": _labels(story.labels, "device"), "title": _labels(story.labels, "title"),
    }  # fmt: skip
    for name in MULTI:
        values = getattr(wanted, name)
        for value in values:
            left = tuple(other for other in values if other != value)
            yield words[name].get(value, value), without(wanted, **{name: left})
    if wanted.since:
        yield f"from {wanted.since.isoformat()}", without(wanted, since=None)
    if wanted.until:
        yield f"to {wanted.until.isoformat()}", without(wanted, until=None)
