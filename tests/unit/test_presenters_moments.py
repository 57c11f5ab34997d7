"""One pass over a history: what the clock did stands between the steps, bars end where they end."""

import re
from datetime import timedelta
from itertools import accumulate
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from licensing.domain import member as members
from tests.unit.past import START, TERMS, Past
from timeline.presenters import (
    axis,
    bars,
    index,
    lanes,
    moments,
    rows,
    sentences,
    strip,
    telling,
)
from timeline.presenters.cursor import Cursor

LONG_AFTER = START + timedelta(days=400)


def told(past: Past, **after: float) -> list[tuple[int | None, str]]:
    """(step or None, sentence) of each row, some time after the last event."""
    story = telling.read(past.history, past.now + timedelta(**after))
    return [(row.version, row.phrase.text) for row in story.moments]


def test_the_clock_has_a_row_without_a_number() -> None:
    past = Past().issued("l1", "Vertigo").after(days=20).plan()
    assert told(past) == [
        (1, "Vertigo downloaded to iPad, until 15 Jan"),
        (None, "Vertigo expired on iPad"),
        (2, "Plan set to Standard, NL"),
    ]


def test_the_clock_goes_on_after_the_last_step() -> None:
    past = Past().issued("l1", "Vertigo")
    assert len(told(past, days=13)) == 1
    assert told(past, days=14)[-1] == (None, "Vertigo expired on iPad")


def test_a_renewal_moves_the_end() -> None:
    past = Past().issued("l1", "Vertigo").after(days=13).renewed("l1", days=7)
    assert len(told(past, days=7)) == 2
    assert told(past, days=8)[-1][0] is None


def test_a_release_leaves_nothing_to_the_clock() -> None:
    past = Past().issued("l1", "Vertigo").after(days=1).released("l1")
    assert len(told(past, days=100)) == 2
    bar = telling.read(past.history, LONG_AFTER).bars["l1"]
    assert (bar.ending, bar.end) == ("released", START + timedelta(days=1))


def test_a_recorded_expiry_is_not_told_twice() -> None:
    past = Past().issued("l1", "Vertigo").after(days=15).expired("l1")
    assert told(past, days=10) == [
        (1, "Vertigo downloaded to iPad, until 15 Jan"),
        (None, "Vertigo expired on iPad"),
        (2, "Expiry of Vertigo recorded"),
    ]
    story = telling.read(past.history, LONG_AFTER)
    assert "no change" in [tag.text for tag in story.moments[-1].tags]


def test_the_first_playback_shortens_the_license() -> None:
    past = Past().issued("l1", "Vertigo").after(days=1).played("l1")
    bar = telling.read(past.history, LONG_AFTER).bars["l1"]
    assert (bar.end, bar.ending) == (START + timedelta(days=3), "clock")


def test_a_late_report_of_a_window_already_over_ends_the_license_with_its_step() -> None:
    past = Past().issued("l1", "Vertigo").after(days=5).played("l1", late=timedelta(days=4))
    assert [version for version, _ in told(past, days=30)] == [1, 2]
    story = telling.read(past.history, LONG_AFTER)
    assert story.moments[1].tags[0].text == "reported 4 d later"
    mark = story.marks[0]
    assert (mark.at, mark.known_at) == (START + timedelta(days=1), START + timedelta(days=5))


def limit(value: int, most: int, ok: bool) -> dict[str, Any]:
    return {"limit": "max_devices", "label": "devices", "value": value, "max": most, "ok": ok}


def test_a_refusal_says_its_limit_and_how_often_it_was_asked() -> None:
    decision = {
        "verdict": "refused",
        "facts": {"plan": "standard"},
        "limits": [limit(1, 15, True), limit(2, 2, False)],
    }
    past = Past().refused("l1", "Vertigo", metadata={"decision": decision})
    story = telling.read(past.history, LONG_AFTER)
    listing = rows.around(story, story.moments, Cursor(1, 1, past.now), 1, {1: 2})
    assert [tag.text for tag in listing.rows[0].tags] == ["2 of 2 devices", "asked 3 times"]


