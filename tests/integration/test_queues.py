"""The queues on real events: at a limit is who would be refused, and pages do not overlap."""

import random
from datetime import UTC, datetime, timedelta

from licensing import service
from licensing.domain.commands import AcquireLicense, ChangePlan, RecordPlayback, ReleaseLicense
from projections import runner
from projections.read_models import late_report, limit_watch
from tests.conftest import new_id

ACTOR = service.Actor("api", "tests")
START = datetime(2031, 5, 1, 12, tzinfo=UTC)


def ask(member, command, now, **more):
    return service.handle(
        member, command, command_id=new_id("c"), actor=ACTOR, now=now, recorded_at=now, **more
    )


def acquire(member, title, device, now):
    command = AcquireLicense(title, device, title={"studio": "UFA"}, device={"type": "tv"})
    return ask(member, command, now)


def limits_of(member, now):
    everybody = limit_watch.reached(now, 100_000)
    return {row.limit_name for row in everybody if row.member_id == member}


def test_whoever_is_at_the_device_limit_is_refused_and_nobody_else(fresh):
    """Random lives: before each request for another device the watch says what will come of it."""
    dice, said, came = random.Random(5), [], []
    for _ in range(4):
        member, now, open_, number = fresh(), START, [], 0
        ask(member, ChangePlan("standard", "DE"), now)
        for _ in range(14):
            now += timedelta(hours=dice.randint(1, 40))
            choice = dice.random()
            if open_ and choice < 0.25:
                ask(member, ReleaseLicense(open_.pop(0)), now)
                continue
            if open_ and choice < 0.4:
                ask(member, RecordPlayback(open_[-1], "start"), now)
                continue
            number += 1
            runner.catch_up()
            said.append("max_devices" in limits_of(member, now))
            answer = acquire(member, f"t{number}", f"d{number}", now)
            came.append(answer.outcome == "refused")
            if answer.outcome == "accepted":
                open_.append(answer.license_id)
    assert said == came
    assert True in came
    assert False in came


def test_late_reports_are_counted_listed_and_paged(fresh):
    member, now = fresh(), START
    ask(member, ChangePlan("premium", "DE"), now)
    license_id = acquire(member, "t1", "d1", now).license_id
    for hours in (1, 3, 30, 200):
        now = START + timedelta(days=1, hours=hours)
        ask(
            member, RecordPlayback(license_id, "start"), now, at=now - timedelta(minutes=59 * hours)
        )
    runner.catch_up()
    since = START + timedelta(days=1)
    mine = [row for row in late_report.reports(since, 500) if row.member_id == member]
    assert [row.version for row in mine] == sorted((row.version for row in mine), reverse=True)
    assert len(mine) == 4
    assert {band: count.reports for band in late_report.BANDS for count in late_report.counts(since)
            if count.band == band} == {"hour": 1, "day": 1, "week": 1, "longer": 1}  # fmt: skip
    for band in late_report.BANDS:
        (only,) = late_report.reports(since, band=band)
        assert only in mine
    assert sum(hour.reports for hour in late_report.hours(since)) == 4
    first = late_report.reports(since, 3)
    place = first[-1].recorded_at, first[-1].member_id, first[-1].version
    assert [*first, *late_report.reports(since, 3, after=place)] == mine


def test_pages_of_the_limit_watch_do_not_overlap(fresh):
    now = START + timedelta(days=100)
    for _ in range(3):
        member = fresh()
        ask(member, ChangePlan("basic", "DE"), now)
        acquire(member, "t1", "d1", now)  # one device is all that basic allows
    runner.catch_up()
    whole = [row for row in limit_watch.reached(now, 500) if row.since == now]
    assert len(whole) == 3
    paged, after = [], None
    while page := limit_watch.reached(now, 1, limit_name="max_devices", after=after):
        paged += page
        after = limit_watch.place_of(page[-1])
    assert [row for row in paged if row.since == now] == whole
    (count,) = [c for c in limit_watch.counts(now) if c.limit_name == "max_devices"]
    assert count.members == len(paged)
    assert [hour.members for hour in limit_watch.hours(now, 2)] == [len(paged) - 3, len(paged)]
