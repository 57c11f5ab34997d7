"""A member's story of two months, told through the command service, for the pages to show."""

from datetime import UTC, datetime, timedelta
from typing import Any

from licensing import service
from licensing.domain.commands import (
    AcquireLicense,
    ChangePlan,
    ExpireLicense,
    RecordPlayback,
    RegisterDevice,
    ReleaseLicense,
    RenewLicense,
)

START = datetime(2026, 9, 1, 19, 30, tzinfo=UTC)
FILMS = {
    "casablanca": ("Casablanca", "Warner Bros."),
    "third-man": ("The Third Man", "London Films"),
    "seven-samurai": ("Seven Samurai", "Toho"),
    "rear-window": ("Rear Window", "Paramount Pictures"),
    "tokyo-story": ("Tokyo Story", "Shochiku"),
    "vertigo": ("Vertigo", "Paramount Pictures"),
    "north": ("North by Northwest", "MGM"),
}
DEVICES = {"ipad": ("tablet", "iPad Air"), "pixel": ("phone", "Pixel 9")} | {
    "surface": ("laptop", "Surface Laptop")
}


class Teller:
    """Sends one command after another at the story's own time."""

    def __init__(self, member: str) -> None:
        self.member, self.count, self.now = member, 0, START

    def after(self, **span: float) -> "Teller":
        """Let time pass."""
        self.now += timedelta(**span)
        return self

    def does(self, command: Any, *, kind: str = "device", ago: timedelta | None = None) -> Any:
        """Send a command; `ago` says how long before now it had happened."""
        self.count += 1
        return service.handle(
            self.member,
            command,
            command_id=f"c{self.count}",
            actor=service.Actor(kind, "teller"),
            now=self.now,
            at=self.now - ago if ago else None,
            recorded_at=self.now,
        )

    def downloads(self, film: str, device: str) -> Any:
        """Ask for a film on a device."""
        name, studio = FILMS[film]
        kind, called = DEVICES[device]
        return self.does(
            AcquireLicense(
                title_id=film,
                device_id=f"{self.member}-{device}",
                license_id=f"{self.member}-{film}-{self.count}",
                title={"name": name, "studio": studio},
                device={"type": kind, "name": called},
            )
        ).license_id


def tell(member: str) -> int:
    """Tell the story; returns the number of the last step."""
    teller = Teller(member)
    teller.does(ChangePlan("standard", "NL"), kind="api")
    teller.does(RegisterDevice(f"{member}-ipad", "tablet", "iPad Air"))
    casablanca = teller.after(hours=2).downloads("casablanca", "ipad")
    third_man = teller.after(days=2, hours=1).downloads("third-man", "ipad")
    teller.after(days=1).does(RecordPlayback(casablanca, "start"))
    teller.after(hours=2).does(RecordPlayback(casablanca, "stop"))
    vertigo = teller.after(hours=5).downloads("vertigo", "pixel")
    teller.after(hours=9).downloads("tokyo-story", "surface")  # two devices are in use already
    teller.after(minutes=30).downloads("rear-window", "surface")
    teller.after(days=2).does(ExpireLicense(casablanca), kind="job")
    samurai = teller.after(days=1).downloads("seven-samurai", "pixel")
    teller.after(days=2).does(RenewLicense(third_man), kind="device")  # too early
    teller.after(days=6, hours=20).does(RenewLicense(third_man), kind="job")
    teller.after(days=1).does(RecordPlayback(samurai, "start"), ago=timedelta(days=2, hours=4))
    teller.after(hours=20).does(ReleaseLicense(vertigo))
    north = teller.after(days=4).downloads("north", "pixel")
    teller.after(days=5).does(ReleaseLicense(third_man))
    teller.after(hours=3).downloads("tokyo-story", "surface")
    teller.after(days=6).does(RecordPlayback(north, "start"))
    last = teller.after(days=9).downloads("rear-window", "ipad")
    return int(teller.does(RenewLicense(last)).version)
