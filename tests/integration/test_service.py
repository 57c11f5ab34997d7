"""Commands through the service on the real store: one effect, one answer, strict limits."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from django.db import connection, transaction

from licensing import history, rulebook, rules, service, store
from licensing.actors import event_id
from licensing.connection import opened as open_connection
from licensing.domain import commands
from licensing.domain.commands import (
    AcquireLicense,
    AddNote,
    CancelMembership,
    ChangePlan,
    DeactivateDevice,
    ExpireLicense,
    ExtendLicense,
    GrantAllowance,
    RecordPlayback,
    RegisterDevice,
    ReleaseLicense,
    RenewLicense,
    RevokeLicense,
    WithdrawAllowance,
    WithdrawExtension,
)
from tests.conftest import new_id

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
API = service.Actor("api", "tests")


def ask(member, command, command_id=None, now=NOW, **more):
    more.setdefault("recorded_at", now)
    return service.handle(
        member, command, command_id=command_id or new_id("c"), actor=API, now=now, **more
    )


def acquire(member, title="casablanca", device="d1", **more):
    return ask(member, AcquireLicense(title, device, title={"studio": "Warner Bros."}), **more)


def test_a_command_becomes_events_and_a_state(fresh):
    member = fresh()
    answer = acquire(member)
    assert answer.outcome == "accepted"
    assert [event.type for event in answer.events] == ["DeviceRegistered", "LicenseIssued"]
    state = history.current(member)
    assert state.version == answer.version == 2
    assert state.licenses[answer.license_id].status == "active"
    assert answer.decision["row"] == "b-standard"


def test_the_same_command_id_gives_the_same_answer(fresh):
    member, key = fresh(), fresh("key")
    first = acquire(member, command_id=key)
    assert acquire(member, command_id=key, now=NOW + timedelta(days=1)) == first
    with pytest.raises(store.CommandIdReused):
        acquire(member, "metropolis", command_id=key)
    assert history.load(member).head == 2


def test_every_command_there_is_takes_effect_once(fresh):
    """Each is sent a second time as it was, and once more at the end, when all has changed."""
    member, until = fresh(), NOW + timedelta(days=9)
    told = [
        (ChangePlan("premium", "NL"), 0),
        (RegisterDevice("d1", "phone"), 0),
        (AcquireLicense("t1", "d1", "l1"), 1),
        (AcquireLicense("t2", "d1", "l2"), 1),
        (AcquireLicense("t3", "d2", "l3"), 1),
        (RecordPlayback("l1", "start"), 2),
        (RecordPlayback("l1", "stop"), 3),
        (ExtendLicense("l2", 24, "sorry", "e1"), 4),
        (WithdrawExtension("l2", "e1", "by mistake"), 5),
        (GrantAllowance("max_devices", 1, until, "sorry", allowance_id="a1"), 6),
        (WithdrawAllowance("a1", "by mistake"), 7),
        (AddNote("Called.", 2, "n1"), 8),
        (RevokeLicense("l3", "TITLE_WITHDRAWN"), 9),
        (ExpireLicense("l1"), 60),
        (RenewLicense("l2"), 719),
        (ReleaseLicense("l2"), 720),
        (AcquireLicense("t4", "d1", "l4"), 721),
        (DeactivateDevice("d1", "sold"), 722),
        (CancelMembership(), 723),
    ]
    assert {type(command) for command, _ in told} == set(commands.BY_NAME.values())
    answers = []
    for number, (command, hours) in enumerate(told):
        now = NOW + timedelta(hours=hours)
        first = ask(member, command, f"c{number}", now)
        assert (first.outcome, first.version) == ("accepted", history.head(member)), command
        assert ask(member, command, f"c{number}", now) == first
        assert history.head(member) == first.version
        answers.append(first)
    end, later = history.current(member), NOW + timedelta(days=60)
    for number, (command, _) in enumerate(told):
        assert ask(member, command, f"c{number}", later) == answers[number]
    assert history.current(member) == end
    assert history.load(member).head == answers[-1].version


def test_a_repeat_under_any_expected_version_is_a_repeat(fresh):
    member, key = fresh(), fresh("key")
    first = acquire(member, command_id=key, expected=0)
    for expected in (0, 1, 2, 99, store.ANY):
        assert acquire(member, command_id=key, expected=expected) == first


def test_a_stale_expected_version_writes_nothing(fresh):
    member = fresh()
    acquire(member)
    with pytest.raises(store.WrongExpectedVersion):
        acquire(member, "metropolis", expected=1)
    assert history.load(member).head == 2


def test_a_refusal_names_its_row_and_the_same_one_again_is_only_counted(fresh):
    member = fresh()
    for n in range(2):
        acquire(member, f"t{n}", f"d{n}")
    refused = acquire(member, "t9", "d9")
    assert refused.outcome == "refused"
    assert refused.decision["reason"] == "DEVICE_LIMIT"
    limit = refused.decision["limits"][0]
    assert (limit["value"], limit["max"], limit["row"]) == (2, 2, "b-standard")
    again = acquire(member, "t9", "d9", now=NOW + timedelta(minutes=9))
    assert (again.outcome, again.events, again.same_as) == ("refused", (), refused.version)
    later = acquire(member, "t9", "d9", now=NOW + timedelta(minutes=11))
    assert later.version == refused.version + 1
    assert history.same_refusals(member) == {refused.version: 1}


def test_an_explanation_agrees_and_writes_nothing(fresh):
    member = fresh()
    for n in range(4):
        command = AcquireLicense(f"t{n}", f"d{n}")
        dry = service.explain(member, command, now=NOW).decided
        head = history.load(member).head
        real = ask(member, command)
        assert (dry.outcome, dry.decision) == (real.outcome, real.decision)
        assert history.load(member).head > head


def test_no_limit_is_exceeded_by_a_race(fresh):
    """Each command is legal alone; together they are not. Two devices get in, never three."""
    member = fresh()

    def race(n: int) -> str:
        try:
            return acquire(member, f"t{n}", f"d{n}").outcome
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(race, range(8)))
    assert sorted(outcomes) == ["accepted"] * 2 + ["refused"] * 6
    versions = [step.version for step in history.load(member).steps]
    assert versions == list(range(1, len(versions) + 1))


def test_a_crowd_of_racing_commands_is_answered(fresh):
    """Twenty-four commands of one member at once: none gives up, each is decided on its turn."""
    member = fresh()

    def race(n: int) -> str:
        try:
            return ask(member, RegisterDevice(f"d{n}", "phone")).outcome
        finally:
            connection.close()

    with ThreadPoolExecutor(12) as pool:
        assert list(pool.map(race, range(24))) == ["accepted"] * 24
    assert len(history.current(member).devices) == 24


def test_a_wrongly_remembered_fold_cannot_decide(fresh):
    member = fresh()
    acquire(member)
    alien = history.current(fresh())
    history._remembered[member] = msgspec.structs.replace(alien, member_id=member, version=9)
    assert acquire(member, "metropolis").version == 3


def test_an_unknown_license_writes_nothing(fresh):
    member = fresh()
    with pytest.raises(service.UnknownLicense):
        ask(member, RenewLicense("none"))
    assert store.stream_head(open_connection(), history.stream_of(member)) is None


def test_a_late_report_is_known_later_than_it_happened(fresh):
    member = fresh()
    license_id = acquire(member).license_id
    played = NOW + timedelta(hours=3)
    ask(member, RecordPlayback(license_id, "start"), now=NOW + timedelta(days=2), at=played,
        recorded_at=NOW + timedelta(days=2))  # fmt: skip
    step = history.load(member).steps[-1]
    assert step.recorded.occurred_at == played
    assert step.late == timedelta(days=2, hours=-3)


def test_state_as_known_then_and_as_it_happened(fresh):
    member = fresh()
    license_id = acquire(member, recorded_at=NOW).license_id
    day = timedelta(days=1)
    ask(member, ReleaseLicense(license_id), now=NOW + 3 * day, at=NOW + day,
        recorded_at=NOW + 3 * day)  # fmt: skip
    at = NOW + 2 * day
    happened, _, _ = history.state_as_at(member, at=at)
    assert happened.licenses[license_id].status == "released"
    known, _, _ = history.state_as_at(member, at=at, known_at=at)
    assert known.licenses[license_id].status == "active"
    assert history.state_as_at(member, known_at=at)[1] == 2
    with pytest.raises(history.NotYet):
        history.state_as_at(member, version=4)


def test_plan_and_device_commands_settle(fresh):
    member = fresh()
    assert ask(member, ChangePlan("basic", "NL")).outcome == "accepted"
    assert ask(member, ChangePlan("basic", "NL")).outcome == "unchanged"
    assert ask(member, RegisterDevice("d1", "phone")).outcome == "accepted"
    assert ask(member, RegisterDevice("d1", "phone")).version == 2


def test_an_append_stands_outside_of_transactions(fresh):
    with pytest.raises(store.AppendNotAlone), transaction.atomic():
        acquire(fresh())


def test_an_unreadable_event_stops_its_own_stream_only(fresh):
    member = fresh()
    acquire(member)
    alien = store.NewEvent(
        event_id=event_id(member, "alien", 0),
        type="LicenseTeleported",
        schema_version=1,
        data={},
        metadata={},
        occurred_at=NOW,
    )
    record = store.CommandRecord(
        command_id="alien", name="Alien", data={}, data_hash=b"x" * 32, outcome={}
    )
    store.append(open_connection(), history.stream_of(member), [alien], record)
    loaded = history.load(member)
    assert (loaded.head, loaded.readable_until) == (3, 2)
    assert loaded.state(3).version == 2
    with pytest.raises(service.UnreadableStream):
        acquire(member, "metropolis")
    assert acquire(fresh()).outcome == "accepted"


def test_an_allowance_raises_a_limit_for_a_while_and_is_named(fresh):
    member, studio = fresh(), {"studio": "Warner Bros."}
    ask(member, ChangePlan("basic", "NL"))
    first = ask(member, AcquireLicense("t1", "d1", title=studio))
    most = next(x for x in first.decision["limits"] if x["limit"] == "max_devices")["max"]
    for number in range(2, most + 1):
        assert ask(member, AcquireLicense(f"t{number}", f"d{number}")).outcome == "accepted"
    again = AcquireLicense("t-more", "d-more")
    assert ask(member, again).decision["reason"] == "DEVICE_LIMIT"
    until = NOW + timedelta(days=3)
    granted = ask(member, GrantAllowance("max_devices", 1, until, "Moving house"))
    assert granted.events[0].data["label"] == "devices"
    allowed = ask(member, again, now=NOW + timedelta(hours=1))
    assert allowed.outcome == "accepted"
    limit = next(x for x in allowed.decision["limits"] if x["limit"] == "max_devices")
    assert limit["max"] == most + 1
    assert limit["allowances"] == [granted.events[0].data["allowance_id"]]
    later = ask(member, AcquireLicense("t-late", "d-late"), now=until)
    assert later.decision["reason"] == "DEVICE_LIMIT"
    assert next(x for x in later.decision["limits"] if x["limit"] == "max_devices")["max"] == most


def test_an_allowance_names_a_limit_of_the_rules(fresh):
    member, until = fresh(), NOW + timedelta(days=1)
    with pytest.raises(service.InvalidCommand) as caught:
        ask(member, GrantAllowance("allow", 1, until, "because"))
    assert caught.value.path == "limit"
    assert "max_devices" in caught.value.detail
    assert history.head(member) == 0


def test_a_cancelled_member_is_refused_until_a_plan_is_chosen_again(fresh):
    member = fresh()
    ask(member, ChangePlan("premium", "NL"))
    held = acquire(member)
    cancelled = ask(member, CancelMembership())
    assert [event.type for event in cancelled.events] == ["MembershipCancelled", "LicenseRevoked"]
    refused = acquire(member, "metropolis")
    assert (refused.outcome, refused.decision["reason"]) == ("refused", "MEMBERSHIP_CANCELLED")
    renewal = ask(member, RenewLicense(held.license_id))
    assert renewal.decision["reason"] == "LICENSE_ENDED"
    ask(member, ChangePlan("basic"))
    assert acquire(member, "metropolis").outcome == "accepted"


def test_two_commands_legal_alone_and_illegal_together_are_never_both_accepted(fresh):
    """The last room of a limit, asked for by sixteen threads at once."""
    for _ in range(5):
        member = fresh()
        ask(member, ChangePlan("basic", "NL"))
        first = acquire(member, "t0", "d0")
        most = next(x for x in first.decision["limits"] if x["limit"] == "max_devices")["max"]
        with ThreadPoolExecutor(16) as pool:

            def one(number, member=member):
                try:
                    while True:
                        # Too many at once is told after a few tries, and asked again.
                        with suppress(store.WrongExpectedVersion):
                            return acquire(member, f"t{number}", f"d{number}").outcome
                finally:
                    connection.close()

            outcomes = list(pool.map(one, range(1, 17)))
        assert outcomes.count("accepted") == most - 1
        state = history.current(member)
        assert len({state.licenses[key].device_id for key in state.active}) == most


def test_a_replay_never_asks_the_rules(fresh, monkeypatch):
    """What was decided is read from the events: the evaluator may be gone or wrong."""
    member = fresh()
    ask(member, ChangePlan("basic", "NL"))
    for number in range(3):
        acquire(member, f"t{number}", f"d{number}")
    expected = history.current(member)
    history.forget(member)

    def poisoned(*_, **__):
        raise AssertionError("a replay asked the rules")

    for name in ("outcome", "facts_of", "fault_of"):
        monkeypatch.setattr(rules.Compiled, name, poisoned)
    with pytest.raises(AssertionError, match="asked the rules"):
        acquire(member, "t9", "d0")
    history.forget(member)
    assert history.current(member) == expected
    told = history.load(member)
    for version in range(told.head + 1):
        assert told.state(version) == history.at_version(member, version)
    around = history.around(member, told.head)
    assert around[2] == expected
    assert rulebook.told(history.decision_of(around[1].recorded))["limits"]
