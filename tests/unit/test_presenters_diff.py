"""What changed: flat paths by entity id, and the same in words."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from licensing.domain import member as members
from licensing.domain.allowance import AllowanceGranted
from licensing.domain.device import DeviceDeactivated, DeviceRegistered
from licensing.domain.member import Member
from licensing.domain.membership import MembershipCancelled
from licensing.domain.note import NoteAdded
from tests.unit.past import Past
from timeline.presenters import diff
from timeline.presenters.sentences import Names
from timeline.presenters.state import as_json


def words(groups: list[diff.Group]) -> dict[str, list[str]]:
    """Group title -> `Label: was > now (delta)`."""
    return {
        group.title: [
            f"{field.label}: {field.was} > {field.now} ({field.delta})"
            for entity in group.entities
            for field in entity.fields
        ]
        for group in groups
    }


def test_nothing_differs_from_itself() -> None:
    past = Past().issued("l1", "Vertigo")
    assert diff.changes(past.member, past.member) == []
    assert diff.groups(past.member, past.member, Names()) == []


def test_a_change_is_found_by_the_id_of_its_entity() -> None:
    past = Past().issued("l1", "Vertigo").issued("l/2~", "Ikiru")
    before = past.member
    after = past.renewed("l/2~", days=7).member
    found = diff.changes(before, after)
    assert [change["path"] for change in found] == [
        "/licenses/l~12~0/expires_at",
        "/licenses/l~12~0/renewals",
    ]
    assert (found[1]["before"], found[1]["after"]) == (0, 1)


def test_states_may_come_as_json() -> None:
    past = Past().issued("l1", "Vertigo")
    before, after = past.member, past.released("l1").member
    assert diff.changes(before, after) == diff.changes(as_json(before), as_json(after))


def test_the_version_and_bookkeeping_are_no_change() -> None:
    past = Past().issued("l1", "Vertigo")
    before = past.member
    after = past.refused("l2", "Ikiru").member
    assert after.version == before.version + 1
    assert diff.changes(before, after) == []
    assert "refusals" not in as_json(after)


def test_a_renewal_in_words() -> None:
    past = Past().issued("l1", "Vertigo")
    before = past.member
    after = past.renewed("l1", days=7).member
    assert words(diff.groups(before, after, Names.of(after))) == {
        "Changed": [
            "Expires: 15 Jan 12:00 > 22 Jan 12:00 (+7 d)",
            "Renewals: 0 of 2 > 1 of 2 (+1)",
        ]
    }


def test_a_first_download_in_words() -> None:
    before = Member("ada")
    after = Past().issued("l1", "Vertigo").member
    found = words(diff.groups(before, after, Names.of(after)))
    assert found["Added"][0] == "Status: None > active ()"
    assert found["Counters"] == [
        "Downloads in use: 0 > 1 (+1)",
        "Devices with downloads: 0 > 1 (+1)",
        "Vertigo, downloads: 0 > 1 (+1)",
    ]


def test_an_ended_license_is_its_own_group() -> None:
    past = Past().issued("l1", "Vertigo")
    before = past.member
    after = past.after(days=1).released("l1").member
    found = words(diff.groups(before, after, Names.of(after)))
    assert found["Ended"] == ["Status: active > released (2 Jan 12:00)"]
    assert found["Counters"][0] == "Downloads in use: 1 > 0 (-1)"


def test_the_clock_is_told_apart() -> None:
    past = Past().issued("l1", "Vertigo")
    before = past.member
    later = members.as_of(before, past.now + timedelta(days=30))
    group = diff.by_clock(before, later, Names.of(later), "step 1")
    assert group is not None
    assert (group.title, group.count, group.by_clock) == ("By clock since step 1", 1, True)
    assert diff.by_clock(before, before, Names.of(before), "step 1") is None


def test_a_long_group_is_cut_and_says_so() -> None:
    past = Past()
    for number in range(diff.MOST + 5):
        past.issued(f"l{number}", f"Film {number}")
    groups = diff.groups(Member("ada"), past.member, Names.of(past.member))
    assert [(group.title, group.more > 0) for group in groups] == [
        ("Added", True),
        ("Counters", True),
    ]
    assert groups[0].count == diff.MOST + 5
    assert diff.unchanged(past.member, past.member) == 2 * (diff.MOST + 5)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.dictionaries(st.text(max_size=3), inner, min_size=1, max_size=3),
    max_leaves=8,
)
states = st.dictionaries(st.text(max_size=3), json_values, max_size=4)


@given(states, states)
def test_changes_mirror_and_tell_equal_from_different(a: dict, b: dict) -> None:
    forth, back = diff.changes(a, b), diff.changes(b, a)
    assert [(x["path"], x["before"], x["after"]) for x in forth] == [
        (x["path"], x["after"], x["before"]) for x in back
    ]
    assert diff.changes(a, a) == []


def test_what_support_did_is_told() -> None:
    past = Past().plan().records(DeviceRegistered("ipad", "tablet", "iPad"))
    before = past.member
    until = past.now + timedelta(days=3)
    past.records(AllowanceGranted("a", "max_devices", 1, until, "Moving house", label="devices"))
    past.records(NoteAdded("n", "Called about the iPad."))
    past.records(DeviceDeactivated("ipad"))
    past.records(MembershipCancelled("MEMBERSHIP_CANCELLED"))
    told = words(diff.groups(before, past.member, Names.of(past.member)))
    assert "More: None > 1 devices ()" in told["Added"]
    assert "Reason: None > Moving house ()" in told["Added"]
    assert "Text: None > Called about the iPad. ()" in told["Added"]
    changed = [line.split(":")[0] for line in told["Changed"]]
    assert changed == ["Deactivated", "Plan", "Cancelled"]
