"""The demo's parts that need no store: the films, the cast, and the order of a life."""

from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace

import pytest

from licensing import obligations
from licensing.demo import cast, films, play, stories
from licensing.demo.behavior import Habits
from licensing.demo.life import Life
from licensing.domain.commands import AcquireLicense, ExpireLicense, RecordPlayback, RenewLicense

PLAN = play.Plan(members=20, months=18, seed=7, until=datetime(2026, 11, 20, 10, tzinfo=UTC))


def live(life, *, grant=True):
    """Live a life against a service that grants everything, or nothing; returns its deeds."""
    deeds = []
    speech = life.live()
    deed = next(speech, None)
    while deed is not None:
        deeds.append(deed)
        reply = granted(deed) if grant else refused()
        try:
            deed = speech.send(reply)
        except StopIteration:
            return deeds
    return deeds


def granted(deed):
    events = []
    at = deed.occurred_at or deed.at
    if isinstance(deed.command, AcquireLicense):
        data = {
            "license_id": f"l-{deed.command_id}",
            "expires_at": (deed.at + timedelta(hours=336)).isoformat(),
            "terms": {"renew_max": 1, "renew_window_h": 24},
        }
        events.append(SimpleNamespace(type="LicenseIssued", data=data, occurred_at=at))
    elif isinstance(deed.command, RecordPlayback) and deed.command.action == "start":
        data = {"expires_at": (at + timedelta(hours=48)).isoformat()}
        events.append(SimpleNamespace(type="PlaybackStarted", data=data, occurred_at=at))
    return SimpleNamespace(outcome="accepted", events=tuple(events), decision=None)


def refused():
    return SimpleNamespace(outcome="refused", events=(), decision={"reason": "DEVICE_LIMIT"})


def ordinary(number=3):
    persona = cast.ordinary(PLAN.seed, number, PLAN.period.start, PLAN.until)
    life = Life(persona, PLAN.seed, PLAN.period.start, PLAN.until)
    Habits(life).begin()
    return life


def test_the_catalogue_has_a_hundred_films_and_studios_with_many():
    found = films.films()
    assert len(found) >= 100
    assert len({film.title_id for film in found}) == len(found)
    assert all(1920 <= film.year <= 2024 and 60 <= film.runtime_min <= 240 for film in found)
    sizes = Counter(film.studio for film in found)
    assert sum(1 for size in sizes.values() if size >= 8) >= 6


def test_the_cast_is_the_same_for_the_same_seed_and_has_no_two_of_one_id():
    period = PLAN.period
    people = [cast.ordinary(7, n, period.start, period.until) for n in range(300)]
    assert people == [cast.ordinary(7, n, period.start, period.until) for n in range(300)]
    assert len({one.member_id for one in people}) == 300
    assert cast.ordinary(8, 0, period.start, period.until) != people[0]
    assert all(1 <= len(one.gadgets) <= 4 for one in people)
    assert all(period.start <= one.joined <= period.until for one in people)


@pytest.mark.parametrize("grant", [True, False])
def test_a_life_is_told_in_the_order_of_time_and_ends_in_time(grant):
    for number in range(12):
        deeds = live(ordinary(number), grant=grant)
        moments = [deed.at for deed in deeds]
        assert moments == sorted(moments)
        assert all(PLAN.period.start <= at < PLAN.until + timedelta(seconds=5) for at in moments)
        assert all(deed.occurred_at is None or deed.occurred_at < deed.at for deed in deeds)


def test_a_life_is_the_same_twice():
    assert live(ordinary()) == live(ordinary())


def test_the_jobs_are_lived_with_the_ids_of_the_sweep():
    deeds = [deed for number in range(12) for deed in live(ordinary(number))]
    jobs = [deed for deed in deeds if deed.actor_kind == "job"]
    renewals = [deed for deed in jobs if isinstance(deed.command, RenewLicense)]
    assert renewals
    assert len(jobs) > len(renewals)
    asked = [deed for deed in deeds if isinstance(deed.command, AcquireLicense)]
    issued = {f"l-{deed.command_id}": deed.at for deed in asked}
    for deed in renewals:
        due = issued[deed.command.license_id] + timedelta(hours=336 - 24)
        assert deed.command_id == obligations.renewal_command_id(deed.command.license_id, due)
        assert timedelta(0) < deed.at - due < timedelta(seconds=30)
    assert all(isinstance(deed.command, RenewLicense | ExpireLicense) for deed in jobs)


def test_every_named_member_fits_in_the_shortest_demo_at_any_time_of_the_year():
    for month in range(1, 13):
        until = datetime(2027, month, 2, 0, 20, tzinfo=UTC)
        period = play.Plan(20, play.FEWEST_MONTHS, 7, until).period
        for story in stories.STORIES:
            life = stories.begin(story, 7, period)
            told = [at for at, _, _ in life._agenda]
            assert told, story.member_id
            assert min(told) >= period.start, story.member_id


def test_an_obligation_has_one_id_whatever_the_zone():
    due = datetime(2026, 3, 1, 12, tzinfo=UTC)
    renewal = obligations.renewal_command_id("l", due)
    elsewhere = due.astimezone(timezone(timedelta(hours=9)))
    assert obligations.renewal_command_id("l", elsewhere) == renewal
    assert obligations.expiry_command_id("l", due) != renewal
    assert renewal == "job:renew:6e51244d-90bd-5572-8a89-da051ad5e986"


def test_the_written_stories_are_those_that_are_lived():
    text = (play.FOLDER / "STORIES.md").read_text()
    for story in stories.STORIES:
        assert f"| `{story.member_id}` | {story.line} |" in text