def test_bands_begin_where_a_limit_changes() -> None:
    past = Past()
    for title, most in (("a", 2), ("b", 2), ("c", 4)):
        facts = {"verdict": "allowed", "facts": {"plan": "x"}, "limits": [limit(0, most, True)]}
        past.after(days=1).issued(title, title, metadata={"decision": facts})
    story = telling.read(past.history, LONG_AFTER)
    assert [band.max for band in story.bands] == [2, 4]
    assert moments.limit_at(story, "max_devices", START) is None
    assert moments.limit_at(story, "max_devices", START + timedelta(days=2)) == 2
    assert moments.limit_at(story, "max_devices", past.now) == 4


def test_the_sentence_for_the_api_needs_the_state_before() -> None:
    past = Past().issued("l1", "Vertigo")
    before = past.member
    recorded = past.renewed("l1", days=7).steps[-1].recorded
    words = sentences.sentence(recorded.type, recorded.data, before)
    assert words == "Vertigo renewed on iPad to 22 Jan"
    assert sentences.sentence("Unheard", {}, before).startswith("Unheard, an event that")


def test_every_kind_of_event_has_words() -> None:
    before = Past().issued("l1", "Vertigo").member
    data = {"license_id": "l1", "title_id": "v", "title": {"name": "Vertigo"}, "device_id": "ipad"}
    for event_type in sentences.KINDS:
        said = sentences.sentence(event_type, data, before)
        assert "Vertigo" in said, event_type


def test_a_broken_payload_breaks_no_sentence() -> None:
    odd: list[Any] = [None, 3, [], {}, "x", {"name": 7}]
    for event_type in (*sentences.KINDS, "PlanChanged", "DeviceRegistered", "RulesPublished"):
        for value in odd:
            names = ("license_id", "title", "device", "expires_at", "plan", "hash", "valid_from")
            data = dict.fromkeys(names, value)
            assert sentences.sentence(event_type, data, Past().member)


# -- Any history: bars agree with the fold, and everything has its place --

doings = st.lists(
    st.tuples(st.sampled_from("ixrpe"), st.integers(0, 3), st.integers(1, 400)), max_size=25
)


def lived(doings: list[tuple[str, int, int]], grace_h: int = 0) -> Past:
    past = Past({**TERMS, "renew_grace_h": grace_h} if grace_h else None)
    for what, which, hours in doings:
        past.after(hours=hours)
        key = f"l{which}"
        license = past.member.licenses.get(key)
        live = license is not None and (
            members.licenses.as_of(license, past.now).status == "active"
        )
        if what == "i" and license is None:
            past.issued(key, f"Film {which}", device=f"d{which % 2}")
        elif what == "x":
            past.refused(f"r{past.now}", "Ikiru")
        elif what == "r" and live:
            past.renewed(key, days=7)
        elif what == "p" and license is not None:
            past.played(key, late=timedelta(hours=min(hours, 60)))
        elif what == "e" and license is not None and license.status == "active":
            past.released(key) if live else past.expired(key)
    return past


@settings(max_examples=150, deadline=None)
@given(doings, st.integers(0, 800), st.sampled_from([0, 72]))
def test_the_picture_agrees_with_the_state(
    doings: list[tuple[str, int, int]], later: int, grace_h: int
) -> None:
    past = lived(doings, grace_h)
    now = past.now + timedelta(hours=later)
    story = telling.read(past.history, now)
    state = members.as_of(past.history.state(past.history.head), now)
    live = {key for key, license in state.licenses.items() if license.status == "active"}
    assert {bar.key for bar in story.bars.values() if bar.start <= now < bar.end} == live
    steps = [moment.version for moment in story.moments if moment.version is not None]
    assert steps == list(range(1, past.history.head + 1))
    instants = [moment.at for moment in story.moments]
    assert instants == sorted(instants)


