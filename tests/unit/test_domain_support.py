"""What staff and the business do to a member: revoke, deactivate, cancel, allow, note."""

from datetime import UTC, datetime, timedelta

import pytest

from licensing.domain.allowance import AllowanceGranted, holds
from licensing.domain.commands import (
    AcquireLicense,
    AddNote,
    CancelMembership,
    ChangePlan,
    DeactivateDevice,
    GrantAllowance,
    RegisterDevice,
    ReleaseLicense,
    RenewLicense,
    RevokeLicense,
)
from licensing.domain.device import DeviceDeactivated, DeviceRegistered
from licensing.domain.license import LicenseIssued, LicenseReleased, LicenseRevoked
from licensing.domain.membership import MembershipCancelled, PlanChanged
from licensing.domain.note import NoteAdded
from licensing.domain.values import InvalidCommand, UnknownDevice, UnknownLicense
from tests.spec import GRANT, Given, hours

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOON + hours(1)
PLAN = (NOON, PlanChanged("standard", "NL"))


def issued(license_id: str, device_id: str = "ipad", hours_left: int = 336) -> LicenseIssued:
    return LicenseIssued(
        license_id, f"t-{license_id}", device_id, {}, {}, {}, NOON + hours(hours_left), GRANT
    )


IPAD, PHONE = (NOON, DeviceRegistered("ipad", "tablet")), (NOON, DeviceRegistered("phone", "phone"))
THREE = (
    PLAN, IPAD, PHONE,
    (NOON, issued("l1")), (NOON, issued("l2", "phone")), (NOON, issued("l3")),
)  # fmt: skip
ENDED = (NOON, issued("l9", hours_left=1))


def test_an_active_license_is_revoked_once():
    when = Given(*THREE).when(RevokeLicense("l1", "TITLE_WITHDRAWN"), LATER)
    after = when.then(LicenseRevoked("l1", "TITLE_WITHDRAWN"))
    license = after.licenses["l1"]
    assert (license.status, license.ended_at, license.revoked_for) == (
        "revoked", LATER, "TITLE_WITHDRAWN",
    )  # fmt: skip
    assert after.active == ("l2", "l3")
    when.then_once(LicenseRevoked("l1", "TITLE_WITHDRAWN"))


def test_what_the_clock_has_ended_is_not_revoked():
    Given(*THREE, ENDED).when(RevokeLicense("l9", "because"), NOON + hours(2)).then()


def test_a_revoked_license_is_not_released_any_more():
    gone = (LATER, LicenseRevoked("l1", "because"))
    Given(*THREE, gone).when(ReleaseLicense("l1"), LATER + hours(1)).then()


def test_a_device_goes_with_all_that_is_live_on_it():
    when = Given(*THREE, ENDED).when(DeactivateDevice("ipad", "sold"), NOON + hours(2))
    after = when.then(
        DeviceDeactivated("ipad", "sold"), LicenseReleased("l1"), LicenseReleased("l3")
    )
    assert after.devices["ipad"].deactivated_at == NOON + hours(2)
    assert after.active == ("l2", "l9")  # l9 was ended by the clock, which nobody has recorded yet
    when.then_once(DeviceDeactivated("ipad", "sold"), LicenseReleased("l1"), LicenseReleased("l3"))


def test_a_device_comes_back_by_registering_or_by_downloading():
    gone = (LATER, DeviceDeactivated("ipad"))
    back = DeviceRegistered("ipad", "tablet")
    known = Given(IPAD, gone)
    after = known.when(RegisterDevice("ipad", "tablet"), LATER).then(back)
    assert after.devices["ipad"].deactivated_at is None
    ask = AcquireLicense("t", "ipad", "l5", device={"type": "tablet"})
    got = issued("l5")
    known.when(ask, NOON).then(
        back, LicenseIssued("l5", "t", "ipad", {}, {"type": "tablet"}, {}, got.expires_at, GRANT)
    )


def test_a_device_never_heard_of_cannot_be_deactivated():
    Given(*THREE).when(DeactivateDevice("tv"), LATER).then_raises(UnknownDevice)


