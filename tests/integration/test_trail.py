"""The audit trail: one row for what it is about, by rights and by triggers never changed."""

import json
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from psycopg import errors

from licensing import trail
from licensing.models import AuditEntry
from licensing.models.log import AppendOnly
from licensing.trail import NotNoted, Who
from tests.integration.store_kit import connected
from timeline.embedded import APP, OWNER, Addresses


def someone(**more: str) -> Who:
    return Who("staff", f"user-{uuid.uuid4().hex[:8]}", "agent", uuid.uuid4().hex, **more)


def rows(who: Who) -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(who=who.who).order_by("id"))


def test_a_record_says_who_what_whom_and_why(fresh: Callable[..., str]) -> None:
    who, member = someone(address="10.0.0.7", request_id="req-12345678"), fresh("m")
    trail.record(who, "reveal", member, purpose="profile", reason="called about it", field="e-mail")
    (row,) = rows(who)
    assert (row.kind, row.roles, row.session) == ("staff", "agent", who.session)
    assert (row.address, row.request_id) == ("10.0.0.7", "req-12345678")
    assert (row.action, row.subject, row.purpose) == ("reveal", member, "profile")
    assert trail.reason_of(member, row.reason, row.detail) == "called about it"
    assert trail.detail_of(row.detail) == {"field": "e-mail"}


def test_a_reason_about_a_member_is_in_nobodys_plain_words(fresh: Callable[..., str]) -> None:
    who, member = someone(), fresh("m")
    trail.record(who, "act", member, reason="Ottilie rang from Bremen", case="C-1")
    trail.record(who, "act", member, reason="TITLE_WITHDRAWN")
    trail.record(who, "act", "title:metropolis", reason="contract ended")
    said, coded, other = rows(who)
    assert "Ottilie" not in f"{said.reason} {said.detail}"
    assert trail.reason_of(member, said.reason, said.detail) == "Ottilie rang from Bremen"
    assert (coded.reason, coded.detail) == ("TITLE_WITHDRAWN", {})
    assert (other.reason, other.detail) == ("contract ended", {})


def test_what_no_column_can_hold_is_kept_as_far_as_it_can() -> None:
    who = someone()
    trail.record(who, "act", "m\x00\ud800" + "x" * 500, reason="y" * 5000)
    (row,) = rows(who)
    assert row.subject.startswith("m?x")
    assert (len(row.subject), len(row.reason)) == (200, 500)


def test_reads_are_noted_once_per_session_member_and_purpose(fresh: Callable[..., str]) -> None:
    who, member = someone(), fresh("m")
    for _ in range(3):
        trail.cover(who, "read", member, "history")
    trail.cover(who, "read", member, "export")
    trail.cover(who, "read", fresh("m"), "history")
    trail.cover(Who("staff", who.who, session="another"), "read", member, "history")
    assert len(rows(who)) == 4


def test_processes_agree_that_one_row_is_enough(fresh: Callable[..., str]) -> None:
    who, member = someone(), fresh("m")

    def once(_: int) -> None:
        trail._covered.clear()  # as another process would have it
        try:
            trail.cover(who, "read", member, "history")
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(once, range(16)))
    assert len(rows(who)) == 1


def test_after_ten_minutes_a_read_is_noted_again(
    database: Addresses, fresh: Callable[..., str]
) -> None:
    who, member = someone(), fresh("m")
    old = (
        "INSERT INTO audit_entry (at, kind, who, roles, session, address, request_id, action,"
        " subject, purpose, reason, detail) VALUES (clock_timestamp() - %s * interval '1 second',"
        " 'staff', %s, '', %s, '', '', 'read', %s, 'history', '', '{}')"
    )
    with connected(database, OWNER) as conn:  # who alone may say when
        conn.execute(old, [601, who.who, who.session, member])
    trail.cover(who, "read", member, "history")
    assert len(rows(who)) == 2
    known = next(s for key, s in trail._covered.items() if key[1] == who.who)
    trail._covered.clear()
    trail.cover(who, "read", member, "history")
    again = next(s for key, s in trail._covered.items() if key[1] == who.who)
    assert len(rows(who)) == 2
    assert again == pytest.approx(known, abs=5)  # covered until the same instant


REWRITES = ["UPDATE {} SET who = who WHERE false", "DELETE FROM {} WHERE false", "TRUNCATE {}"]
INSERT = (
    "INSERT INTO audit_entry ({column}, kind, who, roles, session, address, request_id, action,"
    " subject, purpose, reason, detail) VALUES ({value}, 'staff', '', '', '', '', '', 'read', '',"
    " '', '', '{{}}')"
)


@pytest.mark.parametrize("statement", REWRITES)
@pytest.mark.parametrize(("role", "why"), [(APP, "permission denied"), (OWNER, "append-only")])
def test_the_trail_cannot_be_rewritten(
    database: Addresses, statement: str, role: str, why: str
) -> None:
    with (
        connected(database, role) as conn,
        pytest.raises(errors.InsufficientPrivilege, match=why),
    ):
        conn.execute(statement.format("audit_entry").encode())


@pytest.mark.parametrize(("column", "value"), [("at", "'2020-01-01'"), ("id", "7")])
def test_the_application_chooses_neither_instant_nor_number(
    database: Addresses, column: str, value: str
) -> None:
    refusals = (errors.InsufficientPrivilege, errors.GeneratedAlways)
    with connected(database, APP) as conn, pytest.raises(refusals):
        conn.execute(INSERT.format(column=column, value=value).encode())


def test_the_model_refuses_to_write() -> None:
    who = someone()
    trail.record(who, "act")
    (row,) = rows(who)
    for write in (row.save, row.delete, AuditEntry.objects.all().delete):
        with pytest.raises(AppendOnly):
            write()
    assert json.dumps(row.detail) == "{}"


def test_what_cannot_be_noted_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trail, "_ADD", "INSERT INTO nowhere_to_be_found VALUES (%(who)s)")
    with pytest.raises(NotNoted):
        trail.record(someone(), "reveal", "m-1")
