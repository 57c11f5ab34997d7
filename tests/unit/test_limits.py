"""Token buckets, with a clock handed in: no caller gets more, and none gets less."""

from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timeline.limits import Buckets, Exceeded


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def passed(buckets: Buckets, caller: str, rate: int, tries: int) -> int:
    """How many of so many requests at one instant pass."""
    count = 0
    for _ in range(tries):
        try:
            buckets.take(caller, rate)
            count += 1
        except Exceeded:
            pass
    return count


def test_a_bucket_holds_one_second_and_fills_at_its_rate() -> None:
    clock = Clock()
    buckets = Buckets(clock)
    assert passed(buckets, "a", 5, 20) == 5
    clock.now += 0.19
    assert passed(buckets, "a", 5, 20) == 0
    clock.now += 0.02
    assert passed(buckets, "a", 5, 20) == 1
    clock.now += 3600
    assert passed(buckets, "a", 5, 20) == 5


def test_callers_do_not_share() -> None:
    buckets = Buckets(Clock())
    assert passed(buckets, "a", 3, 9) == 3
    assert passed(buckets, "b", 3, 9) == 3


@pytest.mark.parametrize(("rate", "wait"), [(1, 1), (200, 1)])
def test_whoever_waits_as_told_passes(rate: int, wait: int) -> None:
    clock = Clock()
    buckets = Buckets(clock)
    passed(buckets, "a", rate, rate)
    with pytest.raises(Exceeded) as much:
        buckets.take("a", rate)
    assert much.value.wait == wait
    clock.now += wait
    buckets.take("a", rate)


def test_another_rate_counts_from_the_next_request_on() -> None:
    clock = Clock()
    buckets = Buckets(clock)
    assert passed(buckets, "a", 100, 1) == 1
    assert passed(buckets, "a", 2, 9) == 2
    clock.now += 1
    assert passed(buckets, "a", 100, 200) == 100


def test_a_clock_that_stands_or_goes_back_gives_nothing() -> None:
    clock = Clock()
    buckets = Buckets(clock)
    assert passed(buckets, "a", 4, 9) == 4
    clock.now -= 500
    assert passed(buckets, "a", 4, 9) == 0


@given(
    rate=st.integers(1, 50),
    steps=st.lists(st.tuples(st.floats(0, 2), st.integers(0, 80)), max_size=30),
)
def test_no_span_lets_more_through_than_its_rate_and_one_bucket(
    rate: int, steps: list[tuple[float, int]]
) -> None:
    clock = Clock()
    buckets, times = Buckets(clock), []
    for pause, tries in steps:
        clock.now += pause
        times += [clock.now] * passed(buckets, "a", rate, tries)
    for first, start in enumerate(times):
        for last in range(first, len(times)):
            assert last - first + 1 <= rate + (times[last] - start) * rate + 1e-6


def test_memory_is_bounded_and_whoever_waits_is_kept() -> None:
    clock = Clock()
    buckets = Buckets(clock, most=10)
    for number in range(9):
        buckets.take(f"quick {number}", 5)
    clock.now += 0.5
    assert passed(buckets, "greedy", 1, 5) == 1
    for number in range(9):
        buckets.take(f"later {number}", 5)
        assert len(buckets) <= 10
    assert passed(buckets, "greedy", 1, 5) == 0


def test_threads_together_get_no_more() -> None:
    buckets, counts = Buckets(Clock()), []
    threads = [
        Thread(target=lambda: counts.append(passed(buckets, "a", 100, 200))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counts) == 100
