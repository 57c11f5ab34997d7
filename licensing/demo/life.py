"""One life as a conversation: it says what is done next, and hears what came of it."""

import uuid
from collections.abc import Callable, Generator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from heapq import heappop, heappush
from random import Random
from typing import Any, Literal, Protocol

import msgspec

from licensing import obligations
from licensing.demo.cast import Gadget, Persona, random_for
from licensing.demo.films import Film
from licensing.domain import commands

_NAMESPACE = uuid.UUID("0c3d5f0e-6f0f-5c5e-8b1a-2a3f3f6f7d11")


class Deed(msgspec.Struct, frozen=True):
    """A command at a moment of the story. `occurred_at` is given when it is reported later."""

    at: datetime
    member_id: str
    command: commands.Command
    command_id: str
    actor_kind: str
    actor_id: str
    occurred_at: datetime | None = None


class Recorded(Protocol):
    """What a life reads of a recorded event."""

    @property
    def type(self) -> str: ...
    @property
    def data(self) -> Mapping[str, Any]: ...
    @property
    def occurred_at(self) -> datetime: ...


class Reply(Protocol):
    """What a life reads of an answer."""

    @property
    def outcome(self) -> str: ...
    @property
    def events(self) -> Sequence[Recorded]: ...
    @property
    def decision(self) -> Mapping[str, Any] | None: ...


Speech = Generator[Deed, Reply, None]
Act = Callable[[datetime], Speech]


class Held(msgspec.Struct):
    """A download as its device knows it."""

    license_id: str
    film: Film
    gadget: Gadget
    issued_at: datetime
    expires_at: datetime
    terms: Mapping[str, int]
    renewals: int = 0
    playback_expires_at: datetime | None = None
    watched: bool = False
    over: bool = False

    @property
    def ends_at(self) -> datetime:
        return obligations.expiry_due_at(
            expires_at=self.expires_at,
            playback_expires_at=self.playback_expires_at,
            terms=self.terms,
        )

    @property
    def renewal_due_at(self) -> datetime | None:
        return obligations.renewal_due_at(
            expires_at=self.expires_at, terms=self.terms, renewals=self.renewals
        )


