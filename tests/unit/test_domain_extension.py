"""Support extends a license and takes that back; goodwill can be taken back as well."""

from datetime import UTC, datetime

import pytest

from licensing.domain import allowance as allowances
from licensing.domain.allowance import AllowanceGranted, AllowanceWithdrawn
from licensing.domain.commands import (
    ExtendLicense,
    GrantAllowance,
    RenewLicense,
    WithdrawAllowance,
    WithdrawExtension,
)
from licensing.domain.extension import (
    MOST_H,
    ExtensionRefused,
    ExtensionWithdrawn,
    LicenseExtended,
)
from licensing.domain.license import LicenseIssued, LicenseReleased, LicenseRenewed
from licensing.domain.values import InvalidCommand, UnknownLicense
from tests.spec import GRANT, Given, hours, refused

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
END = NOON + hours(336)
ISSUED = (NOON, LicenseIssued("l1", "t1", "ipad", {}, {}, {}, END, GRANT))
MORE = LicenseExtended("l1", "e1", 48, END, END + hours(48), "was ill")
EXTENDED = (NOON, MORE)
ALLOWED_MORE = AllowanceGranted("a1", "max_devices", 1, NOON + hours(72), "moved house")


def extend(hours: int = 48, reason: str = "was ill") -> ExtendLicense:
    return ExtendLicense("l1", hours, reason, extension_id="e1")


def test_an_extension_moves_the_end_once():
    when = Given(ISSUED).when(extend(), NOON + hours(1))
    after = when.then(MORE)
    assert after.licenses["l1"].expires_at == END + hours(48)
    assert after.licenses["l1"].extensions == {"e1": 48}
    assert after.licenses["l1"].renewals == 0
    when.then_once(MORE)


def test_without_room_the_license_keeps_its_end():
    when = Given(ISSUED).when(extend(), NOON + hours(1), terms=refused("LICENSE_LIFE"))
    after = when.then(ExtensionRefused("l1", 48, "LICENSE_LIFE"))
    assert after.licenses["l1"].expires_at == END
    assert set(after.refusals) == {"extend/l1/48"}


@pytest.mark.parametrize("count", [0, -5, MOST_H + 1])
def test_hours_have_bounds(count):
    Given(ISSUED).when(extend(count), NOON).then_raises(InvalidCommand)


def test_an_extension_says_why_and_for_what():
    Given(ISSUED).when(extend(reason="  "), NOON).then_raises(InvalidCommand)
    Given().when(extend(), NOON).then_raises(UnknownLicense)


def test_an_extension_is_taken_back_with_the_renewals_that_came_since():
    renewed = LicenseRenewed("l1", END + hours(48), END + hours(216), 1)
    given = Given(ISSUED, EXTENDED, (NOON + hours(370), renewed))
    when = given.when(WithdrawExtension("l1", "e1", "wrong license"), NOON + hours(371))
    gone = ExtensionWithdrawn("l1", "e1", END + hours(216), END + hours(168), "wrong license")
    after = when.then(gone)
    assert after.licenses["l1"].extensions == {}
    when.then_once(gone)


def test_taking_back_does_not_end_a_license_in_the_past():
    ask = WithdrawExtension("l1", "e1", "wrong license")
    Given(ISSUED, EXTENDED).when(ask, END + hours(1)).then_raises(InvalidCommand)
    Given(ISSUED, EXTENDED).when(ask, END).then_raises(InvalidCommand)


def test_there_is_nothing_to_take_back_of_what_is_over():
    released = (NOON + hours(1), LicenseReleased("l1"))
    ask = WithdrawExtension("l1", "e1", "wrong license")
    Given(ISSUED, EXTENDED, released).when(ask, NOON + hours(2)).then()
    Given(ISSUED).when(ask, NOON + hours(2)).then()
    Given(ISSUED).when(WithdrawExtension("l1", "e1", ""), NOON).then()
    Given(ISSUED, EXTENDED).when(WithdrawExtension("l1", "e1", ""), NOON).then_raises(
        InvalidCommand
    )


def test_an_extended_license_is_renewed_from_its_new_end():
    given = Given(ISSUED, EXTENDED)
    given.when(RenewLicense("l1"), END).then(
        LicenseRenewed("l1", END + hours(48), END + hours(216), 1)
    )


def test_an_allowance_that_was_taken_back_counts_no_more():
    given = Given((NOON, ALLOWED_MORE))
    held = given.member.allowances["a1"]
    assert allowances.holds(held, None, "t1", NOON + hours(2))
    when = given.when(WithdrawAllowance("a1", "granted twice"), NOON + hours(1))
    gone = AllowanceWithdrawn("a1", "granted twice")
    after = when.then(gone)
    when.then_once(gone)
    assert not allowances.holds(after.allowances["a1"], None, "t1", NOON + hours(2))


def test_what_the_clock_ended_or_nobody_granted_is_not_taken_back():
    given = Given((NOON, ALLOWED_MORE))
    given.when(WithdrawAllowance("a1", "late"), NOON + hours(72)).then()
    given.when(WithdrawAllowance("a2", "what"), NOON).then_raises(InvalidCommand)
    given.when(WithdrawAllowance("a1", " "), NOON).then_raises(InvalidCommand)


def test_granting_again_what_was_taken_back_grants_nothing():
    given = Given((NOON, ALLOWED_MORE), (NOON + hours(1), AllowanceWithdrawn("a1", "twice")))
    again = GrantAllowance("max_devices", 1, NOON + hours(72), "moved house", allowance_id="a1")
    given.when(again, NOON + hours(2)).then()