@settings(max_examples=100, deadline=None)
@given(doings, st.integers(0, 26), st.sampled_from(["", "2w", "6w", "all", "?"]))
def test_everything_that_is_drawn_is_inside(
    doings: list[tuple[str, int, int]], version: int, span: str
) -> None:
    past = lived(doings)
    if not past.steps:
        return
    now = past.now + timedelta(days=3)
    story = telling.read(past.history, now)
    version = min(version, past.history.head)
    at = past.history.instant(version) or START
    everything = axis.whole(story, now)
    view = axis.window(everything, axis.zoom(story, everything, span), at)
    assert everything.start <= view.start < view.end <= everything.end
    if everything.start <= at <= everything.end:
        assert view.start <= at <= view.end
    drawn = lanes.draw(story, view, at)
    for lane in drawn.lanes:
        for shape in (*lane.bars, *lane.refusals, *lane.plays):
            assert 0 <= float(shape.x.rstrip("%")) <= 100
        for bar in lane.bars:
            assert float(bar.x.rstrip("%")) + float(bar.width.rstrip("%")) <= 100.01
    density = strip.density(story.moments, view, buckets=40, height=40)
    tops = [float(top) for _, path in density.paths for top in re.findall(r"M\S+ ([\d.]+)h", path)]
    assert all(0 <= top <= 40 for top in tops)
    axis.ticks(view, now)
    listing = rows.around(story, story.moments, Cursor(version, version, at), version, {})
    assert sum(row.current for row in listing.rows) == (1 if version else 0)


def test_many_licenses_are_drawn_as_fewer_bars_and_none_is_lost() -> None:
    past = Past()
    for number in range(300):
        past = past.issued(f"l{number}", "Vertigo").after(hours=2).released(f"l{number}")
        past = past.after(hours=1 + 7 * (number % 40))
    story = telling.read(past.history, past.now)
    view = axis.whole(story, past.now)
    drawn = lanes.draw(story, view, past.now)
    shapes = [bar for lane in drawn.lanes for bar in lane.bars]
    assert 1 < len(shapes) <= bars.MOST_BARS
    assert sum(bar.many for bar in shapes) == 300
    assert drawn.merged == sum(bar.many for bar in shapes if bar.many > 1)
    assert "licenses on iPad, merged" in shapes[0].words


def test_idle_time_is_narrow_and_time_still_goes_forward() -> None:
    past = Past().issued("l1", "Vertigo").after(hours=1).released("l1").after(days=90)
    past = past.issued("l2", "Vertigo").after(hours=5).released("l2")
    story = telling.read(past.history, past.now)
    everything = axis.whole(story, past.now)
    gaps = axis.idle(everything, [moment.at for moment in story.moments])
    view = axis.folded(everything, gaps, [moment.at for moment in story.moments])
    (shape,) = axis.breaks(view, gaps)
    assert (shape.words, shape.width) == ("88 d", f"{axis.IDLE_WIDTH}%")
    places = [view.at(moment.at) for moment in story.moments]
    assert places == sorted(places)
    assert places[1] < 50 < places[2]
    assert axis.idle(everything, [START, START + axis.IDLE]) == []


def test_of_a_long_history_the_index_tells_a_window_and_the_rest_roughly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in (("WHOLE", 20), ("AROUND", 5), ("BUCKETS", 8)):
        monkeypatch.setattr(index, name, value)
    past = Past()
    for _ in range(41):
        past = past.plan().after(days=1)
    story = telling.read(past.history, past.now)
    instants = [moment.at.timestamp() * 1000 for moment in story.moments]
    for place in (0, 1, 20, 41):
        told = index.index(story, Cursor(place, place, past.now), versions=False)
        begin = told["from"] - 1
        assert len(told["t"]) == len(told["k"]) == 10
        assert begin < max(place, 1) <= begin + 10
        assert list(accumulate(told["t"])) == instants[begin : begin + 10]
        assert list(accumulate(told["rough"])) == instants[:: told["stride"]]
        assert len(told["rough"]) <= 8
    monkeypatch.setattr(index, "WHOLE", 41)
    assert "from" not in index.index(story, Cursor(3, 3, past.now), versions=False)
