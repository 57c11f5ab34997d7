"""Plan, devices, and the composition of a member's aggregates."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from licensing.domain import member as members
from licensing.domain.commands import ChangePlan, RegisterDevice
from licensing.domain.device import DeviceRegistered
from licensing.domain.license import LicenseIssued, PlaybackStarted
from licensing.domain.member import Member
from licensing.domain.membership import PlanChanged
from tests.spec import GRANT, Given, hours

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def issued(n: int, at: datetime) -> LicenseIssued:
    return LicenseIssued(
        f"l{n}", f"t{n % 3}", "ipad", {"studio": "Toho"}, {}, {}, at + hours(336), GRANT
    )


def test_a_plan_changes_once():
    Given().when(ChangePlan("premium", "NL"), NOON).then_once(PlanChanged("premium", "NL"))


def test_a_plan_change_without_a_country_keeps_it():
    moved = (NOON, PlanChanged("basic", "NL"))
    Given(moved).when(ChangePlan("premium"), NOON).then_once(
        PlanChanged("premium", "NL", "basic", "NL")
    )


def test_a_device_registers_once_and_may_be_renamed():
    register = RegisterDevice("d1", "phone", "Pixel 9")
    Given().when(register, NOON).then_once(DeviceRegistered("d1", "phone", "Pixel 9"))
    known = (NOON, DeviceRegistered("d1", "phone", "Pixel 9"))
    renamed = RegisterDevice("d1", "phone", "Work phone")
    Given(known).when(renamed, NOON).then_once(DeviceRegistered("d1", "phone", "Work phone"))


def test_a_download_counts_its_issues_and_plays():
    past = [(NOON, issued(0, NOON)), (NOON + hours(2), PlaybackStarted("l0", NOON + hours(50)))]
    download = Given(*past).member.downloads["t0"]
    assert (download.issued, download.played) == ((NOON,), (NOON + hours(2),))


@given(st.lists(st.integers(0, 8), max_size=12), st.data())
def test_a_fold_can_be_cut_anywhere(numbers, data):
    """Folding a prefix and then the rest is folding the whole, and changes no earlier state."""
    events = [issued(n, NOON + hours(i)) for i, n in enumerate(numbers)]
    cut = data.draw(st.integers(0, len(events)))

    def fold(member: Member, part: list[LicenseIssued]) -> Member:
        for event in part:
            member = members.evolve(member, event, NOON, decided_at=NOON)
        return member

    prefix = fold(Member("ada"), events[:cut])
    kept = repr(prefix)
    assert fold(prefix, events[cut:]) == fold(Member("ada"), events)
    assert repr(prefix) == kept
