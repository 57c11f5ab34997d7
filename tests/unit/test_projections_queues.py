"""What the queues of the first page fold: late reports, and limits that are used up."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import msgspec
import pytest

from licensing import store
from projections import limits_used_up
from projections.limits_used_up import State
from projections.read_models import late_report

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
RULES = {"hash": "h"}


def event(type, at=NOON, version=1, occurred=None, metadata=None, **data):
    return store.RecordedEvent(
        bucket=7,
        stream_id="member-m-1",
        version=version,
        position=version,
        event_id=uuid4(),
        type=type,
        schema_version=1,
        data_json=msgspec.json.encode(data),
        metadata_json=msgspec.json.encode(metadata or {}),
        occurred_at=occurred or at,
        recorded_at=at,
        appended_at=at,
        hash=b"",
    )


@pytest.mark.parametrize(
    ("delay", "seconds"),
    [
        (timedelta(minutes=5), None),
        (timedelta(minutes=5, microseconds=1), 301),
        (timedelta(hours=1), 3600),
        (timedelta(hours=1, microseconds=1), 3601),
        (timedelta(days=9), 9 * 86_400),
        (timedelta(0), None),
    ],
)
def test_late_is_more_than_five_minutes(delay, seconds):
    row = late_report.fold(event("PlaybackStarted", NOON, occurred=NOON - delay))
    assert (row.delay_s if row else None) == seconds


def test_an_expiry_written_down_by_a_job_is_not_late():
    assert late_report.fold(event("LicenseExpired", NOON, occurred=NOON - DAY)) is None


class Member:
    """Folds events one after another; remembers every row as it was written last."""

    def __init__(self, monkeypatch, ruleset):
        monkeypatch.setattr(
            limits_used_up.rulebook,
            "by_hash",
            lambda hash: type("Published", (), {"ruleset": ruleset}),
        )
        monkeypatch.setattr(
            limits_used_up.rulebook, "told", lambda record: {"limits": record["told"]}
        )
        self.state, self.rows, self.version = State(), {}, 0

    def tell(self, type, at, metadata=None, **data):
        self.version += 1
        # The state survives being kept as JSON between any two events.
        self.state = msgspec.json.decode(msgspec.json.encode(self.state), type=State)
        happened = event(type, at, self.version, metadata=metadata, **data)
        for row in limits_used_up.fold(self.state, happened):
            self.rows[row.limit_name, row.scope, row.version] = row

    def decision(self, limits):
        told = [{"limit": name, "value": value, "max": most} for name, value, most in limits]
        return {"decision": {"rules": RULES, "facts": {}, "told": told}}

    def issued(self, license_id, device, at, until, *limits, title="t1", studio="UFA"):
        self.tell(
            "LicenseIssued", at, self.decision(limits), license_id=license_id, title_id=title,
            device_id=device, title={"studio": studio}, device={}, context={},
            expires_at=until.isoformat(), terms={},
        )  # fmt: skip

    def refused(self, at, *limits, title="t1", studio="UFA"):
        self.tell(
            "AcquisitionRefused", at, self.decision(limits), license_id="r", title_id=title,
            device_id="d9", title={"studio": studio}, device={}, context={}, reason="X",
        )  # fmt: skip

    def at_limit(self, now):
        return {
            (row.limit_name, row.scope): (row.used, row.most)
            for row in self.rows.values()
            if row.since <= now and (row.until is None or row.until > now)
        }


@pytest.fixture
def member(monkeypatch, published_rules):
    from licensing import rulebook

    return Member(monkeypatch, rulebook.versions()[0].ruleset)


def test_devices_are_used_up_until_the_clock_frees_one(member):
    member.issued("a", "d1", NOON, NOON + 2 * DAY, ("max_devices", 0, 2))
    assert member.at_limit(NOON) == {}
    member.issued("b", "d1", NOON + DAY, NOON + 9 * DAY, ("max_devices", 1, 2))
    assert member.at_limit(NOON + DAY) == {}
    member.issued("c", "d2", NOON + DAY, NOON + 5 * DAY, ("max_devices", 1, 2))
    assert member.at_limit(NOON + DAY) == {("max_devices", ""): (2, 2)}
    # The first license ends, but its device has another one.
    assert member.at_limit(NOON + 4 * DAY) == {("max_devices", ""): (2, 2)}
    assert member.at_limit(NOON + 5 * DAY) == {}


def test_a_release_frees_and_a_renewal_holds_on(member):
    member.issued("a", "d1", NOON, NOON + 2 * DAY, ("max_devices", 0, 1))
    member.tell(
        "LicenseRenewed", NOON + DAY, license_id="a", expires_at=(NOON + 6 * DAY).isoformat()
    )
    assert member.at_limit(NOON + 3 * DAY) == {("max_devices", ""): (1, 1)}
    member.tell("LicenseReleased", NOON + 4 * DAY, license_id="a")
    assert member.at_limit(NOON + 4 * DAY) == {}
    assert member.at_limit(NOON + 3 * DAY) == {("max_devices", ""): (1, 1)}  # as it was


def test_a_playback_window_ends_a_license_sooner(member):
    member.issued("a", "d1", NOON, NOON + 9 * DAY, ("max_devices", 0, 1))
    member.tell(
        "PlaybackStarted", NOON + DAY, license_id="a", expires_at=(NOON + 3 * DAY).isoformat()
    )
    assert member.at_limit(NOON + 2 * DAY) != {}
    assert member.at_limit(NOON + 3 * DAY) == {}


def test_a_second_time_is_an_interval_of_its_own(member):
    member.issued("a", "d1", NOON, NOON + DAY, ("max_devices", 0, 1))
    member.issued("b", "d1", NOON + 3 * DAY, NOON + 4 * DAY, ("max_devices", 0, 1))
    first, second = sorted(member.rows.values(), key=lambda row: row.since)
    assert (first.version, first.since, first.until) == (1, NOON, NOON + DAY)
    assert (second.version, second.since) == (2, NOON + 3 * DAY)


def test_a_yearly_limit_holds_for_its_studio_until_the_year_ends(member):
    member.issued("a", "d1", NOON, NOON + DAY, ("studio_year_max", 6, 8))
    assert member.at_limit(NOON) == {}
    member.issued("b", "d1", NOON, NOON + DAY, ("studio_year_max", 7, 8))
    member.refused(NOON + DAY, ("title_year_max", 2, 2), title="t2", studio="Toho")
    at_limit = {("studio_year_max", "UFA"): (8, 8), ("title_year_max", "t2"): (2, 2)}
    assert member.at_limit(NOON + DAY) == at_limit
    assert member.at_limit(datetime(2026, 12, 31, 23, tzinfo=UTC)) == at_limit
    assert member.at_limit(datetime(2027, 1, 1, tzinfo=UTC)) == {}


def test_what_changes_the_limit_ends_the_watch_until_the_next_decision(member):
    member.issued("a", "d1", NOON, NOON + 9 * DAY, ("max_devices", 0, 1))
    member.tell("AllowanceGranted", NOON + DAY, limit="max_downloads", amount=1)
    assert member.at_limit(NOON + DAY) == {("max_devices", ""): (1, 1)}
    member.tell("PlanChanged", NOON + DAY, plan="standard")
    assert member.at_limit(NOON + DAY) == {}
    member.refused(NOON + 2 * DAY, ("max_devices", 1, 1))
    assert member.at_limit(NOON + 2 * DAY) == {("max_devices", ""): (1, 1)}
