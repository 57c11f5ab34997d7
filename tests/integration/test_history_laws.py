"""Laws of the past, for random histories with late reports: against a plain reference."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from licensing import codec, connection, fold, history, keyframes, rules, store, terms
from licensing.domain import license as licenses
from licensing.domain import member as members
from licensing.domain.device import DeviceRegistered
from licensing.domain.license import (
    LicenseExpired,
    LicenseIssued,
    LicenseReleased,
    LicenseRenewed,
    PlaybackStarted,
    PlaybackStopped,
    RenewalRefused,
)
from licensing.domain.member import Member
from licensing.domain.membership import PlanChanged
from licensing.domain.values import Moment
from licensing.rules.facts import Counter, Occurrence, count
from tests.conftest import new_id
from timeline.presenters import diff, state

START = datetime(2025, 11, 20, tzinfo=UTC)
IDS = st.integers(0, 5).map(lambda n: f"l-{n}")
HOURS = st.integers(0, 24 * 60)


def at(hours: int) -> datetime:
    return START + timedelta(hours=hours)


@st.composite
def events(draw: st.DrawFn) -> members.Event:
    """Any event, whether it makes sense after the others or not: a fold must take them all."""
    license_id, hours = draw(IDS), draw(HOURS)
    number = int(license_id[2:])
    return draw(
        st.sampled_from(
            [
                LicenseIssued(
                    license_id, f"t-{number % 3}", f"d-{number % 2}",
                    {"studio": f"s-{number % 2}"}, {"type": "phone"}, {},
                    at(hours + 48), {"license_h": 48, "playback_h": 24},
                ),
                LicenseRenewed(license_id, at(hours), at(hours + 100), 1 + number),
                LicenseReleased(license_id),
                LicenseExpired(license_id, at(hours), "expiry"),
                PlaybackStarted(license_id, at(hours + 24)),
                PlaybackStopped(license_id),
                RenewalRefused(license_id, "RENEW_LIMIT"),
                PlanChanged("premium" if number % 2 else "basic", "NL"),
                DeviceRegistered(f"d-{number % 2}", "phone", f"Phone {hours % 7}"),
            ]
        )
    )  # fmt: skip


# (event, hours from the last recording, how many hours late the report is)
PASTS = st.lists(st.tuples(events(), st.integers(0, 9), st.integers(0, 60)), max_size=30)
slow = settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def record(past: list[tuple[members.Event, int, int]]) -> tuple[str, list[fold.Fact]]:
    """The past in the store, and its steps as they are read."""
    member_id, known = new_id(), 0
    stream = fold.stream_of(member_id)
    run = []
    for event, later, late in past:
        known += later
        name, schema_version, data = codec.encode(event)
        new = store.NewEvent(uuid.uuid4(), name, schema_version, data, {}, at(known - late))
        run.append(store.PastEvent(new, at(known)))
    if run:
        store.import_events(connection.opened(), [store.PastRun(stream, 0, run)])
    return member_id, [step for batch in fold.batches(member_id, 0) for step in batch]


def folded(member_id: str, steps: list[fold.Fact]) -> Member:
    member = Member(member_id)
    for step in steps:
        member = fold.apply(member, step)
    return member


def json_of(member: Member) -> dict[str, Any]:
    return {key: value for key, value in state.as_json(member).items() if key != "version"}


def clocked(member: Member, instant: datetime) -> Member:
    """The clock applied to every license, one after the other."""
    for license in list(member.licenses.values()):
        ended = licenses.as_of(license, instant)
        member = msgspec.structs.replace(
            member, licenses=member.licenses.put(license.license_id, ended)
        )
    return member


@slow
@given(PASTS, st.data())
def test_a_prefix_and_the_rest_are_the_whole(
    past: list[tuple[members.Event, int, int]], data: st.DataObject
) -> None:
    member_id, steps = record(past)
    cut = data.draw(st.integers(0, len(steps)))
    prefix = folded(member_id, steps[:cut])
    whole = prefix
    for step in steps[cut:]:
        whole = fold.apply(whole, step)
    assert whole == folded(member_id, steps)
    # What the index of active licenses says is what the licenses say.
    active = {key for key, license in whole.licenses.items() if license.status == "active"}
    assert set(whole.active) == active
    assert len(whole.active) == len(active)


@slow
@given(PASTS, st.data())
def test_a_keyframe_and_the_tail_are_the_whole(
    past: list[tuple[members.Event, int, int]], data: st.DataObject
) -> None:
    member_id, steps = record(past)
    if not steps:
        return
    cut = data.draw(st.integers(1, len(steps)))
    keyframes.keep(folded(member_id, steps[:cut]), steps[cut - 1].hash)
    kept = keyframes.nearest(member_id)
    assert kept is not None
    assert keyframes.holds(fold.stream_of(member_id), cut)
    for version in range(cut, len(steps) + 1):
        assert history.at_version(member_id, version) == folded(member_id, steps[:version])


@slow
@given(PASTS, st.data())
def test_changes_lead_from_one_state_to_the_other(
    past: list[tuple[members.Event, int, int]], data: st.DataObject
) -> None:
    member_id, steps = record(past)
    a = data.draw(st.integers(0, len(steps)))
    b = data.draw(st.integers(0, len(steps)))
    before, after = folded(member_id, steps[:a]), folded(member_id, steps[:b])
    leaves = diff._flat(before)
    for change in diff.changes(before, after):
        assert leaves.get(change["path"]) == change["before"]
        leaves[change["path"]] = change["after"]
    wanted = diff._flat(after)
    assert {path: leaf for path, leaf in leaves.items() if leaf is not None} == {
        path: leaf for path, leaf in wanted.items() if leaf is not None
    }
    assert (diff.changes(before, before), a == b and diff.changes(before, after)) in (
        ([], []), ([], False),
    )  # fmt: skip


@slow
@given(PASTS, st.integers(-70, 300), st.none() | st.integers(-10, 300))
def test_states_as_at_instants_are_what_the_definition_says(
    past: list[tuple[members.Event, int, int]], happened: int, known: int | None
) -> None:
    member_id, steps = record(past)
    instant, known_at = at(happened), None if known is None else at(known)
    # As it happened: all that occurred by then, in the order it occurred, among what was known.
    chosen = [
        step
        for step in steps
        if step.occurred_at <= instant and (known_at is None or step.recorded_at <= known_at)
    ]
    chosen.sort(key=lambda step: (step.occurred_at, step.version))
    found, last, clock = history.state_as_at(member_id, at=instant, known_at=known_at)
    assert json_of(found) == json_of(clocked(folded(member_id, chosen), instant))
    assert (last, clock) == (max((step.version for step in chosen), default=0), instant)
    # As known then: what had been recorded, in the order it was recorded.
    if known_at is not None:
        prefix = [step for step in steps if step.recorded_at <= known_at]
        found, last, clock = history.state_as_at(member_id, known_at=known_at)
        assert json_of(found) == json_of(clocked(folded(member_id, prefix), known_at))
        assert (last, clock) == (len(prefix), known_at)


@slow
@given(
    PASTS,
    st.sampled_from(["downloads", "playbacks"]),
    st.sets(st.sampled_from(["studio", "title_id", "device_id"])),
    st.sampled_from([None, "device_id", "title_id"]),
    st.sampled_from([None, 24, 24 * 40, "calendar_year"]),
    st.booleans(),
    st.integers(0, 24 * 90),
)
def test_narrowed_counting_is_full_counting(
    past: list[tuple[members.Event, int, int]],
    of: Any,
    same: set[str],
    distinct: str | None,
    window: Any,
    live: bool,
    hours: int,
) -> None:
    """A counter that looks at its window only counts what a walk over everything counts."""
    member_id, steps = record(past)
    now = at(hours)
    member = folded(member_id, steps)
    counter = Counter(of, "any", tuple(sorted(same)), distinct, live, window)
    request = {"studio": "s-1", "title_id": "t-1", "device_id": "d-1"}
    every: list[Occurrence] = []
    known: dict[str, LicenseIssued] = {}
    for step in steps:
        event, when = step.event, step.occurred_at
        if isinstance(event, LicenseIssued):
            known[event.license_id] = event
        if isinstance(event, LicenseIssued | PlaybackStarted) and event.license_id in known:
            issued = known[event.license_id]
            kind = "downloads" if isinstance(event, LicenseIssued) else "playbacks"
            about = {
                "studio": licenses.studio_of(issued.title),
                "title_id": issued.title_id,
                "device_id": issued.device_id,
            }
            every.append(Occurrence(kind, when, False, about))
    if live:
        every = [
            Occurrence("downloads", license.issued_at, True, {
                "studio": license.studio, "title_id": license.title_id,
                "device_id": license.device_id,
            })
            for license in member.licenses.values()
            if licenses.as_of(license, now).status == "active"
        ]  # fmt: skip
    narrowed: rules.Past = terms.past_of(member, Moment(now=now, at=now))
    assert count(counter, request, narrowed, now) == count(counter, request, lambda *_: every, now)
