"""Rebuilds and parked streams as people handle them: compared, swapped, rolled back, retried."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection

from licensing import store, trail
from licensing.connection import opened
from licensing.domain import upcasters
from licensing.models import AuditEntry
from projections import builds, carefully, comparing, parking, runner, sides
from projections.lag import lag
from projections.management.commands import project
from projections.read_models import member_directory, studio_usage
from projections.registry import PROJECTORS
from tests.conftest import new_id
from tests.integration.studio_kit import happen, played
from tests.integration.tally_kit import NAMED, append, choking_on, seen, tallying
from timeline.presenters.builds import growing

NAME = "studio_usage"
OPS = {"by": "ops"}


@pytest.fixture
def held(published_rules):
    """A new build of the studios' usage, level and waiting for a person; then nothing of it."""
    happen([new_id()])
    runner.catch_up()
    builds.request(NAME, by="ops", hold=True, reason="a test")
    runner.catch_up()
    build = builds.in_progress(NAME)
    assert (build.state, build.hold, build.left) == ("ready", True, 0)
    yield build
    if builds.in_progress(NAME):
        builds.cancel(NAME, **OPS)


def change(side, statement):
    """Do something to the table of a side, behind everybody's back."""
    with connection.cursor() as cursor:
        cursor.execute(statement.replace("{table}", f"{NAME}_{side}"))
        return cursor.rowcount


class CutOff(Exception):
    """As the time limit of a task comes."""


