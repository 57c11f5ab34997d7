"""The one place that puts an event into words."""

from collections.abc import Mapping
from typing import Any

from licensing.domain import member as members
from licensing.domain.license import License
from licensing.domain.member import Member
from timeline.presenters import clock, rule_sentences
from timeline.presenters.phrases import Phrase

KINDS = {
    "LicenseIssued": "granted",
    "LicenseRenewed": "renewed",
    "LicenseExtended": "renewed",
    "PlaybackStarted": "played",
    "PlaybackStopped": "played",
    "LicenseExpired": "expired",
    "LicenseReleased": "ended",
    "LicenseRevoked": "ended",
    "AcquisitionRefused": "refused",
    "RenewalRefused": "refused",
    "ExtensionRefused": "refused",
}
KIND_WORDS = {
    "granted": "download granted",
    "renewed": "license renewed",
    "played": "playback",
    "expired": "license expired",
    "ended": "license ended",
    "refused": "request refused",
    "account": "account event",
}


class Names:
    """What people call the licenses and devices that events mention by id.

    Learned from events, or looked up in a state when they are asked for.
    """

    def __init__(self, state: Member | None = None) -> None:
        self.titles: dict[str, str] = {}
        self.studios: dict[str, str] = {}
        self.devices: dict[str, str] = {}
        self.types: dict[str, str] = {}
        self.device_of: dict[str, str] = {}
        self._states = [] if state is None else [state]

    def __copy__(self) -> "Names":
        other = Names()
        other.include(self)
        return other

    @classmethod
    def of(cls, member: Member) -> "Names":
        """The names that a state holds."""
        names = cls(member)
        for license in members.live(member):
            names._held(license)
        for device in member.devices.values():
            names._device(device.device_id, {"name": device.name, "type": device.type})
        return names

    def include(self, other: "Names") -> None:
        """Take in everything that another knows."""
        for name in ("titles", "studios", "devices", "types", "device_of"):
            getattr(self, name).update(getattr(other, name))
        self._states += other._states

    def learn(self, event_type: str, data: Mapping[str, Any]) -> None:
        """Take in what one event says about names."""
        if event_type == "DeviceRegistered":
            self._device(data.get("device_id"), data)
        elif event_type in ("LicenseIssued", "AcquisitionRefused"):
            self._license(
                data.get("license_id"),
                data.get("title_id"),
                data.get("device_id"),
                data.get("title"),
            )
            self._device(data.get("device_id"), data.get("device"))

    def title(self, license_id: object) -> str:
        """The title of a license, or its id."""
        self._look_up(license_id)
        return self.titles.get(str(license_id), str(license_id))

    def device(self, device_id: object) -> str:
        """What the device is called, or its id."""
        return self.devices.get(str(device_id), str(device_id))

    def device_holding(self, license_id: object) -> str | None:
        """The name of the device that a license is on."""
        self._look_up(license_id)
        device_id = self.device_of.get(str(license_id))
        return None if device_id is None else self.device(device_id)

    def _look_up(self, license_id: object) -> None:
        if str(license_id) in self.titles:
            return
        for state in self._states:
            license = state.licenses.get(str(license_id))
            if license is not None:
                self._held(license)
                return

    def _held(self, license: License) -> None:
        self._license(license.license_id, license.title_id, license.device_id, license.title)
        if license.device_id not in self.devices:
            self._device(license.device_id, license.device)

    def _license(self, license_id: object, title_id: object, device_id: object, title: Any) -> None:
        title = title if isinstance(title, Mapping) else {}
        name, studio = title.get("name"), title.get("studio")
        self.titles[str(license_id)] = name if isinstance(name, str) and name else str(title_id)
        if isinstance(studio, str):
            self.studios[str(license_id)] = studio
        self.device_of[str(license_id)] = str(device_id)

    def _device(self, device_id: object, about: Any) -> None:
        about = about if isinstance(about, Mapping) else {}
        name, kind = about.get("name"), about.get("type")
        if isinstance(name, str) and name:
            self.devices[str(device_id)] = name
        if isinstance(kind, str) and kind:
            self.types[str(device_id)] = kind


def kind_of(event_type: str) -> str:
    """Which of the kinds (a color, a shape and a word) an event belongs to."""
    return KINDS.get(event_type, "account")


def sentence(event_type: str, data: Mapping[str, Any], state_before: Member) -> str:
    """The event in words, as plain text."""
    names = Names.of(state_before)
    names.learn(event_type, data)
    return phrase(event_type, data, names).text


