"""The jobs: what falls due is done once, and what became of it is kept."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from django.db import OperationalError, connection

from licensing import history, service
from licensing.domain.commands import AcquireLicense, ChangePlan, ReleaseLicense
from projections import builds, jobs, runner, sides
from projections.jobs import recording
from projections.read_models import renewal_calendar
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
    assert attempts(license_id)[0][1:3] == ("accepted", 2)


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
