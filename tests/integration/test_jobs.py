"""The jobs: what falls due is done once, and what became of it is kept."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from django.db import OperationalError, connection

from licensing import history, obligations, service
from licensing.domain.commands import AcquireLicense, ChangePlan, ReleaseLicense, RenewLicense
from projections import builds, checkpoints, jobs, runner, sides, tasks
from projections.jobs import recording, sweeping
from projections.jobs.claiming import Claims
from projections.read_models import renewal_calendar
from projections.registry import PROJECTORS
from tests.conftest import new_id

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
ACTOR = service.Actor("api", "tests")
RENEWAL_DUE = START + 6 * DAY  # basic: 168 hours, and the window is 24


def calendar():
    """The table that the jobs read now."""
    return sides.on("{renewal_calendar}", sides.live())


def ask(member, command, now=START):
    return service.handle(member, command, command_id=new_id("c"), actor=ACTOR, now=now)


@pytest.fixture
def license(fresh):
    """A member on the basic plan with one license: (member, license id)."""
    member = fresh()
    ask(member, ChangePlan("basic", "DE"))
    license_id = ask(member, AcquireLicense("metropolis", "d1")).license_id
    runner.catch_up()
    return member, license_id


def sweep(now):
    swept = jobs.sweep(now)
    runner.catch_up()
    return swept


def happened(member):
    return [step.recorded.type for step in history.load(member).steps][3:]


def attempts(license_id):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT kind, outcome, attempts, last_error FROM job_attempt"
            " WHERE license_id = %s ORDER BY due_at, kind DESC",
            [license_id],
        )
        return cursor.fetchall()


def test_nothing_happens_before_it_is_due(license):
    member, license_id = license
    sweep(RENEWAL_DUE - HOUR)
    assert happened(member) == []
    assert attempts(license_id) == []


def test_a_license_is_renewed_as_its_window_opens_then_refused_no_more_then_expires(license):
    member, license_id = license
    sweep(RENEWAL_DUE)
    assert happened(member) == ["LicenseRenewed"]
    assert history.current(member).licenses[license_id].expires_at == START + 14 * DAY
    sweep(RENEWAL_DUE + 7 * DAY)
    assert happened(member) == ["LicenseRenewed"]  # the plan grants one renewal
    sweep(START + 14 * DAY + HOUR)
    assert happened(member) == ["LicenseRenewed", "LicenseExpired"]
    outcomes = [("renew", "accepted", 1, None), ("expire", "accepted", 1, None)]
    assert attempts(license_id) == outcomes
    expired = history.load(member).steps[-1].recorded
    assert expired.occurred_at == START + 14 * DAY
    assert expired.metadata["actor"] == {"kind": "job", "id": "expire"}


def test_a_doubled_sweep_does_nothing(license):
    member, license_id = license

    def once(_):
        try:
            return jobs.sweep(RENEWAL_DUE)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(once, range(8)))
    jobs.sweep(RENEWAL_DUE)
    runner.catch_up()
    sweep(RENEWAL_DUE)
    assert happened(member) == ["LicenseRenewed"]
    assert attempts(license_id) == [("renew", "accepted", 1, None)]


def test_a_sweep_that_died_before_keeping_the_outcome_does_not_renew_twice(license, monkeypatch):
    member, license_id = license

    close = recording.Book.close

    def die(book, now):
        if book._ended:
            raise OperationalError("gone")
        close(book, now)

    with monkeypatch.context() as patched:
        patched.setattr(recording.Book, "close", die)
        with suppress(OperationalError):
            jobs.sweep(RENEWAL_DUE)
    assert happened(member) == ["LicenseRenewed"]
    assert attempts(license_id)[0][:3] == ("renew", None, 1)
    sweep(RENEWAL_DUE + jobs.LEASE + SECOND)
    assert happened(member) == ["LicenseRenewed"]
    assert attempts(license_id)[0][:2] == ("renew", "accepted")


def test_a_renewal_refused_by_the_rules_is_recorded_and_the_end_is_next(license, monkeypatch):
    member, license_id = license
    with connection.cursor() as cursor:
        # As if the terms had promised more renewals than the rules now allow.
        cursor.execute(f"UPDATE {calendar()} SET renew_max = 9 WHERE member_id = %s", [member])
    sweep(RENEWAL_DUE)
    sweep(RENEWAL_DUE + 7 * DAY)
    assert happened(member) == ["LicenseRenewed", "RenewalRefused"]
    assert attempts(license_id)[1] == ("renew", "refused", 1, "RENEWALS_USED_UP")
    sweep(START + 14 * DAY)
    assert happened(member)[-1] == "LicenseExpired"


def test_what_was_released_meanwhile_is_left_alone(license):
    member, license_id = license
    ask(member, ReleaseLicense(license_id), now=START + DAY)
    jobs.sweep(START + 30 * DAY)  # the calendar does not know yet
    assert happened(member) == ["LicenseReleased"]
    assert attempts(license_id) == [("expire", "unchanged", 1, None)]


def test_after_an_outage_the_end_comes_before_a_missed_renewal(license):
    member, _ = license
    sweep(START + 30 * DAY)
    assert happened(member) == ["LicenseExpired"]


def test_a_failing_command_is_put_off_with_its_error_kept(license, monkeypatch):
    member, license_id = license
    handle = service.handle

    def fail(member_id, *args, **kwargs):
        if member_id == member:
            raise service.NoRules("No rules have been published yet.")
        return handle(member_id, *args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(service, "handle", fail)
        jobs.sweep(RENEWAL_DUE)
        jobs.sweep(RENEWAL_DUE)
    failed = ("renew", None, 1, "NoRules: No rules have been published yet.")
    assert attempts(license_id) == [failed]
    assert [due.kind for due in renewal_calendar.due(RENEWAL_DUE, 999) if due.member_id == member]
    sweep(RENEWAL_DUE + timedelta(seconds=6))
    assert happened(member) == ["LicenseRenewed"]
    assert attempts(license_id) == [("renew", "accepted", 2, failed[3])]
    assert license_id not in [each.license_id for each in jobs.failing(10_000)]


def test_a_hopeless_command_is_given_up(license):
    member, license_id = license
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {calendar()} SET license_id = %s WHERE member_id = %s",
            [license_id + "-gone", member],
        )
    jobs.sweep(RENEWAL_DUE)
    (row,) = attempts(license_id + "-gone")
    assert row[:3] == ("renew", "gave up", 1)
    assert "UnknownLicense" in row[3]


def test_the_status_counts_what_is_due_and_done(license):
    before = {item["kind"]: item for item in jobs.status(RENEWAL_DUE)["items"]}
    assert before["renew"]["due"] >= 1
    sweep(RENEWAL_DUE)
    after = jobs.status(RENEWAL_DUE, limit=10_000)  # other tests have licenses that fall due too
    counts = {item["kind"]: item for item in after["items"]}
    done = before["renew"]["outcomes"].get("accepted", 0)
    assert counts["renew"]["outcomes"]["accepted"] > done
    assert counts["expire"]["next_due_at"] is not None
    assert any(attempt["license_id"] == license[1] for attempt in after["attempts"])


def test_a_rebuilt_calendar_does_nothing_twice(license):
    member, license_id = license
    sweep(RENEWAL_DUE)
    builds.request(renewal_calendar.PROJECTOR.name, by="tests")
    runner.catch_up()
    sweep(RENEWAL_DUE)
    assert happened(member) == ["LicenseRenewed"]
    assert attempts(license_id) == [("renew", "accepted", 1, None)]


def claim(member, now, **changed):
    """Take up a member's obligation as a worker would that then says nothing."""
    claims = Claims("a worker of the tests")
    found = [each for each in claims.fresh("renew", now, 10_000) if each.member_id == member]
    with connection.cursor() as cursor:  # the others are left to their own tests
        cursor.execute(
            "UPDATE job_attempt SET claimed = false, next_attempt_at = %s"
            " WHERE worker = 'a worker of the tests' AND member_id <> %s",
            [now, member],
        )
    return found


