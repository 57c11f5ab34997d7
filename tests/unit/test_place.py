"""The place of commands in bulk: one at a time, and a holder that rests too long loses it."""

import pytest

from tests.unit.test_limits import Clock
from timeline.api.place import Place

ONE, TWO = object(), object()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def place(clock: Clock) -> Place:
    return Place(5.0, clock)


def test_one_has_it_until_it_leaves(place: Place) -> None:
    assert place.is_open()
    assert place.take(ONE)
    assert place.take(ONE), "it is its own"
    assert not place.is_open()
    assert not place.take(TWO)
    place.leave(TWO)
    assert not place.take(TWO), "nobody gives away what another has"
    place.leave(ONE)
    assert place.take(TWO)


def test_who_rests_too_long_loses_it_to_the_next(clock: Clock, place: Place) -> None:
    assert place.take(ONE)
    place.rest(ONE)
    clock.now += 5.0
    assert not place.take(TWO)
    clock.now += 0.1
    assert place.is_open()
    assert place.take(TWO)
    place.rest(ONE)
    assert not place.take(ONE), "the rest of one is nothing to the other"
    place.leave(ONE)
    assert not place.is_open()


def test_who_comes_back_in_time_or_was_not_missed_goes_on(clock: Clock, place: Place) -> None:
    assert place.take(ONE)
    place.rest(ONE)
    clock.now += 60.0
    assert place.take(ONE), "nobody else came"
    clock.now += 60.0
    assert not place.take(TWO), "it works"
