"""What the read models hold of one member, on both sides: nothing, when he was erased."""

from typing import Any

from django.db import connection

from licensing import store
from projections import sides
from projections.registry import PROJECTORS
from projections.sql import statement

SIDES = ("a", "b")


def of_member(member_id: str) -> dict[str, int]:
    """Rows that name the member, by table; a table without any has 0."""
    found = {}
    with connection.cursor() as cursor:
        for table in _tables():
            cursor.execute(statement("rows_of_member").replace("{table}", table), _key(member_id))
            (found[table],) = cursor.fetchone()
    return found


def forget(member_id: str) -> int:
    """Delete what is left of an erased member; returns how many rows that were.

    MemberErased does so in every build that comes past it; a retired one does not come so far.
    """
    deleted = 0
    with connection.cursor() as cursor:
        for table in _tables():
            cursor.execute(statement("forget_member").replace("{table}", table), _key(member_id))
            deleted += cursor.rowcount
    return deleted


def _tables() -> list[str]:
    return [
        sides.on(table, {projector.name: side})
        for projector in PROJECTORS
        for table in projector.personal
        for side in SIDES
    ]


def _key(member_id: str) -> dict[str, Any]:
    return {"bucket": store.bucket_of(f"member-{member_id}"), "member_id": member_id}
