"""The life of a license, told as given, when, then."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licensing.domain import member as members
from licensing.domain.commands import (
    AcquireLicense,
    ExpireLicense,
    RecordPlayback,
    ReleaseLicense,
    RenewLicense,
)
from licensing.domain.decider import Terms
from licensing.domain.device import DeviceRegistered
from licensing.domain.license import (
    AcquisitionRefused,
    LicenseExpired,
    LicenseIssued,
    LicenseReleased,
    LicenseRenewed,
    PlaybackStarted,
    PlaybackStopped,
    RenewalRefused,
)
from licensing.domain.member import as_of
from licensing.domain.values import LicenseIdTaken, Moment, UnknownLicense
from tests.spec import GRANT, Given, hours, refused

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ABOUT = {
    "license_id": "l1",
    "title_id": "casablanca",
    "device_id": "ipad",
    "title": {"studio": "Warner Bros."},
    "device": {"type": "tablet"},
    "context": {},
}
ASK = AcquireLicense(**ABOUT)
IPAD = (NOON, DeviceRegistered("ipad", "tablet"))
ISSUED = LicenseIssued(**ABOUT, expires_at=NOON + hours(336), terms=GRANT)
LICENSED = (IPAD, (NOON, ISSUED))


def test_a_granted_download_carries_its_terms():
    Given(IPAD).when(ASK, NOON).then_once(ISSUED)


def test_a_new_device_is_registered_in_the_same_breath():
    Given().when(ASK, NOON).then(DeviceRegistered("ipad", "tablet"), ISSUED)


def test_a_refusal_is_an_event_too():
    refusal = AcquisitionRefused(**ABOUT, reason="DEVICE_LIMIT")
    Given(IPAD).when(ASK, NOON, terms=refused("DEVICE_LIMIT")).then(refusal)


def test_a_title_live_on_the_device_is_not_licensed_twice():
    again = AcquireLicense(**{**ABOUT, "license_id": "l2"})
    Given(*LICENSED).when(again, NOON + hours(1)).then()


def test_a_title_expired_by_the_clock_can_be_licensed_again():
    later = NOON + hours(400)
    again = AcquireLicense(**{**ABOUT, "license_id": "l2"})
    new = LicenseIssued(**{**ABOUT, "license_id": "l2"}, expires_at=later + hours(336), terms=GRANT)
    Given(*LICENSED).when(again, later).then_once(new)


def test_a_license_id_names_one_download_for_ever():
    other = AcquireLicense(**{**ABOUT, "title_id": "metropolis"})
    Given(*LICENSED).when(other, NOON + hours(1)).then_raises(LicenseIdTaken)


def test_a_renewal_moves_the_end():
    now = NOON + hours(320)
    Given(*LICENSED).when(RenewLicense("l1"), now).then(
        LicenseRenewed("l1", NOON + hours(336), NOON + hours(504), 1)
    )


def test_a_renewal_never_passes_the_longest_life():
    renewed = (NOON, LicenseRenewed("l1", NOON + hours(336), NOON + hours(1000), 1))
    Given(*LICENSED, renewed).when(RenewLicense("l1"), NOON + hours(990)).then(
        LicenseRenewed("l1", NOON + hours(1000), NOON + hours(1080), 2)
    )


def test_a_refused_renewal_leaves_the_end():
    when = Given(*LICENSED).when(RenewLicense("l1"), NOON, terms=refused("RENEWAL_TOO_EARLY"))
    after = when.then(RenewalRefused("l1", "RENEWAL_TOO_EARLY"))
    assert after.licenses["l1"].expires_at == ISSUED.expires_at


GRACE = {**GRANT, "renew_grace_h": 72}
KIND = LicenseIssued(**ABOUT, expires_at=NOON + hours(336), terms=GRACE)
IN_GRACE = Given(IPAD, (NOON, KIND))


def test_a_grace_is_granted_with_the_license():
    Given(IPAD).when(ASK, NOON, terms=Terms(GRACE, None, {})).then_once(KIND)


def test_in_its_grace_a_license_is_renewed_from_that_moment_on():
    late = NOON + hours(400)
    after = IN_GRACE.when(RenewLicense("l1"), late).then(
        LicenseRenewed("l1", NOON + hours(336), late + hours(168), 1)
    )
    assert as_of(after, late + hours(168 + 71)).licenses["l1"].status == "active"


def test_a_license_holds_its_place_until_its_grace_is_over():
    end = NOON + hours(336 + 72)
    for at, status in ((NOON + hours(337), "active"), (end - hours(1), "active"), (end, "expired")):
        assert as_of(IN_GRACE.member, at).licenses["l1"].status == status
    IN_GRACE.when(ExpireLicense("l1"), end - hours(1)).then()
    IN_GRACE.when(ExpireLicense("l1"), end).then_once(LicenseExpired("l1", end, "expiry"))
    again = AcquireLicense(**{**ABOUT, "license_id": "l2"})
    IN_GRACE.when(again, end - hours(1)).then()  # it is there to be renewed
    new = LicenseIssued(**{**ABOUT, "license_id": "l2"}, expires_at=end + hours(336), terms=GRANT)
    IN_GRACE.when(again, end).then_once(new)


def test_a_grace_does_not_outlast_the_playback_window():
    played = RecordPlayback("l1", "start")
    after = IN_GRACE.when(played, NOON + hours(300)).then(PlaybackStarted("l1", NOON + hours(348)))
    assert as_of(after, NOON + hours(347)).licenses["l1"].status == "active"
    assert as_of(after, NOON + hours(348)).licenses["l1"].status == "expired"


def test_a_release_happens_once():
    Given(*LICENSED).when(ReleaseLicense("l1"), NOON + hours(5)).then_once(LicenseReleased("l1"))


def test_a_release_reported_late_is_taken():
    expired = (NOON + hours(337), LicenseExpired("l1", NOON + hours(336)))
    Given(*LICENSED, expired).when(
        ReleaseLicense("l1"), NOON + hours(400), at=NOON + hours(9)
    ).then_once(LicenseReleased("l1"))


def test_a_release_after_the_end_says_nothing_new():
    Given(*LICENSED).when(ReleaseLicense("l1"), NOON + hours(400)).then()


def test_only_a_passed_end_expires():
    Given(*LICENSED).when(ExpireLicense("l1"), NOON + hours(335)).then()
    Given(*LICENSED).when(ExpireLicense("l1"), NOON + hours(340)).then_once(
        LicenseExpired("l1", NOON + hours(336), "expiry")
    )


def test_the_clock_expires_without_an_event():
    member = Given(*LICENSED).member
    assert as_of(member, NOON + hours(335)).licenses["l1"].status == "active"
    ended = as_of(member, NOON + hours(336)).licenses["l1"]
    assert (ended.status, ended.ended_at) == ("expired", NOON + hours(336))
    assert member.licenses["l1"].status == "active"


def test_the_first_playback_opens_a_window():
    start = RecordPlayback("l1", "start")
    Given(*LICENSED).when(start, NOON + hours(10)).then_once(
        PlaybackStarted("l1", NOON + hours(58))
    )


def test_an_offline_playback_counts_from_when_it_happened():
    when = Given(*LICENSED).when(
        RecordPlayback("l1", "start"), NOON + hours(50), at=NOON + hours(2)
    )
    after = when.then(PlaybackStarted("l1", NOON + hours(50)))
    assert after.licenses["l1"].first_played_at == NOON + hours(2)


def test_a_stop_without_a_start_says_nothing():
    Given(*LICENSED).when(RecordPlayback("l1", "stop"), NOON).then()
    playing = (NOON, PlaybackStarted("l1", NOON + hours(48)))
    Given(*LICENSED, playing).when(RecordPlayback("l1", "stop"), NOON).then_once(
        PlaybackStopped("l1")
    )


REPORTS = [("start", 10), ("stop", 12), ("start", 20), ("stop", 22), ("start", 30)]


@given(st.permutations(REPORTS), st.integers(0, 5))
def test_late_reports_come_in_any_order_to_the_same_end(order, dropped):
    """Each is taken once, and the license stands as if they had come when they happened."""

    def told(reports):
        member, now = Given(*LICENSED).member, NOON + hours(40)
        for action, at in reports:
            moment = Moment(now=now, at=NOON + hours(at))
            for event in members.decide(RecordPlayback("l1", action), member, None, moment):
                member = members.evolve(member, event, moment.at, decided_at=now)
        return member.licenses["l1"]

    kept = sorted(order[:dropped], key=lambda report: report[1])
    license, in_order = told(order[:dropped]), told(kept)
    assert (license.playing, license.last_started_at) == (
        in_order.playing,
        in_order.last_started_at,
    )
    assert license.first_played_at == in_order.first_played_at
    assert license.playback_expires_at == in_order.playback_expires_at


def test_a_late_report_of_an_earlier_playback_is_a_playback():
    playing = (NOON + hours(10), PlaybackStarted("l1", NOON + hours(58)))
    late = Given(*LICENSED, playing).when(
        RecordPlayback("l1", "start"), NOON + hours(11), at=NOON + hours(2)
    )
    after = late.then(PlaybackStarted("l1", NOON + hours(50))).licenses["l1"]
    assert (after.plays, after.playing) == (2, True)
    assert (after.first_played_at, after.playback_expires_at) == (NOON + hours(2), NOON + hours(50))
    late.then_once(PlaybackStarted("l1", NOON + hours(50)))


def test_a_sign_of_life_is_no_new_playback():
    playing = (NOON + hours(1), PlaybackStarted("l1", NOON + hours(49)))
    Given(*LICENSED, playing).when(RecordPlayback("l1", "start"), NOON + hours(2)).then()


@pytest.mark.parametrize(
    "command",
    [
        RenewLicense("none"),
        ReleaseLicense("none"),
        ExpireLicense("none"),
        RecordPlayback("none", "start"),
    ],
)
def test_an_unknown_license_cannot_be_decided_on(command):
    Given(*LICENSED).when(command, NOON).then_raises(UnknownLicense)
