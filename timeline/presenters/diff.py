"""The difference of two states: as flat paths for the API, and grouped in words for the page."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from licensing.domain import license as licenses
from licensing.domain import member as members
from licensing.domain.license import License
from licensing.domain.member import Member
from licensing.domain.pages import Pages
from timeline.presenters import clock
from timeline.presenters.sentences import Names
from timeline.presenters.state import as_json

V = TypeVar("V")

# The version counts the events; it is no change of what the events are about.
_NOT_COMPARED = ("version",)
MOST = 12  # entities of a group that are put into words, unless all are asked for
ALL = 1_000_000


class Field(msgspec.Struct, frozen=True):
    """One value that changed; `was` is None for something new."""

    label: str
    was: str | None
    now: str
    delta: str = ""


class Entity(msgspec.Struct, frozen=True):
    """What the fields belong to."""

    kind: str
    name: str
    about: str
    id: str
    fields: tuple[Field, ...]


class Group(msgspec.Struct, frozen=True):
    """Changes of one sort; `count` is the number beside the heading, `more` are not shown."""

    title: str
    entities: tuple[Entity, ...]
    count: int
    by_clock: bool = False
    more: int = 0


# -- Flat paths --


def changes(before: Any, after: Any) -> list[dict[str, Any]]:
    """Every value that differs, by its JSON pointer, keyed by entity ids and never by place.

    States may be given as members or as their JSON. A missing value is None.
    """
    was, now = _flat(before), _flat(after)
    return [
        {"path": path, "before": was.get(path), "after": now.get(path)}
        for path in sorted({*was, *now})
        if was.get(path) != now.get(path)
    ]


def unchanged(before: Member, after: Member) -> int:
    """How many licenses, devices and titles are the same in both states."""
    same = sum(1 for key, device in before.devices.items() if after.devices.get(key) == device)
    same += _same(before.licenses, after.licenses)
    return same + _same(before.downloads, after.downloads)


def _same(before: Pages[V], after: Pages[V]) -> int:
    return len(before) - sum(1 for key in before.differing(after) if key in before)


def _flat(state: Any) -> dict[str, Any]:
    whole = as_json(state) if isinstance(state, Member) else state
    kept = {key: value for key, value in whole.items() if key not in _NOT_COMPARED}
    return dict(_leaves("", kept))


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, Mapping):
        yield path, value
        return
    for key, inner in value.items():
        escaped = str(key).replace("~", "~0").replace("/", "~1")
        yield from _leaves(f"{path}/{escaped}", inner)


# -- In words --


def groups(before: Member, after: Member, names: Names, most: int = MOST) -> list[Group]:
    """The changes in words, at most so many of a sort: added, changed, ended, counters."""
    added: list[Entity] = []
    changed: list[Entity] = []
    ended: list[Entity] = []
    for was, now in _changed_licenses(before, after):
        fields = _license_fields(was, now)
        if not fields:
            continue
        entity = _license_entity(now, names, fields)
        if was is None:
            added.append(entity)
        elif was.status == "active" and now.status != "active":
            ended.append(entity)
        else:
            changed.append(entity)
    removed = _not_there(before, after, names)
    _devices(before, after, names, added, changed)
    added += _goodwill(before, after, names)
    ended += _taken_back(before, after)
    added += [
        Entity("account", "Note", "", note.note_id, (Field("Text", None, note.text),))
        for note in after.notes[len(before.notes) :]
    ]
    plan = _plan_fields(before, after)
    if plan:
        changed.append(Entity("account", "Membership", "", "", tuple(plan)))
    counters = _counters(before, after)
    found = (
        _group("Added", added, len(added), most),
        _group("Changed", changed, sum(len(entity.fields) for entity in changed), most),
        _group("Ended", ended, len(ended), most),
        _group("Not there", removed, len(removed), most),
    )
    shown = [group for group in found if group is not None]
    if counters:
        entity = Entity("", "", "", "", counters[:most])
        shown.append(Group("Counters", (entity,), len(counters), more=max(0, len(counters) - most)))
    return shown


def by_clock(
    before: Member, after: Member, names: Names, since: str, most: int = MOST
) -> Group | None:
    """What only the passing of time changed, as one group."""
    entities = [
        _license_entity(
            now,
            names,
            (Field("Status", was.status, now.status, _when(now.ended_at)),),
            kind="expired",
        )
        for was, now in _changed_licenses(before, after)
        if was is not None and was.status != now.status
    ]
    if not entities:
        return None
    return _group(f"By clock since {since}", entities, len(entities), most, by_clock=True)


def _changed_licenses(before: Member, after: Member) -> list[tuple[License | None, License]]:
    """The licenses that differ, as they were and as they are, in the order of their issue."""
    keys = [key for key in after.licenses.differing(before.licenses) if key in after.licenses]
    pairs = [(before.licenses.get(key), after.licenses[key]) for key in keys]
    return sorted(pairs, key=lambda pair: (pair[1].issued_at, pair[1].license_id))


def _not_there(before: Member, after: Member, names: Names) -> list[Entity]:
    """What a state lacks that is earlier, or of another history."""
    lacking = [
        key for key in before.licenses.differing(after.licenses) if key not in after.licenses
    ]
    found = [
        _license_entity(was, names, (Field("Status", was.status, "not there"),), kind="account")
        for was in sorted((before.licenses[key] for key in lacking), key=lambda x: x.issued_at)
    ]
    return found + [
        Entity(
            "account", names.device(key), "device", key, (Field("Device", "known", "not there"),)
        )
        for key in before.devices
        if key not in after.devices
    ]


def _group(
    title: str, entities: list[Entity], count: int, most: int, *, by_clock: bool = False
) -> Group | None:
    if not entities:
        return None
    return Group(title, tuple(entities[:most]), count, by_clock, max(0, len(entities) - most))


_STATUS_KIND = {"active": "granted", "expired": "expired", "released": "ended", "revoked": "ended"}


def _license_entity(
    license: License, names: Names, fields: tuple[Field, ...], kind: str = ""
) -> Entity:
    if not kind:
        renewed = any(field.label == "Renewals" and field.was is not None for field in fields)
        kind = "renewed" if renewed else _STATUS_KIND[license.status]
    about = " · ".join(x for x in (license.studio, names.device(license.device_id)) if x)
    return Entity(kind, names.title(license.license_id), about, license.license_id, fields)


def _license_fields(was: License | None, now: License) -> tuple[Field, ...]:
    year = now.issued_at.year
    most = now.terms.get("renew_max")
    of = f" of {most}" if most is not None else ""
    if was is None:
        fields = [
            Field("Status", None, now.status),
            Field("Expires", None, clock.moment(now.expires_at, year), _span(now)),
            Field("Renewals", None, f"{now.renewals}{of}"),
        ]
        if now.terms.get("renew_grace_h"):
            renewable = clock.moment(licenses.ends_at(now), year)
            fields.insert(2, Field("Renewable until", None, renewable))
        return tuple(fields)
    fields = []
    if was.status != now.status:
        when = _when(now.ended_at)
        fields.append(Field("Status", was.status, now.status, when))
    _instant(fields, "Expires", was.expires_at, now.expires_at, year)
    if was.renewals != now.renewals:
        delta = f"{now.renewals - was.renewals:+d}"
        fields.append(Field("Renewals", f"{was.renewals}{of}", f"{now.renewals}{of}", delta))
    _instant(fields, "First played", was.first_played_at, now.first_played_at, year)
    _instant(fields, "Watch by", was.playback_expires_at, now.playback_expires_at, year)
    if was.playing != now.playing:
        fields.append(Field("Playing", _yes(was.playing), _yes(now.playing)))
    if was.plays != now.plays:
        fields.append(Field("Plays", str(was.plays), str(now.plays), f"{now.plays - was.plays:+d}"))
    return tuple(fields)


def _instant(
    fields: list[Field], label: str, was: datetime | None, now: datetime | None, year: int
) -> None:
    if was == now:
        return
    delta = clock.delta(now - was) if was and now else ""
    fields.append(Field(label, _when(was, year) or "not yet", _when(now, year), delta))


def _when(at: datetime | None, year: int | None = None) -> str:
    return clock.moment(at, year) if at else ""


def _span(license: License) -> str:
    return f"for {clock.duration(license.expires_at - license.issued_at)}"


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _devices(
    before: Member, after: Member, names: Names, added: list[Entity], changed: list[Entity]
) -> None:
    for device_id, now in after.devices.items():
        was = before.devices.get(device_id)
        if was == now:
            continue
        if was is None:
            fields: tuple[Field, ...] = (
                Field("Type", None, now.type or "not known"),
                Field("Registered", None, clock.moment(now.registered_at)),
            )
            added.append(Entity("account", names.device(device_id), "device", device_id, fields))
            continue
        pairs = (
            ("Name", was.name, now.name),
            ("Type", was.type, now.type),
            ("Deactivated", _when(was.deactivated_at), _when(now.deactivated_at)),
        )
        fields = tuple(
            Field(label, old or "none", new or "none") for label, old, new in pairs if old != new
        )
        changed.append(Entity("account", names.device(device_id), "device", device_id, fields))


def _goodwill(before: Member, after: Member, names: Names) -> list[Entity]:
    """The allowances that were granted in between."""
    new = after.allowances.keys() - before.allowances.keys()
    found = []
    for allowance in (after.allowances[key] for key in sorted(new)):
        about = allowance.studio or names.titles.get(allowance.title_id or "") or allowance.title_id
        fields = (
            Field("More", None, f"{allowance.amount} {allowance.label or allowance.limit}"),
            Field("Until", None, clock.moment(allowance.expires_at)),
            Field("Reason", None, allowance.reason),
        )
        found.append(Entity("account", "Allowance", about or "", allowance.allowance_id, fields))
    return found


def _taken_back(before: Member, after: Member) -> list[Entity]:
    """The allowances that support took back in between."""
    found = []
    for key, now in after.allowances.items():
        was = before.allowances.get(key)
        if was is not None and was.withdrawn_at is None and now.withdrawn_at is not None:
            more = Field("More", f"{was.amount} {was.label or was.limit}", "none")
            found.append(Entity("account", "Allowance", "taken back", key, (more,)))
    return found


def _plan_fields(before: Member, after: Member) -> list[Field]:
    was, now = before.membership.cancelled_at, after.membership.cancelled_at
    pairs = (
        ("Plan", before.plan, after.plan),
        ("Country", before.country, after.country),
        ("Cancelled", _when(was), _when(now)),
    )
    return [Field(label, was or "none", now or "none") for label, was, now in pairs if was != now]


def in_use(member: Member) -> tuple[int, int]:
    """How many downloads are valid, and on how many devices."""
    live = members.live(member)
    return len(live), len({license.device_id for license in live})


def _counters(before: Member, after: Member) -> tuple[Field, ...]:
    (downloads_was, devices_was), (downloads_now, devices_now) = in_use(before), in_use(after)
    counted = [
        ("Downloads in use", downloads_was, downloads_now),
        ("Devices with downloads", devices_was, devices_now),
    ]
    for title_id in sorted(after.downloads.differing(before.downloads)):
        now, was = after.downloads.get(title_id), before.downloads.get(title_id)
        if now is None:
            continue
        name = now.name or title_id
        issued = len(was.issued) if was else 0
        played = len(was.played) if was else 0
        counted.append((f"{name}, downloads", issued, len(now.issued)))
        counted.append((f"{name}, plays", played, len(now.played)))
    return tuple(
        Field(label, str(was_n), str(now_n), f"{now_n - was_n:+d}")
        for label, was_n, now_n in counted
        if was_n != now_n
    )
