"""Keeps each confirmed form once, and each day's cap for everybody, in whatever race.

The key of a form is taken before its command is sent, so a double click takes one place of the
day. A place is given back when the command had no effect.
"""

import re
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import F

from timeline.actions.models import StaffAction, StaffDay

KEY = re.compile(r"[0-9a-f]{32}")


class CapReached(Exception):
    """The day's actions are used up; nothing was written. `cap` says how many there were."""

    def __init__(self, cap: int) -> None:
        super().__init__(f"{cap} actions were taken today already")
        self.cap = cap


class KeyTaken(Exception):
    """The form's key belongs to another action, or to somebody else's."""


def command_id(key: str) -> str:
    """The command's id, made of the form's key: a repeat is a repeat."""
    return f"staff-{key}"


def cap() -> int:
    """How many actions one person may take in a day, in UTC."""
    return int(settings.ACTIONS_PER_DAY)


def used(user_id: int, now: datetime) -> int:
    """How many of today's actions somebody has taken."""
    found = StaffDay.objects.filter(user_id=user_id, day=now.date()).first()
    return found.used if found else 0


def expect_room(user_id: int, now: datetime) -> None:
    """Raise CapReached when somebody's day is used up already."""
    if used(user_id, now) >= cap():
        raise CapReached(cap())


def find(key: str) -> StaffAction | None:
    """The row of a confirmed form."""
    return StaffAction.objects.filter(pk=key).first() if KEY.fullmatch(key) else None


def take(row: StaffAction) -> StaffAction:
    """Keep a form that is being confirmed, with its place in the day; or the row that is there.

    Raises CapReached when no place is left, and KeyTaken for a key of something else.
    """
    with transaction.atomic():
        kept, created = StaffAction.objects.select_for_update().get_or_create(
            pk=row.key, defaults=_values(row)
        )
        if not _same(kept, row):
            raise KeyTaken
        if created or kept.state == "void":
            if row.counted:
                _count(row)
            StaffAction.objects.filter(pk=row.key).update(state="open", day=row.day, at=row.at)
    return kept


def finish(key: str, outcome: str, version: int | None) -> None:
    """Note what came of it; what changed nothing gives its place in the day back."""
    effect = outcome == "accepted"
    with transaction.atomic():
        row = StaffAction.objects.select_for_update().get(pk=key)
        if row.state != "open":
            return
        row.state, row.outcome, row.version = "done", outcome, version
        row.save(update_fields=["state", "outcome", "version"])
        if not effect:
            _give_back(row)


def give_up(key: str) -> None:
    """Its command was not sent after all: the form may be confirmed again."""
    with transaction.atomic():
        row = StaffAction.objects.select_for_update().filter(pk=key, state="open").first()
        if row is not None:
            StaffAction.objects.filter(pk=key).update(state="void")
            _give_back(row)


def _values(row: StaffAction) -> dict[str, object]:
    names = [field.attname for field in StaffAction._meta.concrete_fields if field.name != "key"]
    return {name: getattr(row, name) for name in names}


def _same(kept: StaffAction, row: StaffAction) -> bool:
    names = ("member_id", "action", "user_id")
    return all(getattr(kept, name) == getattr(row, name) for name in names)


def _count(row: StaffAction) -> None:
    # The row of the day is made first, so that the check and the count are one statement.
    StaffDay.objects.get_or_create(user_id=row.user_id, day=row.day, defaults={"used": 0})
    mine = StaffDay.objects.filter(user_id=row.user_id, day=row.day, used__lt=cap())
    if not mine.update(used=F("used") + 1):
        raise CapReached(cap())


def _give_back(row: StaffAction) -> None:
    if row.counted:
        mine = StaffDay.objects.filter(user_id=row.user_id, day=row.day, used__gt=0)
        mine.update(used=F("used") - 1)