def test_two_obligations_of_one_member_are_done_with_one_look(fresh):
    member = fresh()
    ask(member, ChangePlan("standard", "DE"))
    for number in range(2):
        ask(member, AcquireLicense(f"film-{number}", "d1"))
    runner.catch_up()
    due = START + timedelta(hours=336 - 24)
    sweep(due)
    assert happened(member)[-2:] == ["LicenseRenewed"] * 2
    held = history.current(member)
    assert len(held.licenses) == 2
    history.forget(member)
    assert history.current(member) == held  # what was folded on the way is what is stored


def test_between_two_pages_of_a_sweep_the_projections_go_first(fresh, monkeypatch):
    """However much is overdue, no page is taken up while what was appended is not yet read."""
    for _ in range(3):
        member = fresh()
        ask(member, ChangePlan("basic", "DE"))
        ask(member, AcquireLicense("metropolis", "d1"))
    runner.catch_up()
    monkeypatch.setattr(sweeping, "PAGE", 1)
    monkeypatch.setattr(tasks.timezone, "now", lambda: RENEWAL_DUE)
    monkeypatch.setattr(tasks, "LEVEL_SECONDS", 60)
    real, unread = Claims.fresh, []

    def fresh_ones(claims, *args):
        unread.append(sum(checkpoints.waiting(PROJECTORS).values()))
        return real(claims, *args)

    monkeypatch.setattr(Claims, "fresh", fresh_ones)
    monkeypatch.setattr(tasks, "SWEEP_SECONDS", 600)
    tasks.sweep()
    assert len(unread) > 3
    assert set(unread) == {0}


