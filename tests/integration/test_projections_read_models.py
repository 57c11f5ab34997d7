"""The read models on real events: found, paged, and the same when folded anew."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

from django.db import connection

from licensing import service
from licensing.domain.commands import (
    AcquireLicense,
    ChangePlan,
    RegisterDevice,
    ReleaseLicense,
    RenewLicense,
)
from projections import builds, heartbeat, runner, sides, tasks
from projections.read_models import (
    daily_activity,
    decision_log,
    license_index,
    member_directory,
    renewal_calendar,
    studio_usage,
)
from projections.registry import PROJECTORS
from tests.conftest import new_id

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ACTOR = service.Actor("api", "tests")
TABLES = (
    "daily_activity",
    "decision_log",
    "decision_log_license",
    "decision_log_member",
    "late_report",
    "license_index",
    "license_index_device",
    "limit_watch",
    "limit_watch_member",
    "member_directory",
    "renewal_calendar",
    "studio_usage",
    "studio_usage_license",
)


def ask(member, command, now=NOW):
    return service.handle(member, command, command_id=new_id("c"), actor=ACTOR, now=now)


def acquire(member, title, device, now=NOW):
    attributes = {"name": title.title(), "studio": "UFA"}
    command = AcquireLicense(title, device, title=attributes, device={"type": "tv"})
    return ask(member, command, now).license_id


def snapshot():
    found = {}
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"SELECT to_jsonb(t)::text FROM {table} t ORDER BY 1")
            found[table] = cursor.fetchall()
    return found


def differences(one, other):
    """The rows that only one of two snapshots has, by table."""
    return {
        table: sorted(set(one[table]) ^ set(other[table]))
        for table in one
        if one[table] != other[table]
    }


def why(found):
    return {row.member_id: row.why for row in found}


def test_a_member_is_found_by_each_id_with_the_reason(fresh):
    member, device, spare = fresh(), fresh("d"), fresh("d")
    ask(member, ChangePlan("premium", "DE"))
    license_id = acquire(member, "metropolis", device)
    ask(member, RegisterDevice(spare, "phone"))
    runner.catch_up()
    assert why(member_directory.search(member)) == {member: "member id"}
    assert why(member_directory.search(member[:-2]))[member] == "member id begins so"
    assert why(member_directory.search(device)) == {member: "device id"}
    assert why(member_directory.search(spare)) == {member: "device id"}
    assert why(member_directory.search(f" {license_id} ")) == {member: "license id"}
    (found,) = member_directory.search(member)
    assert (found.plan, found.country, found.events, found.refusals) == ("premium", "DE", 4, 0)
    assert (found.last_type, found.last_version) == ("DeviceRegistered", 4)


def test_nobody_is_found_by_a_wildcard():
    assert member_directory.search("%") == []
    assert member_directory.search("_") == []


def test_pages_do_not_overlap(fresh):
    prefix = fresh("p")
    members = sorted(f"{prefix}-{n}" for n in range(5))
    for member in members:
        ask(member, ChangePlan("basic", "DE"))
    runner.catch_up()
    first = member_directory.search(prefix, 2)
    second = member_directory.search(prefix, 2, after=first[-1].member_id)
    third = member_directory.search(prefix, 2, after=second[-1].member_id)
    assert [row.member_id for row in first + second + third] == members
    assert set(members) <= {row.member_id for row in member_directory.every(3)}
    newest = member_directory.listing(1)
    rest = member_directory.listing(100_000, newest[0].last_event_at, newest[0].member_id)
    assert len(rest) == member_directory.totals().members - 1
    assert newest[0].member_id not in {row.member_id for row in rest}


def test_the_index_answers_by_license_device_and_member(fresh):
    member, device = fresh(), fresh("d")
    first, second = acquire(member, "metropolis", device), acquire(member, "nosferatu", device)
    ask(member, ReleaseLicense(first), now=NOW + timedelta(hours=1))
    runner.catch_up()
    (entry,) = license_index.find(first)
    assert (entry.member_id, entry.title_name, entry.status) == (member, "Metropolis", "released")
    assert {row.license_id: row.status for row in license_index.of_member(member)} == {
        first: "released",
        second: "active",
    }
    (held,) = license_index.devices(device)
    assert (held.member_id, held.type, held.active) == (member, "tv", 1)
    assert license_index.find("nowhere") == []


def test_decisions_are_found_by_the_row_that_decided(fresh):
    member, start = fresh(), NOW + timedelta(days=30)
    ask(member, ChangePlan("basic", "DE"), start)
    first = acquire(member, "metropolis", "d1", start)
    acquire(member, "nosferatu", "d2", start + timedelta(hours=1))
    ask(member, RenewLicense(first), start + timedelta(hours=2))
    runner.catch_up()
    mine = [d for d in decision_log.by_row("b-basic", 500) if d.member_id == member]
    assert [(d.version, d.command, d.outcome, d.reason) for d in mine] == [
        (6, "RenewLicense", "refused", "RENEWAL_TOO_EARLY"),
        (5, "AcquireLicense", "refused", "DEVICE_LIMIT"),
        (3, "AcquireLicense", "accepted", None),
    ]
    assert {(d.title_id, d.studio, d.plan, d.country) for d in mine} == {
        ("metropolis", "UFA", "basic", "DE"),
        ("nosferatu", "UFA", "basic", "DE"),
    }
    assert len(decision_log.by_row("b-basic", 500, outcome="accepted")) < len(
        decision_log.by_row("b-basic", 500)
    )
    refused = decision_log.refusals(start, 100_000)  # other tests' are later
    assert [d for d in refused if d.member_id == member] == mine[:2]
    counts = {(c.row_id, c.reason): c for c in decision_log.refusal_counts(start)}
    assert counts["b-basic", "DEVICE_LIMIT"].members >= 1
    hours = decision_log.refusal_hours(start)
    assert sum(hour.refusals for hour in hours) == len(refused)
    assert start + timedelta(hours=1) in {hour.hour for hour in hours}


def test_pages_of_decisions_do_not_overlap(fresh):
    for _ in range(3):
        member = fresh()
        for title in ("metropolis", "nosferatu"):
            acquire(member, title, "d1")
    runner.catch_up()
    most = 1_000_000  # whoever else was decided by this row is there too
    whole = decision_log.by_row("b-standard", most) or decision_log.by_row("b-basic", most)
    row_id, pages, after = whole[0].row_id, [], None
    while page := decision_log.by_row(row_id, len(whole) // 4 + 1, after=after):
        pages, after = pages + page, page[-1]
    assert pages == whole
    assert len(whole) == len({(d.member_id, d.version) for d in whole})


def test_a_studio_and_a_day_are_summed_over_the_buckets(fresh):
    studio, day = fresh("studio"), NOW.date()
    for n in range(4):
        member = fresh()
        attributes = {"name": "Faust", "studio": studio}
        command = AcquireLicense("faust", f"d{n}", title=attributes, device={"type": "tv"})
        license_id = ask(member, command).license_id
        if n == 0:
            ask(member, ReleaseLicense(license_id), now=NOW + timedelta(hours=1))
    runner.catch_up()
    usage = {row.studio: row for row in studio_usage.studios(day, day)}[studio]
    assert (usage.issued, usage.ended, usage.active) == (4, 1, 3)
    earlier = studio_usage.studios(day - timedelta(days=9), day - timedelta(days=8))
    assert {row.studio: (row.issued, row.active) for row in earlier}[studio] == (0, 3)
    assert [(row.day, row.issued) for row in studio_usage.days(studio, day, day)] == [(day, 4)]

    with connection.cursor() as cursor:
        cursor.execute("SELECT type, count(*) FROM event WHERE stream_id ^@ 'member-' GROUP BY 1")
        recorded = dict(cursor.fetchall())
    told = Counter()
    for row in daily_activity.days(date(1970, 1, 1), date(2100, 1, 1)):
        told[row.type] += row.events
    assert told == recorded
    late = daily_activity.late(date(1970, 1, 1), date(2100, 1, 1))
    assert late.events == sum(recorded.values())
    assert late.late > 0  # the commands above were decided long before they were recorded


def test_a_rebuild_from_zero_equals_the_live_tables(fresh):
    for n in range(6):
        member = fresh()
        for title in ("metropolis", "nosferatu", "faust"):
            license_id = acquire(member, title, f"d{n}")
        ask(member, ReleaseLicense(license_id), now=NOW + timedelta(hours=n))
        runner.catch_up()
    at_a_limit = fresh()
    ask(at_a_limit, ChangePlan("basic", "DE"), now=datetime.now(UTC))
    acquire(at_a_limit, "metropolis", "d1", now=datetime.now(UTC))
    runner.catch_up()
    live = snapshot()
    assert [table for table, rows in live.items() if not rows] == []

    with connection.cursor() as cursor:
        for projector in PROJECTORS:
            for table in projector.tables:
                cursor.execute("DELETE FROM " + sides.on(table, sides.live()))
    assert not any(snapshot().values())

    for _ in range(2):  # to the other side, and back to the first
        was = sides.live()
        for projector in PROJECTORS:
            builds.request(projector.name, by="tests")
        assert runner.catch_up() > 0
        assert differences(live, snapshot()) == {}
        assert not set(was.items()) & set(sides.live().items())


def test_the_tasks_are_tolerant_and_do_the_work(fresh):
    member = fresh()
    acquire(member, "metropolis", "d1")
    tasks.catch_up(seconds=0, hint="from a newer version")
    assert why(member_directory.search(member)) == {member: "member id"}
    assert renewal_calendar.due(NOW, 1) is not None
    tasks.heartbeat(hint="from a newer version")
    ages = {beat.name: beat.age_seconds for beat in heartbeat.heartbeats()}
    assert ages[heartbeat.WORKER] < 5
