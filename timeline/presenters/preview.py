"""A preview in words and lanes: what would happen, why, what it does to limits, how to go back."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec

from licensing.domain import license as licenses
from licensing.domain import member as members
from licensing.domain.commands import (
    AddNote,
    DeactivateDevice,
    ExtendLicense,
    GrantAllowance,
    RegisterDevice,
    ReleaseLicense,
    RevokeLicense,
    WithdrawAllowance,
    WithdrawExtension,
)
from licensing.domain.license import License
from licensing.rules import LimitCheck
from licensing.simulation import Preview
from timeline.presenters import clock, decision, diff, explanations, sentences
from timeline.presenters.axis import percent
from timeline.presenters.phrases import Phrase
from timeline.presenters.sentences import Names

MOST_LANES = 12
NO_RULE = "No rule decides this; whoever may act may do it, with a reason."


class Told(msgspec.Struct, frozen=True):
    """One event that would be appended."""

    kind: str
    phrase: Phrase


class Room(msgspec.Struct, frozen=True):
    """How a limit stands before and after."""

    label: str
    was: str
    now: str
    changed: bool


class Lane(msgspec.Struct, frozen=True):
    """One license: solid as it stands, dashed as it would be; in percent of the chart."""

    title: str
    device: str
    words: str
    x: str
    width: str
    dashed_x: str
    dashed_width: str
    longer: bool


class Lanes(msgspec.Struct, frozen=True):
    """The licenses that would change, between the first start and the last end."""

    lanes: tuple[Lane, ...]
    more: int
    now_x: str
    start: str
    end: str


class View(msgspec.Struct, frozen=True):
    """Everything that a preview says. `verdict` is allowed, refused, unchanged or impossible."""

    verdict: str
    line: str
    events: tuple[Told, ...]
    groups: tuple[diff.Group, ...]
    lanes: Lanes | None
    why: decision.Why | None
    rule: str
    room: tuple[Room, ...]
    member_sees: str
    back: str
    turns: tuple[str, ...]
    fewer: int | None
    warning: str


def view(found: Preview, row_of: Callable[[str], dict[str, Any] | None]) -> View:
    """Put a preview into words."""
    names = Names.of(found.before)
    for event in found.events:
        names.learn(type(event).__name__, msgspec.to_builtins(event))
    refused = found.decided is not None and found.decided.outcome == "refused"
    why = _why(found, names, row_of)
    return View(
        verdict=_verdict(found),
        line=_line(found, why),
        events=tuple(_event(event, names) for event in found.events),
        groups=tuple(diff.groups(found.before, found.after, names)),
        lanes=_lanes(found, names),
        why=why,
        rule="" if why or found.error is not None else NO_RULE,
        room=_room(found),
        member_sees=_member_sees(found, names),
        back="" if refused else _back(found),
        turns=tuple(explanations.turn(turn, "refused") for turn in found.turns),
        fewer=_fewer(found),
        warning=_warning(found),
    )


def _verdict(found: Preview) -> str:
    if found.decided is None:
        return "impossible"
    return {"accepted": "allowed"}.get(found.decided.outcome, found.decided.outcome)


def _line(found: Preview, why: decision.Why | None) -> str:
    if found.error is not None:
        path = getattr(found.error, "path", "")
        return f"This cannot be done: {path} {found.error.detail}".replace("  ", " ")
    match _verdict(found):
        case "refused":
            return why.line.text if why else "The rules refuse this."
        case "unchanged":
            return "Nothing would change: it is so already, or the license is over."
        case _:
            return why.line.text if why else "Allowed."


def _event(event: members.Event, names: Names) -> Told:
    kind = type(event).__name__
    data = msgspec.to_builtins(event)
    return Told(sentences.kind_of(kind), sentences.phrase(kind, data, names))


def _why(
    found: Preview, names: Names, row_of: Callable[[str], dict[str, Any] | None]
) -> decision.Why | None:
    record = found.decided.decision if found.decided else None
    if record is None:
        return None
    data = msgspec.to_builtins(found.command)
    line = decision.verdict(record, data, found.before, names, found.in_force)
    return decision.told(record, line, "", found.in_force, row_of)


def _room(found: Preview) -> tuple[Room, ...]:
    before, after = found.room
    later = {check.limit: check for check in after}
    rows = [
        Room(
            check.label[:1].upper() + check.label[1:],
            _of(check),
            _of(later.get(check.limit, check)),
            _of(check) != _of(later.get(check.limit, check)),
        )
        for check in before
    ]
    return tuple(sorted(rows, key=lambda row: not row.changed))


def _of(check: LimitCheck) -> str:
    return f"{check.value} of {check.max}"


def _fewer(found: Preview) -> int | None:
    """The most hours that the rules would allow, where that turns the verdict."""
    for turn in found.turns:
        for part in turn.parts if turn.kind == "fact" else ():
            if part.name == "hours" and isinstance(part.to, int):
                return part.to
    return None


# -- What it means --


def _license(found: Preview, *, after: bool = False) -> License | None:
    held = found.after if after else found.before
    return held.licenses.get(getattr(found.command, "license_id", ""))


def _warning(found: Preview) -> str:
    """What somebody might not expect of it."""
    if not isinstance(found.command, ExtendLicense | WithdrawExtension):
        return ""
    was, now = _license(found), _license(found, after=True)
    if was is None or now is None or was.expires_at == now.expires_at:
        return ""
    if licenses.ends_at(was) == licenses.ends_at(now):
        end = clock.moment(licenses.ends_at(now), None)
        return f"The film was started: its time to watch still ends on {end}, before the license."
    return ""


def _member_sees(found: Preview, names: Names) -> str:
    if found.decided is None or not found.events or _verdict(found) != "allowed":
        return "Nothing: the member's downloads stay as they are."
    command = found.command
    match command:
        case ReleaseLicense() | RevokeLicense():
            title, device = names.title(command.license_id), _device(found, names)
            return f"{title} goes from {device} when it is online next; its place is free at once."
        case ExtendLicense() | WithdrawExtension():
            now = _license(found, after=True)
            end = clock.moment(licenses.ends_at(now), None) if now else "its end"
            return f"{names.title(command.license_id)} can be watched until {end}."
        case GrantAllowance():
            return f"The next request counts it: {command.amount} more until {_date(command)}."
        case DeactivateDevice():
            count = sum(type(event).__name__ == "LicenseReleased" for event in found.events)
            goes = "its download goes" if count == 1 else f"its {count} downloads go"
            device = names.device(command.device_id)
            return f"{device} is signed off" + (f", and {goes}." if count else ".")
        case RegisterDevice():
            return f"{names.device(command.device_id)} can download again."
        case WithdrawAllowance():
            return "The next request counts it no more; what was downloaded stays."
        case _:
            return "Nothing: notes are for support."


def _back(found: Preview) -> str:
    """Whether it can be taken back, and until when."""
    if _verdict(found) != "allowed":
        return ""
    command = found.command
    match command:
        case ReleaseLicense() | RevokeLicense():
            return "Not reversible: the member would have to download it again, which counts anew."
        case ExtendLicense():
            was = _license(found)
            end = clock.moment(was.expires_at, None) if was else "its old end"
            return f"Can be taken back until {end}: after that the license would have ended."
        case GrantAllowance():
            return f"Can be taken back until {_date(command)}; what was downloaded with it stays."
        case DeactivateDevice():
            return "The device can be taken in again; what was on it stays released."
        case RegisterDevice():
            return "The device can be deactivated again."
        case WithdrawExtension():
            return "The license can be extended again."
        case WithdrawAllowance():
            return "Another allowance can be granted."
        case AddNote():
            return "A note stays; another one can correct it."
        case _:
            return ""


def _date(command: GrantAllowance) -> str:
    return clock.moment(command.expires_at, None)


def _device(found: Preview, names: Names) -> str:
    license = _license(found)
    return names.device(license.device_id) if license else "the device"


# -- Lanes --


def _lanes(found: Preview, names: Names) -> Lanes | None:
    """The licenses that differ, drawn as they are and dashed as they would be."""
    changed = [
        (found.before.licenses.get(key), found.after.licenses.get(key))
        for key in sorted(found.after.licenses.differing(found.before.licenses))
    ]
    pairs = [(was, now) for was, now in changed if was is not None and now is not None]
    if not pairs:
        return None
    pairs.sort(key=lambda pair: pair[0].issued_at)
    starts = [was.issued_at for was, _ in pairs]
    ends = [max(_end(was), _end(now)) for was, now in pairs]
    start, end = min(*starts, found.now), max(*ends, found.now)
    pad = (end - start) * 0.03 or timedelta(hours=1)
    start, end = start - pad, end + pad

    def place(at: datetime) -> float:
        return 100 * ((at - start) / (end - start))

    lanes = tuple(_lane(was, now, place, names) for was, now in pairs[:MOST_LANES])
    return Lanes(
        lanes,
        max(0, len(pairs) - MOST_LANES),
        percent(place(found.now)),
        clock.day(start),
        clock.day(end),
    )


def _end(license: License) -> datetime:
    return license.ended_at or licenses.ends_at(license)


def _until(license: License) -> str:
    return f"until {clock.moment(_end(license), None)}"


def _lane(was: License, now: License, place: Callable[[datetime], float], names: Names) -> Lane:
    left, old, new = place(was.issued_at), place(_end(was)), place(_end(now))
    first, last = min(old, new), max(old, new)
    return Lane(
        title=names.title(was.license_id),
        device=names.device(was.device_id),
        words=f"{_until(was)}, would be {_until(now)}",
        x=percent(left),
        width=percent(max(0.4, first - left)),
        dashed_x=percent(first),
        dashed_width=percent(max(0.4, last - first)),
        longer=new > old,
    )
