"""The folds of the read models, the backoff and the hints: pure, or nearly."""

import threading
import time
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import msgspec
import pytest

from licensing import store
from projections import hints, jobs
from projections.feed import category_of, subject_of
from projections.read_models import (
    daily_activity,
    decision_log,
    license_index,
    member_directory,
    renewal_calendar,
    studio_usage,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
TERMS = {"renew_max": 2, "renew_window_h": 24}


def event(type, at=NOON, version=1, member="m-1", **data):
    return store.RecordedEvent(
        bucket=7,
        stream_id=f"member-{member}",
        version=version,
        position=version,
        event_id=uuid4(),
        type=type,
        schema_version=1,
        data_json=msgspec.json.encode({"license_id": "l1", **data}),
        metadata_json="{}",
        occurred_at=at,
        recorded_at=at,
        appended_at=at,
        hash=b"",
    )


def issued(expires=NOON + 7 * DAY, **more):
    return event(
        "LicenseIssued",
        title_id="t1",
        device_id="d1",
        title={"name": "Metropolis", "studio": "UFA"},
        device={"type": "tv"},
        context={},
        expires_at=expires.isoformat(),
        **{"terms": TERMS, **more},
    )


def fold(model, *events):
    row = None
    for each in events:
        row = model.fold(row, each)
    return row


def test_a_stream_id_is_a_category_and_a_subject():
    assert (category_of("member-m-1"), subject_of("member-m-1")) == ("member", "m-1")


def test_the_directory_counts_and_keeps_the_last():
    row = fold(
        member_directory,
        event("PlanChanged", plan="basic", country="DE"),
        event("AcquisitionRefused", NOON + DAY, 2),
        event("SomethingNew", NOON + 2 * DAY, 3),
    )
    assert (row.member_id, row.plan, row.country) == ("m-1", "basic", "DE")
    assert (row.events, row.refusals, row.last_type, row.last_version) == (3, 1, "SomethingNew", 3)
    assert (row.first_event_at, row.last_event_at) == (NOON, NOON + 2 * DAY)


def test_the_index_follows_a_license_to_its_end():
    later = NOON + 14 * DAY
    row = fold(license_index, issued())
    assert (row.title_name, row.studio, row.device_type, row.status) == (
        "Metropolis",
        "UFA",
        "tv",
        "active",
    )
    renewed = event("LicenseRenewed", expires_at=later.isoformat(), renewals=1, version=2)
    row = license_index.fold(row, renewed)
    assert (row.expires_at, row.renewals) == (later, 1)
    row = license_index.fold(row, event("LicenseExpired", expired_at=later.isoformat()))
    assert (row.status, row.ended_at) == ("expired", later)


def test_a_refused_request_is_indexed_and_a_later_grant_replaces_it():
    about = {"title_id": "t1", "device_id": "d1", "title": {}, "device": {}, "context": {}}
    refusal = event("AcquisitionRefused", reason="DEVICE_LIMIT", **about)
    row = fold(license_index, refusal)
    assert (row.status, row.reason, row.expires_at) == ("refused", "DEVICE_LIMIT", None)
    row = license_index.fold(row, issued())
    assert (row.status, row.reason) == ("active", None)
    assert license_index.fold(row, refusal) == row


def test_a_renewal_is_due_when_the_window_opens():
    row = fold(renewal_calendar, issued())
    assert (row.renew_at, row.ends_at) == (NOON + 6 * DAY, NOON + 7 * DAY)


def test_after_the_last_renewal_only_the_end_is_due():
    end = NOON + 21 * DAY
    last = event("LicenseRenewed", expires_at=end.isoformat(), renewals=2)
    row = fold(renewal_calendar, issued(), last)
    assert (row.renew_at, row.ends_at) == (None, end)


def test_a_refused_renewal_leaves_the_end():
    row = fold(renewal_calendar, issued(), event("RenewalRefused", reason="LICENSE_LIFE"))
    assert (row.active, row.renew_at, row.ends_at) == (True, None, NOON + 7 * DAY)


def test_a_renewal_asked_too_early_leaves_the_job_its_time():
    early = event("RenewalRefused", reason="RENEWAL_TOO_EARLY")
    assert fold(renewal_calendar, issued(), early) == fold(renewal_calendar, issued())


def test_a_playback_window_ends_a_license_earlier():
    window = NOON + 2 * DAY
    row = fold(renewal_calendar, issued(), event("PlaybackStarted", expires_at=window.isoformat()))
    assert row.ends_at == window


def test_a_grace_keeps_a_license_beyond_its_end_but_not_beyond_its_playback_window():
    given = issued(terms={**TERMS, "renew_grace_h": 72})
    row = fold(renewal_calendar, given)
    assert (row.expires_at, row.renew_at, row.ends_at) == (
        NOON + 7 * DAY, NOON + 6 * DAY, NOON + 10 * DAY,
    )  # fmt: skip
    window = event("PlaybackStarted", expires_at=(NOON + 8 * DAY).isoformat())
    assert fold(renewal_calendar, given, window).ends_at == NOON + 8 * DAY
    renewed = event("LicenseRenewed", expires_at=(NOON + 15 * DAY).isoformat(), renewals=1)
    assert fold(renewal_calendar, given, renewed).ends_at == NOON + 18 * DAY


@pytest.mark.parametrize("kind", ["LicenseExtended", "ExtensionWithdrawn"])
def test_an_extension_moves_end_and_renewal(kind):
    end = NOON + 9 * DAY
    moved = event(kind, expires_at=end.isoformat())
    row = fold(renewal_calendar, issued(), moved)
    assert (row.renew_at, row.ends_at) == (end - DAY, end)
    found = fold(license_index, issued(), moved)
    assert (found.expires_at, found.renewals, found.status) == (end, 0, "active")


@pytest.mark.parametrize("ending", ["LicenseReleased", "LicenseExpired", "LicenseRevoked"])
def test_nothing_is_due_after_the_end(ending):
    row = fold(renewal_calendar, issued(), event(ending))
    assert (row.active, row.renew_at) == (False, None)


def test_events_about_an_unknown_license_change_nothing():
    assert fold(renewal_calendar, event("LicenseReleased")) is None
    assert fold(license_index, event("LicenseReleased")) is None


def test_backoff_doubles_up_to_an_hour_with_jitter():
    waits = [jobs.backoff(n, jitter=lambda: 1.0).total_seconds() for n in (1, 2, 3, 50)]
    assert waits == [5, 10, 20, 3600]
    assert jobs.backoff(1, jitter=lambda: 0.0).total_seconds() == 2.5


def test_hints_are_throttled_and_sent_from_another_thread(monkeypatch):
    sent = []
    monkeypatch.setattr(hints.Nudger, "_send", lambda self: sent.append(threading.get_ident()))
    nudger = hints.Nudger(every=0.1)
    until = time.monotonic() + 0.35
    while time.monotonic() < until:
        nudger.nudge()
        time.sleep(0.001)
    assert 2 <= len(sent) <= 5
    assert threading.get_ident() not in sent


def test_a_broker_that_is_away_is_only_logged(monkeypatch):
    from projections import tasks

    def refuse(**kwargs):
        raise OSError("no broker")

    monkeypatch.setattr(tasks.catch_up, "apply_async", refuse)
    hints.Nudger()._send()


def decided(type, row="base-premium", rules="ab12", reason=None, version=1, **data):
    record = {"rules": {"id": "r", "version": 1, "hash": rules}, "row": row, "facts": {}}
    more = {"reason": reason} if reason else {}
    made = event(type, version=version, **data, **more)
    return msgspec.structs.replace(
        made, metadata_json=msgspec.json.encode({"decision": {**record, **more}}).decode()
    )


def test_a_decision_is_told_with_its_row_and_what_was_known():
    license = decision_log.LicenseOf(7, "m-1", "l1", "t1", "UFA")
    member = decision_log.MemberOf(7, "m-1", "premium", "DE")
    refused = decided("RenewalRefused", "life", reason="LICENSE_LIFE", version=4)
    row = decision_log.fold(refused, license, member)
    assert (row.command, row.outcome, row.reason) == ("RenewLicense", "refused", "LICENSE_LIFE")
    assert (row.row_id, row.rules, row.version) == ("life", "ab12", 4)
    assert (row.title_id, row.studio, row.plan, row.country) == ("t1", "UFA", "premium", "DE")


def test_a_decision_without_a_record_has_no_row():
    row = decision_log.fold(issued(), None, None)
    assert (row.command, row.outcome, row.row_id, row.rules) == (
        "AcquireLicense",
        "accepted",
        None,
        None,
    )


def test_late_events_are_counted_by_their_delay():
    row = None
    for minutes in (0, 5, 6, 60, 61, 24 * 60, 24 * 60 + 1, 7 * 24 * 60, 7 * 24 * 60 + 1):
        late = event("LicenseReleased", NOON - timedelta(minutes=minutes))
        row = daily_activity.fold(row, msgspec.structs.replace(late, recorded_at=NOON))
    assert (row.day, row.type, row.events) == (NOON.date(), "LicenseReleased", 9)
    assert (row.late_hour, row.late_day, row.late_week, row.late_longer) == (2, 2, 2, 1)


def test_a_studio_counts_what_is_done_with_its_titles_and_each_end_once():
    license, more = studio_usage.fold(None, issued())
    assert (license.studio, more.studio, more.issued) == ("UFA", "UFA", 1)
    license, more = studio_usage.fold(license, event("LicenseReleased", NOON + DAY))
    assert (license.ended, more.ended, more.day) == (True, 1, (NOON + DAY).date())
    assert studio_usage.fold(license, event("LicenseExpired")) == (license, None)
    assert studio_usage.fold(None, event("LicenseReleased")) == (None, None)


def test_a_refused_download_counts_for_its_studio_and_is_no_license():
    about = {"title_id": "t1", "device_id": "d1", "title": {}, "device": {}, "context": {}}
    license, more = studio_usage.fold(None, event("AcquisitionRefused", reason="X", **about))
    assert license is None
    assert (more.studio, more.refused) == ("", 1)