def test_a_comparison_that_a_task_had_no_time_for_goes_on_in_the_next(published_rules, monkeypatch):
    happen([new_id()])
    runner.catch_up()
    builds.request(NAME, **OPS)
    look, asked = comparing._piece, []

    def slow(*args):
        asked.append(args[3].place)
        if len(asked) in (12, 21):
            raise CutOff
        return look(*args)

    monkeypatch.setattr(comparing, "_piece", slow)
    for _ in range(2):
        with pytest.raises(CutOff):
            runner.catch_up()
        assert builds.in_progress(NAME).state == "building"
    runner.catch_up()
    assert asked == sorted(asked)
    again = [at for at, place in enumerate(asked) if place in asked[:at]]
    assert again == [12, 21]
    assert (asked[0], asked[-1] // 1024) == (0, 1)
    assert builds.in_progress(NAME) is None
    found = builds.live(NAME).comparison
    assert (found.equal, found.buckets) == (True, 1024)
    assert found.rows == rows(f"{NAME}_a") + rows(f"{NAME}_a_license")


def rows(table):
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")
        return cursor.fetchone()[0]


def test_what_is_held_is_compared_and_waits_for_the_swap(held):
    assert held.comparison.equal
    assert held.comparison.rows == rows(f"{NAME}_a") + rows(f"{NAME}_a_license")
    assert builds.live(NAME).side != held.side
    with pytest.raises(builds.Refused, match="being rebuilt already"):
        builds.request(NAME, **OPS)
    happen([new_id()])
    runner.catch_up()
    before = played()
    builds.swap(NAME, **OPS)
    assert (builds.live(NAME).generation, builds.live(NAME).side) == (held.generation, held.side)
    assert played() == before


def test_what_is_not_level_is_not_swapped_in(held):
    builds.cancel(NAME, **OPS)
    builds.request(NAME, **OPS)
    with pytest.raises(builds.Refused, match=r"still behind in \d+ of 1024 buckets"):
        builds.swap(NAME, **OPS)
    assert builds.live(NAME).side != held.side


def test_a_planted_difference_is_found_with_its_row(held):
    here = (
        "(bucket, studio, day) = (SELECT bucket, studio, day FROM {table} WHERE played > 0 LIMIT 1)"
    )
    live = builds.live(NAME).side
    assert change(live, f"UPDATE {{table}} SET played = played + 1000 WHERE {here}") == 1
    try:
        found = builds.compare(NAME)
        assert (found.equal, found.buckets) == (False, 1024)
        assert (found.only_live, found.only_new) == (1, 1)
        (row,), (right,) = found.live_samples, found.new_samples
        assert row["played"] == right["played"] + 1000
        assert {**row, "played": 0} == {**right, "played": 0}
        assert row["table"] == NAME
        assert builds.in_progress(NAME).comparison == found  # kept, for whoever looks later
        gone = change(held.side, "DELETE FROM {table} WHERE played > 0")
        found = builds.compare(NAME)
        assert (found.only_live, found.only_new) == (gone, 0)
    finally:
        change(live, "UPDATE {table} SET played = played - 1000 WHERE played > 1000")


def test_runners_compare_anew_what_waits_a_stretch_at_a_time(held):
    change(held.side, "UPDATE {table} SET played = played + 5000")
    asked = builds.ask_comparison(NAME, **OPS, generation=held.generation)
    assert (asked.state, asked.comparison, asked.comparing_percent) == ("ready", None, 0.0)
    seen = []
    while (build := builds.in_progress(NAME)).comparison is None:
        seen.append(build.comparing_percent)
        assert f"row by row: {int(seen[-1])} %" in growing(build, build.requested_at).comparing
        builds.ask_comparison(NAME, **OPS)  # it goes on
        runner.catch_up(0.0) if len(seen) > 9 else builds.finish(PROJECTORS, 0.0)
    assert seen == sorted(set(seen))
    assert len(seen) > 9
    assert (build.state, build.comparing_percent, build.comparison.equal) == ("ready", None, False)
    assert builds.in_progress(NAME).generation == held.generation  # and waits still


def test_what_is_compared_by_itself_is_not_asked_for(held):
    builds.cancel(NAME, **OPS)
    build = builds.request(NAME, **OPS)
    with pytest.raises(builds.Refused, match=f"Build {build.generation} .* is level"):
        builds.ask_comparison(NAME, **OPS)
    builds.cancel(NAME, **OPS)
    with pytest.raises(builds.Refused, match="not being rebuilt"):
        builds.ask_comparison(NAME, **OPS)


def test_fewer_buckets_are_compared_at_once_where_it_takes_long():
    assert [comparing._next(8, took) for took in (0.1, 1.0, 3.0)] == [16, 8, 4]
    assert (comparing._next(64, 0.1), comparing._next(1, 9.0)) == (64, 1)


def test_cancelling_leaves_what_is_read_untouched(held):
    before, live = played(), builds.live(NAME)
    assert builds.cancel(NAME, **OPS).state == "cancelled"
    assert builds.in_progress(NAME) is None
    assert builds.live(NAME).generation == live.generation
    happen([new_id()])
    runner.catch_up()
    assert played() == before + 2
    for nothing_to_do in (builds.cancel, builds.swap):
        with pytest.raises(builds.Refused, match="not being rebuilt"):
            nothing_to_do(NAME, **OPS)
    with pytest.raises(builds.Refused, match="not being rebuilt"):
        builds.compare(NAME)


def test_a_build_over_a_cancelled_one_starts_clean(held):
    change(held.side, "UPDATE {table} SET played = played + 5000")
    builds.cancel(NAME, **OPS)
    before = played()
    builds.request(NAME, **OPS)
    runner.catch_up()
    live = builds.live(NAME)
    assert (live.side, live.generation) == (held.side, held.generation + 1)
    assert live.comparison.equal
    assert played() == before


def test_rolling_back_reads_the_build_before_which_catches_up(held):
    before = builds.live(NAME)
    builds.swap(NAME, **OPS)
    happen([new_id()])
    runner.catch_up()
    now = played()
    assert builds.roll_back(NAME, **OPS).generation == before.generation
    assert builds.live(NAME).side == before.side
    assert played() == now - 2  # it stands where it was left
    assert next(iter(lag([studio_usage.PROJECTOR])))["lag"]["events"] > 0
    runner.catch_up()
    assert played() == now
    states = {build.generation: build.state for build in builds.history(NAME)}
    assert (states[before.generation], states[held.generation]) == ("live", "retired")
    builds.request(NAME, **OPS, hold=True)
    with pytest.raises(builds.Refused, match="was built over"):
        builds.roll_back(NAME, **OPS)


def test_going_back_leads_to_the_build_that_was_read_last(held):
    """Not to the newest of those that were retired: after a way forth and back that is another."""
    first = builds.live(NAME)
    builds.swap(NAME, **OPS)
    builds.roll_back(NAME, **OPS)
    builds.request(NAME, **OPS)
    runner.catch_up()
    assert builds.live(NAME).generation == held.generation + 1
    assert builds.roll_back(NAME, **OPS).generation == first.generation


def test_what_is_about_another_build_is_refused(held):
    """A request that is sent twice does not go forth and back."""
    first = builds.live(NAME)
    for deed in (builds.cancel, builds.swap):
        with pytest.raises(builds.Refused, match=f"about build {held.generation} "):
            deed(NAME, **OPS, generation=first.generation)
    builds.swap(NAME, **OPS, generation=held.generation)
    builds.roll_back(NAME, **OPS, generation=first.generation)
    with pytest.raises(builds.Refused, match=f"about build {held.generation} "):
        builds.roll_back(NAME, **OPS, generation=first.generation)
    assert builds.live(NAME).generation == first.generation


def test_side_effects_stay_with_the_live_build(held):
    """Jobs read the calendar where it is live: what a new build holds moves nothing."""
    happen([new_id()])
    runner.catch_up()
    builds.request("renewal_calendar", by="ops", hold=True)
    runner.catch_up()
    build = builds.in_progress("renewal_calendar")
    live = sides.live()["renewal_calendar"]
    assert build.side != live
    assert rows(f"renewal_calendar_{build.side}") == rows(f"renewal_calendar_{live}") > 0
    assert sides.live()["renewal_calendar"] == live
    builds.cancel("renewal_calendar", **OPS)


def test_a_build_is_swapped_in_although_events_come_in_all_the_time(published_rules, monkeypatch):
    """Before the time is over, and not only when nothing is left to do: that may never be."""
    happen([new_id()])
    runner.catch_up()
    monkeypatch.setattr(runner, "FINISH_EVERY_S", 0.0)
    real = runner._slices

    def slices_and_more(*about):
        done = real(*about)
        if builds.in_progress(NAME):
            happen([new_id()])
        return done

    monkeypatch.setattr(runner, "_slices", slices_and_more)
    asked = builds.request(NAME, **OPS)
    runner.catch_up()
    assert builds.live(NAME).generation == asked.generation
    assert builds.live(NAME).comparison.equal


def test_the_command_line_does_it_in_one_verb(published_rules, capsys):
    happen([new_id()])
    call_command("project", "rebuild", NAME, "--reason", "a test")
    said = capsys.readouterr().out
    assert "buckets compared: equal." in said
    assert f"of {NAME} is live." in said
    call_command("project", "rollback", NAME)
    assert f"of {NAME} is live." in capsys.readouterr().out
    call_command("project", "history", NAME)
    assert "asked for by command line" in capsys.readouterr().out
    with pytest.raises(CommandError, match="not being rebuilt"):
        call_command("project", "cancel", NAME)
    with pytest.raises(CommandError, match="no projection named nonsense"):
        call_command("project", "rebuild", "nonsense")
    noted = AuditEntry.objects.filter(kind="command", subject=f"projection:{NAME}").order_by("-id")
    assert [(row.purpose, row.reason) for row in noted[:3]] == [
        ("manage.py project cancel", ""),
        ("manage.py project rollback", ""),
        ("manage.py project rebuild", "a test"),
    ]


def test_the_command_line_says_what_is_not_there(published_rules, capsys):
    before = AuditEntry.objects.count()
    for words, said in {
        ("history", "nonsense"): "no projection named nonsense",
        ("parked", "nonsense"): "no projection named nonsense",
        ("status", "nonsense"): "no projection named nonsense",
        ("rebuild", NAME, "--once"): "Not both: rebuild",
        ("skip", NAME, "member-nobody", "--reason", "why"): "Which event?",
        ("skip", NAME, "--at", "2", "--reason", "why"): "Which event?",
        ("skip", NAME, "member-nobody", "--at", "2"): "needs a reason",
    }.items():
        with pytest.raises(CommandError, match=said):
            call_command("project", *words)
    assert AuditEntry.objects.count() == before
    for words in (("retry",), ("skip", "--at=2", "--reason=why")):
        with pytest.raises(CommandError, match=f"member-nobody is not parked in {NAME}"):
            call_command("project", words[0], NAME, "member-nobody", *words[1:])
    assert builds.in_progress(NAME) is None
    call_command("project", "status", NAME)
    first, *others = capsys.readouterr().out.splitlines()
    assert first.split()[0] == NAME
    assert not [line for line in others if line.split()[0] != "parked:"]


def test_the_command_line_says_that_the_database_is_away(published_rules, monkeypatch):
    def away(*_):
        raise OperationalError("connection refused")

    monkeypatch.setattr(project, "lag", away)
    with pytest.raises(CommandError, match="connection refused"):
        call_command("project")


def test_the_command_line_does_nothing_that_cannot_be_noted(published_rules, monkeypatch):
    def broken(*_, **__):
        raise trail.NotNoted("cannot be written")

    before = len(builds.history(NAME))
    monkeypatch.setattr(trail, "_run", broken)
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("project", "rebuild", NAME)
    assert len(builds.history(NAME)) == before


def parked(projector):
    return [row for row in parking.listing() if row.projection == projector.name]


def test_all_that_is_parked_can_be_tried_again_at_once(fresh, tally):
    streams = [append(fresh(), 3) for _ in range(3)]

    def choke(event):
        if event.stream_id in streams and event.version == 2:
            raise ValueError("cannot read this")

    runner.catch_up(projectors=[tallying(tally.name, before=choke)])
    assert [(row.version, row.waiting) for row in parked(tally)] == [(2, 2)] * 3
    still = choking_on(streams[0], 2)
    assert parking.retry_all(tallying(tally.name, before=still), by="ops") == (2, 1)
    assert [row.stream_id for row in parked(tally)] == [streams[0]]
    assert parking.retry_all(tally, by="ops") == (1, 0)
    for stream in streams:
        assert seen(tally, stream) == [1, 2, 3]
    ended = [(row.resolution, row.resolved_by) for row in parking.history(tally.name)]
    assert ended == [("applied", "ops")] * 3


def test_who_skipped_what_and_why_is_kept(fresh, tally):
    stream = append(fresh(), 3)
    poisoned = tallying(tally.name, before=choking_on(stream, 2))
    runner.catch_up(projectors=[poisoned])
    bucket = store.bucket_of(stream)
    with pytest.raises(ValueError, match="needs a reason"):
        parking.skip(poisoned, bucket, stream, 2, by="ops", reason="  ")
    assert parking.skip(poisoned, bucket, stream, 2, by="ops", reason="known since March")
    with pytest.raises(parking.NotParked):
        parking.skip(poisoned, bucket, stream, 2, by="ops", reason="again")
    (row,) = parking.history(tally.name)
    assert (row.resolution, row.resolved_by, row.reason) == ("skipped", "ops", "known since March")
    assert seen(tally, stream) == [1, 3]


def test_a_person_waits_a_moment_for_the_runner_that_has_the_bucket(fresh, tally, monkeypatch):
    stream = append(fresh(), 2)
    runner.catch_up(projectors=[tallying(tally.name, before=choking_on(stream, 2))])
    lock, asked = carefully.lock, []

    def lock_later(checkpoint):
        asked.append(checkpoint)
        return len(asked) > 2 and lock(checkpoint)

    monkeypatch.setattr(carefully, "lock", lock_later)
    assert parking.retry(tally, store.bucket_of(stream), stream, by="ops")
    assert len(asked) == 3
    assert seen(tally, stream) == [1, 2]


def test_a_stream_parked_in_a_new_build_is_parked_there_only(fresh, tally):
    stream = append(fresh(), 2)
    runner.catch_up(projectors=[tally])
    builds.request(tally.name, by="ops", hold=True)
    runner.catch_up(projectors=[tallying(tally.name, before=choking_on(stream, 2))])
    (row,) = parked(tally)
    assert row.generation == builds.in_progress(tally.name).generation
    assert lag([tally])[0]["parked"] == 0  # what is read is whole
    assert seen(tally, stream) == [1, 2]
    with pytest.raises(parking.NotParked):  # nothing of the live one waits
        parking.retry(tally, row.bucket, stream, by="ops")
    assert parking.retry(tally, row.bucket, stream, by="ops", generation=row.generation)
    builds.swap(tally.name, by="ops")
    assert seen(tally, stream) == [1, 2]


def test_a_build_that_could_apply_less_than_the_live_one_waits_for_a_person(
    fresh, tally, capsys, monkeypatch
):
    """It would take rows away from pages that had them, and nobody would have said so."""
    stream, other = append(fresh(), 3), append(fresh(), 3)

    def choke(event):
        choking_on(stream, 2)(event)
        choking_on(other, 3)(event)

    runner.catch_up(projectors=[tallying(tally.name, before=choking_on(other, 3))])
    builds.request(tally.name, **OPS)
    runner.catch_up(projectors=[tallying(tally.name, before=choke)])
    build = builds.in_progress(tally.name)
    assert (build.state, build.hold, build.parked) == ("ready", False, 2)
    assert seen(tally, stream) == [1, 2, 3]
    told = growing(build, datetime.now(UTC))
    assert "2 streams are parked in it, at events that the live build has passed" in told.parked
    monkeypatch.setattr(project, "named", builds.named)
    call_command("project", "rebuild", tally.name)
    assert "It waits for `swap`. Parked streams in it: 2." in capsys.readouterr().out
    call_command("project", "skip", tally.name, stream, "--at=2", "--reason=known")
    assert f"left out of build {build.generation}: level again" in capsys.readouterr().out
    assert builds.in_progress(tally.name).parked == 1
    call_command("project", "retry", tally.name, other)  # mended: in the live build too
    assert "2 level again, 0 still parked" in capsys.readouterr().out
    builds.cancel(tally.name, **OPS)

    append(other.removeprefix("member-"))
    runner.catch_up(projectors=[tallying(tally.name, before=choking_on(other, 4))])
    builds.request(tally.name, **OPS)  # parked at the same event as the live one: nothing is lost
    runner.catch_up(projectors=[tallying(tally.name, before=choking_on(other, 4))])
    assert builds.in_progress(tally.name) is None
    assert builds.live(tally.name).parked == 1


def old_plan(member):
    """A change of plan as version 1 wrote it, which did not say what was before."""
    data = {"plan": "premium", "country": "NL"}
    new = store.NewEvent(uuid4(), "PlanChanged", 1, data, {}, datetime.now(UTC))
    record = store.CommandRecord(new_id("c"), "Test", {}, b"x", {"outcome": "accepted"})
    store.append(opened(), f"member-{member}", [new], record)


def plan_of(member):
    found = member_directory.search(member)
    return found[0].plan if found else None


def test_a_retry_lifts_what_is_stored_again(fresh, monkeypatch):
    """An upcaster that failed parks the stream; mended, it is asked anew, and the row is right."""
    member = fresh()
    with monkeypatch.context() as broken:
        broken.setitem(upcasters.UPCASTERS, ("PlanChanged", 1), lambda data: data["nonsense"])
        old_plan(member)
        runner.catch_up()
    stream = f"member-{member}"
    waits = [row for row in parking.listing() if row.stream_id == stream]
    assert "member_directory" in {row.projection for row in waits}
    assert plan_of(member) is None
    for row in waits:
        projector = builds.named(row.projection)
        assert parking.retry(projector, row.bucket, stream, by="ops", generation=row.generation)
    assert plan_of(member) == "premium"


def test_a_rebuild_lifts_what_is_stored_again(fresh, monkeypatch):
    member = fresh()
    old_plan(member)
    runner.catch_up()
    assert plan_of(member) == "premium"
    lift = upcasters.UPCASTERS["PlanChanged", 1]
    with monkeypatch.context() as newer:
        newer.setitem(
            upcasters.UPCASTERS, ("PlanChanged", 1), lambda data: {**lift(data), "plan": "renamed"}
        )
        builds.request("member_directory", by="ops")
        runner.catch_up()
        assert plan_of(member) == "renamed"
    builds.request("member_directory", by="ops")
    runner.catch_up()
    assert plan_of(member) == "premium"


def test_a_build_that_newer_code_made_is_not_touched_by_older_code(fresh, tally):
    append(fresh())
    newer = tallying(tally.name, version=2)
    NAMED[tally.name] = newer
    runner.catch_up(projectors=[newer])
    assert runner.catch_up(projectors=[tally]) == 0
    assert [build.version for build in builds.history(tally.name)] == [2]