def test_a_stopped_worker_that_goes_on_later_records_nothing(license):
    member, license_id = license
    (stopped,) = claim(member, RENEWAL_DUE)
    later = RENEWAL_DUE + jobs.LEASE + SECOND
    sweep(later)
    assert attempts(license_id)[0][:3] == ("renew", "accepted", 2)
    book = recording.Book()
    book.end(stopped, "gave up", "by a worker from the past")
    book.close(later)
    book.put_off(stopped, later, "by a worker from the past")
    recording.release([stopped], later)
    assert attempts(license_id) == [("renew", "accepted", 2, None)]


def test_what_was_done_unsaid_is_found_in_the_log(license):
    """The worker died after its command and before its record, and the calendar has gone on."""
    member, license_id = license
    (lost,) = claim(member, RENEWAL_DUE)
    ask_as_job(lost, RENEWAL_DUE)
    runner.catch_up()
    sweep(RENEWAL_DUE + jobs.LEASE + SECOND)
    assert happened(member) == ["LicenseRenewed"]
    assert attempts(license_id)[0][:2] == ("renew", "accepted")


def ask_as_job(obligation, now):
    service.handle(
        obligation.member_id,
        RenewLicense(obligation.license_id),
        command_id=obligations.renewal_command_id(obligation.license_id, obligation.due_at),
        actor=service.Actor("job", "renew"),
        now=now,
    )


def test_an_open_attempt_that_was_overtaken_is_closed_and_opened_again_when_due_again(license):
    member, license_id = license
    claim(member, RENEWAL_DUE)
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {calendar()} SET renew_at = NULL WHERE member_id = %s", [member])
    sweep(RENEWAL_DUE + jobs.LEASE + SECOND)
    assert attempts(license_id)[0][:2] == ("renew", "superseded")
    assert happened(member) == []
    rebuilt(renewal_calendar.PROJECTOR)
    sweep(RENEWAL_DUE + jobs.LEASE + 2 * SECOND)
    assert happened(member) == ["LicenseRenewed"]
    assert attempts(license_id)[0][:2] == ("renew", "accepted")


def rebuilt(projector):
    builds.request(projector.name, by="tests")
    runner.catch_up()


def test_what_kills_its_workers_is_tried_alone_and_given_up(license):
    member, license_id = license
    now = RENEWAL_DUE
    claim(member, now)
    for lost in range(1, jobs.MOST_LOST):
        now += jobs.LEASE + SECOND
        (again,) = Claims("t").suspect(["renew"], now)
        assert (again.member_id, again.attempts) == (member, lost + 1)
        assert not Claims("t").again(["renew"], now, 10_000)
    now += jobs.LEASE + SECOND
    sweep(now)
    (row,) = attempts(license_id)
    assert row[:2] == ("renew", "gave up")
    assert f"Lost {jobs.MOST_LOST} times" in row[3]
    assert happened(member) == []
    mine = [each for each in jobs.failing(999) if each.license_id == license_id]
    assert [each.outcome for each in mine] == ["gave up"]
    about = {"member_id": member, "license_id": license_id}
    assert jobs.try_again(RENEWAL_DUE, "renew", **about)
    assert not jobs.try_again(RENEWAL_DUE, "renew", **about)
    sweep(now)
    assert happened(member) == ["LicenseRenewed"]


