"""Who appears in the demo: members with a plan, devices, tastes and habits, from one seed."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random
from typing import TypeVar

import msgspec

from licensing.demo import films

T = TypeVar("T")

ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"

# Country, hours its evening lies from UTC (winter time will do), and how often it is drawn.
COUNTRIES = (
    ("US", -6, 26), ("GB", 0, 10), ("DE", 1, 10), ("FR", 1, 8), ("BR", -3, 8), ("MX", -6, 6),
    ("JP", 9, 7), ("KR", 9, 5), ("CA", -5, 5), ("ES", 1, 4), ("NL", 1, 3), ("SE", 1, 3),
    ("IN", 5, 3), ("AU", 10, 2),
)  # fmt: skip

PLANS = (("basic", 30), ("standard", 45), ("premium", 25))

MODELS = (
    ("phone", "Pixel 9"), ("phone", "iPhone 16"), ("phone", "iPhone 14"), ("phone", "Galaxy S24"),
    ("phone", "Galaxy A55"), ("phone", "Xperia 10"), ("phone", "Moto G84"),
    ("tablet", "iPad Air"), ("tablet", "iPad mini"), ("tablet", "Galaxy Tab S9"),
    ("tablet", "Fire HD 10"), ("tablet", "Pixel Tablet"),
    ("laptop", "Surface Laptop"), ("laptop", "MacBook Air"), ("laptop", "ThinkPad X1"),
    ("laptop", "XPS 13"),
)  # fmt: skip

DEVICES_OWNED = ((1, 35), (2, 38), (3, 19), (4, 8))


class Gadget(msgspec.Struct, frozen=True):
    """A device somebody owns, and since when."""

    device_id: str
    type: str
    name: str
    since: datetime


class Persona(msgspec.Struct, frozen=True):
    """One member: the facts, and the habits as chances between 0 and 1."""

    member_id: str
    plan: str
    country: str
    utc_offset: int
    joined: datetime
    gadgets: tuple[Gadget, ...]
    sessions_a_week: float
    studios: tuple[str, ...] = ()
    comfort_film: str | None = None
    offline: float = 0.0
    tidy: float = 0.5
    insists: float = 0.3
    next_plan: str | None = None
    next_plan_at: datetime | None = None


def random_for(seed: int, *names: object) -> Random:
    """A source of chance of its own for each name, so that members do not disturb each other."""
    text = "/".join(str(name) for name in (seed, *names))
    return Random(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big"))  # noqa: S311


def ordinary(seed: int, number: int, start: datetime, until: datetime) -> Persona:
    """The member with this number: the same for the same seed and period."""
    chance = random_for(seed, "ordinary", number)
    member_id = "m-" + "".join(chance.choices(ALPHABET, k=4)) + _digits(number)
    country, offset = _draw(chance, [(entry[:2], entry[2]) for entry in COUNTRIES])
    plan = _draw(chance, PLANS)
    joined = _joined(chance, start, until)
    moves = chance.random() < 0.12
    return Persona(
        member_id=member_id,
        plan=plan,
        country=country,
        utc_offset=offset,
        joined=joined,
        gadgets=_gadgets(chance, member_id, joined, until),
        sessions_a_week=chance.lognormvariate(-2.25, 0.75),
        studios=tuple(chance.sample(films.large_studios(), chance.choice((1, 1, 2, 3)))),
        comfort_film=chance.choice(films.films()).title_id if chance.random() < 0.15 else None,
        offline=chance.choice((0.05, 0.1, 0.2, 0.5)),
        tidy=chance.uniform(0.1, 0.95),
        insists=chance.uniform(0.1, 0.7),
        next_plan=_other_plan(chance, plan) if moves else None,
        next_plan_at=joined + chance.uniform(0.1, 0.9) * (until - joined) if moves else None,
    )


def _digits(number: int) -> str:
    """The number in the alphabet: keeps ids apart however many members there are."""
    found = ""
    while number or len(found) < 2:
        number, rest = divmod(number, len(ALPHABET))
        found = ALPHABET[rest] + found
    return found


def _draw(chance: Random, weighted: Sequence[tuple[T, int]]) -> T:
    return chance.choices([entry[0] for entry in weighted], [entry[1] for entry in weighted])[0]


def _joined(chance: Random, start: datetime, until: datetime) -> datetime:
    # Most were members before the service began to keep a history; the others came since.
    share = chance.uniform(0, 0.06) if chance.random() < 0.6 else chance.uniform(0, 0.97)
    return start + share * (until - start)


def _gadgets(
    chance: Random, member_id: str, joined: datetime, until: datetime
) -> tuple[Gadget, ...]:
    owned = chance.sample(MODELS, _draw(chance, DEVICES_OWNED))
    found = []
    for number, (kind, name) in enumerate(owned):
        early = number == 0 or chance.random() < 0.6
        since = joined + timedelta(minutes=3 + 2 * number)
        if not early:
            since = joined + chance.uniform(0.05, 0.95) * (until - joined)
        found.append(Gadget(f"{member_id}-{kind}-{number + 1}", kind, name, since))
    return tuple(found)


def _other_plan(chance: Random, plan: str) -> str:
    return chance.choice([name for name, _ in PLANS if name != plan])