def test_a_cancellation_revokes_everything_in_one_breath():
    when = Given(*THREE).when(CancelMembership(), LATER)
    reason = "MEMBERSHIP_CANCELLED"
    expected = (
        MembershipCancelled(reason),
        *(LicenseRevoked(license_id, reason) for license_id in ("l1", "l2", "l3")),
    )
    after = when.then(*expected)
    assert (after.plan, after.country, after.active) == (None, "NL", ())
    assert after.membership.cancelled_at == LATER
    when.then_once(*expected)


def test_a_plan_after_a_cancellation_is_a_new_beginning():
    over = (LATER, MembershipCancelled("MEMBERSHIP_CANCELLED"))
    back = PlanChanged("basic", "NL", None, "NL")
    after = Given(*THREE, over).when(ChangePlan("basic"), LATER + hours(5)).then(back)
    assert (after.plan, after.membership.cancelled_at) == ("basic", None)


UNTIL = NOON + timedelta(days=30)
GRANTED = AllowanceGranted("a1", "max_devices", 1, UNTIL, "Moving house", label="devices")
GRANT_ONE = GrantAllowance("max_devices", 1, UNTIL, "Moving house", None, None, "a1", "devices")


def test_an_allowance_is_granted_once_and_remembered():
    when = Given(PLAN).when(GRANT_ONE, NOON)
    when.then_once(GRANTED)
    allowance = when.then(GRANTED).allowances["a1"]
    assert (allowance.amount, allowance.granted_at) == (1, NOON)


def test_an_allowance_ends_by_the_clock_and_keeps_to_its_studio_and_title():
    for about, counts in (({}, True), ({"studio": "Toho"}, True), ({"studio": "UFA"}, False),
                          ({"title_id": "t1"}, True), ({"title_id": "t2"}, False)):  # fmt: skip
        granted = AllowanceGranted("a1", "max_devices", 1, UNTIL, "why", **about)
        allowance = Given((NOON, granted)).member.allowances["a1"]
        assert holds(allowance, "Toho", "t1", UNTIL - hours(1)) is counts
        assert not holds(allowance, "Toho", "t1", UNTIL)


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"amount": 0}, "amount"),
        ({"amount": -1}, "amount"),
        ({"amount": 10_001}, "amount"),
        ({"expires_at": NOON}, "expires_at"),
        ({"reason": "  "}, "reason"),
    ],
)
def test_an_allowance_that_can_never_count_is_invalid(wrong, path):
    command = GrantAllowance(
        **{"limit": "max_devices", "amount": 1, "expires_at": UNTIL, "reason": "why", **wrong},
        allowance_id="a2",
    )
    with pytest.raises(InvalidCommand) as caught:
        Given(PLAN).when(command, NOON).then()
    assert caught.value.path == path


def test_an_allowance_id_names_one_allowance():
    other = GrantAllowance("max_devices", 2, UNTIL, "Moving house", None, None, "a1", "devices")
    Given((NOON, GRANTED)).when(other, LATER).then_raises(InvalidCommand)


def test_a_note_is_kept_with_its_step():
    note = NoteAdded("n1", "Called about the iPad.", 2)
    command = AddNote("Called about the iPad.", 2, "n1")
    Given(*THREE).when(command, LATER).then_once(note)
    after = Given(*THREE).when(command, LATER).then(note)
    assert [(each.text, each.version, each.at) for each in after.notes] == [
        ("Called about the iPad.", 2, LATER)
    ]


@pytest.mark.parametrize(
    "wrong", [AddNote("  ", None, "n"), AddNote("x", 0, "n"), AddNote("x", 7, "n")]
)
def test_a_note_needs_words_and_a_step_that_there_is(wrong):
    Given(*THREE).when(wrong, LATER).then_raises(InvalidCommand)


@pytest.mark.parametrize("command", [RevokeLicense("none", "why"), RenewLicense("none")])
def test_an_unknown_license_is_said(command):
    Given(*THREE).when(command, LATER).then_raises(UnknownLicense)