def phrase(event_type: str, data: Mapping[str, Any], names: Names) -> Phrase:
    """The event in words, in parts."""
    license_id = data.get("license_id")
    title = names.title(license_id)
    device = names.device_holding(license_id)
    match event_type:
        case "LicenseIssued":
            return Phrase("", title, f" downloaded{_to(device)}{_until(data, ', until ')}")
        case "AcquisitionRefused":
            return Phrase("", title, f" refused{_on(device)}")
        case "LicenseRenewed":
            return Phrase("", title, f" renewed{_on(device)}{_until(data, ' to ')}")
        case "RenewalRefused":
            return Phrase("Renewal of ", title, f" refused{_on(device)}")
        case "LicenseExtended":
            given = f" extended{_on(device)} by {_hours(data.get('hours'))}"
            return Phrase("", title, f"{given}{_until(data, ', until ')}")
        case "ExtensionRefused":
            asked = f" by {_hours(data.get('hours'))} refused"
            return Phrase("Extension of ", title, f"{asked}{_on(device)}")
        case "ExtensionWithdrawn":
            return Phrase("Extension of ", title, f" taken back{_until(data, ', until ')}")
        case "LicenseReleased":
            return Phrase("", title, f" released{_on(device)}")
        case "LicenseRevoked":
            return Phrase("", title, f" revoked{_on(device)}{_for(data.get('reason'))}")
        case "LicenseExpired":
            return Phrase("Expiry of ", title, f" recorded{_ended_by(data)}")
        case "PlaybackStarted":
            end = clock.instant(data.get("expires_at"))
            first = "first played" if end else "played"
            left = f", watch by {clock.moment(end)}" if end else ""
            return Phrase("", title, f" {first}{_on(device)}{left}")
        case "PlaybackStopped":
            return Phrase("Playback of ", title, f" stopped{_on(device)}")
        case "DeviceRegistered":
            kind = data.get("type")
            tail = f" registered, a {kind}" if isinstance(kind, str) else " registered"
            return Phrase("", names.device(data.get("device_id")), tail)
        case "DeviceDeactivated":
            return Phrase("", names.device(data.get("device_id")), " deactivated")
        case "PlanChanged":
            return _plan_changed(data)
        case "MembershipCancelled":
            return Phrase("", "Membership", " cancelled")
        case "AllowanceGranted":
            return _allowance(data, names)
        case "AllowanceWithdrawn":
            return Phrase("", "Allowance", f" taken back{_for(data.get('reason'))}")
        case "NoteAdded":
            return Phrase("Note: ", str(data.get("text")), "")
        case _ if event_type in rule_sentences.KINDS:
            return rule_sentences.phrase(event_type, data)
        case _:
            return Phrase("", event_type, ", an event that this page has no words for")


def _hours(hours: object) -> str:
    if not isinstance(hours, int):
        return "more time"
    days, rest = divmod(hours, 24)
    count, unit = (days, "day") if days and not rest else (hours, "hour")
    return f"{count} {unit}{'' if count == 1 else 's'}"


def _ended_by(data: Mapping[str, Any]) -> str:
    return ", its time to watch was over" if data.get("ended_by") == "playback" else ""


def reason_words(code: str) -> str:
    """`TITLE_WITHDRAWN` as `title withdrawn`."""
    return code.replace("_", " ").lower()


def _for(reason: object) -> str:
    if not isinstance(reason, str) or not reason:
        return ""
    return f": {reason_words(reason) if reason.isupper() else reason}"


def _allowance(data: Mapping[str, Any], names: Names) -> Phrase:
    words = str(data.get("label") or reason_words(str(data.get("limit"))))
    if data.get("amount") == 1:
        first, _, rest = words.partition(" ")
        words = f"{first.removesuffix('s')} {rest}".rstrip()
    about = (
        data.get("studio") or names.titles.get(str(data.get("title_id"))) or data.get("title_id")
    )
    on = f" for {about}" if about else ""
    return Phrase(
        "Allowed ", f"{data.get('amount')} more {words}", f"{on}{_until(data, ', until ')}"
    )


def _plan_changed(data: Mapping[str, Any]) -> Phrase:
    plan, country = str(data.get("plan")).capitalize(), data.get("country")
    was, left = data.get("previous_plan"), data.get("previous_country")
    if was == data.get("plan") and left:
        return Phrase(f"Moved from {left} to ", str(country), "")
    where = f", {country}" if isinstance(country, str) and country != left else ""
    start = f"Plan changed from {was.capitalize()} to " if isinstance(was, str) else "Plan set to "
    if "previous_plan" not in data:
        start = "Plan changed to "  # written before events said what was before
    return Phrase(start, plan, where)


def expired(license_id: str, names: Names) -> Phrase:
    """What the clock did, in words."""
    return Phrase("", names.title(license_id), f" expired{_on(names.device_holding(license_id))}")


def _on(device: str | None) -> str:
    return f" on {device}" if device else ""


def _to(device: str | None) -> str:
    return f" to {device}" if device else ""


def _until(data: Mapping[str, Any], word: str) -> str:
    end = clock.instant(data.get("expires_at"))
    return f"{word}{clock.day(end)}" if end else ""
