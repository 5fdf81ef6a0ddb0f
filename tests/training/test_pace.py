"""How fast a training is and how long it will take, by a clock that the tests turn."""

from __future__ import annotations

import pytest

from darknetpy.training.pace import Pace, time_text


class Clock:
    """Shows what it is set to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def run(pace: Pace, clock: Clock, iterations: range, seconds: float, speed: float = 64.0) -> None:
    for iteration in iterations:
        clock.now += seconds
        pace.add(iteration, 32 * iteration, speed)


def test_the_first_iteration_says_nothing_of_the_others() -> None:
    clock = Clock()
    pace = Pace(0, 0, clock)
    assert pace.seconds_left(100) is None
    run(pace, clock, range(1, 2), 50)
    assert pace.seconds_left(100) is None
    assert pace.measured == 0
    run(pace, clock, range(2, 3), 2)
    assert pace.seconds_left(100) == pytest.approx(98 * 2)
    assert pace.measured == 2
    assert pace.elapsed == 52


def test_time_that_passes_within_an_iteration_is_counted_down() -> None:
    clock = Clock()
    pace = Pace(0, 0, clock)
    run(pace, clock, range(1, 11), 2)
    clock.now += 1.5
    assert pace.seconds_left(20) == pytest.approx(10 * 2 - 1.5)
    clock.now += 1000
    assert pace.seconds_left(20) == 0


def test_validations_belong_to_the_time_that_is_left() -> None:
    clock = Clock()
    pace = Pace(0, 0, clock)
    for first in range(1, 101, 10):
        run(pace, clock, range(first, first + 10), 1)
        clock.now += 5  # found in the first iteration of the next ten
    assert pace.seconds_left(200) == pytest.approx(100 * (99 + 9 * 5) / 99 - 5, rel=0.02)


def test_what_was_long_ago_is_forgotten() -> None:
    clock = Clock()
    pace = Pace(0, 0, clock)
    run(pace, clock, range(1, 101), 10)
    run(pace, clock, range(101, 10_000), 1)
    assert pace.seconds_left(10_999) == pytest.approx(1000, rel=0.01)


def test_a_resumed_training_counts_from_where_it_stands() -> None:
    clock = Clock()
    pace = Pace(500, 500 * 32, clock)
    run(pace, clock, range(501, 502), 9, speed=16)
    assert pace.seconds_left(600) is None
    assert pace.pictures_per_second == 16
    run(pace, clock, range(502, 511), 1)
    assert pace.seconds_left(600) == pytest.approx(90)


def test_pictures_a_second_follow_a_change() -> None:
    clock = Clock()
    pace = Pace(0, 0, clock)
    assert pace.pictures_per_second == 0
    run(pace, clock, range(1, 100), 1, speed=100)
    assert pace.pictures_per_second == pytest.approx(100)
    run(pace, clock, range(100, 300), 1, speed=50)
    assert pace.pictures_per_second == pytest.approx(50, rel=0.01)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.4, "59 s"), (59.6, "1:00 min"), (3599, "59:59 min"), (3600, "1:00 h"), (172799, "47:59 h"),
     (172800, "2 d 0 h"), (86400 * 30.5, "30 d 12 h")],
)  # fmt: skip
def test_times_are_said_in_two_units(seconds: float, text: str) -> None:
    assert time_text(seconds) == text