class Life:
    """A persona's agenda up to `until`, with everything the jobs owe its licenses in between."""

    def __init__(self, persona: Persona, seed: int, start: datetime, until: datetime) -> None:
        self.persona = persona
        self.seed = seed
        self.start = start
        self.until = until
        self.chance: Random = random_for(seed, "life", persona.member_id)
        self.held: list[Held] = []
        self._agenda: list[tuple[datetime, int, Act]] = []
        self._count = 0

    def plan_act(self, at: datetime, act: Act) -> None:
        """Put `act` on the agenda; what lies after the end of the story is never done.

        An act says one thing (or nothing) and plans what follows, so that jobs fit in between.
        """
        if at < self.until:
            self._count += 1
            heappush(self._agenda, (at, self._count, act))

    def live(self) -> Speech:
        """Do everything on the agenda in the order of time."""
        now = self.start
        while self._agenda:
            due, _, act = heappop(self._agenda)
            now = max(now, due)
            yield from act(now)

    # -- What devices and staff do --

    def join(self, at: datetime) -> Speech:
        """The membership begins, with its plan and country."""
        command = commands.ChangePlan(plan=self.persona.plan, country=self.persona.country)
        yield from self._do(at, command, "api", "membership")

    def change_plan(self, plan: str, at: datetime) -> Speech:
        """The member moves to another plan."""
        command = commands.ChangePlan(plan=plan, country=self.persona.country)
        yield from self._do(at, command, "api", "membership")

    def register(self, gadget: Gadget, at: datetime) -> Speech:
        """A device is signed in for the first time."""
        command = commands.RegisterDevice(gadget.device_id, gadget.type, gadget.name)
        yield from self._do(at, command, "device", gadget.device_id)

    def download(
        self, film: Film, gadget: Gadget, at: datetime, *, lost_answer: bool = False
    ) -> Generator[Deed, Reply, Reply]:
        """Ask for a download; with `lost_answer` the device asks again with the same command id."""
        command = commands.AcquireLicense(
            title_id=film.title_id,
            device_id=gadget.device_id,
            title={"name": film.name, "studio": film.studio},
            device={"type": gadget.type},
        )
        deed = self._deed(at, command, "device", gadget.device_id)
        reply = yield deed
        if lost_answer:
            yield msgspec.structs.replace(deed, at=at + timedelta(seconds=4))
        self._hear_download(reply, film, gadget)
        return reply

    def renew(self, held: Held, at: datetime) -> Speech:
        """The member presses Renew on the device."""
        command = commands.RenewLicense(held.license_id)
        reply = yield self._deed(at, command, "device", held.gadget.device_id)
        self._hear(reply, held, at)

    def play(
        self, held: Held, action: Literal["start", "stop"], happened: datetime, at: datetime
    ) -> Speech:
        """Report the start or stop of a playback that `happened` then and is reported at `at`."""
        command = commands.RecordPlayback(held.license_id, action)
        occurred_at = happened if happened < at else None
        reply = yield self._deed(at, command, "device", held.gadget.device_id, occurred_at)
        held.watched = True
        self._hear(reply, held, at)

    def release(self, held: Held, happened: datetime, at: datetime) -> Speech:
        """Report that the download was deleted from the device."""
        if held.over:
            return
        command = commands.ReleaseLicense(held.license_id)
        occurred_at = happened if happened < at else None
        reply = yield self._deed(at, command, "device", held.gadget.device_id, occurred_at)
        held.over = True
        self._hear(reply, held, at)

    # -- What the jobs do --

    def _renewal_job(self, held: Held, due: datetime, at: datetime) -> Speech:
        if held.over or held.renewal_due_at != due or at >= held.ends_at:
            return
        command_id = obligations.renewal_command_id(held.license_id, due)
        command = commands.RenewLicense(held.license_id)
        reply = yield Deed(
            at, self.persona.member_id, command, command_id, "job", obligations.RENEWAL_ACTOR
        )
        self._hear(reply, held, at)

    def _expiry_job(self, held: Held, due: datetime, at: datetime) -> Speech:
        if held.over or held.ends_at != due:
            return
        command_id = obligations.expiry_command_id(held.license_id, due)
        command = commands.ExpireLicense(held.license_id)
        held.over = True
        yield Deed(at, self.persona.member_id, command, command_id, "job", obligations.EXPIRY_ACTOR)

    def _owe(self, held: Held, now: datetime) -> None:
        """Put what the license is owed next on the agenda, as a sweep would find it."""
        sweep = timedelta(seconds=self.chance.uniform(1, 29))
        renewal = held.renewal_due_at
        if renewal is not None:
            self.plan_act(max(renewal, now) + sweep, partial(self._renewal_job, held, renewal))
        ends = held.ends_at
        self.plan_act(max(ends, now) + sweep, partial(self._expiry_job, held, ends))

    # -- Hearing answers --

    def _hear_download(self, reply: Reply, film: Film, gadget: Gadget) -> None:
        for event in reply.events:
            if event.type == "LicenseIssued":
                held = Held(
                    license_id=event.data["license_id"],
                    film=film,
                    gadget=gadget,
                    issued_at=event.occurred_at,
                    expires_at=_instant(event.data["expires_at"]),
                    terms=event.data["terms"],
                )
                self.held.append(held)
                self._owe(held, event.occurred_at)

    def _hear(self, reply: Reply, held: Held, now: datetime) -> None:
        for event in reply.events:
            match event.type:
                case "LicenseRenewed":
                    held.expires_at = _instant(event.data["expires_at"])
                    held.renewals = event.data["renewals"]
                case "PlaybackStarted":
                    if event.data.get("expires_at") is not None:
                        held.playback_expires_at = _instant(event.data["expires_at"])
                case _:
                    continue
            if not held.over:
                self._owe(held, now)

    # -- Making deeds --

    def _do(self, at: datetime, command: commands.Command, kind: str, name: str) -> Speech:
        yield self._deed(at, command, kind, name)

    def _deed(
        self,
        at: datetime,
        command: commands.Command,
        kind: str,
        name: str,
        occurred_at: datetime | None = None,
    ) -> Deed:
        self._count += 1
        text = f"{self.seed}/{self.persona.member_id}/{self._count}"
        command_id = str(uuid.uuid5(_NAMESPACE, text))
        return Deed(at, self.persona.member_id, command, command_id, kind, name, occurred_at)

    def current(self, now: datetime) -> list[Held]:
        """The downloads that are still good."""
        return [held for held in self.held if not held.over and held.ends_at > now]

    def latest(self, title_id: str, gadget: Gadget) -> Held | None:
        """The newest download of a title on a device."""
        for held in reversed(self.held):
            if (held.film.title_id, held.gadget) == (title_id, gadget):
                return held
        return None


def _instant(value: str | datetime) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)