def test_a_paused_kind_is_left_alone_and_gone_on_with(license):
    member, license_id = license
    jobs.pause("renew", by="olga", reason="the rules are being looked at")
    try:
        sweep(RENEWAL_DUE)
        assert happened(member) == []
        assert attempts(license_id) == []
        item = {item["kind"]: item for item in jobs.status(RENEWAL_DUE)["items"]}["renew"]
        assert item["paused"]
        assert (item["paused_by"], item["due"] > 0) == ("olga", True)
    finally:
        jobs.resume("renew", by="olga")
    sweep(RENEWAL_DUE)
    assert happened(member) == ["LicenseRenewed"]


def test_after_an_outage_the_oldest_come_first_at_the_set_rate(fresh):
    """What fell due over six hours is caught up in order, not all at once."""
    members = []
    for hour in range(12):
        member = fresh()
        ask(member, ChangePlan("basic", "DE"), now=START + hour * HOUR)
        license_id = ask(member, AcquireLicense("metropolis", "d1"), now=START + hour * HOUR)
        members.append((member, license_id.license_id))
    runner.catch_up()
    now = RENEWAL_DUE + 12 * HOUR
    jobs.sweep(RENEWAL_DUE - SECOND)  # what other tests left behind
    jobs.set_rate("renew", 4)
    try:
        time.sleep(1.1)  # a second's worth is saved up, and no more
        jobs.sweep(now)
        done = [bool(attempts(license_id)) for _, license_id in members]
        assert 0 < sum(done) < len(members)
        assert done == sorted(done, reverse=True)
        jobs.sweep(now)
        again = [bool(attempts(license_id)) for _, license_id in members]
        assert sum(again) <= sum(done) + 4
    finally:
        jobs.set_rate("renew", None)
    sweep(now)
    for member, license_id in members:
        assert happened(member)[-1] == "LicenseRenewed"
        assert attempts(license_id)[0][:2] == ("renew", "accepted")


@pytest.mark.parametrize("bound", [0, -1, 1_000_000])
def test_a_rate_is_a_number_that_means_something(bound):
    with pytest.raises(ValueError, match="per_second"):
        jobs.set_rate("renew", bound)


def test_a_job_that_does_not_exist_is_nobodys_to_pause():
    with pytest.raises(LookupError):
        jobs.pause("delete", by="x", reason="y")


def test_the_command_ids_of_jobs_are_nobody_elses(license):
    member, license_id = license
    stolen = obligations.renewal_command_id(license_id, RENEWAL_DUE)
    for kind in ("api", "staff", "device", "import"):
        with pytest.raises(service.InvalidCommand, match="jobs'"):
            service.handle(
                member,
                RenewLicense(license_id),
                command_id=stolen,
                actor=service.Actor(kind, "somebody"),
                now=START,
            )
    sweep(RENEWAL_DUE)
    assert happened(member) == ["LicenseRenewed"]


def test_the_sum_of_outcomes_is_kept_by_the_hour(license):
    def accepted():
        items = {item["kind"]: item for item in jobs.status(RENEWAL_DUE)["items"]}
        return items["renew"]["outcomes"].get("accepted", 0)

    before = accepted()
    sweep(RENEWAL_DUE)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sum(count) FROM job_tally WHERE kind = 'renew' AND outcome = 'accepted'"
        )
        assert cursor.fetchone()[0] == accepted() >= before + 1


def test_what_comes_in_the_next_day_is_counted_by_the_hour(license):
    hours = jobs.upcoming(RENEWAL_DUE - timedelta(hours=3, minutes=30))["renew"]
    assert len(hours) == 24
    assert hours[3] >= 1
